"""Data sets: generated items, generated beside real ones, and a transform that sees the label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from torch import nn
from torch.utils.data import Dataset, StackDataset

from ganaug.errors import ConfigError, DataError
from ganaug.images.class_names import classes_of, same_names
from ganaug.images.relabelled import by_name
from ganaug.images.wrappers import parts_of
from ganaug.randomness import undisturbed
from ganaug.use._checks import checked_epoch
from ganaug.use._containers import for_classes
from ganaug.use._fetch import fetch, overrides_getitem
from ganaug.use._items import kind_of
from ganaug.use._signatures import (
    refuse_first_version,
    refuse_nothing_returned,
    refuse_other_arguments,
)
from ganaug.use._sources import (
    Wrapper,
    describe_item,
    item_position,
    label_key_of,
    labels_of,
    named,
    refuse_nothing,
    size_of,
)
from ganaug.use._synthetic import SyntheticDataset
from ganaug.use.class_map import refuse_unclear

__all__ = ["AugmentedDataset", "MixedDataset", "SyntheticDataset"]


class MixedDataset(Wrapper):
    """Real items followed by generated ones.

    Args:
        real: map-style data set of (image, label), untransformed where `synthetic` has no
            transform. (Wrap the mixture in `AugmentedDataset` to transform both alike.) It may be a
            MixedDataset, so that several generators work in one pipeline.
        synthetic: the generated items, usually with `source=real`.

    Attributes:
        real: the real items; their labels are indices of `.classes`.
        synthetic: the generated items.
        label_key: that of `real`, see `AugmentedDataset`.

    Raises:
        DataError: the class names differ, or the types of the first items: PIL images beside
            tensors, or tensors of two dtypes; or `real` has no class names, and those of
            `synthetic` are whole numbers out of order; or, when read, a real item has another label
            than `targets` told.
    """

    def __init__(self, real: Dataset[Any], synthetic: SyntheticDataset) -> None:
        if not isinstance(synthetic, SyntheticDataset):
            raise ConfigError(
                f"synthetic is a {type(synthetic).__name__}; allowed: a SyntheticDataset; build one"
                " from the artifact, with source= the real data set"
            )
        self._num_real = size_of(real)
        self.real, self.synthetic = by_name(real), synthetic
        own = classes_of(self.real)
        if own is not None and not same_names(own, synthetic.classes):
            raise DataError(
                f"the real data set has the classes {list(own)}, the generated one"
                f" {synthetic.classes}; allowed: equal ones; pass source= the real data set to"
                " SyntheticDataset"
            )
        if own is None:
            instead = "give the real data set .classes"
            refuse_unclear(synthetic.classes, "the real data set has no .classes", instead)
        self._class_names = tuple(synthetic.classes)
        self.label_key = label_key_of(self.real)
        self._check_kind()

    def _check_kind(self) -> None:
        """Refuse items that do not go into one batch, or that have images of two ranges."""
        made = self.synthetic
        is_source = made.source is self.real and made.transform is None
        if is_source or overrides_getitem(made) or not self._num_real or not len(made):
            return
        with undisturbed():
            refuse_nothing(first := self.real[0], self.real, 0)
            found, own = kind_of(first), kind_of(made.ungenerated())
        if found != own:
            raise DataError(
                f"the real data set yields {found}, the generated one {own}; allowed: one type;"
                " pass source= the real data set to SyntheticDataset, or one that yields the same"
            )

    def __len__(self) -> int:
        return self._num_real + len(self.synthetic)

    def locate(self, position: int) -> tuple[Any, int]:
        """Return the data set inside and the position there of the item at `position`."""
        if position < self._num_real:
            return self.real, position
        return self.synthetic, position - self._num_real

    def __getitem__(self, index: int) -> Any:
        at = item_position(index, len(self))
        dataset, position = self.locate(at)
        self.synthetic.count_reads(1, len(self))
        if dataset is self.synthetic:
            return self._made([position])[0]
        item = dataset[position]
        self._check_item(at, item, dataset, position)
        return item

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return the items at `indices`, the generator run once for images of one size."""
        if overrides_getitem(self):
            return [self[i] for i in indices]
        positions = [item_position(index, len(self)) for index in indices]
        self.synthetic.count_reads(len(positions), len(self))
        real = [i for i in positions if i < self._num_real]
        made = [i - self._num_real for i in positions if i >= self._num_real]
        items = fetch(self.real, real) if real else []
        for at, item in zip(real, items, strict=True):
            self._check_item(at, item, self.real, at)
        found_real = iter(items)
        found_made = iter(self._made(made) if made else [])
        return [next(found_real if i < self._num_real else found_made) for i in positions]

    def _made(self, positions: list[int]) -> list[Any]:
        """Return generated items; a pass is over the mixture, whatever a sampler repeats."""
        if overrides_getitem(self.synthetic):
            return fetch(self.synthetic, positions)
        return self.synthetic.items_at(positions)

    @cached_property
    def targets(self) -> list[int]:
        """Label of each item, the real ones first; see `SyntheticDataset` for how they are read."""
        return [*labels_of(self.real).tolist(), *self.synthetic.targets]

    def set_epoch(self, epoch: int) -> None:
        """Set which variations the generated items are; call it before `iter(loader)`.

        Reaches running workers, persistent ones too, and the data sets inside `real`.
        """
        _set_epoch(self.synthetic, checked_epoch(epoch))
        _set_epoch(self.real, epoch)

    @property
    def enabled(self) -> bool:
        """False: generated items show their source's image as it is. Reaches running workers.

        The length stays. For `real`, where that is a MixedDataset too, set it there.
        """
        return self.synthetic.enabled

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self.synthetic.enabled = enabled


class AugmentedDataset(Wrapper):
    """A data set with a transform that sees image and label together.

    torchvision's data sets hand their `transform` the image alone. This calls
    `transform(image, label)`, so that `GANAugment` knows the class. Each `GANAugment` in a
    Compose, RandomApply, RandomChoice, RandomOrder or nn.Sequential is set to the `.classes` of
    the data set, matched by name. One inside a function of your own needs `for_classes` by hand.
    Transforms of torchvision's first version take the image alone and are refused: use those of
    torchvision.transforms.v2, which have the same names.

    Args:
        dataset: map-style data set of (image, label, ...). Its `.classes`, `.class_to_idx`,
            `.targets`, `set_epoch` and `.enabled` are forwarded, the last two also through Subset,
            ConcatDataset and StackDataset. Where the parts of a ConcatDataset have different
            `.classes`, their labels are mapped by name.
        transform: called with the parts of the item, `transform(*item)`, or with the item itself
            where that is no tuple or list (a dict) or the transform is an nn.Sequential. Returns
            the new item. Each item is transformed by itself.

    Attributes:
        dataset: the data set inside; its labels are indices of `.classes`.
        transform: the transform, set to the classes.
        label_key: key of the label in items that are mappings, None where it is found by its name.

    Raises:
        ArtifactError: an artifact in the transform does not know a class of the data set.
        ConfigError: the transform is no function, or takes the image without its label (a function
            of your own is called first, with an item).
        DataError: the data set is not of the map style, or its class names cannot be told; or, when
            read, an item has another label than `targets` says.
    """

    def __init__(self, dataset: Dataset[Any], transform: Callable[..., Any]) -> None:
        if not callable(transform):
            raise ConfigError(
                f"transform={transform!r}; allowed: a function of image and label; pass a v2"
                " transform such as v2.Compose([GANAugment(...), v2.RandAugment()])"
            )
        refuse_first_version(transform)
        self._length = size_of(dataset)
        self.dataset = by_name(dataset)
        self._class_names = classes_of(self.dataset)
        self.label_key = label_key_of(self.dataset)
        self.transform = transform
        if self._class_names is not None or self.label_key is not None:
            self.transform = for_classes(transform, self._class_names, self.label_key)

    def __len__(self) -> int:
        return self._length

    def locate(self, position: int) -> tuple[Any, int]:
        """Return the data set inside and the position there of the item at `position`."""
        return self.dataset, position

    def __getitem__(self, index: int) -> Any:
        position = item_position(index, self._length)
        return self._transformed(position, self.dataset[position])

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Return the items at `indices`, fetched together and transformed one by one."""
        if overrides_getitem(self):
            return [self[i] for i in indices]
        positions = [item_position(index, self._length) for index in indices]
        items = fetch(self.dataset, positions)
        return [self._transformed(i, item) for i, item in zip(positions, items, strict=True)]

    def _transformed(self, index: int, item: Any) -> Any:
        self._check_item(index, item, self.dataset, index)
        with named(lambda: describe_item(self.dataset, index)):
            whole = isinstance(self.transform, nn.Sequential)
            parts = isinstance(item, (tuple, list)) and len(item) >= 2 and not whole
            try:
                found = self.transform(*item) if parts else self.transform(item)
            except (TypeError, AttributeError, DataError) as error:
                if parts and isinstance(error, TypeError):
                    refuse_other_arguments(self.transform, len(item), error)
                refuse_nothing_returned(self.transform, item, None, error)
                raise
            refuse_nothing_returned(self.transform, item, found)
            return found

    @cached_property
    def targets(self) -> list[int]:
        """Label of each item; see `SyntheticDataset` for how they are read."""
        return [int(label) for label in labels_of(self.dataset)]

    def set_epoch(self, epoch: int) -> None:
        """Forward to the data sets inside that have a `set_epoch`, also through Subset."""
        _set_epoch(self.dataset, checked_epoch(epoch))

    @property
    def enabled(self) -> bool:
        """Whether all data sets inside show generated items, also through Subset.

        An AttributeError where none has any.
        """
        return all(part.enabled for part in self._switchable())

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        for part in self._switchable():
            part.enabled = enabled

    def _switchable(self) -> list[Any]:
        found = _with_enabled(self.dataset)
        if not found:
            raise AttributeError(f"{type(self.dataset).__name__} has no generated items to switch")
        return found


def _with_enabled(dataset: Any) -> list[Any]:
    """Return the data sets that can be switched: itself, else those inside it."""
    if hasattr(dataset, "enabled"):
        return [dataset]
    return [found for part in _inside(dataset) for found in _with_enabled(part)]


def _set_epoch(dataset: Any, epoch: int) -> None:
    if callable(getattr(dataset, "set_epoch", None)):
        dataset.set_epoch(epoch)
    for part in _inside(dataset):
        _set_epoch(part, epoch)


def _inside(dataset: Any) -> list[Any]:
    """Return the data sets inside one, also those whose items a StackDataset puts side by side."""
    if isinstance(dataset, StackDataset):
        parts = dataset.datasets
        return list(parts.values() if isinstance(parts, dict) else parts)
    return parts_of(dataset)
