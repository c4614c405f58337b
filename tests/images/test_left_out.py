"""What lies in a folder and is not read is told of, by kind and class, or refused."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import ImageFolder

from ganaug import check
from ganaug.errors import DataError
from ganaug.images import load_images

Writer = Callable[..., Path]


def refuses(source: object, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        load_images(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "suffix",
    [".jfif", ".GIF", ".heic", ".avif", ".jp2", ".npy", ".eps", ".fits", ".jpg_large", ""],
)
def test_other_formats_are_counted_by_class(write_folder: Writer, suffix: str) -> None:
    folder = write_folder()
    (folder / "dog" / "puppies").mkdir()
    for name in ("cat/a", "cat/b", "dog/puppies/c"):
        (folder / f"{name}{suffix}").write_bytes(b"image")
    kind = f"{suffix.lower()} files" if suffix else "files without an extension"
    loaded = load_images(folder)
    told = (f"not read: 3 {kind} (cat 2, dog 1), such as cat/a{suffix}",)
    assert loaded.notes == told
    assert len(loaded) == 6
    assert load_images(ImageFolder(str(folder))).notes == told


def test_copies_of_images_under_another_ending_are_told_of_and_their_notes_are_not(
    write_folder: Writer,
) -> None:
    folder = write_folder()
    for name in ("a.png.bak", "b.png.json", "c.txt", "d.png.txt", "e.bak"):
        (folder / "cat" / name).write_bytes(b"something")
    told = ("not read: 1 .bak files (cat 1), such as cat/a.png.bak",)
    assert load_images(folder).notes == told
    assert load_images(ImageFolder(str(folder))).notes == told


def test_loose_files_and_those_of_test_parts_are_told_of(write_folder: Writer) -> None:
    write_folder(below="photos/train")
    folder = write_folder(below="photos/test").parent
    (folder / "train" / "beside.gif").touch()
    (folder / "train" / "README").touch()
    (folder / "test" / "dog" / "0.jfif").touch()
    assert load_images(folder).notes == (
        "not read: 1 .gif files (beside the classes 1), such as train/beside.gif",
        "not read: 1 .jfif files (dog 1), such as test/dog/0.jfif",
    )


def test_what_lies_beside_the_parts_is_told_of(write_folder: Writer, write_image: Writer) -> None:
    write_folder(below="photos/train")
    folder = write_folder(below="photos/test").parent
    for name in ("loose.png", ".hidden.png", ".kept/more.png"):
        write_image(f"photos/{name}")
    for name in ("all.zip", "scan.dcm", "README"):
        (folder / name).touch()
    assert load_images(folder).notes == (
        "not used beside train/ and test/: 1 image, such as loose.png",
        "not read: 1 .zip files (beside the classes 1), such as all.zip",
        "not read: 1 .dcm files (beside the classes 1), such as scan.dcm",
        "not read: 2 hidden images (beside the classes 2), such as .hidden.png",
    )


def test_a_class_of_other_formats_alone_says_so(write_folder: Writer) -> None:
    folder = write_folder()
    (folder / "bird").mkdir()
    (folder / "bird" / "0.gif").touch()
    refuses(folder, "bird: a class folder without images (1 .gif files, which are not read);")


def test_a_flat_folder_of_other_formats_says_so(tmp_path: Path) -> None:
    (tmp_path / "0.heic").touch()
    refuses(tmp_path, f"{tmp_path}: no images (1 .heic files, which are not read); allowed")


@pytest.mark.parametrize("name", ["@eaDir", "__MACOSX", "$RECYCLE.BIN"])
def test_thumbnails_are_no_images(write_folder: Writer, write_image: Writer, name: str) -> None:
    folder = write_folder()
    write_image(f"photos/cat/{name}/0.png/thumb.png")
    write_image(f"photos/dog/more/{name}/1.png")
    write_image(f"photos/{name}/2.png")
    loaded = load_images(folder)
    assert loaded.classes == ("cat", "dog")
    assert len(loaded) == 6
    (note,) = loaded.notes
    assert note.startswith(f"not read: 3 files in {name}/, made by another program (")
    assert "cat 1" in note
    assert "dog 1" in note
    assert "beside the classes 1" in note
    (told,) = load_images(ImageFolder(str(folder))).notes
    assert told.startswith("3 images in folders that other programs made, such as ")


def test_thumbnails_may_be_a_class(write_folder: Writer, write_image: Writer) -> None:
    folder = write_folder(("cat", "thumbs"))
    write_image("photos/cat/Thumbs/0.png")
    loaded = load_images(folder)
    assert loaded.counts.tolist() == [3, 3]
    assert loaded.notes == (
        "not read: 1 files in Thumbs/, made by another program (cat 1), such as cat/Thumbs",
        "thumbs/ counts as a class; remove it where it holds thumbnails",
    )


@pytest.mark.parametrize("format", ["tif", "webp", "png"])
def test_pages_beyond_the_first_are_told_of(tmp_path: Path, format: str) -> None:
    (tmp_path / "a").mkdir()
    pages = [Image.new("RGB", (9, 9), (at * 40, 0, 9)) for at in range(4)]
    pages[0].save(tmp_path / "a" / f"0.{format}", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "a" / f"1.{format}")
    told = (
        f"not read: 3 pages or frames beyond the first (a 3), such as those of a{os.sep}0.{format}"
        " (4 of them)",
    )
    assert load_images(tmp_path).notes == told
    assert check(tmp_path, times=False).notes == told


# Parts below a class


@pytest.mark.parametrize("part", ["train", "test", "val", "ground_truth", "Test"])
def test_parts_below_a_class_are_refused(
    write_folder: Writer, write_image: Writer, part: str
) -> None:
    folder = write_folder()
    write_image(f"photos/cat/{part}/good/0.png")
    message = f"{folder / 'cat' / part / 'good'}: {part}/ below the class folder cat/ looks like a"
    refuses(folder, message)
    refuses(ImageFolder(str(folder)), message)


@pytest.mark.parametrize("name", ["val2017", "train_images", "Test1", "masks", "gt"])
def test_parts_of_other_names_below_a_class_are_refused(
    name: str, write_folder: Writer, write_image: Writer
) -> None:
    folder = write_folder()
    write_image(f"photos/cat/{name}/9.png")
    for source in (folder, ImageFolder(str(folder))):
        refuses(
            source, f"{name}: {name}/ below the class folder cat/ looks like a part of a data set"
        )


@pytest.mark.parametrize("name", ["test", "test1", "unlabeled", "Unlabelled", "testA", "val_B"])
def test_a_part_beside_classes_is_told_of(write_folder: Writer, name: str) -> None:
    folder = write_folder(("cat", "dog", name))
    told = f"called like parts of a data set, but read as classes: {name}"
    assert load_images(folder).notes == (told,)
    assert load_images(write_folder(("bus", "train"), below="vehicles")).notes == ()


def test_the_parts_of_cyclegan_are_no_classes(write_folder: Writer) -> None:
    folder = write_folder(("trainA", "trainB", "testA", "testB"))
    refuses(folder, f"{folder}: testA, testB, trainA, trainB look like parts of a data set")


def test_a_vehicle_called_train_may_have_thumbnails(
    write_folder: Writer, write_image: Writer
) -> None:
    folder = write_folder(("bus", "train"))
    write_image("photos/train/@eaDir/0.png/thumb.png")
    loaded = load_images(folder)
    assert loaded.classes == ("bus", "train")
    assert len(loaded.notes) == 1
    assert "1 files in @eaDir/, made by another program (train 1)" in loaded.notes[0]


def test_masks_beside_their_images_are_told_of(write_folder: Writer, write_image: Writer) -> None:
    """BUSI has benign (1).png and benign (1)_mask.png, _mask_1.png in one folder."""
    folder = write_folder()
    write_image("photos/dog/lone_mask.png")
    assert not any("mask" in note for note in load_images(folder).notes)
    for name in ("b (1).png", "b (1)_mask.png", "b (1)_mask_1.png", "b (1)_Segmentation.png"):
        write_image(f"photos/cat/{name}")
    for source in (folder, ImageFolder(str(folder))):
        (note,) = [each for each in load_images(source).notes if "mask" in each]
        assert note.startswith("3 images called like a mask of another one, such as cat/b (1)_")


def test_the_folder_above_mvtecs_categories_is_refused(write_folder: Writer) -> None:
    for category in ("bottle", "cable"):
        write_folder(("good",), below=f"mvtec/{category}/train")
        write_folder(("good", "crack"), below=f"mvtec/{category}/test")
        folder = write_folder(("crack",), below=f"mvtec/{category}/ground_truth").parent.parent
    refuses(folder, "below the class folder bottle/ looks like a part of a data set")
    refuses(folder / "bottle", "class 'crack' is not in train/")


def test_one_level_too_high_is_told_of(write_folder: Writer) -> None:
    folder = write_folder(below="photos/set").parent
    note = (
        "no class folder holds images itself: those in set/cat/ and the like count as the class"
        " set; if the classes are further down, name set/ as the source"
    )
    assert load_images(folder).notes == (note,)
    assert load_images(ImageFolder(str(folder))).notes == (note,)


def test_an_image_folder_of_parts_is_refused(write_folder: Writer) -> None:
    write_folder(below="photos/train")
    folder = write_folder(below="photos/test").parent
    refuses(ImageFolder(str(folder)), f"{folder}: test, train hold folders and look like parts")
    assert load_images(folder).test is not None


# EXIF


def turned(path: Path, orientation: int) -> np.ndarray:
    """Write a photograph that is shown upright by viewers; return how it is shown."""
    upright = Image.new("RGB", (20, 12), (200, 30, 30))
    upright.paste((20, 200, 60), (0, 0, 10, 6))
    back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = upright if back is None else upright.transpose(back)
    path.parent.mkdir(parents=True, exist_ok=True)
    lying.save(path, exif=exif)
    return np.asarray(upright)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["png", "webp", "tif", "jpg"])
def test_images_are_turned_as_viewers_show_them(
    tmp_path: Path, orientation: int, format: str
) -> None:
    shown = turned(tmp_path / "a" / f"0.{format}", orientation)
    loaded = load_images(tmp_path)
    assert loaded.size == (12, 20)
    assert np.abs(loaded.images[0].astype(int) - shown).mean() < 12
    (*notes,) = loaded.notes
    if orientation == 1 or format == "tif":  # Pillow turns these itself
        assert notes == []
        return
    name = f"a{os.sep}0.{format}"
    assert notes == [
        f"turned as EXIF says: 1 image (a 1), such as {name}; torchvision's ImageFolder does not"
        " turn them (choose with --no-exif)"
    ]
    lying = load_images(tmp_path, exif=False)
    assert lying.size == ((20, 12) if orientation > 4 else (12, 20))
    assert lying.notes == (f"not turned, though EXIF says so: 1 image (a 1), such as {name}",)
    assert lying.fingerprint != loaded.fingerprint
    as_torch = load_images(ImageFolder(str(tmp_path)))
    np.testing.assert_array_equal(as_torch.images, lying.images)
    assert as_torch.fingerprint == lying.fingerprint
    assert as_torch.notes == lying.notes


def test_check_tells_of_turned_images_as_fit_does(write_folder: Writer) -> None:
    folder = write_folder(mode="RGB")
    turned(folder / "cat" / "lying.jpg", 6)
    table = folder.parent / "table.csv"
    rows = [path.relative_to(folder) for path in sorted(folder.glob("*/*"))]
    lines = ["file,label", *(f"{row.as_posix()},{row.parent}" for row in rows)]
    table.write_text("\n".join(lines))
    files = [str(folder / row) for row in rows]
    saved = datasets.Dataset.from_dict({"image": files, "label": [0, 1] * 3 + [0]})
    saved = saved.cast_column("image", datasets.Image())
    for source, options in (
        (folder, {}),
        (folder, {"exif": False}),
        (ImageFolder(str(folder)), {}),
        (table, {"root": folder}),
        (saved, {}),
    ):
        (note,) = load_images(source, size=16, **options).notes
        assert "EXIF says" in note
        assert note in check(source, size=16, times=False, **options).notes


def test_damaged_exif_is_none(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.new("RGB", (20, 12)).save(tmp_path / "a" / "0.png", exif=b"Exif\0\0MM\0*\0\0\xff\xff")
    Image.new("RGB", (20, 12)).save(tmp_path / "a" / "1.png", exif=b"Exif\0\0nonsense")
    assert load_images(tmp_path).size == (12, 20)


# Names that are not UTF-8


@pytest.fixture
def strange() -> str:
    return os.fsdecode(b"caf\xe9")


def test_names_that_are_not_utf_8_can_be_stored(
    write_folder: Writer, write_image: Writer, strange: str
) -> None:
    folder = write_folder(below="above/photos")
    try:
        (folder / "cat" / f"{strange}.png").touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    os.rename(write_image("beside.png"), folder / f"{strange} beside.png")
    (folder / "dog" / f"{strange}.gif").touch()
    os.rename(folder / "dog" / "0.png", folder / "dog" / f"{strange}.png")
    loaded = load_images(folder, skip_corrupt=True)
    for text in (*loaded.notes, *loaded.names, loaded.data_name):
        assert text.encode().decode() == text
    assert "dog/caf\\udce9.png" in loaded.names
    assert any("caf\\udce9.gif" in note for note in loaded.notes)
    assert any(note.startswith(f"skipped cat{os.sep}caf\\udce9.png") for note in loaded.notes)
    above = folder.parent.rename(folder.parent.with_name(strange))
    assert load_images(above, skip_corrupt=True).data_name == "caf\\udce9"


@pytest.mark.parametrize("size", [(4, 200), (200, 4)])
def test_messages_have_height_before_width(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a").mkdir()
    height, width = size
    Image.new("L", (width, height)).save(tmp_path / "a" / "0.png")
    small = "1x64" if height < width else "64x1"
    refuses(
        tmp_path, f"{height}x{width} pixels (height x width) would make the training size {small}"
    )
    Image.new("L", (height, width)).save(tmp_path / "a" / "1.png")
    wide = "0" if height < width else "1"
    refuses(tmp_path, f"{wide}.png is 4x200 pixels (height x width)")
