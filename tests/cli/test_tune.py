"""`ganaug tune`: what it prints, writes and refuses."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.photos import TINY, write_photos, write_table

import ganaug
from ganaug.artifact.policy import Policy
from ganaug.artifact.reader import read_artifact
from ganaug.cli import command, run


@pytest.fixture
def file(artifact: Path, tmp_path: Path) -> Path:
    return shutil.copy(artifact, tmp_path / "photos.onnx")


def test_too_few_images_give_p_0_with_the_reason(
    photos: Path, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "policy.json"
    assert run(["tune", str(file), str(photos), "--json", str(record)]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "policy: never (p 0); not measured: too few images"
    assert lines[1].startswith("nothing to measure on; policy is 0 (classes large enough")
    told = f"wrote the policy into {file}; to judge a p of 0.5 all the same, next: ganaug evaluate"
    assert f"{told} {file} {photos} --arms plain+randaugment+logits," in err
    policy = read_artifact(file)[1].policy
    assert policy is not None
    assert policy.source == "tune"
    assert json.loads(record.read_text())["policy"] == json.loads(json.dumps(policy.to_dict()))
    assert (tmp_path / "photos-tune").is_dir()


def test_the_next_command_reads_the_images_and_judges_as_this_one(
    file: Path,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = Policy(((4, 0.5),))
    report = SimpleNamespace(policy=policy)
    monkeypatch.setattr(ganaug, "tune", lambda *arguments, **options: report)
    table = write_table(tmp_path / "my labels.csv", photos / "train")
    options = ["--no-exif", "--size", "24x24", "--root", str(photos / "train"), "--download"]
    options += ["--skip-corrupt", "--image-column", "scan", "--label-column", "finding"]
    options += ["--classifier", "torchvision:resnet18", "--weights", "none"]
    options += ["--jobs", "2", "--device", "cpu"]
    assert run(["tune", str(file), str(table), *options]) == 0
    told = capsys.readouterr().err.partition("; next: ")[2].splitlines()[0]
    program, name, *arguments = shlex.split(told)
    assert (program, name, arguments[:2]) == ("ganaug", "evaluate", [str(file), str(table)])
    given = command.commands["evaluate"].make_context("evaluate", arguments).params
    asked = command.commands["tune"].make_context("tune", [str(file), str(table), *options]).params
    both = given.keys() & asked.keys() - {"out"}
    assert {"exif", "size", "root", "download", "skip_corrupt", "classifier", "weights"} < both
    assert {"image_column", "label_column"} < both
    assert {key: given[key] for key in both} == {key: asked[key] for key in both}


def test_info_shows_where_the_policy_comes_from(
    photos: Path, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-q", "tune", str(file), str(photos), "--out", str(tmp_path / "results")]) == 0
    capsys.readouterr()
    assert run(["info", str(file), "--json"]) == 0
    policy = json.loads(capsys.readouterr().out)["policy"]
    assert (policy["source"], policy["evidence"]["method"]) == ("tune", "none")
    assert (tmp_path / "results").is_dir()
    assert not (tmp_path / "photos-tune").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--steps", "0"], "steps: 0; allowed: 1 or more"),
        (["--fit-steps", "0"], "fit_steps: 0"),
        (["--seed", "-1"], "seed: -1"),
        (["--jobs", "0"], "jobs: 0"),
        (["--device", "gpu"], "'gpu'"),
        (["--step", "1"], "--step"),
    ],
)
def test_wrong_options(
    photos: Path,
    file: Path,
    options: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = file.read_bytes()
    assert run(["tune", str(file), str(photos), *options]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err
    assert file.read_bytes() == before
    assert not file.with_name("photos-tune").exists()


def test_wrong_files_and_images(
    photos: Path, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, words in (
        ([str(tmp_path / "none.onnx"), str(photos)], "none.onnx: no such file"),
        ([str(file), str(tmp_path / "nothing")], "nothing"),
        (
            [str(file), str(write_photos(tmp_path / "other", test=True, side=30))],
            "not the images that the generator was fitted on",
        ),
    ):
        assert run(["tune", *arguments]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert words in err


def test_one_class_has_nothing_to_tune(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*TINY, "--preset", "classic", "--set", "latent_dim=4", "--set", "width=4"]
    folder, file = str(tmp_path / "run"), str(tmp_path / "one.onnx")
    assert run(["-q", "fit", str(photos), "--out", folder, "--steps", "1", *options]) == 0
    assert run(["-q", "export", folder, file]) == 0
    assert run(["tune", file, str(photos)]) == 2
    assert "a policy helps a classifier tell classes apart" in capsys.readouterr().err


def test_an_interruption_says_how_to_resume(
    photos: Path,
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ganaug, "tune", stop)
    assert run(["tune", str(file), str(photos)]) == 130
    err = capsys.readouterr().err
    assert (
        f"interrupted; {file} is as before; no training had ended, and classifiers begin anew;"
        in err
    )
    assert f"; the same command goes on: ganaug tune {file}" in err
    (tmp_path / "photos-tune" / "outcomes").mkdir(parents=True)
    (tmp_path / "photos-tune" / "outcomes" / "seed.npz").touch()
    assert run(["tune", str(file), str(photos), "--out", str(tmp_path / "photos-tune")]) == 130
    assert "; 1 training that had ended is kept in" in capsys.readouterr().err
