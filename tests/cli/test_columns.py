"""Commands on a table and on hf:PATH: each that takes a SOURCE, and the columns that `fit` read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.photos import TINY, write_table

from ganaug.artifact.reader import read_artifact
from ganaug.cli import run
from ganaug.images import load_images

QUICK = ["--seeds", "1", "--quick", "--steps", "2", "--jobs", "1"]
COLUMNS = ["--image-column", "scan", "--label-column", "finding", "--group-column", "patient"]


@pytest.fixture(scope="module")
def table(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table in a folder of its own; the images are photos/train."""
    return write_table(tmp_path_factory.mktemp("tables") / "labels.csv", photos / "train")


@pytest.fixture(scope="module")
def from_table(table: Path, photos: Path) -> Path:
    """A generator that was fitted on the table."""
    folder, file = table.parent / "run", table.parent / "scans.onnx"
    options = ["--root", str(photos / "train"), *COLUMNS, "--steps", "2", *TINY]
    assert run(["-q", "fit", str(table), "--out", str(folder), *options]) == 0
    assert run(["-q", "export", str(folder), str(file)]) == 0
    return file


def test_the_file_holds_the_columns_and_no_path(from_table: Path, photos: Path) -> None:
    info = read_artifact(from_table)[1]
    named = {"image": "scan", "label": "finding", "group": "patient", "split": None}
    assert info.data["columns"] == named
    assert (info.data["source"], info.data["groups"]) == ("labels.csv", True)
    assert info.classes == ("crack", "dent", "ok")
    assert str(photos).encode() not in from_table.read_bytes()


def test_evaluate_tune_and_sample_find_the_columns_again(
    from_table: Path, table: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They judge on the fifth that fit held out, so it was found."""
    file = Path(shutil.copy(from_table, tmp_path / "scans.onnx"))
    root = ["--root", str(photos / "train")]
    assert run(["-q", "evaluate", str(file), str(table), *root, *QUICK]) == 0
    assert "for this generator" in capsys.readouterr().out
    command = ["-q", "tune", str(file), str(table), *root, "--steps", "2", "--fit-steps", "1"]
    assert run([*command, "--jobs", "1"]) == 0
    out = tmp_path / "more"
    command = ["-q", "sample", str(file), "--count", "4", "--source", str(table), *root]
    assert run([*command, "--out", str(out)]) == 0
    assert len((out / "manifest.jsonl").read_text().splitlines()) == 4


def test_without_the_root_it_is_asked_for(
    from_table: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", str(from_table), str(table), *QUICK]) == 2
    err = capsys.readouterr().err
    assert "are missing); allowed: paths inside that folder; name another with --root DIR" in err
    assert err.count("\n") == 1


def test_check_and_run_take_a_table(
    table: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [str(table), "--root", str(photos / "train"), *COLUMNS]
    assert run(["-q", "check", *command, "--no-times"]) in (0, 1)
    assert "labels.csv" in capsys.readouterr().out
    options = [*TINY[:2], "--set", "width=4", "--set", "latent_dim=4", "--set", "batch_size=4"]
    options += ["--set", "steps=2", "--kind", "class", "--seeds", "1", "--classifier-steps", "2"]
    out = tmp_path / "all"
    assert run(["-q", "run", *command, "--out", str(out), "--anyway", *options]) == 0
    assert (out / "evaluation" / "report.html").is_file()
    asked = json.loads((out / "steps.json").read_text())["asked"]
    assert (asked["label_column"], asked["group_column"]) == ("finding", "patient")


def test_check_goes_on_with_the_columns(
    table: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ganaug import check

    named: dict[str, Any] = {"image": "scan", "label": "finding"}
    report = check(str(table), root=photos / "train", times=False, **named)
    assert report.images + report.test_images == 22
    for command in report.next:
        assert "--image-column scan --label-column finding" in command


def test_the_table_is_no_output(
    from_table: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = table.read_bytes()
    command = ["evaluate", str(from_table), str(table), "--json", str(table), "--force"]
    assert run(command) == 2
    assert "which is read here" in capsys.readouterr().err
    assert table.read_bytes() == before


def test_no_image_that_the_table_names_is_an_output(
    table: Path, from_table: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = min((photos / "train" / "ok").iterdir())
    before = photo.read_bytes()
    where = [str(table), "--root", str(photos / "train"), "--json", str(photo), "--force"]
    file = str(from_table)
    for command in (
        ["check", *where, *COLUMNS],
        ["evaluate", file, *where],
        ["tune", file, *where],
    ):
        assert run(command) == 2
        assert "is one of the files that are read here" in capsys.readouterr().err
    assert photo.read_bytes() == before


def test_a_data_set_saved_on_disk(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Parts and all; the commands that follow take it, too."""
    datasets = pytest.importorskip("datasets", reason="the extra huggingface is not installed")
    datasets.disable_progress_bars()
    cache = str(tmp_path / "cache")
    datasets.load_dataset("imagefolder", data_dir=str(photos), cache_dir=cache).save_to_disk(
        tmp_path / "saved"
    )
    source, file = f"hf:{tmp_path / 'saved'}", tmp_path / "saved.onnx"
    assert load_images(source).fingerprint == load_images(photos).fingerprint
    assert run(["-q", "check", source, "--no-times"]) in (0, 1)
    folder = tmp_path / "run"
    assert run(["-q", "fit", source, "--out", str(folder), "--steps", "2", *TINY]) == 0
    assert run(["-q", "export", str(folder), str(file)]) == 0
    assert run(["-q", "evaluate", str(file), source, *QUICK]) == 0
    assert "not the ones the generator was fitted on" not in capsys.readouterr().out
    command = ["-q", "sample", str(file), "--count", "4", "--source", source]
    assert run([*command, "--out", str(tmp_path / "more")]) == 0
    assert run(["fit", source, "--out", str(tmp_path / "saved" / "train" / "run")]) == 2
    assert "lies in the folder of the images" in capsys.readouterr().err


def test_columns_for_a_folder_are_refused(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert run(["fit", str(photos), "--out", str(out), "--label-column", "y"]) == 2
    assert "--label-column (label=) 'y': given for a source without columns" in (
        capsys.readouterr().err
    )
    assert not out.exists()


def test_a_column_names_the_test_part(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is held out, and later commands find the column again."""
    rows = [
        f"{path.relative_to(photos)},{path.parent.name},{path.relative_to(photos).parts[0]}"
        for path in sorted(photos.glob("t*/*/*.jpg"))
    ]
    table = tmp_path / "parts.csv"
    table.write_text("\n".join(["file,label,split", *rows]) + "\n")
    root, column = ["--root", str(photos)], ["--split-column", "split"]
    whole = load_images(photos)
    assert whole.test is not None
    run(["check", str(table), *root, *column, "--no-times"])
    assert f"{len(whole)} training images, {len(whole.test)} of the test part" in (
        capsys.readouterr().out
    )
    folder, file = str(tmp_path / "run"), str(tmp_path / "parts.onnx")
    fitting = ["fit", str(table), "--out", folder, *root, *column, "--steps", "2", *TINY]
    assert run(["-q", *fitting]) == 0
    assert run(["-q", "export", folder, file]) == 0
    info = read_artifact(Path(file))[1]
    assert not info.data["held_out"]
    assert sum(info.counts) == len(whole)
    record = tmp_path / "record.json"
    assert run(["-q", "evaluate", file, str(table), *root, *QUICK, "--json", str(record)]) == 0
    assert json.loads(record.read_text())["gain"]["test_images"] == [len(whole.test)]
