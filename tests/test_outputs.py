"""The guard of outputs: what is read, what lies among the images, and what is another's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.photos import CLASSES, write_photos
from helpers.small_models import write_variation_model
from torchvision.datasets import ImageFolder

from ganaug import evaluate_gain, fit, sample, tune
from ganaug.errors import RunError
from ganaug.outputs import Inputs, Kind, Place, check_output_file, check_output_folder

NOTE = Kind("a note of ganaug", lambda path: path.read_bytes().startswith(b"note"))


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.txt"
    path.write_text("a thesis")
    return path


def test_new_empty_and_earlier_files_are_free(tmp_path: Path) -> None:
    for content in (None, "", "note 1"):
        if content is not None:
            (tmp_path / "out").write_text(content)
        check_output_file(tmp_path / "out", NOTE)
    assert (tmp_path / "out").read_text() == "note 1"


def test_a_file_of_another_kind_is_replaced_only_by_force(mine: Path) -> None:
    words = (
        r"^--json: .*mine\.txt is there already, and is not a note of ganaug; allowed: any other"
    )
    with pytest.raises(RunError, match=f"{words} file; name another, or say --force"):
        check_output_file(mine, NOTE, option="--json", force=False)
    with pytest.raises(RunError, match=r"file; name another$"):
        check_output_file(mine, NOTE, option="--json")  # where there is no such choice
    check_output_file(mine, NOTE, force=True)
    assert mine.read_text() == "a thesis"


def same(path: Path) -> Path:
    return path


def symlink(path: Path) -> Path:
    link = path.with_name("link")
    link.symlink_to(path.name)
    return link


def hard_link(path: Path) -> Path:
    link = path.with_name("hard")
    link.hardlink_to(path)
    return link


def round_about(path: Path) -> Path:
    (path.parent / "sub").mkdir()
    return path.parent / "sub" / ".." / path.name


@pytest.mark.parametrize("name", [same, symlink, hard_link, round_about])
@pytest.mark.parametrize("force", [False, True])
def test_what_is_read_is_never_written_whatever_its_name(
    tmp_path: Path, name: Callable[[Path], Path], force: bool
) -> None:
    read = tmp_path / "note.txt"
    read.write_text("note: even one of ours")
    with pytest.raises(RunError, match=r"is .*note\.txt, which is read here; allowed: any other"):
        check_output_file(name(read), NOTE, Inputs((None, "missing", read)), force=force)


@pytest.mark.parametrize("force", [False, True])
def test_a_file_in_a_folder_that_is_read_is_never_written(tmp_path: Path, force: bool) -> None:
    run, deep, elsewhere = tmp_path / "run", tmp_path / "run" / "deep", tmp_path / "elsewhere"
    deep.mkdir(parents=True)
    elsewhere.mkdir()
    for path in (deep / "a.bin", elsewhere / "b.bin"):
        path.write_text("weights")
    (run / "b.bin").symlink_to(elsewhere / "b.bin")
    (run / "more").symlink_to(elsewhere)
    (run / "circle").symlink_to(run)
    for path in (deep / "a.bin", elsewhere / "b.bin"):
        with pytest.raises(RunError, match="one of the files that are read"):
            check_output_file(path, NOTE, Inputs((run,)), force=force)
    check_output_file(run / "new.bin", NOTE, Inputs((run,)), force=force)


def test_among_the_images_only_by_force_and_never_over_one(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "a").mkdir(parents=True)
    (photos / "a" / "0.png").write_text("picture")
    inputs = Inputs(images=(Place("the images", photos),))
    link = tmp_path / "link.txt"
    link.symlink_to(photos / "new.txt")
    for path in (photos / "new.txt", photos / "a" / "new.txt", link):
        with pytest.raises(RunError, match=r"lies in the folder of the images, .*photos; allowed"):
            check_output_file(path, NOTE, inputs, force=False)
        check_output_file(path, NOTE, inputs, force=True)
    with pytest.raises(RunError, match="one of the files that are read"):
        check_output_file(photos / "a" / "0.png", NOTE, inputs, force=True)
    check_output_file(tmp_path / "photos.txt", NOTE, inputs, force=False)


def test_a_folder_among_the_images_is_refused(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (tmp_path / "link").symlink_to(photos)
    inputs = Inputs(images=(Place("--judge", photos),))
    words = r"lies in the folder of --judge, .*photos, whose folders are classes; allowed: any"
    for inside in ("photos", "photos/out", "photos/a/b", "link/out"):
        with pytest.raises(RunError, match=f"^--out: .*{inside} {words} other place"):
            check_output_folder(tmp_path / inside, {}, inputs, option="--out", force=True)
    check_output_folder(tmp_path / "photos-out", {}, inputs)
    assert sorted(os.listdir(tmp_path)) == ["link", "photos"]


def test_what_would_be_another_part_is_refused_though_nothing_is_there(tmp_path: Path) -> None:
    photos, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    for folder in (photos / "train" / "a" / "deep", elsewhere):
        folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(photos)
    (photos / "train" / "a" / "out").symlink_to(elsewhere)
    images = (
        Place("the images", photos / "train"),
        Place("the images", photos, ("test", "val", "groups.csv")),
    )
    inputs = Inputs(images=images)
    for name in ("photos/test", "photos/TEST/run", "link/test", "photos/x/../test"):
        words = r"would be read as a part of the images in .*photos; allowed: any other place"
        with pytest.raises(RunError, match=words):
            check_output_folder(tmp_path / name, {}, inputs)
    for name in ("photos/test-out", "photos/out/test", "test"):
        check_output_folder(tmp_path / name, {}, inputs)
    with pytest.raises(RunError, match=r"Groups\.csv would be read as a part of the images in"):
        check_output_file(photos / "Groups.csv", NOTE, inputs, option="--json", force=False)
    with pytest.raises(RunError, match="lies in the folder of the images"):  # a link leads out
        check_output_file(photos / "train/a/out/x", NOTE, inputs)
    check_output_file(photos / "notes.csv", NOTE, inputs)


def test_files_of_the_user_in_a_folder_stay(tmp_path: Path) -> None:
    files = {"a.txt": NOTE, "b.txt": NOTE}
    (tmp_path / "other.txt").write_text("not in the way")
    (tmp_path / "a.txt").write_text("note")
    check_output_folder(tmp_path, files)
    (tmp_path / "b.txt").symlink_to(tmp_path / "other.txt")
    with pytest.raises(RunError, match=r"b\.txt: is there already, and is not a note of ganaug"):
        check_output_folder(tmp_path, files, force=False)
    check_output_folder(tmp_path, files, force=True)
    (tmp_path / "b.txt").unlink()
    os.mkfifo(tmp_path / "b.txt")
    with pytest.raises(RunError, match="no regular file"):
        check_output_folder(tmp_path, files, force=True)


def test_where_the_shell_sends_what_is_printed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ganaug.outputs import *\n"
        "check_output_file(sys.argv[1], Kind('x', lambda path: True), force=True)"
    )
    printed = tmp_path / "printed.json"
    with printed.open("w") as stdout:
        done = subprocess.run(
            [sys.executable, "-c", code, str(printed)],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert "is where the shell sends what is printed" in done.stderr


def test_functions_refuse_a_folder_among_the_images_before_these_are_read(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos", test=False)
    (photos / "ok" / "broken.jpg").write_text("no picture")  # which is found when they are read
    file = write_variation_model(tmp_path / "a.onnx", 3, classes=CLASSES, counts=(4, 6, 12))
    out, data = photos / "out", ImageFolder(str(photos))
    for call in (
        lambda: fit(photos, out),
        lambda: fit(data, out),
        lambda: tune(file, str(photos), out=out),
        lambda: tune(file, data, out=out),
        lambda: evaluate_gain(file, train=photos, out=out),
        lambda: evaluate_gain(file, train="digits", test=data, out=out),
        lambda: sample(file, out, counts=3, source=data),
    ):
        with pytest.raises(
            RunError, match=r"out:? lies in the folder of the images, .*photos, whose"
        ):
            call()
    with pytest.raises(RunError, match=r"lies in the folder of the other tool, .*photos, whose"):
        evaluate_gain(None, train="digits", folder=photos, out=out)
    assert not out.exists()
