"""Labels inside a sample: where they are, and what they say for each image."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision import tv_tensors

from ganaug.errors import ConfigError, DataError, did_you_mean
from ganaug.images.class_names import position_of
from ganaug.images.columns import LABEL_NAMES
from ganaug.images.labels import check_range
from ganaug.use._pixels import num_images as num_images_of
from ganaug.use.marks import MARKS
from ganaug.wording import counted, first_names, one_line

__all__ = [
    "LabelsGetter",
    "are_weights",
    "by_names",
    "expect_label",
    "find_label",
    "get_label",
    "is_of_objects",
    "label_at",
    "label_key",
    "one_each",
    "read_label",
]

ROUNDING = 0.01  # of a sum of weights in half precision

LabelsGetter = Callable[[Any], Any] | str | None

# Keys of a mapping that hold a label, where none contains "label"; the first of them counts.
KEYS = ("targets", "class_id", *LABEL_NAMES)


def get_label(sample: Any, labels_getter: LabelsGetter, key: str | None = None) -> Any:
    """Return the label of `sample` by the transform's `labels_getter`, None where there is none."""
    if labels_getter is None:
        return None
    if callable(labels_getter):
        return labels_getter(sample)
    return find_label(sample, key)


def find_label(sample: Any, key: str | None = None) -> Any:
    """Return the label in a sample, or None where there is none.

    torchvision's own rule (`v2.MixUp`): the second item of a tuple or list, and in a mapping the
    value of the key "labels", or else of the first key that contains "label" (any case). Beyond
    it, "label" itself before keys that contain it, the keys in `KEYS`, and labels that are
    numbers, class names, arrays, lists or tuples. There is no label in an image alone, in a
    mapping without such a key, where the label is None, and where the second item is an image; a
    tensor of three or more axes is one.

    Args:
        sample: what a transform is called with.
        key: of the label in a mapping, where the data set says which; others are found as above.

    Raises:
        ConfigError: the second item, or what is under the key, is something else.
    """
    if isinstance(sample, (tuple, list)):
        if len(sample) < 2:
            return None
        if type(sample[1]) is int:
            return sample[1]  # most often, fast
        return _understood(sample[1])
    if not isinstance(sample, Mapping):
        return None
    found = label_key(sample, key)
    return None if found is None else _understood(sample[found])


def label_key(sample: Mapping[Any, Any], key: str | None = None) -> str | None:
    """Return the key of the label in a mapping by `find_label`'s rule, None where there is none.

    A truth value, as of the key "is_labeled", comes after the keys in `KEYS`.
    """
    if key is not None and key in sample:
        return key
    names = [key for key in sample if isinstance(key, str)]
    exact = [key for word in ("labels", "label") for key in names if key.lower() == word]
    near = [key for key in names if "label" in key.lower()]
    ours = [key for word in KEYS for key in names if key.lower() == word]
    told = [key for key in near if not _is_truth(sample[key])]
    return next(iter((*exact, *told, *ours, *near)), None)


def _is_truth(value: Any) -> bool:
    first = value[0] if isinstance(value, (list, tuple)) and value else value
    return str(getattr(first, "dtype", type(first).__name__)).removeprefix("torch.") == "bool"


def expect_label(sample: Any, key: str | None, flat: Sequence[Any], keyed: bool) -> None:
    """Raise `ConfigError` for a sample without a label which may have one in another place.

    Args:
        sample: what a transform is called with, or a row of it.
        key: of its label in a mapping, where the data set says which.
        flat: the leaves of the sample. Beside masks, boxes and key points lists and tensors are
            labels of objects.
        keyed: whether a mapping has to have a key of its label.
    """
    if isinstance(sample, Mapping):
        if not keyed or label_key(sample, key) is not None:
            return
        marked = any(isinstance(value, MARKS) for value in flat)
        if not marked or any(map(_is_number_or_text, sample.values())):
            raise ConfigError(
                f"no label among the keys of the sample ({', '.join(map(repr, sample))}), and p"
                " differs by class; allowed: a key like 'label'; name it with for_classes(classes,"
                " label='KEY'), or pass labels_getter=None for the mean p"
            )
    elif isinstance(sample, (tuple, list)) and len(sample) > 2 and sample[1] is not None:
        for place, value in enumerate(sample[2:], 2):
            if _is_number_or_text(value):
                raise ConfigError(
                    f"{one_line(repr(value), 60)} behind the second place of the sample, where the"
                    " label is, and p differs by class; allowed: (image, label); pass"
                    f" labels_getter=lambda s: s[{place}], or labels_getter=None for the mean p"
                )


def _is_number_or_text(value: Any) -> bool:
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return value.ndim == 0 and value.dtype not in (torch.bool, np.bool_)
    return isinstance(value, (numbers.Real, str)) and not isinstance(value, bool)


def label_at(labels: Any, row: int) -> Any:
    """Return the label of a row of a batch, None where it has none: a mask is an image."""
    label = None if labels is None else labels[row]
    return None if isinstance(label, (tv_tensors.TVTensor, Image.Image)) else label


def _understood(value: Any) -> Any:
    """Return a label as it is, None for no label; anything else is refused, not left out."""
    if value is None or isinstance(value, (tv_tensors.TVTensor, Image.Image)):
        return None
    if isinstance(value, Mapping):
        key = label_key(value)
        if key is not None:
            return _understood(value[key])
        if any(isinstance(part, tv_tensors.TVTensor) for part in value.values()):
            return None  # the target of a detector without labels
    elif isinstance(value, (torch.Tensor, np.ndarray)):
        return value if value.ndim <= 2 else None
    elif isinstance(value, (numbers.Real, np.bool_, str, list, tuple)):
        return value
    raise _not_understood(value)


def _not_understood(value: Any) -> ConfigError:
    return ConfigError(  # the repr of an array has lines
        f"label {one_line(repr(value), 80)}; allowed: whole numbers, class names or one-hot"
        " vectors; pass labels_getter= a function that returns them, or labels_getter=None to go"
        " without"
    )


def by_names(label: Any, num_images: int | None, classes: Sequence[str]) -> Any:
    """Return a label that is given by class names as its numbers, any other label as it is.

    Args:
        label: as `get_label` returns it; names stand alone, or in a list, tuple or array.
        num_images: N of a batch, or None for a single image. One name serves a whole batch.
        classes: the names, by number.

    Raises:
        DataError: a name is not among `classes`, or there are more or fewer than images.
    """
    if isinstance(label, str):
        return _number(label, classes)
    if not isinstance(label, (list, tuple, np.ndarray)):
        return label
    flat = np.asarray(label, object).ravel().tolist()
    if not flat or not all(isinstance(entry, str) for entry in flat):
        return label
    if len(flat) == 1:
        return _number(flat[0], classes)
    if len(flat) != num_images:
        raise DataError(
            f"label {label!r:.80}: {len(flat)} class names for"
            f" {'one image' if num_images is None else f'{num_images} images'}; allowed: one for"
            " each; pass labels_getter= a function that returns it, or labels_getter=None to go"
            " without"
        )
    return np.array([_number(name, classes) for name in flat])


def _number(name: str, classes: Sequence[str]) -> int:
    number = position_of(name, classes)
    if number is not None:
        return number
    raise DataError(
        f"label {name!r:.80} is no class{did_you_mean(name, classes)}; allowed:"
        f" {first_names(classes, form=repr)}; pass labels_getter= a function that returns the"
        " class, or labels_getter=None to go without"
    )


def one_each(label: Any, images: Sequence[Any]) -> list[Any] | None:
    """Return the labels of several images as a list, None where it is one label of them all.

    Floats [images] in an array are that: the weights of as many classes. Beside batches of images
    only a list is of as many labels; anything else is of their rows.
    """
    if len(images) < 2 or (num_images_of(images[0]) is not None and type(label) is not list):
        return None
    if isinstance(label, (torch.Tensor, np.ndarray)):
        label = None if are_weights(label) or not label.ndim else label.tolist()
    return list(label) if isinstance(label, (list, tuple)) and len(label) == len(images) else None


def are_weights(label: torch.Tensor | NDArray[Any]) -> bool:
    """Return whether a label is floats in an array of one axis: the weights of as many classes."""
    return label.ndim == 1 and not _whole_or_names(label)


def _whole_or_names(values: torch.Tensor | NDArray[Any]) -> bool:
    if isinstance(values, torch.Tensor):
        return not values.is_floating_point()
    return values.dtype.kind in "biuOU"


def is_of_objects(label: Any, num_images: int | None, num_classes: int) -> bool:
    """Return whether a label beside masks, boxes or key points is that of the objects they mark.

    Beside a single image all are but one number or name, and floats that weigh the classes.
    """
    if num_images is not None or isinstance(label, (numbers.Integral, str)) or label is None:
        return False
    try:
        values = label if isinstance(label, torch.Tensor) else np.asarray(label)
    except ValueError:  # several of each object
        return True
    if not values.ndim:
        return False
    weights = not _whole_or_names(values) and values.shape in ((num_classes,), (1, num_classes))
    return not (weights and abs(float(values.sum()) - 1) <= ROUNDING)


def read_label(
    label: Any, num_images: int | None, num_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Return the class of each image, and the weights of all classes where the label has them.

    Args:
        label: a whole number, also as a float; as many [N] or [N, 1]; one-hot labels, a single 1
            among 0, or soft ones, floats that sum to 1, [classes] or [N, classes].
        num_images: N of a batch, or None for a single image. One number serves a whole batch.
        num_classes: number of classes that the labels tell apart.

    Returns:
        int64 [N], and float64 [N, classes] that sum to 1 in each row, or None.

    Raises:
        DataError: the label has another shape, is out of range, or is neither one-hot nor soft.
        ConfigError: the label is no number or array.
    """
    count = 1 if num_images is None else num_images
    if isinstance(label, numbers.Integral):
        (index,) = _in_range(np.array([int(label)], object), num_classes)  # beyond int64, too
        return np.full(count, index, np.int64), None
    values = _array(label)
    if values.shape == (count, 1) and not (num_classes == 1 and values.all()):
        values = values[:, 0]  # a column, as MedMNIST's
    shape = values.shape
    whole = bool(np.isfinite(values).all()) and bool((values == np.rint(values)).all())
    one = num_images is None and shape == (num_classes,) and values.all()  # one-hot of one class
    if whole and shape in ((), (1,)) and not one:
        return _in_range(np.full(count, values.item()).astype(np.int64), num_classes), None
    if whole and num_images is not None and shape == (count,):
        return _in_range(values.astype(np.int64), num_classes), None
    if shape == (count, num_classes) or (num_images is None and shape == (num_classes,)):
        return _weights(values.reshape(count, num_classes))
    wanted = "a whole number" if num_images is None else f"whole numbers [{count}]"
    one_hot = [num_classes] if num_images is None else [count, num_classes]
    raise DataError(
        f"label of {values.dtype} {list(shape)}; allowed: {wanted} or one-hot {one_hot}; pass"
        " labels_getter= a function that returns it, or labels_getter=None to go without"
    )


def _array(label: Any) -> NDArray[Any]:
    if isinstance(label, torch.Tensor):
        if label.is_meta or label.layout != torch.strided:  # it has no values, or not all of them
            raise _not_understood(label)
        label = label.detach().as_subclass(torch.Tensor).cpu()
        return (label.double() if label.is_floating_point() else label).numpy()
    try:
        values = np.asarray(label)
    except ValueError:
        values = np.asarray(None)
    if values.dtype.kind not in "biuf" or np.ma.is_masked(label):
        raise _not_understood(label)
    return values.astype(np.int64) if values.dtype.kind == "b" else values


def _in_range(index: NDArray[Any], num_classes: int) -> NDArray[Any]:
    instead = (
        "wrap the data set in AugmentedDataset or call for_classes() where its classes are others"
    )
    check_range(index, num_classes, instead=instead)
    return index


def _weights(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the largest class of each row of [N, classes], and its weights.

    Whole numbers are weights only as one 1 among 0: else they are as many labels of something.
    """
    weights = values.astype(np.float64)
    total = weights.sum(axis=1, keepdims=True)
    fits = (weights >= 0).all(axis=1) & (abs(total[:, 0] - 1) <= ROUNDING)
    if not fits.all():
        bad = values[np.flatnonzero(~fits)[0]].tolist()
        raise DataError(
            f"label {bad!s:.80} for one of {counted(values.shape[1], 'class')}; allowed: one-hot, a"
            " single 1 among 0, or weights of at least 0 that sum to 1; pass labels_getter= a"
            " function that returns such labels, or labels_getter=None to go without"
        )
    weights = weights / total
    return weights.argmax(axis=1).astype(np.int64), weights
