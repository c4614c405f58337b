"""Which classes the labels of a data set mean: its names, and one count of labels for all parts."""

from __future__ import annotations

import copy
import inspect
import numbers
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import DataError
from ganaug.images.columns import Keyed, is_huggingface, label_column, label_names
from ganaug.images.image_set import first_names
from ganaug.wording import whole_number

__all__ = [
    "Relabelled",
    "alike_noted",
    "by_name",
    "classes_of",
    "composed",
    "label_number",
    "own_attribute",
    "position_of",
    "same_names",
    "unclear_label",
]

LARGEST = 2**62  # labels are int64
# Where names stand, the first that is there: torchvision's, timm's, Caltech101's.
_PLACES = ("classes", "class_to_idx", "reader.class_to_idx", "categories")


def classes_of(dataset: Any, key: str | None = None) -> tuple[str, ...] | None:
    """Return the class names of a data set by label, None where it has none.

    They stand in `.classes`, else in `.class_to_idx`, that of timm's `.reader`, or `.categories`. A
    data set of Hugging Face has those of its ClassLabel. A Subset or ConcatDataset has those that
    stand on itself. Without any a Subset has those of its data set, and a ConcatDataset those of
    all its parts: in their order where they are equal, sorted where those of each part are sorted
    (as ImageFolder's are), else in the order in which they are met. Its items count through them
    after `by_name`.

    Args:
        dataset: map-style.
        key: of the label in items that are dictionaries, where the user named one.

    Raises:
        DataError: some parts of a ConcatDataset have names and others have none; a target_transform
            turns labels into others than those that are named, or .class_to_idx counts otherwise;
            the names are a set; or those of a Subset or ConcatDataset contradict those inside.
    """
    if isinstance(dataset, Keyed):
        return classes_of(dataset.dataset, dataset.label)
    if is_huggingface(dataset):
        return label_names(dataset, key)
    found = _own_names(dataset)
    if found is None:
        found = _of_all([classes_of(part, key) for part in _parts(dataset)])
    else:
        _check_inside(dataset, found, key)
    if found is None:
        return None
    _check_numbers(dataset, found)
    transform = own_attribute(dataset, "target_transform")
    if callable(transform):
        _check_names(dataset, found, transform)
    return found


def own_attribute(dataset: Any, name: str) -> Any:
    """Return an attribute of a data set, None where it has none.

    Of a Subset or ConcatDataset only what stands on itself: what a subclass forwards from inside
    through `__getattr__` does not tell of its own items.
    """
    if _parts(dataset) and inspect.getattr_static(dataset, name, None) is None:
        return None
    return getattr(dataset, name, None)


def _parts(dataset: Any) -> list[Any]:
    """Return the data sets that a Subset or ConcatDataset is made of, else nothing."""
    from torch.utils.data import ConcatDataset, Subset

    if isinstance(dataset, Subset):
        return [dataset.dataset]
    return list(dataset.datasets) if isinstance(dataset, ConcatDataset) else []


def _own_names(dataset: Any) -> tuple[str, ...] | None:
    for place in _PLACES:
        first, _, rest = place.partition(".")
        names: Any = own_attribute(dataset, first)
        names = getattr(names, rest, None) if rest else names
        several = isinstance(names, Iterable) and not isinstance(names, str)
        if several and not any(isinstance(name, Mapping) for name in names):
            return tuple(str(name) for name in _by_label(dataset, names, place)) or None
    return None


def _check_inside(dataset: Any, names: tuple[str, ...], key: str | None) -> None:
    """Raise `DataError` where labels are handed on from inside, and named in another order there.

    A subclass that reads its items in its own way may make other labels of them.
    """
    from torch.utils.data import ConcatDataset, Subset

    if type(dataset).__getitem__ not in (Subset.__getitem__, ConcatDataset.__getitem__):
        return
    for part in _parts(dataset):
        for label, name in enumerate(classes_of(part, key) or ()):
            if (place := position_of(name, names)) not in (None, label):
                kind = type(dataset).__name__
                raise DataError(
                    f"{kind}: {name!r} is number {place} of its .classes, but label {label} in the"
                    f" {type(part).__name__} inside, whose labels it hands on; allowed: names in"
                    " the order of the labels; correct one of them, or leave out the .classes of"
                    f" the {kind}"
                )


def _by_label(dataset: Any, names: Iterable[Any], place: str) -> Iterable[Any]:
    """Return the names in the order of their labels, whatever collection they are in."""
    if isinstance(names, Mapping):
        items = list(names.items())
        if items and all(isinstance(value, numbers.Integral) for value in names.values()):
            items = [(label, name) for name, label in items]
        keys = [key for key, _ in items if isinstance(key, numbers.Integral)]
        if sorted(keys) == list(range(len(items))):
            return dict(sorted(items)).values()
    elif not isinstance(names, set | frozenset | Iterator):
        return names
    raise DataError(
        f"{type(dataset).__name__}: its .{place} are a {type(names).__name__}, which does not say"
        " which label each name is of; allowed: a list of names by label, or a dict of names and"
        " labels from 0; make it one"
    )


def _check_numbers(dataset: Any, names: tuple[str, ...]) -> None:
    """Raise `DataError` where .class_to_idx, by which labels are given, counts otherwise."""
    numbered = own_attribute(dataset, "class_to_idx")
    if not isinstance(numbered, Mapping):
        return
    for label, name in enumerate(names):
        if (other := label_number(numbered.get(name))) not in (None, label):
            raise DataError(
                f"{type(dataset).__name__}: its .class_to_idx gives {name!r} the label {other},"
                f" but it is number {label} of its .classes; allowed: .classes in the order of the"
                " labels, a name for each; correct one of them"
            )


def _check_names(dataset: Any, names: tuple[str, ...], transform: Callable[[int], Any]) -> None:
    """Raise `DataError` where a target_transform makes the names wrong."""
    for label, name in enumerate(names):
        try:
            new = label_number(transform(label), one_hot=True)
        except Exception:  # a label that no item has; one that has it raises again
            continue
        if new not in (None, label):
            raise DataError(
                f"{type(dataset).__name__}: its target_transform turns the label {label}"
                f" ({name!r}) into {new}, which its .classes do not name so; allowed: labels that"
                " count through .classes; give the data set without its target_transform, or with"
                " .classes for the new labels"
            )


def label_number(label: Any, *, one_hot: bool = False) -> int | None:
    """Return a label as a number: a whole number of any type, or an array or tensor of one.

    With `one_hot` also the position of the 1 among the 0 of a vector. None for anything else.
    """
    if isinstance(label, numbers.Integral | np.bool_):
        return int(label) if abs(int(label)) < LARGEST else None
    if hasattr(label, "detach"):  # a tensor, wherever it is
        label = label.detach().cpu().numpy()
    if not isinstance(label, np.ndarray):
        return None
    if label.size == 1 and label.dtype.kind in "biu":
        return label_number(label.item())
    if one_hot and label.ndim == 1 and label.size > 1 and label.dtype.kind in "biuf":
        ones = np.flatnonzero(label)
        return int(ones[0]) if len(ones) == 1 and label[ones[0]] == 1 else None
    return None


def unclear_label(classes: Sequence[str]) -> str | None:
    """Say of which label it is unclear what it means where no class names come with it, or None.

    Folders 0 to 11 sort as 0, 1, 10, 11, 2: is 2 the third of them, or the one of that name?
    """
    for position, name in enumerate(classes):
        value = whole_number(name)
        if value not in (None, position) and value < len(classes):
            return (
                f"the label {value} means {classes[value]!r} by the order of the classes and"
                f" {name!r} by its name"
            )
    return None


def _of_all(parts: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """Return the names of a Subset or ConcatDataset whose parts have the names `parts`."""
    named = [names for names in parts if names is not None]
    if not named:
        return None
    if len(named) < len(parts):
        at = next(i for i, names in enumerate(parts) if names is None)
        raise DataError(
            f"ConcatDataset: part {at} has no class names, another has {list(named[0])};"
            " allowed: all parts with .classes, or none, since labels are matched by name; give"
            f" part {at} a list .classes"
        )
    if len(set(named)) == 1:
        return named[0]
    met: dict[str, str] = {}
    for names in named:
        for name in names:
            met.setdefault(composed(name), name)
    ordered = all(list(names) == sorted(names) for names in named)
    return tuple(sorted(met.values()) if ordered else met.values())


def composed(name: str) -> str:
    """Return the name in Unicode's composed form: file systems differ in that."""
    return unicodedata.normalize("NFC", name)


def position_of(name: Any, classes: Sequence[str]) -> int | None:
    """Return the label of the class of that name, in whichever Unicode form either is written."""
    if not isinstance(name, str):
        return None
    names = list(classes)
    if name in names:
        return names.index(name)
    forms = [composed(known) for known in names]
    return forms.index(composed(name)) if composed(name) in forms else None


def same_names(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether the names are equal by label, in whichever Unicode form they are written."""
    return [composed(name) for name in first] == [composed(name) for name in second]


def alike_noted(classes: Iterable[str]) -> list[str]:
    """Return a note on classes that a reader would take for one: cat and Cat, 1 and 01."""
    same: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        same[_read_as(name)].append(repr(name))
    pairs = [" and ".join(names) for names in same.values() if len(names) > 1]
    return [f"classes whose names look alike: {first_names(pairs)}"] if pairs else []


def _read_as(name: str) -> str:
    """Return what a name looks like: without case, blanks around it and what is not seen."""
    seen = "".join(
        c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf"
    )
    text = seen.casefold().strip()
    try:
        return str(float(text))
    except ValueError:
        return text


def by_name(dataset: Any) -> Any:
    """Return `dataset` with all labels counting through `classes_of(dataset)`.

    The data set itself where they do. Otherwise the parts of a ConcatDataset that count otherwise
    are wrapped in `Relabelled`, also inside a Subset or another ConcatDataset.

    Raises:
        DataError: as in `classes_of`, or a part names two of its classes alike.
    """
    names = classes_of(dataset)
    return dataset if names is None else _counted(dataset, names)


def _counted(dataset: Any, names: tuple[str, ...], key: str | None = None) -> Any:
    from torch.utils.data import Subset

    if isinstance(dataset, Keyed):
        return _with(dataset, "dataset", _counted(dataset.dataset, names, dataset.label))
    parts = _parts(dataset)
    if parts and _own_names(dataset) is None:
        new = [_counted(part, names, key) for part in parts]
        if all(each is old for each, old in zip(new, parts, strict=True)):
            return dataset
        if isinstance(dataset, Subset):
            return _with(dataset, "dataset", new[0])
        return _with(dataset, "datasets", new)
    own = classes_of(dataset, key)
    if own is None or same_names(own, names):
        return dataset
    if key is None and is_huggingface(dataset):
        key = label_column(dataset)
    return Relabelled(dataset, own, names, key)


def _with(dataset: Any, name: str, value: Any) -> Any:
    """Return a copy with another attribute; whatever a subclass adds stays."""
    if getattr(dataset, name) is value:
        return dataset
    new = copy.copy(dataset)
    setattr(new, name, value)
    return new


class Relabelled:
    """A data set of (image, label, ...) whose labels count through other class names.

    Args:
        dataset: map-style, with class names.
        own: its class names, by label.
        classes: all names, by the new label; each of `own` is one of them.
        key: of the label in items that are dictionaries, None where there are none.

    Attributes:
        dataset: the data set inside.
        classes: as given.
        new_labels: int64 [len(own)], the new label of each label.

    Raises:
        DataError: two of `own` are the same; or, for an item, a label that is no number in range.
    """

    def __init__(
        self, dataset: Any, own: Sequence[str], classes: Sequence[str], key: str | None = None
    ) -> None:
        position = {composed(name): label for label, name in enumerate(classes)}
        self.dataset, self.classes, self.key = dataset, list(classes), key
        self.new_labels: NDArray[np.int64] = np.array(
            [position[composed(name)] for name in own], np.int64
        )
        if len(set(self.new_labels.tolist())) < len(own):
            raise DataError(
                f"{type(dataset).__name__}: two classes have one name in {list(own)}; allowed:"
                " different names, since labels are matched by name; rename one"
            )

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        item = self.dataset[index]
        if isinstance(item, Mapping) and self.key in item:
            return {**item, self.key: self._new_label(item[self.key], index)}
        if not isinstance(item, tuple | list) or len(item) < 2:
            raise DataError(
                f"{type(self.dataset).__name__}[{index}]: {type(item).__name__}; allowed: (image,"
                " label) where the parts of a ConcatDataset have different class names; change the"
                " data set"
            )
        relabelled = (item[0], self._new_label(item[1], index), *item[2:])
        # `_make` is what a named tuple is built with.
        return getattr(item, "_make", type(item))(relabelled)

    def locate(self, position: int) -> tuple[Any, int]:
        """Return the data set inside and the position there of the item at `position`."""
        return self.dataset, position

    def renumbered(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the new labels of labels of the data set inside, int64 [N].

        Raises:
            DataError: a label has no class name.
        """
        if len(labels) and not 0 <= labels.min() <= labels.max() < len(self.new_labels):
            bad = labels.min() if labels.min() < 0 else labels.max()
            raise DataError(
                f"{type(self.dataset).__name__}: label {bad} is out of range; allowed: 0 to"
                f" {len(self.new_labels) - 1}, the number of its .classes; name its class"
            )
        return self.new_labels[labels]

    def _new_label(self, label: Any, index: int) -> Any:
        """Return the new label as the type of the old one; a class name stays as it is."""
        if isinstance(label, str):
            return label
        number = label_number(label)
        if number is None:
            raise DataError(
                f"{type(self.dataset).__name__}[{index}]: label {label!r:.60}; allowed: a whole"
                " number where the parts of a ConcatDataset have different class names; make other"
                " labels after this data set"
            )
        new = int(self.renumbered(np.array([number], np.int64))[0])
        if hasattr(label, "new_full"):  # a tensor, of whatever shape
            return label.new_full(label.shape, new)
        if isinstance(label, np.ndarray):
            return np.full_like(label, new)
        return label.dtype.type(new) if isinstance(label, np.generic) else new
