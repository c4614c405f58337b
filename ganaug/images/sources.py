"""`load_images`: an image set from a folder, an .npz file, a torch data set or a name."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ganaug.errors import ConfigError, DataError
from ganaug.images._folder import load_folder
from ganaug.images._npz import load_npz
from ganaug.images._pixels import Layout, check_mode, check_size, rendered
from ganaug.images.cache import Cache, no_cache
from ganaug.images.image_set import ImageSet
from ganaug.images.places import image_folders
from ganaug.images.torch_datasets import PREFIX, load_dataset, load_torchvision
from ganaug.outputs import Inputs, check_output_folder

__all__ = ["load_images"]

DIGITS = "digits"


def load_images(
    source: Any,
    *,
    size: int | Sequence[int] | None = None,
    mode: str | None = None,
    root: str | os.PathLike[str] | None = None,
    download: bool = False,
    skip_corrupt: bool = False,
    exif: bool = True,
    cache: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImageSet:
    """Load images into memory as uint8 [N, H, W, C] at one size, with labels and class names.

    `source` is one of:

    - a folder with one folder for each class, or with train/ and test/ (in any case) that hold
      these (nothing else beside them is read), classes in ImageFolder's order; images directly
      inside are one class, "all". A file groups.csv in it, with the columns `file` (path inside
      the folder) and `group`, names images of one object. Hidden files are left out, and `notes`
      tell of images that are not read: other formats, pages beyond the first, thumbnails.
    - an .npz file with `images` uint8 [N, H, W], [N, H, W, C] or [N, C, H, W]; `labels` integer
      [N] or [N, 1] (without them, all images are one class, "all"); and any of `test_images`,
      `test_labels`, `groups`, `test_groups`, `classes`. The training arrays may have train_ before
      their names, as in MedMNIST's files; val_ arrays are not used.
    - "torchvision:NAME", such as torchvision:CIFAR10, with its official parts; it lies in `root`
      (default: data), where `download` fetches it. EMNIST's parts are torchvision:EMNIST/letters
      and so on (default: balanced).
    - "digits": scikit-learn's, 8x8, of which 40% of each class are the test part.
    - a map-style data set of (image, label), where images are PIL images or tensors [C, H, W],
      uint8 or float in 0..1, and labels are whole numbers or arrays of one. Class names are its
      `.classes`, else the labels. It is read twice.

    Without class names, labels count from 0, and at most half of the numbers up to the largest may
    have no training image.

    Args:
        size: a side, or (height, width), in pixels from 8 up. None takes the height and the width
            that 19 in 20 images reach (of fewer than 20 images, all), scaled down, aspect kept, to
            at most 64 a side. Images of other sizes are resized (bilinear, antialiased).
        mode: "grey" or "rgb" converts; also palette, transparent (transparency is dropped) and
            CMYK images, which are refused otherwise. None keeps grey or RGB as it is, except that
            RGB images with equal channels throughout the set become grey.
        root: where torchvision's data sets lie.
        download: whether torchvision may fetch the data set.
        skip_corrupt: go on without images that cannot be read, and tell of them in `notes`.
        exif: turn the images of a folder as their EXIF orientation says, as viewers do. An
            ImageFolder is read as it is: torchvision does not turn them.
        cache: a folder for decoded images, for sources whose images are files. They are decoded
            once, and read from there where they are needed, so that memory never holds all of them:
            `ImageSet.images` is then a `StoredImages`. Changed files and a damaged cache are read
            again.
        progress: called as `progress(done, total)` while images are decoded for the cache.

    Raises:
        DataError: the images or labels cannot be used; the message names the file.
        ConfigError: an argument has a value that is not allowed.
        RunError: `cache` cannot be written, or lies among the images.

    Example:
        >>> digits = load_images("digits")
        >>> digits.size, len(digits), len(digits.test)
        ((8, 8), 1078, 719)
    """
    sides = check_size(size)
    check_mode(mode)
    kept = None
    if cache is not None:
        among = Inputs(images=image_folders("the images", source))
        check_output_folder(cache, {}, among, option="--cache")
        kept = Cache(Path(cache), progress)
    by_name = isinstance(source, str) and source.startswith(PREFIX)
    if not by_name and (root is not None or download):
        raise ConfigError(
            "root, download: given for a source that is not torchvision:NAME; allowed: for these"
            " alone; leave --root and --download out"
        )
    if cache is not None and isinstance(source, str | os.PathLike) and not Path(source).is_dir():
        raise no_cache(str(source))
    if by_name:
        return load_torchvision(
            source, size=sides, mode=mode, root=root, download=download, skip_corrupt=skip_corrupt
        )
    if isinstance(source, str) and source == DIGITS:
        digits = _load_digits(sides, mode)
        if not Path(DIGITS).is_dir():
            return digits
        note = "scikit-learn's digits are read; ./digits names the folder digits that is here"
        return replace(digits, notes=(note,))
    if not isinstance(source, str | os.PathLike):
        return load_dataset(source, size=sides, mode=mode, skip_corrupt=skip_corrupt, cache=kept)
    path = Path(source)
    if path.is_dir():
        return load_folder(
            path, size=sides, mode=mode, skip_corrupt=skip_corrupt, exif=exif, cache=kept
        )
    if path.is_file() and path.suffix.lower() == ".npz":
        return load_npz(path, size=sides, mode=mode)
    allowed = "allowed: a folder, an .npz file, 'torchvision:NAME' or 'digits'"
    if path.exists():
        raise DataError(f"{path}: neither a folder nor an .npz file; {allowed}; convert it")
    raise DataError(f"{source}: no such folder or file{_near(path)}; {allowed}; correct the path")


def _near(path: Path) -> str:
    """Return in brackets the path that exists and is spelled nearly like `path`, or nothing."""
    wrong = path
    while not wrong.parent.is_dir() and wrong.parent != wrong:
        wrong = wrong.parent  # the first part of the path that is not there
    if not wrong.parent.is_dir():
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
