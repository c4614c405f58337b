"""Which images of a source a generator was fitted on, found again without decoding them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.format import Metadata
from ganaug.artifact.runtime import Generator
from ganaug.errors import ArtifactError, ConfigError
from ganaug.images import ImageSet
from ganaug.images.columns import Columns
from ganaug.images.grouping import group_numbers
from ganaug.images.originals import Originals, Readable, originals, readable
from ganaug.images.source_kinds import kind_of
from ganaug.images.sources import remembered_columns
from ganaug.progress import Progress
from ganaug.use._sources import label_key_of, size_of
from ganaug.use.generate import open_generator

if TYPE_CHECKING:
    from torch.utils.data import Dataset, Subset

__all__ = ["Compared", "compared", "held_out_split", "merged_as_trained"]


class Compared(NamedTuple):
    """What `compared` found of the training images of a source.

    `fingerprint`: hash of them, as they are turned, with labels, classes and order. `images`: those
    that can be read. `held_out`: bool [N], which of these `fit` held out; None where the generator
    was fitted on other images.
    """

    fingerprint: str
    images: Readable
    held_out: NDArray[np.bool_] | None

    @property
    def count_held_out(self) -> int:
        """How many of the images `fit` held out."""
        return 0 if self.held_out is None else int(self.held_out.sum())

    def without_held_out(self) -> Readable:
        """Return the images that were not held out."""
        if self.held_out is None:
            return self.images
        return self.images.take(np.flatnonzero(~self.held_out))


def merged_as_trained(images: ImageSet, info: Metadata) -> ImageSet:
    """Return all `images`, as one class where the generator was trained without labels."""
    if info.config.get("conditional", True):
        return images
    return images.merged(info.classes[0])


def compared(
    source: Any,
    info: Metadata,
    *,
    root: str | None = None,
    exif: bool = True,
    skip_corrupt: bool = False,
    image: str | None = None,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    progress: Progress | None = None,
) -> Compared:
    """Compare the images of `source`, as `load_images` reads them, with those of a generator.

    Each file is read once, and again where these are others, which may be turned in another way. It
    is decoded only with `skip_corrupt`, or where equal pixels may decide which fifth was held out.
    Images of one class alone are never those.

    Args:
        source: anything that `load_images` takes.
        info: the generator's.
        root, exif, skip_corrupt, image, label, group, split: as for `load_images`.
        progress: called as `progress(done, total)` while the images are read.

    Raises:
        DataError: there is no such source, or an image cannot be read.
    """
    columns = Columns(image, label, group, split)
    found = originals(source, root=root, exif=exif, columns=columns, missing=skip_corrupt)
    images = readable(found, skip_corrupt=skip_corrupt, progress=progress)
    digest = hashlib.sha256("\0".join(found.classes or ()).encode())
    digest.update(images.keys.astype("<u8").tobytes())
    digest.update(images.labels.astype("<i8").tobytes())
    return Compared(digest.hexdigest(), images, _held_out(found, images, info))


def held_out_split(
    artifact: str | os.PathLike[str] | Generator,
    dataset: Dataset[Any],
    *,
    image: str | None = None,
    label: str | None = None,
    group: str | None = None,
) -> tuple[Subset[Any], Subset[Any]]:
    """Split a data set as `fit` did: what the generator was fitted on, and what was held out.

    For images without a test part, of which `fit` holds out a fifth. Photographs that `fit` turned
    as their EXIF says are found, though torchvision's ImageFolder does not turn them.

    Args:
        artifact: path of an exported file, or a `Generator`.
        dataset: all the images that `fit` was given, as a data set that `load_images` takes, such
            as torchvision's ImageFolder, without a transform; of Hugging Face one part.
        image, label, group: the keys of items that are dictionaries, as for `load_images`. None: of
            Hugging Face's those that the file remembers.

    Returns:
        (training part, held-out part), two `torch.utils.data.Subset` of `dataset`.

    Raises:
        ArtifactError: the generator was fitted on all images, or on others.
        ConfigError: `dataset` is a path, a table or an `ImageSet`.
        DataError: `dataset` is no data set of single items, or an image cannot be read.

    Examples:
        >>> train, held_out = held_out_split("photos.onnx", real)  # doctest: +SKIP
        >>> labels = [real.targets[at] for at in train.indices]  # doctest: +SKIP
    """
    from torch.utils.data import Subset

    if isinstance(dataset, str | os.PathLike | ImageSet):
        raise ConfigError(
            f"dataset={dataset!r:.60}; allowed: a data set such as torchvision's ImageFolder; of"
            " images at the size of fit, load_images(...).hold_out() is the training part, and its"
            " .test the other"
        )
    if kind_of(dataset) == "table":
        raise ConfigError(
            f"dataset: a {type(dataset).__name__}, whose rows are no items, and the split goes by"
            " the bytes of the files; allowed: a data set that reads these, such as an ImageFolder;"
            " to use a table, name the part of each row in a column before fit"
        )
    size_of(dataset)
    label_key_of(dataset)  # these refuse what is no map-style data set
    generator = open_generator(artifact)
    columns: dict[str, Any] = {"image": image, "label": label, "group": group}
    if not any(columns.values()):
        columns |= remembered_columns(dataset, generator.info.data)
    found = compared(dataset, generator.info, **columns)
    held = found.held_out
    if held is None or not found.count_held_out:
        said = "fitted on all of these images"
        if held is None:
            said = "not fitted on these images, or they were read in another way"
        raise ArtifactError(
            f"{generator.path}: {said}; allowed: all the images that fit was given when it held a"
            " fifth out, those of a folder as an ImageFolder without transforms; give those, or"
            " judge on a test part of your own"
        )
    rows = [np.flatnonzero(part).tolist() for part in (~held, held)]
    return Subset(dataset, rows[0]), Subset(dataset, rows[1])


def _held_out(found: Originals, read: Readable, info: Metadata) -> NDArray[np.bool_] | None:
    """bool [N]: which of the images that were read `fit` held out; None where it had others.

    `fit` may have turned them as EXIF says where here they are not, or the other way round.
    """
    images = ImageSet(
        np.zeros((len(read.items), 1, 1, 1), np.uint8),  # nobody looks at them
        read.labels,
        read.classes,
        groups=group_numbers([item.group for item in read.items]),
        keys=read.keys,
    )
    # In a source with a test part nothing is held out.
    whole = any(item.test for item in found.items) or not info.data.get("held_out")
    ways = [images]
    held = _held_out_of(images, info, whole)
    if held is None and len(images) / 2 <= sum(info.counts) <= len(images):
        other = replace(images, keys=read.other_keys())
        if (other.keys != images.keys).any():
            ways.append(other)
            held = _held_out_of(other, info, whole)
    if held is not None or whole or not len(images) / 2 <= sum(info.counts) < len(images):
        return held
    # Images of equal pixels were held out together, which only decoding tells.
    pixels = read.pixel_keys()
    each = (_held_out_of(replace(way, pixel_keys=pixels), info, whole) for way in ways)
    return next((held for held in each if held is not None), None)


def _held_out_of(images: ImageSet, info: Metadata, whole: bool) -> NDArray[np.bool_] | None:
    """bool [N]: which of the images with such keys `fit` held out; `whole`: it can be none."""
    if _is_fitted(images, info):
        return np.zeros(len(images), np.bool_)
    held = images.to_hold_out
    if whole or not held.any():
        return None
    return held if _is_fitted(images.take(np.flatnonzero(~held)), info) else None


def _is_fitted(images: ImageSet, info: Metadata) -> bool:
    """Whether the generator was fitted on these very images."""
    return merged_as_trained(images, info).fingerprint == info.fingerprint
