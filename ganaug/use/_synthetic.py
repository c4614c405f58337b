"""`SyntheticDataset`: generated items, each a function of seed, epoch and its index alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from ganaug.artifact.runtime import Generator
from ganaug.errors import ConfigError, DataError
from ganaug.images.class_names import classes_of
from ganaug.images.relabelled import by_name
from ganaug.randomness import checked_seed, stream, stream_seed
from ganaug.use._checks import checked_epoch
from ganaug.use._fetch import overrides_getitem
from ganaug.use._items import item_image, with_image
from ganaug.use._pixels import (
    check_image,
    num_images,
    pixels_of,
    read_pixels,
    replace_pixels,
)
from ganaug.use._shared import SharedState
from ganaug.use._signatures import refuse_nothing_returned
from ganaug.use._sources import (
    check_label,
    check_repeatable,
    describe_item,
    item_position,
    label_key_of,
    labels_of,
    named,
    refuse_nothing,
    size_of,
)
from ganaug.use.class_map import class_map, refuse_unclear
from ganaug.use.generate import generate, open_generator
from ganaug.use.marks import refuse_marks
from ganaug.use.policy import Counts, added_counts, can_make, class_probabilities, tell_counts
from ganaug.wording import first_names

__all__ = ["SyntheticDataset"]

PIXELS_AT_ONCE = 8 * 10**6  # of the images that are generated together

# torch has one generator for all threads: a transform has it to itself, or threads that read at
# once would draw from each other's streams. Reentrant, since a transform may read another item.
_drawing = threading.RLock()


def _after_fork() -> None:
    global _drawing
    _drawing = threading.RLock()  # another thread of the parent may have held it


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_after_fork)


class SyntheticDataset(Dataset[Any]):
    """Generated images with labels, as a map-style data set.

    Items are ordered by class. Item i is a function of (seed, epoch, i) alone: which image of its
    class is varied, drawn evenly from the source, and with which latent. So its bytes are the same
    for any number of workers, order and batch size, on one machine with the same versions, on the
    CPU provider. With a class generator the drawn source image gives type and size, and is
    replaced.

    An item is the source's item with its image exchanged: (image, label), or a dictionary. Image
    and label have the types that the source yields (PIL in, PIL out). Without a source: uint8
    tensor [C, H, W] in 0..255 of the trained size, and an int. Labels are indices of `classes`.

    Args:
        artifact: path of an exported file, run on the CPU, or a `Generator`.
        source: what is varied; a variation generator needs it. A map-style data set without any
            random transform, of (image, label), or of mappings with one image and a key like
            "label", as those of Hugging Face. Images are single, as `GANAugment` takes them. Its
            `.classes` are matched with the artifact's by name, also where the parts of a
            ConcatDataset have different ones; without `.classes` labels are indices of the
            artifact's. They are read from `.targets`, `.labels` or `.tensors[1]`; a data set with
            none of these is iterated once, which loads every image.
        counts: images *added*. "balance": up to the largest class; a number: in all, to the
            smallest classes first; {class: number}; "auto": by the policy, none without one. Of n
            images that are varied with probability p that is round(n * p / (1 - p)); n counts the
            source's images, else the training images, and p is that of `GANAugment`.
        seed: of all that is drawn.
        transform: function of the image, called after generation. What it draws from torch is
            repeatable; what it draws from `random` or numpy is not.

    Attributes:
        classes: class names by label.
        class_to_idx: {class name: label}.
        targets: label of each item.
        counts: int64 [classes], images added of each class.
        source: the source, or None; labels of a ConcatDataset are indices of `classes`.
        label_key: that of the source, see `AugmentedDataset`.

    Raises:
        ArtifactError: the file is no artifact, or does not know a class of the source.
        ConfigError: an argument is not allowed, or masks, boxes or key points lie beside an image.
        DataError: the source yields no (image, label), changes between two reads (a few items are
            read twice here), or lacks images of a class; or it has no `.classes`, and those of the
            artifact are whole numbers out of order.
    """

    def __init__(
        self,
        artifact: str | os.PathLike[str] | Generator,
        source: Dataset[Any] | None = None,
        counts: Counts = "auto",
        seed: int = 0,
        transform: Callable[[Any], Any] | None = None,
    ) -> None:
        if transform is not None and not callable(transform):
            raise ConfigError(
                f"transform={transform!r:.60}; allowed: a function of the image, or None; pass a v2"
                " transform, such as v2.Compose([...])"
            )
        self.generator = open_generator(artifact)
        info, path = self.generator.info, self.generator.path
        if source is None and info.kind == "variation":
            raise ConfigError(
                f"source is missing, but {path} varies real images; allowed: a data set of"
                " (image, label); pass the training images as source="
            )
        if source is not None:
            size_of(source)  # refuses what is no data set
        self.source = None if source is None else by_name(source)
        self.label_key = None if source is None else label_key_of(self.source)
        self.seed, self.transform = checked_seed(seed), transform
        self._scale = info.scale
        own = None if source is None else classes_of(self.source)
        if own is None and source is not None:
            refuse_unclear(info.classes, "the source has no .classes", "give the source .classes")
        self.classes: list[str] = list(info.classes if own is None else own)
        self.class_to_idx = {name: label for label, name in enumerate(self.classes)}
        self._artifact_labels = class_map(self.classes, info, str(path))
        real = self._read_source()
        usable = can_make(info)[self._artifact_labels] & (real > 0)
        lacking, instead = "the source has none", "add at least one image of it to the source"
        if info.kind == "class":
            lacking = f"{path} saw none in its training, or {lacking}"
            instead = "fit again with images of it"
        policy = info.policy
        added = added_counts(
            counts,
            real,
            None
            if policy is None
            else class_probabilities(None, policy, info, str(path))[self._artifact_labels],
            self.classes,
            usable,
            f"{lacking}; allowed: 0; {instead}",
        )
        if isinstance(counts, str):
            short = np.flatnonzero(~usable & (real < real.max(initial=0)))
            tell_counts(counts, policy, [self.classes[i] for i in short], lacking, str(path))
        self.counts = added
        self._ends = np.cumsum(added)
        self._state = SharedState()

    def _read_source(self) -> NDArray[np.int64]:
        """Check the source, index its items by class, and return the images of each class."""
        if self.source is None:
            return np.asarray(self.generator.info.counts, np.int64)
        labels = labels_of(self.source)
        if len(labels) and labels.max() >= len(self.classes):
            raise DataError(
                f"the source has the label {labels.max()}; allowed: 0 to {len(self.classes) - 1}"
                f" ({first_names(self.classes, form=repr)}); give it the .classes that its labels"
                " count through"
            )
        check_repeatable(self.source, labels)
        real = np.bincount(labels, minlength=len(self.classes)).astype(np.int64)
        self._by_class = np.argsort(labels, kind="stable")
        self._starts = np.cumsum(real) - real
        self._real = real
        return real

    @cached_property
    def targets(self) -> list[int]:
        """Label of each item; made when it is first asked for, as there may be very many."""
        found: list[int] = np.repeat(np.arange(len(self.counts)), self.counts).tolist()
        return found

    def label_of(self, index: int) -> int:
        """Return the label of the item at `index`, from 0 up."""
        return int(np.searchsorted(self._ends, index, side="right"))

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> Any:
        self.count_reads(1, len(self))
        return self.items_at([item_position(index, len(self))])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return the items at `indices`, the generator run once for images of one size."""
        if overrides_getitem(self):
            return [self[i] for i in indices]
        self.count_reads(len(indices), len(self))
        return self.items_at([item_position(index, len(self)) for index in indices])

    def set_epoch(self, epoch: int) -> None:
        """Set which variations the items are; call it before `iter(loader)`.

        Reaches running workers, persistent ones too. Items that a worker prefetched keep the epoch
        they were made in.
        """
        self._state.epoch = checked_epoch(epoch)

    @property
    def epoch(self) -> int:
        """The epoch that was set, 0 at first."""
        return self._state.epoch

    @property
    def enabled(self) -> bool:
        """False: items are their source's images as they are. Reaches running workers."""
        return self._state.enabled

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        if not enabled and self.source is None:
            raise ConfigError(
                "enabled=False on generated images without a source, which have no real image to"
                " show; allowed: True; pass source=, or leave this data set out"
            )
        self._state.enabled = bool(enabled)

    def count_reads(self, items: int, length: int) -> None:
        """Note that `items` of a data set of `length` were read; two passes in an epoch warn."""
        if self._state.enabled and items and len(self):
            self._state.count(items, length)

    def items_at(self, positions: list[int]) -> list[Any]:
        """Return the items at `positions`, 0 to length - 1, without counting them as read."""
        return list(self.each(positions))

    def each(self, positions: list[int]) -> Iterator[Any]:
        """Yield what `items_at` returns; at a time few large images are held, or many small."""
        epoch, enabled = self._state.epoch, self._state.enabled
        begun: list[tuple[int, Any, NDArray[np.float32]]] = []
        pixels = 0
        for i in positions:
            at, latent = self._draw(i, epoch)
            begun.append((i, self._template(i, at), latent))
            pixels += pixels_of(item_image(begun[-1][1]))
            if pixels >= PIXELS_AT_ONCE:
                yield from self._ended(begun, epoch, enabled)
                begun, pixels = [], 0
        yield from self._ended(begun, epoch, enabled)

    def _ended(
        self, begun: list[tuple[int, Any, NDArray[np.float32]]], epoch: int, enabled: bool
    ) -> Iterator[Any]:
        """Yield items from their positions, what the source has there, and their latents."""
        positions, items = [i for i, _, _ in begun], [item for _, item, _ in begun]
        if enabled:
            items = self._generated(positions, items, [latent for _, _, latent in begun])
        transform = self.transform
        for i, item in zip(positions, items, strict=True):
            if transform is None:
                yield item
            else:
                image = self._transformed(transform, i, epoch, item_image(item))
                yield with_image(item, image)

    def ungenerated(self) -> Any:
        """Return item 0 with its source's image: of the type of all items, and quickly made."""
        epoch = self._state.epoch
        at, latent = self._draw(0, epoch)
        return next(self._ended([(0, self._template(0, at), latent)], epoch, enabled=False))

    def source_of(self, index: int) -> int | None:
        """Return which item of the source the item at `index` varies; None without a source."""
        return self._draw(index, self.epoch)[0]

    def _draw(self, index: int, epoch: int) -> tuple[int | None, NDArray[np.float32]]:
        """Return the position of the source image (None without a source) and the latent."""
        random = stream(self.seed, "synthetic", epoch, index)
        at = None
        if self.source is not None:
            label = self.label_of(index)
            member = self._starts[label] + random.integers(self._real[label])
            at = int(self._by_class[member])
        latent = random.standard_normal(self.generator.info.latent_dim, np.float32)
        return at, latent * np.float32(self._scale)

    def _template(self, index: int, at: int | None) -> Any:
        """Return the source's item, or a black image with the label where there is no source."""
        if self.source is None or at is None:
            info = self.generator.info
            empty = torch.zeros((info.channels, *info.size), dtype=torch.uint8, device="cpu")
            return empty, self.label_of(index)
        source = self.source

        def where() -> str:
            return f"{self._name([index])}, {describe_item(source, at)}"

        with named(where):
            item = source[at]
        with named(lambda: self._name([index])):
            refuse_nothing(item, source, at)
        with named(where):
            copied = with_image(item, item_image(item))  # what the source may keep stays
        refuse_marks(item, where())
        check_label(item, source, at, self.label_of(index))
        return copied

    def _generated(
        self, positions: list[int], items: list[Any], latents: list[NDArray[np.float32]]
    ) -> list[Any]:
        """Return the items with generated images; those of one size share a call."""
        pixels = []
        for i, item in zip(positions, items, strict=True):
            with named(lambda i=i: self._name([i])):  # type: ignore[misc]
                pixels.append(self._pixels(item_image(item)))
        groups: dict[tuple[int, ...], list[int]] = {}
        for place, array in enumerate(pixels):
            groups.setdefault(array.shape, []).append(place)
        result: list[Any] = list(items)
        for places in groups.values():
            labels = np.array([self.label_of(positions[k]) for k in places], np.int64)
            with named(lambda places=places: self._name([positions[k] for k in places])):  # type: ignore[misc]
                made = generate(
                    self.generator,
                    np.concatenate([pixels[k] for k in places]),
                    np.stack([latents[k] for k in places]),
                    self._artifact_labels[labels],
                    singly=not self.generator.info.batch_exact,
                )
            for k, image in zip(places, made, strict=True):
                like = item_image(items[k])
                result[k] = with_image(items[k], replace_pixels(like, image[None]))
        return result

    def _pixels(self, image: Any) -> NDArray[np.float32]:
        check_source_image(image)
        return read_pixels(image)

    def _transformed(
        self, transform: Callable[[Any], Any], index: int, epoch: int, image: Any
    ) -> Any:
        random = torch.default_generator
        with _drawing:
            state = random.get_state()
            random.manual_seed(stream_seed(self.seed, "synthetic transform", epoch, index))
            try:
                with named(lambda: self._name([index])):
                    found = transform(image)
                    refuse_nothing_returned(transform, image, found)
                    return found
            finally:
                random.set_state(state)

    def _name(self, positions: list[int]) -> str:
        shown = ", ".join(str(i) for i in positions[:8]) + (" ..." if len(positions) > 8 else "")
        kinds = sorted({self.classes[self.label_of(i)] for i in positions})
        items = "item" if len(positions) == 1 else "items"
        return f"{self.generator.path}: generated {items} {shown} ({first_names(kinds, 3, repr)})"


def check_source_image(image: Any) -> None:
    """Refuse a source image that is no single image, or that cannot be varied."""
    if not hasattr(image, "mode") and not isinstance(image, torch.Tensor):
        raise DataError(
            f"an image of type {type(image).__name__}; allowed: PIL images or tensors [C, H, W];"
            " convert it with v2.ToImage() in the source's transform"
        )
    check_image(image)
    if num_images(image) is not None:
        raise DataError(
            f"an image of shape {list(image.shape)}; allowed: [C, H, W]; give a source of single"
            " images and let the DataLoader make the batches"
        )
