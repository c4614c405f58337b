"""No command writes over what it reads, or over what is not its own; and it says so first."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest
from helpers.photos import write_photos
from helpers.records import diversity_record, gain_record
from PIL import Image

from ganaug.artifact.policy import Policy
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.cli import command, run
from ganaug.files import write_json
from ganaug.report.kinds import EVALUATION, POLICY, RECORDS

Command = Callable[[Path, str, str], list[str]]

# Every argument and option that names an output, with a command that has FILE and SOURCE.
FILES: dict[str, Command] = {
    "card --out": lambda file, source, out: ["card", str(file), "--out", out],
    "evaluate --json": lambda file, source, out: ["evaluate", str(file), source, "--json", out],
    "tune --json": lambda file, source, out: ["tune", str(file), source, "--json", out],
    "check --json": lambda file, source, out: ["check", source, "--json", out],
    "vary --out": lambda file, source, out: ["vary", str(file), source, "--out", out],
    "export FILE": lambda file, source, out: ["export", str(file.parent / "run"), out],
}
FOLDERS: dict[str, Command] = {
    "evaluate --out": lambda file, source, out: ["evaluate", str(file), source, "--out", out],
    "tune --out": lambda file, source, out: ["tune", str(file), source, "--out", out],
    "fit --out": lambda file, source, out: ["fit", source, "--out", out],
    "fit --cache": lambda file, source, out: [
        *("fit", source, "--out", str(file.with_name("new")), "--cache", out)
    ],
    "run --out": lambda file, source, out: ["run", source, "--out", out],
    "sample --out": lambda file, source, out: [
        *("sample", str(file), "--count", "2", "--source", source, "--out", out)
    ],
    "sample --shards": lambda file, source, out: [
        *("sample", str(file), "--count", "2", "--source", source, "--shards", out)
    ],
    "demo --out": lambda file, source, out: ["demo", "--out", out],
}
# These read other folders and files than images of SOURCE.
WITHOUT_SOURCE = ("card --out", "export FILE", "demo --out")
# For these the images of SOURCE are no classes.
NO_CLASSES = (*WITHOUT_SOURCE, "vary --out")
# These do not read FILE.
NEVER_READ = ("export FILE", "check --json")


# Options that name a file or folder, and read it.
INPUTS = ("--classifier", "--from", "--judge", "--root", "--run", "--source", "--weights")
NAMED = re.compile(r"\b(DIR|FILE|PATH|PICTURE|RUN)\b")


def outputs_of(commands: dict[str, click.Command]) -> set[str]:
    """Return every option that names a file or folder and is not known for an input."""
    found = set()
    for name, each in commands.items():
        for parameter in each.params:
            if isinstance(parameter, click.Option) and parameter.opts[0] not in INPUTS:
                told = parameter.make_metavar(click.Context(each))
                if NAMED.search(told) or isinstance(parameter.type, click.Path | click.File):
                    found.add(f"{name} {parameter.opts[0]}")
    return found | {"export FILE"}


def test_every_output_is_tried_here() -> None:
    assert outputs_of(command.commands) == {*FILES, *FOLDERS}
    options = {
        option for each in command.commands.values() for p in each.params for option in p.opts
    }
    assert options >= set(INPUTS)


@pytest.fixture
def file(artifact: Path, fitted: Path, tmp_path: Path) -> Path:
    shutil.copytree(fitted, tmp_path / "run")
    return Path(shutil.copy(artifact, tmp_path / "photos.onnx"))


def refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Run, and check that it is wrong use, said in one line, before SOURCE was looked for."""
    capsys.readouterr()
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert words in err


@pytest.mark.parametrize("name", [name for name in FILES if name not in NEVER_READ])
@pytest.mark.parametrize("options", [[], ["--force"]], ids=["", "force"])
def test_the_own_file_is_never_an_output(
    name: str, options: list[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_bytes()
    file.with_name("link").symlink_to(file.name)
    file.with_name("hard").hardlink_to(file)
    for out in ("photos.onnx", "link", "hard"):
        arguments = FILES[name](file, "no source", str(file.with_name(out)))
        refused([*arguments, *options], "which is read here", capsys)
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_user_is_replaced_only_by_force(
    name: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = file.with_name("picture.png")
    Image.new("L", (8, 8)).save(picture)
    before = picture.read_bytes()
    arguments = FILES[name](file, "no source", str(picture))
    refused(arguments, "is there already, and is not ", capsys)
    assert picture.read_bytes() == before
    if name in WITHOUT_SOURCE:
        assert run([*arguments, "--force"]) == 0
        assert picture.read_bytes() != before
    else:  # it gets as far as the images
        refused([*arguments, "--force"], "no source: no such ", capsys)


@pytest.mark.parametrize("name", [*FILES, *FOLDERS])
@pytest.mark.parametrize("options", [[], ["--force"]], ids=["", "force"])
def test_what_cannot_be_written_is_found_before_the_work(
    name: str, options: list[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(file.with_name("fifo"))
    make = (FILES | FOLDERS)[name]
    options = options if "--force" in option_names(name) else []
    missing = ["none/out"] if name in FILES else []
    for out in ("photos.onnx/out", "fifo", "n" * 256, *missing):
        arguments = make(file, "no source", str(file.parent / out))
        refused([*arguments, *options], " cannot be ", capsys)
    assert sorted(os.listdir(file.parent)) == ["fifo", "photos.onnx", "run"]
    assert not file.with_name("fifo").is_file()


def option_names(name: str) -> list[str]:
    parameters = command.commands[name.split()[0]].params
    return [option for parameter in parameters for option in parameter.opts]


@pytest.mark.parametrize("name", [n for n in (FILES | FOLDERS) if n not in NO_CLASSES])
def test_nothing_is_written_among_the_images(
    name: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = write_photos(tmp_path / "more", test=False)
    make = (FILES | FOLDERS)[name]
    for out in ("out.json", "ok/out.json"):
        arguments = make(file, str(photos), str(photos / out))
        refused(arguments, "lies in the folder of the images, ", capsys)
    parts = write_photos(tmp_path / "parts", test=True)
    arguments = make(file, str(parts), str(parts / "train" / "out.json"))
    refused(arguments, "lies in the folder of the images, ", capsys)
    assert sorted(os.listdir(photos)) == ["crack", "dent", "ok"]


@pytest.mark.parametrize("name", [n for n in (FILES | FOLDERS) if n not in NO_CLASSES])
def test_nothing_becomes_a_part_of_the_images(
    name: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = write_photos(tmp_path / "parts", test=True)
    shutil.rmtree(parts / "test")
    make = (FILES | FOLDERS)[name]
    for out in ("test", "Val") if name in FOLDERS else ("groups.csv",):
        for source in (parts, parts / "train"):
            arguments = make(file, str(source), str(parts / out))
            refused(arguments, f" would be read as a part of the images in {parts};", capsys)
    assert os.listdir(parts) == ["train"]


@pytest.mark.parametrize("name", [n for n in (FILES | FOLDERS) if n != "demo --out"])
@pytest.mark.parametrize("test", [False, True], ids=["", "train/"])
def test_nothing_is_written_among_other_images_of_the_classes(
    name: str, test: bool, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that the command does not read; what tells them are the names of the classes."""
    read = write_photos(tmp_path / "read", test=False)
    photos = write_photos(tmp_path / "photos", test=test)
    root = photos / "train" if test else photos
    source = str(next((read / "ok").iterdir()) if name == "vary --out" else read)
    make = (FILES | FOLDERS)[name]
    before = sorted(tmp_path.rglob("*"))
    for out in (root / "ok" / "out.png", *([root / "new"] if name in FOLDERS else [])):
        refused(make(file, source, str(out)), "lies in the folder of the images, ", capsys)
    assert sorted(tmp_path.rglob("*")) == before
    if name in ("card --out", "export FILE"):
        assert run([*make(file, source, str(root / "ok" / "out.png")), "--force"]) == 0
        for free in ("out.onnx", "other/out.onnx"):
            (photos / "other").mkdir(exist_ok=True)
            assert run(make(file, source, str(photos / free))) == 0


@pytest.mark.parametrize("name", [n for n in FILES if n != "vary --out"])  # it writes a .png
@pytest.mark.parametrize("source", ["no source", "digits"])
def test_nothing_becomes_the_groups_of_other_images(
    name: str, source: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = write_photos(tmp_path / "photos", test=True)
    (tmp_path / "flat").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "flat" / "a.png")
    (tmp_path / "link.csv").symlink_to(tmp_path / "flat" / "groups.csv")
    of_class = photos / "train" / "ok"
    for out in (photos, photos / "train", tmp_path / "flat"):
        arguments = FILES[name](file, source, str(out / "Groups.csv"))
        refused(arguments, f" would be read as a part of the images in {out};", capsys)
    arguments = FILES[name](file, source, str(tmp_path / "link.csv"))
    refused(arguments, "would be read as a part of the images in ", capsys)
    arguments = FILES[name](file, source, str(of_class / "groups.csv"))
    refused(arguments, "the images", capsys)
    assert not list(tmp_path.rglob("[Gg]roups.csv"))


@pytest.mark.parametrize("name", ["card --out", "export FILE"])
def test_runs_called_like_classes_are_no_images(name: str, file: Path) -> None:
    for each in ("ok", "dent"):
        shutil.copytree(file.parent / "run", file.parent / each)
        (file.parent / each / "samples").mkdir(exist_ok=True)
        Image.new("L", (8, 8)).save(file.parent / each / "samples" / "0.png")
    assert run(FILES[name](file, "", str(file.parent / "ok" / "out"))) == 0


def test_a_sheet_is_no_image_of_the_class(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = write_photos(tmp_path / "parts", test=True)
    picture = min((parts / "train" / "ok").iterdir())
    (parts / "train" / "ok" / "link").symlink_to(tmp_path)
    outs = ("ok/a.png", "dent/a.png", "a.png", "../test/ok/a.png", "ok/link/a.png")
    for out in outs:
        arguments = ["vary", str(file), str(picture), "--out", str(parts / "train" / out)]
        refused(arguments, "allowed: a file in another folder; name one, or say --force", capsys)
    named = ["vary", str(file), str(picture), "--out", str(parts / "train" / "ok" / "a.jpg")]
    refused(named, "allowed: the name of a .png file", capsys)
    assert run([*arguments, "--force"]) == 0
    alone = Path(shutil.copy(picture, tmp_path / "alone.jpg"))
    arguments = ["vary", str(file), str(alone), "--out", str(tmp_path / "b.png")]
    refused(arguments, f"would be read as a part of the images in {tmp_path}", capsys)
    (tmp_path / "sheets").mkdir()
    assert run([*arguments[:-1], str(tmp_path / "sheets" / "b.png")]) == 0


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_cache_is_refused_in_a_dry_run_too(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = write_photos(tmp_path / "photos", test=False)
    command = ["fit", str(photos), "--out", str(tmp_path / "run"), *options]
    refused([*command, "--cache", str(photos / "c")], "lies in the folder of the images", capsys)
    command[1] = "digits"
    refused([*command, "--cache", str(tmp_path / "c")], "cache: given for digits; allowed", capsys)


def test_a_cache_is_no_part_of_its_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, out = write_photos(tmp_path / "photos", test=False), tmp_path / "out"
    for cache in (out, out / "cache"):
        arguments = ["fit", str(photos), "--out", str(out), "--cache", str(cache)]
        refused(arguments, f"--cache: {cache} lies in {out}, which is for the run alone", capsys)
    assert not out.exists()


@pytest.mark.parametrize("name", ["evaluate", "tune"])
def test_a_file_beside_the_classes_needs_a_folder_elsewhere(
    name: str, artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = write_photos(tmp_path / "photos", test=False)
    file = shutil.copy(artifact, photos / "photos.onnx")
    words = "whose folders are classes; allowed: any other place; name one with --out"
    refused([name, str(file), str(photos)], words, capsys)
    assert sorted(os.listdir(photos)) == ["crack", "dent", "ok", "photos.onnx"]


def test_weights_and_judged_images_are_read_too(
    file: Path, tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = write_photos(tmp_path / "made", test=False)
    evaluate = ["evaluate", str(file), "no source", "--force", "--json"]
    judge = ["--judge", str(made)]
    refused([*evaluate, str(weights), "--weights", str(weights)], "is read here", capsys)
    picture = next((made / "ok").iterdir())
    refused([*evaluate, str(picture), *judge], "files that are read here", capsys)
    for arm in (f"folder:{made}", f"folder-only:{made}/+affine"):
        named = ["--arms", f"plain,{arm}"]
        refused([*evaluate, str(picture), *named], "files that are read here", capsys)
        out = ["evaluate", str(file), "no source", "--force", "--out", str(made / "ev"), *named]
        refused(out, f"lies in the folder of an arm, {made}", capsys)


def test_a_report_of_the_user_stays(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("report.html", "grid.png", "gain.json"):
        (out / name).write_text("mine")
        arguments = ["evaluate", str(file), "no source", "--out", str(out)]
        refused(arguments, f"{name}: is there already, and is not ", capsys)
        assert (out / name).read_text() == "mine"
        refused([*arguments, "--force"], "no source: no such folder", capsys)
        (out / name).unlink()
    for name in ("gain.json", "report.html"):
        arguments = ["evaluate", str(file), "no source", "--out", str(out)]
        refused([*arguments, "--json", str(out / name)], "is a file of the report", capsys)
    demo = tmp_path / "demo" / "digits"
    demo.mkdir(parents=True)
    (demo / "report.html").write_text("mine")
    refused(["demo", "--out", str(demo.parent)], "report.html: is there already", capsys)
    (tmp_path / "photos" / "train" / "ok").mkdir(parents=True)
    refused(["demo", "--out", str(tmp_path / "photos")], "holds other files (train)", capsys)


def test_json_is_no_folder_of_the_results(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("out")
    evaluate, tune = ([name, str(file), "no source"] for name in ("evaluate", "tune"))
    for start, out, json in (
        (evaluate, [], "photos-evaluation"),
        (evaluate, ["--quick"], "./photos-quick-look"),
        (evaluate, ["--out", "out"], "link"),
        (evaluate, ["--out", "out/in"], "out"),
        (evaluate, ["--out", "out"], "out/predictions"),
        (tune, [], str(tmp_path / "photos-tune")),
        (tune, ["--out", "./out"], "out"),
    ):
        words = f"--json: {json} is or holds the folder of the results"
        refused([*start, *out, "--json", json, "--force"], words, capsys)
    refused([*tune, "--out", "out", "--json", "outs"], "no source: no such", capsys)


def test_earlier_outputs_are_told_by_their_content(tmp_path: Path) -> None:
    path, wrong = tmp_path / "a", [POLICY, RECORDS, EVALUATION["gain.json"]]
    for values in ([], {}, {"gain": 1, "diversity": None}, {"policy": 1}, None):
        write_json(path, values)
        assert not any(kind.is_ours(path) for kind in wrong)
    for content in (b"", b"{", b"[" * 100_000, b"\xff", bytes(range(256))):
        path.write_bytes(content)
        assert not any(kind.is_ours(path) for kind in wrong)
    gain, diversity = gain_record().to_dict(), diversity_record().to_dict()
    write_json(path, {"gain": gain, "diversity": diversity})
    assert RECORDS.is_ours(path)
    write_json(path, {"gain": None, "diversity": diversity, "judged": diversity})
    assert RECORDS.is_ours(path)
    write_json(tmp_path / "gain.json", gain)
    assert EVALUATION["gain.json"].is_ours(tmp_path / "gain.json")
    assert EVALUATION["grid.png"].is_ours(tmp_path / "grid.png")
    assert not EVALUATION["diversity.json"].is_ours(tmp_path / "gain.json")


def test_the_same_command_again_replaces_what_it_wrote(
    file: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out in ("a", "b"):
        for name in ("card --out", "tune --json", "export FILE"):
            path = tmp_path / f"{name.split()[0]}.out"
            link = tmp_path / f"{name.split()[0]}.link"
            if out == "a":
                link.symlink_to(path)
            assert run(["-q", *FILES[name](file, str(photos), str(link))]) == 0
            assert link.is_symlink()
            assert path.is_file()
    capsys.readouterr()
    card = FILES["card --out"](file, "", str(tmp_path / "tune.out"))
    refused(card, "is not a model card of ganaug", capsys)


def test_an_artifact_that_cannot_be_rewritten_is_found_before_the_work(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.chmod(0o444)
    for name in ("evaluate", "tune"):
        refused([name, str(file), "no source"], "it is write-protected", capsys)
    for option in ("--no-write", "--quick"):
        refused(["evaluate", str(file), "no source", option], "no source: no such", capsys)


def test_what_was_measured_is_not_lost_by_an_export(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tuned = Policy(p=((0, 0.25),), source="tune", evidence={})
    rewrite_metadata(file, policy=tuned)
    assert run(["export", str(file.with_name("run")), str(file)]) == 0
    assert "the same generator; it keeps its policy" in capsys.readouterr().err
    assert read_artifact(file)[1].policy == tuned
    assert run(["export", str(file.with_name("run")), str(file), "--force"]) == 0
    policy = read_artifact(file)[1].policy
    assert policy is not None
    assert policy.source != "tune"


def test_an_npz_is_read_too(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = file.with_name("images.npz")
    np.savez(source, images=np.zeros((4, 8, 8), np.uint8), labels=np.array([0, 0, 1, 1]))
    for name in ("evaluate --json", "tune --json"):
        refused([*FILES[name](file, str(source), str(source)), "--force"], "is read here", capsys)
