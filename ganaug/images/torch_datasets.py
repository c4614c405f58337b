"""Image sets from torch data sets, among them torchvision's by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from ganaug.errors import DataError, did_you_mean, named_path
from ganaug.images._decoding import read_pixels
from ganaug.images._image_folder import files_of, groups_not_read
from ganaug.images._parts import class_names, none_read, with_test
from ganaug.images._pixels import (
    UNREADABLE,
    Damage,
    Header,
    choose_layout,
    picture_key,
    read_header,
    to_pillow,
)
from ganaug.images._reading import Reading, read_files
from ganaug.images.cache import entry_of, no_cache
from ganaug.images.class_names import classes_of
from ganaug.images.columns import Keyed
from ganaug.images.handed_on import check_handed_on
from ganaug.images.image_set import ImageSet
from ganaug.images.labels import check_range, label_number, refuse_truth
from ganaug.images.relabelled import by_name
from ganaug.images.source_kinds import TORCHVISION_PREFIX, as_data_set
from ganaug.images.wrappers import returned_by
from ganaug.wording import one_line

__all__ = [
    "check_dataset",
    "item_of",
    "load_dataset",
    "load_torchvision",
    "other_pixels",
    "torchvision_parts",
]

DEFAULT_ROOT = "data"

# How each data set names its official parts.
_BY_FLAG = ({"train": True}, {"train": False})
_BY_SPLIT = ({"split": "train"}, {"split": "test"})
_BY_TRAINVAL = ({"split": "trainval"}, {"split": "test"})
PARTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "CIFAR10": _BY_FLAG,
    "CIFAR100": _BY_FLAG,
    "EMNIST": _BY_FLAG,
    "FGVCAircraft": _BY_TRAINVAL,
    "FashionMNIST": _BY_FLAG,
    "Flowers102": _BY_SPLIT,
    "Food101": _BY_SPLIT,
    "GTSRB": _BY_SPLIT,
    "KMNIST": _BY_FLAG,
    "MNIST": _BY_FLAG,
    "OxfordIIITPet": _BY_TRAINVAL,
    "QMNIST": _BY_FLAG,
    "STL10": _BY_SPLIT,
    "SVHN": _BY_SPLIT,
    "USPS": _BY_FLAG,
}
EMNIST_SPLITS = ("balanced", "byclass", "bymerge", "digits", "letters", "mnist")


def load_torchvision(
    source: str, reading: Reading, *, root: str | os.PathLike[str] | None, download: bool
) -> ImageSet:
    """Load "torchvision:NAME" with its official training and test part. See `load_images`."""
    return _read(source, *torchvision_parts(source, root=root, download=download), reading)


def torchvision_parts(
    source: str, *, root: str | os.PathLike[str] | None, download: bool
) -> tuple[Any, Any]:
    """Return the official training and test part of "torchvision:NAME", as torchvision has them.

    Raises:
        DataError: there is no such data set, or it does not lie in `root`.
    """
    name, _, split = source.removeprefix(TORCHVISION_PREFIX).partition("/")
    if name not in PARTS:
        same = [known for known in PARTS if known.lower() == name.lower()]
        near = f" (did you mean {same[0]!r}?)" if same else did_you_mean(name, PARTS)
        raise DataError(
            f"{source}: no data set {name!r}{near}; allowed: {', '.join(PARTS)}; choose one of them"
        )
    extra: dict[str, Any] = {}
    if name == "EMNIST":
        extra["split"] = split or EMNIST_SPLITS[0]
    if (split and name != "EMNIST") or extra.get("split", "mnist") not in EMNIST_SPLITS:
        raise DataError(
            f"{source}: no part {split!r}{did_you_mean(split, EMNIST_SPLITS)}; allowed:"
            f" torchvision:EMNIST/ with {', '.join(EMNIST_SPLITS)}; correct or leave out"
            f" '/{split}'"
        )
    from torchvision import datasets

    folder = named_path(DEFAULT_ROOT if root is None else root)
    try:
        train, test = (
            getattr(datasets, name)(root=folder, download=download, **part, **extra)
            for part in PARTS[name]
        )
    except (OSError, RuntimeError) as error:
        reason = one_line(error)
        if download:
            raise DataError(
                f"{source}: cannot be downloaded to {folder} ({reason}); allowed: a folder that"
                " can be written and a network; try again, or name a folder that holds it with"
                " --root"
            ) from error
        raise DataError(
            f"{source}: not found in {folder} ({reason}); allowed: a folder that torchvision"
            " downloaded it to; name that with --root, or fetch it with --download"
        ) from error
    return train, test


def load_dataset(dataset: Any, reading: Reading) -> ImageSet:
    """Load a map-style data set of (image, label). See `load_images`.

    An ImageFolder without transforms, or a part of it, is read from its files, so that it is the
    same data, with the same content keys and groups, as its folder, but for the EXIF orientation,
    which torchvision does not follow. It alone has a use for a cache.
    """
    name = check_dataset(dataset)
    listed = files_of(dataset)
    if listed is not None:
        return read_files(
            str(listed.root),
            listed.classes,
            listed.files,
            [],
            replace(reading, exif=False, as_rgb=reading.mode is None),
            notes=listed.notes,
            entry=None if listed.is_whole else entry_of(listed.root, listed.classes, listed.files),
        )
    if reading.cache is not None:
        raise no_cache(name)
    counted = by_name(dataset)
    check_handed_on(dataset, range(len(dataset)))
    images = _read(name, counted, None, reading)
    return replace(images, notes=(*groups_not_read(dataset), *images.notes))


def check_dataset(dataset: Any) -> str:
    """Return what to call a data set.

    Raises:
        DataError: it is none, or has no items.
    """
    from torch.utils.data import IterableDataset

    name = type(dataset).__name__
    has_items = hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")
    inner = dataset.dataset if isinstance(dataset, Keyed) else dataset
    is_column = type(inner).__module__.partition(".")[0] == "pandas"
    if is_column or (isinstance(inner, Mapping) and 0 not in inner):
        raise DataError(
            f"{type(inner).__name__}: columns without a table; allowed: a DataFrame with a row for"
            " each image; make one with pandas.DataFrame"
        )
    if not has_items or isinstance(dataset, IterableDataset):  # which inherits a `__getitem__`
        raise DataError(
            f"{name}: not a source of images; allowed: a folder, an .npz file, a table, 'hf:PATH',"
            " 'torchvision:NAME', 'digits' or a map-style data set of (image, label); give one of"
            " these"
        )
    if not len(dataset):
        raise DataError(f"{name}: holds no items; allowed: one or more; give one that has images")
    return name


def _read(source: str, train: Any, test: Any | None, reading: Reading) -> ImageSet:
    """Read each item twice: for sizes, modes and labels, then for the pixels, which must be equal.

    Memory so holds the images at the training size alone, whatever their size in the data set.
    The content key of an image is the hash of its pixels as the data set gives them.
    """
    damage, named = Damage(reading.skip_corrupt), classes_of(train)
    items: list[tuple[Any, int]] = []
    headers: list[Header] = []
    keys: list[int] = []
    found: list[int] = []
    num_train = 0
    for dataset, word in ((train, ""), (test, " (test)")):
        for index in range(0 if dataset is None else len(dataset)):
            where = f"{source}[{index}]{word}"
            try:
                image, label = item_of(dataset, index, where, len(named or ()))
            except (OSError, SyntaxError) as error:
                damage.found(where, error)
                continue
            header = read_header(image, where)
            try:
                keys.append(picture_key(image))
            except UNREADABLE as error:
                damage.found(where, error)
                continue
            items.append((dataset, index))
            headers.append(header)
            found.append(label)
            num_train += dataset is train
    if not num_train:
        raise none_read(source)
    labels = np.array(found, dtype=np.int64)
    classes = class_names(source, labels[:num_train], named)
    check_range(labels, len(classes), where=source)

    def load(at: int) -> tuple[Image.Image, int, int]:
        dataset, index = items[at]
        image, _ = item_of(dataset, index, headers[at].name)
        if picture_key(image) != keys[at]:
            raise other_pixels(headers[at].name)
        return image, keys[at], keys[at]

    layout = choose_layout(headers, reading.size, reading.mode)
    pixels = read_pixels(
        headers,
        load,
        layout,
        damage,
        keep_rgb=reading.mode == "rgb",
        progress=reading.progress,
    )

    def part(rows: slice) -> ImageSet:
        return ImageSet(
            images=pixels.images[rows],
            labels=labels[pixels.kept[rows]],
            classes=classes,
            keys=pixels.keys[rows],
            pixel_keys=pixels.pixel_keys[rows],
            source=source,
            unnamed=named is None,
        )

    split = int(np.searchsorted(pixels.kept, num_train))
    training = part(slice(0, split))
    rest = None if test is None else part(slice(split, None))
    return with_test(training, rest, (*layout.notes, *damage.notes))


def other_pixels(name: str) -> DataError:
    """Return the error of an item whose image differs each time it is read."""
    return DataError(
        f"{name}: gives other pixels each time it is read; allowed: images as they are; give the"
        " data set without random transforms"
    )


def item_of(dataset: Any, index: int, where: str, num_classes: int = 0) -> tuple[Image.Image, int]:
    """Return item `index` as a Pillow image and a label, or raise `DataError`.

    Args:
        dataset: map-style.
        index: of the item.
        where: what messages call it.
        num_classes: how many names the data set has for labels.
    """
    item = dataset[index]
    if isinstance(item, Mapping):
        raise DataError(
            f"{where}: {type(item).__name__} of {', '.join(map(repr, item)) or 'nothing'}; allowed:"
            " a pair (image, label); name the keys of both with image= and label="
        )
    if not (isinstance(item, tuple | list) and len(item) == 2):
        raise DataError(
            f"{where}: {type(item).__name__}; allowed: a pair (image, label);"
            f" {as_data_set(dataset) or 'change the data set'}"
        )
    image, label = item
    refuse_truth(label, num_classes, where)
    number = label_number(label)
    if number is None:
        shown = label.item() if isinstance(label, np.ndarray) and label.size == 1 else label
        raise DataError(
            f"{where}: label {shown!r}; allowed: a whole number from 0; change the data set"
        )
    if image is None:
        raise DataError(
            f"{where}: None in place of an image{returned_by(dataset, index)}; allowed: a PIL"
            " image, or a tensor [C, H, W]; return one"
        )
    return _image(image, where), number


def _image(image: Any, where: str) -> Image.Image:
    """Return a Pillow image as it is, and a tensor uint8 or float in 0..1, [C, H, W] or [H, W]."""
    import torch

    if isinstance(image, Image.Image):
        return image
    if not isinstance(image, torch.Tensor):
        raise DataError(
            f"{where}: image of type {type(image).__name__}; allowed: a PIL image, or a tensor"
            " [C, H, W], uint8 or float in 0..1; convert it"
        )
    pixels = image.detach().cpu()
    if pixels.ndim == 2:
        pixels = pixels[None]
    if pixels.ndim != 3 or pixels.shape[0] not in (1, 3) or not pixels.numel():
        raise DataError(
            f"{where}: image of shape {list(image.shape)}; allowed: [C, H, W] with C = 1 or 3,"
            " and pixels; change the data set"
        )
    if pixels.is_floating_point():
        low, high = float(pixels.min()), float(pixels.max())
        # A little beyond, as after a resize, is rounding; more is another range.
        if not (low >= -1e-3 and high <= 1 + 1e-3):
            values = "NaN" if np.isnan(low) else f"values from {low:.3g} to {high:.3g}"
            raise DataError(
                f"{where}: {values}; allowed: float images in 0..1; give the data set without"
                " Normalize, or as uint8"
            )
        pixels = (pixels.clamp(0, 1) * 255).round().to(torch.uint8)
    if pixels.dtype != torch.uint8:
        raise DataError(
            f"{where}: image of type {pixels.dtype}; allowed: uint8, or float in 0..1; convert it"
        )
    return to_pillow(pixels.permute(1, 2, 0).numpy())
