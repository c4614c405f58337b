"""Which classes the labels of a data set mean: its names by label."""

from __future__ import annotations

import inspect
import numbers
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ganaug.errors import DataError
from ganaug.images.columns import Keyed, is_huggingface, label_names
from ganaug.images.labels import label_number
from ganaug.images.wrappers import parts_of, reads_items_itself
from ganaug.wording import first_names, whole_number

__all__ = [
    "alike_noted",
    "classes_of",
    "composed",
    "given_names",
    "own_attribute",
    "own_names",
    "position_of",
    "same_names",
    "unclear_label",
]

# Where names stand, the first that is there: torchvision's, timm's, Caltech101's.
_PLACES = ("classes", "class_to_idx", "reader.class_to_idx", "categories")
_NO_LIST = str | bytes | set | frozenset | Iterator


def classes_of(dataset: Any, key: str | None = None) -> tuple[str, ...] | None:
    """Return the class names of a data set by label, None where it has none.

    They stand in `.classes`, else in `.class_to_idx`, that of timm's `.reader`, or `.categories`. A
    data set of Hugging Face has those of its ClassLabel. A Subset or ConcatDataset has those that
    stand on itself. Without any a Subset has those of its data set, and a ConcatDataset those of
    all its parts: in their order where they are equal, sorted where those of each part are sorted
    (as ImageFolder's are), else in the order in which they are met. Its items count through them
    after `relabelled.by_name`.

    Args:
        dataset: map-style.
        key: of the label in items that are dictionaries, where the user named one.

    Raises:
        DataError: some parts of a ConcatDataset have names and others have none; a target_transform
            turns labels into others than those that are named, or .class_to_idx counts otherwise;
            the names are a set, or one is missing or bytes that are not UTF-8; or those of a Subset
            or ConcatDataset contradict those inside.
    """
    if isinstance(dataset, Keyed):
        return classes_of(dataset.dataset, dataset.label)
    if is_huggingface(dataset):
        return label_names(dataset, key)
    found = own_names(dataset)
    if found is None:
        found = _of_all([classes_of(part, key) for part in parts_of(dataset)])
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
    if parts_of(dataset) and inspect.getattr_static(dataset, name, None) is None:
        return None
    return getattr(dataset, name, None)


def own_names(dataset: Any) -> tuple[str, ...] | None:
    """Return the class names that stand on a data set itself, see `own_attribute`, or None."""
    for place in _PLACES:
        first, _, rest = place.partition(".")
        names: Any = own_attribute(dataset, first)
        names = getattr(names, rest, None) if rest else names
        if not isinstance(names, Iterable) or isinstance(names, str | bytes):
            continue
        if not any(isinstance(name, Mapping) for name in names):
            return given_names(names, f"{type(dataset).__name__}: its .{place} are") or None
    return None


def given_names(names: Any, what: str) -> tuple[str, ...]:
    """Return class names by label as texts, whatever collection they are in.

    Args:
        names: a list, or a dict of names and labels from 0.
        what: "... are", for messages.

    Raises:
        DataError: they do not say which label each name is of; or a name is missing, or in bytes
            that are not UTF-8.
    """
    return tuple(_text(name, what) for name in _by_label(names, what))


def _text(name: Any, what: str) -> str:
    """Return a class name as text; in HDF5 and numpy it is in bytes."""
    if isinstance(name, bytes | bytearray):
        with suppress(UnicodeDecodeError):
            return name.decode()
    elif name is not None and not (isinstance(name, float) and name != name):
        return str(name)
    raise DataError(
        f"{what} names of classes, and one is {name!r:.60}; allowed: text, or bytes of UTF-8; give"
        " it a name"
    )


def _check_inside(dataset: Any, names: tuple[str, ...], key: str | None) -> None:
    """Raise `DataError` where labels are handed on from inside, and named in another order there.

    A subclass that reads its items in its own way may make other labels of them.
    """
    if reads_items_itself(dataset):
        return
    for part in parts_of(dataset):
        for label, name in enumerate(classes_of(part, key) or ()):
            if (place := position_of(name, names)) not in (None, label):
                kind = type(dataset).__name__
                raise DataError(
                    f"{kind}: {name!r} is number {place} of its .classes, but label {label} in the"
                    f" {type(part).__name__} inside, whose labels it hands on; allowed: names in"
                    " the order of the labels; correct one of them, or leave out the .classes of"
                    f" the {kind}"
                )


def _by_label(names: Any, what: str) -> Iterable[Any]:
    """Return the names in the order of their labels."""
    if isinstance(names, Mapping):
        items = list(names.items())
        if items and all(isinstance(value, numbers.Integral) for value in names.values()):
            items = [(label, name) for name, label in items]
        keys = [key for key, _ in items if isinstance(key, numbers.Integral)]
        if sorted(keys) == list(range(len(items))):
            return dict(sorted(items)).values()
    elif isinstance(names, Iterable) and not isinstance(names, _NO_LIST):
        return names
    raise DataError(
        f"{what} a {type(names).__name__}, which does not say which label each name is of; allowed:"
        " a list of names by label, or a dict of names and labels from 0; make it one"
    )


def _check_numbers(dataset: Any, names: tuple[str, ...]) -> None:
    """Raise `DataError` where .class_to_idx, by which labels are given, counts otherwise."""
    numbered = own_attribute(dataset, "class_to_idx")
    if not isinstance(numbered, Mapping):
        return
    what = f"{type(dataset).__name__}: its .class_to_idx has"
    named = {_text(name, what): number for name, number in numbered.items()}
    for label, name in enumerate(names):
        if (other := label_number(named.get(name))) not in (None, label):
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
