"""The commands from images to a report, on small photographs, in one process."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.photos import TINY
from helpers.small_models import write_variation_model
from PIL import Image

import ganaug.demo
from ganaug import Generator, load_images, long_tailed
from ganaug.artifact.format import PRIVACY
from ganaug.cli import run
from ganaug.demo import scenes
from ganaug.demo.scenes import SCENES
from ganaug.errors import RunError
from ganaug.images.image_set import HELD_OUT_RULE
from ganaug.report.history import find_run


def test_fit_says_what_comes_next_and_resumes(
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "run"
    command = ["fit", str(photos), "--out", str(out), "--steps", "2", "--size", "16x12", *TINY]
    assert run([*command, "--mode", "grey", "--loss", "hinge", "--seed", "3"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ganaug: 22 images to train on, 3 classes, 16x12 grey\n")
    assert "training the generator 2/2" in captured.err
    assert f"ganaug export {out}" in captured.err
    assert "ganaug: 2 steps: the preset tiny takes 1,200; a longer training makes" in captured.err
    record = json.loads((out / "config.json").read_text())
    config = record["config"]
    assert (config["size"], config["loss"], record["seed"]) == ([16, 12], "hinge", 3)
    assert (config["width"], config["latent_dim"], config["batch_size"]) == (4, 4, 4)
    assert json.loads((out / "data.json").read_text())["channels"] == 1
    metrics = (out / "metrics.jsonl").read_bytes()
    assert run([*command, "--mode", "grey", "--loss", "hinge", "--seed", "3"]) == 0
    assert (out / "metrics.jsonl").read_bytes() == metrics
    capsys.readouterr()
    monkeypatch.chdir(out)
    command[3] = "."
    assert run([*command, "--mode", "grey", "--loss", "hinge", "--seed", "3"]) == 0
    assert "next: ganaug export . run.onnx\n" in capsys.readouterr().err
    assert run([*command, "--mode", "grey", "--loss", "hinge", "--seed", "4"]) == 2
    assert "holds another run" in capsys.readouterr().err


def test_no_exif_leaves_images_as_they_lie(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lying = shutil.copytree(photos, tmp_path / "photos")
    exif = Image.Exif()
    exif[0x0112] = 6
    first = min(lying.glob("train/crack/*.jpg"))
    Image.open(first).save(first, exif=exif)
    fit = ["fit", str(lying), "--out", str(tmp_path / "run"), "--steps", "1", *TINY]
    assert run([*fit, "--no-exif"]) == 0
    assert "not turned, though EXIF says so: 1 image (crack 1)" in capsys.readouterr().err
    assert run(fit) == 2
    told = capsys.readouterr().err
    assert "turned as EXIF says: 1 image (crack 1)" in told
    assert "holds another run (it was trained on other images)" in told


def test_quiet_fit_prints_nothing(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    assert run(["-q", "fit", str(photos), "--out", out, "--steps", "1", *TINY]) == 0
    assert capsys.readouterr() == ("", "")


def test_what_cannot_be_tuned_is_not_to_be_tuned(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, file = str(tmp_path / "run"), tmp_path / "all.onnx"
    few = ["--steps", "1", *TINY, "--kind", "class", "--set", "conditional=false"]
    assert run(["-q", "fit", str(photos), "--out", folder, *few]) == 0
    assert run(["export", folder, str(file)]) == 0
    assert f"next: ganaug evaluate {file} SOURCE" in capsys.readouterr().err


def test_export_and_info(
    artifact: Path,
    fitted: Path,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "photos.onnx"
    assert run(["export", str(fitted), str(file)]) == 0
    # of 12 images and fewer a class `tune` could measure nothing
    judged = f"next: ganaug evaluate {file} SOURCE, with the images of fit (photos)\n"
    assert capsys.readouterr().err.endswith(judged)
    monkeypatch.chdir(photos.parent)
    assert run(["export", str(fitted), str(file)]) == 0  # pasted there, the line works
    assert capsys.readouterr().err.endswith(f"next: ganaug evaluate {file} photos\n")
    assert run(["info", str(artifact)]) == 0
    text = capsys.readouterr().out
    for words in ("variation", "24x24 RGB", "crack", "sha256", "from a rule, not measured"):
        assert words in text
    assert run(["info", str(artifact), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["classes"] == ["crack", "dent", "ok"]
    assert record["counts"] == [4, 6, 12]
    assert record["steps"] == 3


def test_evaluate_writes_tables_records_and_a_report(
    artifact: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "photos.onnx"
    shutil.copy(artifact, file)
    both = tmp_path / "both.json"
    command = ["evaluate", str(file), str(photos), "--seeds", "1", "--quick", "--steps", "2"]
    command += ["--jobs", "1", "--arms", "balanced,ganaug", "--baseline", "balanced"]
    assert run([*command, "--json", str(both)]) == 0
    out, err = capsys.readouterr()
    for words in ("balanced accuracy", "ganaug", "no evidence", "coverage", "for this generator"):
        assert words in out
    folder = tmp_path / "photos-quick-look"
    assert f"report: {folder / 'report.html'}" in err
    names = {path.name for path in folder.iterdir()}
    assert {"report.html", "gain.json", "diversity.json", "grid.png", "predictions"} <= names
    records = json.loads(both.read_text())
    assert records["gain"] == json.loads((folder / "gain.json").read_text())
    assert records["gain"]["baseline"] == "balanced"
    assert len(records["diversity"]["classes"]) == 3


def test_a_terminal_shows_the_card_without_the_escapes_of_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_variation_model(tmp_path / "m.onnx", classes=("pitted_surface", "scratches"))
    assert run(["card", str(file)]) == 0
    piped = capsys.readouterr().out
    assert "| pitted\\_surface |" in piped
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run(["card", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "| pitted_surface |" in shown
    assert "\\" not in shown
    assert run(["card", str(file), "--out", str(tmp_path / "card.md")]) == 0
    assert (tmp_path / "card.md").read_text() == piped


def test_what_was_measured_goes_into_the_file_and_onto_its_card(
    artifact: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "photos.onnx"
    shutil.copy(artifact, file)
    before = onnx.load(file).graph.SerializeToString(deterministic=True)
    command = ["evaluate", str(file), str(photos), "--seeds", "1", "--steps", "2", "--jobs", "1"]
    command += ["--arms", "balanced,ganaug", "--baseline", "balanced"]
    assert run([*command, "--no-write"]) == 0
    assert file.read_bytes() == artifact.read_bytes()
    predictions = tmp_path / "photos-evaluation" / "predictions" / "outcomes"
    kept = {path.name: path.stat().st_mtime_ns for path in predictions.iterdir()}
    assert len(kept) == 2
    for _ in range(2):  # the hash of the file changes, and what was kept under it is found again
        capsys.readouterr()
        assert run(command) == 0
        assert "same generator, new content hash" in capsys.readouterr().err
        assert {path.name: path.stat().st_mtime_ns for path in predictions.iterdir()} == kept
    assert onnx.load(file).graph.SerializeToString(deterministic=True) == before
    record = Generator(file).info
    assert record.gain is not None
    assert record.diversity is not None
    assert (record.gain["chosen"], record.gain["seeds"]) == ("ganaug", 1)
    assert [each["name"] for each in record.diversity["classes"]] == ["crack", "dent", "ok"]
    assert record.warnings.count(PRIVACY) == 1
    assert run(["info", str(file)]) == 0
    assert "no evidence, for this generator: ganaug against balanced" in capsys.readouterr().out
    assert run(["card", str(file)]) == 0
    card = capsys.readouterr().out
    assert "**Verdict: no evidence.** ganaug against balanced" in card
    assert "Not measured" not in card
    assert run(["card", str(file), "--out", str(tmp_path / "card.md")]) == 0
    assert (tmp_path / "card.md").read_text() == card


def test_a_quick_look_is_not_written_into_the_file(
    artifact: Path, photos: Path, tmp_path: Path
) -> None:
    file = tmp_path / "photos.onnx"
    shutil.copy(artifact, file)
    command = ["-q", "evaluate", str(file), str(photos), "--seeds", "1", "--quick", "--steps", "1"]
    assert run([*command, "--jobs", "1", "--arms", "balanced"]) == 0
    assert file.read_bytes() == artifact.read_bytes()


def test_the_run_of_a_file_is_found_beside_it_or_named(
    artifact: Path, fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = Generator(artifact)
    assert find_run(None, generator.info, artifact) == fitted
    assert find_run(fitted, generator.info, tmp_path / "elsewhere.onnx") == fitted
    shutil.copytree(fitted, tmp_path / "runs" / "other")
    assert find_run(None, generator.info, tmp_path / "a.onnx") == tmp_path / "runs" / "other"
    data = tmp_path / "runs" / "other" / "data.json"
    data.write_text(data.read_text().replace(generator.info.fingerprint, "0" * 64))
    assert find_run(None, generator.info, tmp_path / "a.onnx") is None
    other = ["evaluate", str(artifact), "digits", "--run", str(tmp_path / "runs" / "other")]
    assert run(other) == 2
    assert "its images, seed or settings are not those that" in capsys.readouterr().err
    config = tmp_path / "runs" / "other" / "config.json"
    shutil.copy(fitted / "data.json", data)
    values = json.loads(config.read_text())
    del values["config"]["r2"]  # as an older version wrote it
    config.write_text(json.dumps(values))
    assert find_run(data.parent, generator.info, artifact) == data.parent
    config.write_text(json.dumps(values | {"seed": values["seed"] + 1}))
    with pytest.raises(RunError, match="allowed: the run that the file came from"):
        find_run(data.parent, generator.info, artifact)
    assert run(["evaluate", str(artifact), "digits", "--run", str(tmp_path)]) == 2
    assert "metrics.jsonl is missing" in capsys.readouterr().err


def test_the_original_gan_has_diversity_but_no_gain(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_folder, file = str(tmp_path / "run"), str(tmp_path / "classic.onnx")
    fit = ["-q", "fit", str(photos), "--out", run_folder, "--preset", "classic", "--steps", "1"]
    assert run([*fit, "--batch-size", "4", "--set", "width=4"]) == 0
    assert run(["export", run_folder, str(tmp_path / "classic.pt")]) == 0
    assert "classic.pt, an ONNX file; other programs want .onnx" in capsys.readouterr().err
    assert run(["-q", "export", run_folder, file]) == 0
    assert run(["evaluate", file, str(photos), "--size", "64"]) == 2
    assert "--size: 64x64; allowed: " in capsys.readouterr().err
    assert run(["evaluate", file, str(photos), "--quick"]) == 0
    out, err = capsys.readouterr()
    assert "no gain is measured" in err
    assert "balanced accuracy" not in out
    assert "all    22" in out
    folder = tmp_path / "classic-quick-look"
    assert {path.name for path in folder.iterdir()} == {
        "diversity.json",
        "grid.png",
        "report.html",
    }


def test_a_refused_evaluation_leaves_no_folder(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["evaluate", str(artifact), "digits", "--out", str(out)]) == 2
    assert "ganaug: error:" in capsys.readouterr().err
    assert not out.exists()


def test_evaluate_finds_the_held_out_fifth_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = ["-q", "fit", "digits.npz", "--steps", "1", *TINY]
    source = tmp_path / "digits.npz"
    _write_digits(source)
    fit[2] = str(source)
    assert run([*fit, "--out", str(tmp_path / "held")]) == 0
    assert run([*fit, "--out", str(tmp_path / "all"), "--all"]) == 0
    data = {
        name: json.loads((tmp_path / name / "data.json").read_text()) for name in ("held", "all")
    }
    assert data["held"]["held_out"] == HELD_OUT_RULE
    assert data["all"]["held_out"] is None
    assert sum(data["held"]["counts"]) < sum(data["all"]["counts"]) == 40
    assert run(["-q", "export", str(tmp_path / "all"), str(tmp_path / "all.onnx")]) == 0
    capsys.readouterr()
    assert run(["evaluate", str(tmp_path / "all.onnx"), str(source)]) == 2
    assert "--all" in capsys.readouterr().err


def _write_digits(path: Path) -> None:
    digits = long_tailed(load_images("digits"), [4] * 10)
    np.savez(path, images=digits.images, labels=digits.labels)


@pytest.mark.parametrize("option", ["--seeds", "--steps", "--classifier-steps"])
def test_a_demo_of_a_digit_too_many_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "--out", str(tmp_path / "demo"), option, "100000000"]) == 2
    most = "1,000" if option == "--seeds" else "10,000,000"
    assert f"{option}: 100000000; allowed: 1 to {most}; " in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--seeds", "--steps", "--classifier-steps"])
def test_a_demo_without_trainings_is_refused_before_them(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in ("0", "-1"):
        assert run(["demo", "--out", str(tmp_path / "demo"), option, number]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        allowed = "1 to 1,000" if option == "--seeds" else "1 or more"
        assert f"{option}: {number}; allowed: {allowed}" in err
    assert list(tmp_path.iterdir()) == []


def test_demo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scenes with fewer images and small networks; tests/demo has the images whole."""
    few = long_tailed(load_images("digits"), [40] * 10)
    monkeypatch.setattr(scenes, "load_images", lambda name: few)
    for name, count in (("frequent", 24), ("rare", 3), ("test", 6)):
        monkeypatch.setitem(scenes.PRINTED, name, count)
    small = {"preset": "tiny", "width": 8}
    shown = tuple(replace(scene, fit={**scene.fit, **small}) for scene in SCENES)
    monkeypatch.setattr(ganaug.demo, "SCENES", shown)
    folder = tmp_path / "demo"
    command = ["demo", "--out", str(folder), "--seeds", "1", "--steps", "5"]
    assert run([*command, "--classifier-steps", "3"]) == 0
    out, err = capsys.readouterr()
    for scene in SCENES:
        for arm in scene.arms:
            assert f"\n{arm} " in out
    assert out.count("for this generator") == len(SCENES)
    assert err.count("50% of rare classes") == 2 * len(SCENES)
    for scene in ("letters", "digits"):
        names = {path.name for path in (folder / scene).iterdir()}
        files = {f"{scene}.onnx", "grid.png", "gain.json", "diversity.json", "report.html"}
        assert files <= names
        assert f"picture: {folder / scene / 'grid.png'}; in each row a real image" in err
        info = Generator(folder / scene / f"{scene}.onnx").info
        assert info.gain is not None
        assert info.diversity is not None
    last = err.splitlines()[-2:]
    assert [line.split(":")[1] for line in last] == [" letters", " digits"]
    assert all("no evidence, " in line and line.endswith("report.html") for line in last)
    assert " left" in err
