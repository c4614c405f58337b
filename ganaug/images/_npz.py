"""Image sets from .npz files."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError, did_you_mean
from ganaug.files import open_regular
from ganaug.images._parts import class_names, with_test
from ganaug.images._pixels import Header, choose_layout, rendered
from ganaug.images.archive import BROKEN, Archive
from ganaug.images.grouping import group_names, in_both_noted
from ganaug.images.image_set import ImageSet, content_key
from ganaug.images.labels import check_range, refuse_truth
from ganaug.wording import first_names, one_line

__all__ = ["StoredPart", "load_npz", "stored_parts"]

TRAINING = ("images", "labels", "groups")
TRAIN = "train_"  # MedMNIST's files have it before these names
MOST_IMAGES = 5_000_000
_MEANT = re.compile("image|label|val|test", re.I)
OTHERS = ("test_images", "test_labels", "test_groups", "classes")


class StoredPart(NamedTuple):
    """One part as stored: uint8 [N, H, W, C] under `word`, labels int64 [N], groups or None.

    `group_names` are those of groups that are text: numbers often begin anew in the next file.
    """

    word: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64] | None
    group_names: tuple[str, ...] | None
    unnamed: bool


def load_npz(path: Path, *, size: tuple[int, int] | None, mode: str | None) -> ImageSet:
    """Load an .npz file with `images`, `labels` and what else `load_images` lists.

    Nothing is unpickled. The content key of an image is the hash of its pixels as stored.
    """
    classes, stored, notes = stored_parts(path)
    headers = [
        header
        for part in stored
        for header in [_header(f"{path}: {part.word}", part.images)] * len(part.images)
    ]
    layout = choose_layout(headers, size, mode, folder=str(path))
    grey = layout.mode == "RGB" and mode is None and all(_all_grey(part.images) for part in stored)
    parts = []
    for part in stored:
        pixels = rendered(part.images, layout)
        parts.append(
            ImageSet(
                images=np.ascontiguousarray(pixels[..., :1]) if grey else pixels,
                labels=part.labels,
                classes=classes,
                groups=part.groups,
                group_names=part.group_names,
                keys=np.array([content_key(image.tobytes()) for image in part.images], np.uint64),
                source=str(path),
                unnamed=part.unnamed,
            )
        )
    rest = parts[1] if len(parts) > 1 else None
    return with_test(parts[0], rest, (*notes, *layout.notes))


def stored_parts(path: Path) -> tuple[tuple[str, ...], list[StoredPart], list[str]]:
    """Return the classes, the arrays of the training and of the test part, and notes.

    Raises:
        DataError: the file or one of its arrays cannot be used.
    """
    arrays, unused = _read_arrays(path)
    words = [word for word in arrays if word.endswith("images")]
    images = [_images(path, word, arrays[word]) for word in words]
    labels = [
        _labels(path, word.replace("images", "labels"), arrays, len(part))
        for word, part in zip(words, images, strict=True)
    ]
    beside = f"not used beside {' and '.join(words)}: {first_names(unused)}"
    notes = [beside] if unused else []
    given = words[0].replace("images", "labels")
    unnamed = given in arrays and "classes" not in arrays
    if given in arrays:
        classes = class_names(str(path), labels[0], _classes(path, arrays))
    else:
        classes = ("all",)
        notes.append(f"no array {given!r}: all images are one class")
    for word, values in zip(words, labels, strict=True):
        own = word.replace("images", "labels")
        check_range(values, len(classes), where=f"{path}: {own}")
        refuse_truth(arrays.get(own), len(classes), f"{path}: {own}")
    named = [
        _groups(path, word.replace("images", "groups"), arrays, len(part))
        for word, part in zip(words, images, strict=True)
    ]
    texts = [group_names([each for each in part if isinstance(each, str)]) for part in named]
    if len({type(name) for part in named for name in part[:1]}) > 1:  # numbers, and text
        named = [[str(name) for name in part] for part in named]
    notes += in_both_noted(named[0], named[1]) if len(named) > 1 else []
    groups = _numbered(named)
    each = zip(words, images, labels, groups, texts, strict=True)
    return classes, [StoredPart(*part, unnamed) for part in each], notes


def _read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Return the known arrays of the file, training images first, and names of others.

    These are the ones that look like images, labels or a part, and all where there are no labels.

    Raises:
        DataError: the file cannot be read, or its arrays have other names.
    """
    try:
        with open_regular(path) as stream:
            archive = Archive(stream, str(path))
            found = archive.names
            prefix = TRAIN if f"{TRAIN}images" in found and "images" not in found else ""
            known = (*(prefix + key for key in TRAINING), *OTHERS)
            _check_keys(path, found, known)
            wanted = [key for key in known if key in found]
            archive.check_sizes(wanted)
            arrays = {key: archive.read(key) for key in wanted}
            others = [key for key in found if key not in known]
            return arrays, [
                key for key in others if known[1] not in found or _MEANT.search(key) is not None
            ]
    except BROKEN as error:
        raise DataError(
            f"{path}: cannot be read ({one_line(error)}); allowed: what numpy.savez writes; save it"
            " again"
        ) from error


def _check_keys(path: Path, found: list[str], known: tuple[str, ...]) -> None:
    """Refuse missing arrays, and names so near to a known one that they must be meant."""
    images, labels, *more = known
    unknown = [key for key in found if key not in known]
    for key in known:
        if key in found:
            continue
        near = did_you_mean(key, unknown)
        # Other arrays may lie beside ours, unless one is a slip of the pen.
        slip = bool(difflib.get_close_matches(key, unknown, n=1, cutoff=0.8))
        if key == images or slip:
            raise DataError(
                f"{path}: no array {key!r} (found: {', '.join(found) or 'none'}){near}; allowed:"
                f" {images!r} and {labels!r}, and any of {', '.join(more)}; rename it"
            )
    mixed = [key for key in unknown if key.removeprefix(TRAIN) in TRAINING]
    if mixed:
        raise DataError(
            f"{path}: {images!r} and {mixed[0]!r}; allowed: {', '.join(TRAINING)}, all with"
            f" {TRAIN} before them or none; rename them or leave one kind out"
        )
    for key, needs in (
        ("test_labels", labels),
        ("test_labels", "test_images"),
        ("classes", labels),
        ("test_groups", "test_images"),
    ):
        if key in found and needs not in found:
            raise DataError(f"{path}: {key!r} without {needs!r}; add {needs!r} or leave both out")
    if "test_images" in found and labels in found and "test_labels" not in found:
        raise DataError(f"{path}: 'test_images' without 'test_labels'; add the labels")


def _images(path: Path, word: str, images: NDArray[Any]) -> NDArray[np.uint8]:
    """Return uint8 [N, H, W, C] from uint8 [N, H, W], [N, H, W, C] or [N, C, H, W]."""
    where = f"{path}: {word}"
    if images.ndim not in (3, 4):
        raise _shape_error(where, images)
    if len(images) > MOST_IMAGES:
        raise DataError(
            f"{where}: {len(images):,}; allowed: {MOST_IMAGES:,}, which are read into memory; save"
            " fewer"
        )
    if images.dtype.kind == "f":
        nan = int(np.isnan(images).any(axis=tuple(range(1, images.ndim))).sum())
        holds = f" and {nan} of {len(images)} hold NaN" if nan else ""
        raise DataError(
            f"{where} are {images.dtype}{holds}; allowed: uint8 in 0..255;"
            f" {'remove those with NaN, then ' if nan else ''}scale and convert them with"
            " .astype('uint8')"
        )
    if images.dtype != np.uint8:
        raise DataError(
            f"{where} are {images.dtype}; allowed: uint8 in 0..255; convert them to 8 bits first"
        )
    given = images
    if images.ndim == 3:
        images = images[..., np.newaxis]
    elif images.ndim == 4 and images.shape[3] not in (1, 3) and images.shape[1] in (1, 3):
        images = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    if images.shape[3] not in (1, 3) or 0 in images.shape:
        raise _shape_error(where, given)
    return images


def _shape_error(where: str, images: NDArray[Any]) -> DataError:
    return DataError(
        f"{where} have the shape {list(images.shape)}; allowed: N,H,W or N,H,W,C or N,C,H,W"
        " with C = 1 or 3 and at least one image; reshape them"
    )


def _labels(
    path: Path, word: str, arrays: dict[str, NDArray[Any]], num_images: int
) -> NDArray[np.int64]:
    """Return int64 [num_images]; zeros where the file has no labels."""
    if word not in arrays:
        return np.zeros(num_images, np.int64)
    labels = arrays[word]
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise DataError(
            f"{path}: {word} hold {int(np.isnan(labels).sum())} NaN; allowed: whole numbers from"
            " 0; remove those images or label them"
        )
    if labels.dtype.kind not in "biu":
        raise DataError(
            f"{path}: {word} are {labels.dtype}; allowed: whole numbers from 0; convert them, and"
            " give names as 'classes'"
        )
    if labels.shape == (num_images, 1):
        labels = labels[:, 0]
    _check_length(path, word, labels, num_images)
    return labels.astype(np.int64)


def _groups(
    path: Path, word: str, arrays: dict[str, NDArray[Any]], num_images: int
) -> list[int] | list[str]:
    """Return the groups, numbers or text, of `num_images`; an empty list where it has none."""
    if word not in arrays:
        return []
    groups = arrays[word]
    if groups.dtype.kind not in "iuUS":
        raise DataError(
            f"{path}: {word} are {groups.dtype}; allowed: whole numbers or text; convert them"
        )
    _check_length(path, word, groups, num_images)
    if groups.dtype.kind == "S":
        return [name.decode(errors="backslashreplace") for name in groups.tolist()]
    return list(groups.tolist())


def _numbered(parts: Sequence[list[int] | list[str]]) -> list[NDArray[np.int64] | None]:
    """Return int64 [N] for the groups of each part, counted over all; None for a part without."""
    names = [name for part in parts for name in part]
    # Not by an array of them: of whole numbers beyond 64 bits it would make floating point.
    place = {name: number for number, name in enumerate(sorted(set(names)))}
    numbers = np.array([place[name] for name in names], np.int64)
    found = np.split(numbers, np.cumsum([len(part) for part in parts])[:-1])
    return [each if len(each) else None for each in found]


def _check_length(path: Path, word: str, values: NDArray[Any], num_images: int) -> None:
    if values.shape != (num_images,):
        raise DataError(
            f"{path}: {word} have the shape {list(values.shape)} for {num_images} images; allowed:"
            f" [{num_images}]; give one for each image"
        )


def _classes(path: Path, arrays: dict[str, NDArray[Any]]) -> list[str] | None:
    if "classes" not in arrays:
        return None
    classes = arrays["classes"]
    if classes.ndim != 1 or classes.dtype.kind not in "iuUS":
        raise DataError(
            f"{path}: classes are {classes.dtype} {list(classes.shape)}; allowed: a list of names;"
            " give one name for each label"
        )
    if classes.dtype.kind == "U" and classes.dtype.itemsize:
        # numpy takes any 32 bits for a character, and Python fails on them
        text = np.ascontiguousarray(classes, classes.dtype.newbyteorder("="))
        if text.view(np.uint32).max(initial=0) > sys.maxunicode:
            raise DataError(
                f"{path}: classes hold text that is not Unicode; allowed: text; store the names"
                " again"
            )
    names = classes.tolist()
    try:
        return [name.decode() if isinstance(name, bytes) else str(name) for name in names]
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: classes hold bytes that are not UTF-8 ({error.object!r}); allowed: text;"
            " store the names as text"
        ) from error


def _header(name: str, images: NDArray[np.uint8]) -> Header:
    return Header(name, "RGB" if images.shape[3] == 3 else "L", *images.shape[1:3])


def _all_grey(images: NDArray[np.uint8]) -> bool:
    first = images[..., :1]
    return all((images[..., at : at + 1] == first).all() for at in (1, 2))
