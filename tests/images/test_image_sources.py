"""load_images: which source is meant, and its options."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from ganaug.errors import ConfigError, DataError
from ganaug.images import load_images
from ganaug.images.originals import originals


def test_a_folder_called_digits_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_images("digits").notes == ()
    (tmp_path / "digits").mkdir()
    (note,) = load_images("digits").notes
    assert "./digits names the folder" in note


@pytest.mark.parametrize("read", [load_images, originals])
@pytest.mark.parametrize("source", ["", "hf:"])
def test_an_empty_name_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[str], Any], source: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("L", (8, 8)).save("a.png")
    if source:
        pytest.importorskip("datasets", reason="the extra huggingface is not installed")
    called = source or "''"
    with pytest.raises(ConfigError, match=f"^{called}: names no file or folder; allowed: a path"):
        read(source)
    assert len(load_images(".")) == 1
    assert len(load_images(Path())) == 1


@pytest.mark.parametrize("option", ["root", "cache"])
def test_neither_is_an_empty_folder_beside_a_source(tmp_path: Path, option: str) -> None:
    (tmp_path / "labels.csv").write_text("file,label\na.png,cat\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^'': names no file or folder"):
        load_images(tmp_path / "labels.csv", **{option: ""})


def test_digits_are_those_of_scikit_learn_with_two_fifths_as_test() -> None:
    digits = load_images("digits")
    raw = load_digits()
    assert digits.images.shape == (1078, 8, 8, 1)
    assert digits.classes == (*"0123456789",)
    everything = digits.counts + digits.test.counts
    assert everything.tolist() == np.bincount(raw.target).tolist()
    np.testing.assert_array_equal(digits.test.counts, np.rint(0.4 * everything))
    stored = {image.tobytes() for part in (digits, digits.test) for image in part.images}
    assert stored == {np.rint(image * 255 / 16).astype(np.uint8).tobytes() for image in raw.images}
    assert digits.test.images.max() == 255


def test_digits_are_split_alike_at_every_size_and_mode() -> None:
    digits = load_images("digits")
    large = load_images("digits", size=16, mode="rgb")
    assert large.images.shape == (1078, 16, 16, 3)
    assert large.fingerprint == digits.fingerprint
    assert large.test.fingerprint == digits.test.fingerprint


def test_a_path_called_digits_is_a_folder(
    write_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_folder(below="digits")
    monkeypatch.chdir(folder.parent)
    assert load_images("./digits").classes == ("cat", "dog")
    assert load_images(Path("digits")).classes == ("cat", "dog")
    assert len(load_images("digits").classes) == 10


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "photo",
            "no such folder or file (did you mean '{folder}photos'?); allowed: a folder, an .npz",
        ),
        ("nowhere/photos", "no such folder or file; allowed:"),
        ("readme.txt", "neither a folder nor an .npz file; allowed: a folder, an .npz file"),
    ],
)
def test_refuses_a_path_that_is_no_source(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "readme.txt").write_text("text")
    message = message.format(folder=f"{tmp_path}{os.sep}")
    for source in (str(tmp_path / name), tmp_path / name):
        with pytest.raises(DataError, match=re.escape(f"{tmp_path / name}: {message}")):
            load_images(source)


def test_suggests_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"digit: no such folder or file \(did you mean 'digits'"):
        load_images("digit")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"size": 7},
            "size: 7; allowed: a side, or height and width, in whole pixels from 8 to 4096",
        ),
        ({"size": (8, 7)}, "size: (8, 7); allowed"),
        ({"size": (8, 8, 8)}, "size: (8, 8, 8); allowed"),
        ({"size": 8.0}, "size: 8.0; allowed"),
        ({"size": True}, "size: True; allowed"),
        ({"size": "32"}, "size: '32'; allowed"),
        ({"size": ()}, "size: (); allowed"),
        ({"mode": "gray"}, "mode: 'gray' (did you mean 'grey'?); allowed: 'grey' or 'rgb'"),
        ({"mode": "RGB"}, "mode: 'RGB'"),
        ({"mode": 3}, "mode: 3; allowed: 'grey' or 'rgb'"),
        ({"progress": "bar"}, "progress: 'bar'; allowed: a function of (done, total, ...), True"),
        ({"root": "data"}, "root, download: given for a source that is not torchvision:NAME"),
        ({"download": True}, "root, download: given for a source that is not torchvision:NAME"),
    ],
)
def test_refuses_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        load_images("digits", **options)
    assert "\n" not in str(caught.value)


def test_numpy_sizes_are_sizes() -> None:
    assert load_images("digits", size=np.int64(9)).size == (9, 9)
    assert load_images("digits", size=[9, 10]).size == (9, 10)


def test_folders_and_arrays_load_without_torch(write_folder: Callable[..., Path]) -> None:
    program = (
        "import sys; from ganaug.images import load_images; load_images(sys.argv[1]);"
        "print(sorted({'torch', 'torchvision', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(write_folder())],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_progress_may_be_true_or_false(
    write_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_folder()
    load_images(folder, progress=False)
    assert capsys.readouterr().err == ""
    load_images(folder, progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert (lines[0], lines[-1]) == ("reading images", "reading images 6/6")
