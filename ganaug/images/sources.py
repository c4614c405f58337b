"""`load_images`: an image set from a folder, a file, a table, a data set or a name."""

from __future__ import annotations

import difflib
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ganaug.errors import ConfigError, DataError, named_path
from ganaug.images._folder import list_folder
from ganaug.images._npz import load_npz
from ganaug.images._open import FORMATS
from ganaug.images._pixels import Layout, check_mode, check_size, rendered
from ganaug.images._reading import Reading, read_files
from ganaug.images.cache import Cache, no_cache
from ganaug.images.columns import Columns, Keyed, columns_in, refuse_columns
from ganaug.images.huggingface import load_huggingface, open_saved
from ganaug.images.image_set import ImageSet
from ganaug.images.places import folders_around
from ganaug.images.source_kinds import DIGITS, kind_of
from ganaug.images.tables import load_table
from ganaug.images.torch_datasets import load_dataset, load_torchvision
from ganaug.outputs import Inputs, check_output_folder
from ganaug.progress import told

__all__ = [
    "ALLOWED",
    "check_cache",
    "load_images",
    "open_huggingface",
    "remembered_columns",
]

ALLOWED = (
    "allowed: a folder, an .npz file, a table (.csv, .tsv), 'hf:PATH', 'torchvision:NAME' or"
    " 'digits'"
)


def load_images(
    source: Any,
    *,
    size: int | Sequence[int] | None = None,
    mode: str | None = None,
    root: str | os.PathLike[str] | None = None,
    download: bool = False,
    skip_corrupt: bool = False,
    exif: bool = True,
    image: str | None = None,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    cache: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | bool | None = None,
) -> ImageSet:
    """Load images into memory as uint8 [N, H, W, C] at one size, with labels and class names.

    `source` is one of:

    - a folder with one folder for each class, in ImageFolder's order; or with train/ and test/ (in
      any case) that hold these, and nothing else beside them is read. Images directly inside are
      one class, "all". A file groups.csv in it, or in train/ and in test/, names images of one
      object: its columns are `file` (path inside the folder of groups.csv) and `group`. `notes`
      tell of images that are not read: other formats, pages beyond the first, hidden ones,
      thumbnails. They also tell of groups with images in both parts.
    - an .npz file with `images` uint8 [N, H, W], [N, H, W, C] or [N, C, H, W]; `labels` integer
      [N] or [N, 1] (without them, all images are one class, "all"); and any of `test_images`,
      `test_labels`, `groups`, `test_groups`, `classes`. The training arrays may have train_ before
      their names, as in MedMNIST's files; val_ arrays are not used.
    - a table with a row for each image: a .csv or .tsv file, or a pandas DataFrame. Its columns
      `image`, `label` and perhaps `group` hold a path inside `root` (default: the table's folder),
      a class name and a name of the object; `split` may name one that says train or test. A file
      without a label, with two labels, outside `root` or missing is refused. `notes` tell of rows
      that say the same twice.
    - a data set of Hugging Face, or "hf:PATH" for one that its save_to_disk wrote: a Dataset, or a
      DatasetDict with "train" and perhaps "test". Images are read as they are stored, without the
      data set's transform, and none from a network.
    - "torchvision:NAME", such as torchvision:CIFAR10, with its official parts; it lies in `root`
      (default: data), where `download` fetches it. EMNIST's parts are torchvision:EMNIST/letters
      and so on (default: balanced).
    - "digits": scikit-learn's, 8x8; 40% of each class are the test part.
    - a map-style data set of (image, label). Images are PIL images or tensors [C, H, W], uint8 or
      float in 0..1. Labels are whole numbers or arrays of one. Class names are its `.classes`, else
      the labels. It is read twice. For items that are dictionaries, `image` and `label` name the
      keys.

    Without class names, labels count from 0, and at most half of the numbers up to the largest may
    have no training image.

    Args:
        size: a side, or (height, width), in pixels, 8 to 4096. None takes the height and the width
            that 19 in 20 images reach (of fewer than 20 images, all), scaled down, aspect kept, to
            at most 64 a side. Images of other sizes are resized (bilinear, antialiased).
        mode: "grey" or "rgb" converts; also palette, transparent (transparency is dropped) and
            CMYK images, which are refused otherwise. None keeps grey or RGB as it is, except that
            RGB images with equal channels throughout the set become grey.
        root: where torchvision's data sets, or the files of a table, lie.
        download: whether torchvision may fetch the data set.
        skip_corrupt: go on without images that cannot be read, and tell of them in `notes`.
        exif: turn the images of a folder as their EXIF orientation says, as viewers do. Those of an
            ImageFolder are never turned, as torchvision does not turn them.
        image: the column of the images. None takes the one that holds images, or that is called
            image, file, path or the like, in a source with columns.
        label: the column of the labels. None takes the one of the type ClassLabel, or that is
            called label, class, target or the like.
        group: the column that names images of one object. None: there is none.
        split: the column of a table that says train, test, or validation, which is not read; or
            that is called is_test or is_train. None: all rows are for training.
        cache: a folder for decoded images, for sources whose images are files. They are decoded
            once and then read from there, so that memory never holds all of them: `ImageSet.images`
            is then a `StoredImages`. Changed files and a damaged cache are read again.
        progress: called as `progress(done, total)` while images are decoded; True writes lines to
            stderr.

    Returns:
        an `ImageSet`, with `images` uint8 [N, H, W, C] in 0..255, C = 1 or 3; `labels` int64 [N],
        indices of `classes`; `test`, the same for the test part, or None; `groups` int64 [N], or
        None; and `notes`, one line each.

    Raises:
        DataError: the images or labels cannot be used; the message names the file.
        ConfigError: an argument has a value that is not allowed.
        RunError: `cache` cannot be written, or lies among the images.

    Examples:
        >>> digits = load_images("digits")
        >>> digits.size, len(digits), len(digits.test)
        ((8, 8), 1078, 719)
    """
    check_mode(mode)
    if isinstance(source, str | os.PathLike):
        named_path(source)
    tell = told(progress, "reading images")
    reading = Reading(check_size(size), mode, skip_corrupt, exif, progress=tell)
    if cache is not None:
        check_cache(cache, source)
        reading = replace(reading, cache=Cache(Path(cache)))
    columns = Columns(image, label, group, split)
    kind = kind_of(source)
    if kind != "torchvision" and (download or (root is not None and kind != "table")):
        raise ConfigError(
            "root, download: given for a source that is not torchvision:NAME; allowed: for these"
            " alone, and root for tables; leave --root and --download out"
        )
    if kind == "table":
        return load_table(source, reading, columns=columns, root=root)
    if kind == "huggingface":
        name, dataset = open_huggingface(source)
        return load_huggingface(name, dataset, reading, columns=columns)
    if kind == "dataset":
        return load_dataset(Keyed.where_named(source, columns), reading)
    refuse_columns(columns)
    if kind == "torchvision":
        return load_torchvision(str(source), reading, root=root, download=download)
    if kind == "digits":
        digits = _load_digits(reading.size, mode)
        if not os.path.isdir(DIGITS):
            return digits
        note = "scikit-learn's digits are read; ./digits names the folder digits that is here"
        return replace(digits, notes=(note,))
    path = Path(source)
    if kind == "folder":
        found = list_folder(path)
        return read_files(str(path), *found[:3], reading, notes=found.notes)
    if kind == "npz":
        return load_npz(path, size=reading.size, mode=mode)
    if os.path.exists(path):
        raise DataError(f"{path}: neither a folder nor an .npz file; {ALLOWED}; {_instead(path)}")
    raise DataError(f"{source}: no such folder or file{_near(path)}; {ALLOWED}; correct the path")


def check_cache(cache: str | os.PathLike[str], source: Any) -> None:
    """Refuse a folder for decoded images, see `load_images`, before they are read; make nothing.

    Raises:
        RunError: it cannot be written, or lies among the images.
        DataError: the images of `source` are no files in a folder or of a table.
    """
    among = Inputs(images=folders_around(source, (), cache))
    check_output_folder(cache, {}, among, option="--cache")
    kind = kind_of(source)
    if kind == "huggingface" or not (kind in ("table", "dataset") or os.path.isdir(source)):
        named = isinstance(source, str | os.PathLike)
        raise no_cache(str(source) if named else type(source).__name__)


def remembered_columns(source: Any, data: Mapping[str, Any] | None) -> dict[str, str | None]:
    """Return the columns of a generator's `data`, for a source that has columns; else none."""
    kind = kind_of(source)
    found = columns_in(data if data is not None and kind in ("table", "huggingface") else {})
    return found | {"split": found["split"] if kind == "table" else None}


def open_huggingface(source: Any) -> tuple[str, Any]:
    """Return the name and the data set of "hf:PATH", or of a data set of Hugging Face.

    Raises:
        DataError, ConfigError: as `open_saved`.
    """
    if isinstance(source, str):
        return source, open_saved(source)
    return type(source).__name__, source


def _instead(path: Path) -> str:
    """Return what to do with a file that is no source."""
    if path.suffix.lower() in FORMATS:
        return "name the folder in which the folders of the classes lie"
    if path.suffix.lower() == ".onnx":
        return f"to look at a generator: ganaug info {shlex.quote(str(path))}"
    return "convert it"


def _near(path: Path) -> str:
    """Return in brackets the path that exists and is spelled nearly like `path`, or nothing."""
    wrong = path
    while not os.path.isdir(wrong.parent) and wrong.parent != wrong:
        wrong = wrong.parent  # the first part of the path that is not there
    if not os.path.isdir(wrong.parent):
        return ""
    rest = path.relative_to(wrong)
    whole = {entry.name: str(entry / rest) for entry in wrong.parent.iterdir()}
    whole = {name: each for name, each in whole.items() if os.path.exists(each)} | {DIGITS: DIGITS}
    near = difflib.get_close_matches(wrong.name, whole, n=1)
    return f" (did you mean {whole[near[0]]!r}?)" if near else ""


def _load_digits(size: tuple[int, int] | None, mode: str | None) -> ImageSet:
    """Load scikit-learn's digits; of each class, the 40% with the lowest content keys are test."""
    from sklearn.datasets import load_digits

    raw = load_digits()
    pixels = np.rint(raw.images * (255 / 16)).astype(np.uint8)
    labels = raw.target.astype(np.int64)
    classes = tuple(str(digit) for digit in range(10))
    native = ImageSet(pixels[..., np.newaxis], labels, classes, source=DIGITS)
    rank = np.empty(len(native), np.int64)
    for label in range(len(classes)):
        members = np.flatnonzero(labels == label)
        rank[members[np.argsort(native.keys[members])]] = np.arange(len(members))
    is_test = rank < np.rint(0.4 * native.counts)[labels]
    layout = Layout("RGB" if mode == "rgb" else "L", size or native.size)
    whole = replace(native, images=rendered(native.images, layout))
    test = whole.take(np.flatnonzero(is_test))
    return replace(whole.take(np.flatnonzero(~is_test)), test=test)
