"""Labels inside a sample: where they are, and what they say for each image."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision import tv_tensors

from ganaug.errors import ConfigError, DataError

__all__ = ["LabelsGetter", "find_label", "get_label", "is_of_objects", "read_label"]

LabelsGetter = Callable[[Any], Any] | str | None


def get_label(sample: Any, labels_getter: LabelsGetter) -> Any:
    """Return the label of `sample` by the transform's `labels_getter`, None where there is none."""
    if labels_getter is None:
        return None
    if callable(labels_getter):
        return labels_getter(sample)
    return find_label(sample)


def find_label(sample: Any) -> Any:
    """Return the label in a sample, or None.

    torchvision's own rule (`v2.MixUp`): the second item of a tuple or list, and in a mapping the
    value of the key "labels", or else of the first key that contains "label" (any case). Beyond
    it, the label may be a whole number, a numpy array or a list of whole numbers, and a sample
    without a label is no error. A tensor of three or more axes is taken for an image, not a label.
    """
    if isinstance(sample, (tuple, list)):
        if len(sample) < 2:
            return None
        sample = sample[1]
        if type(sample) is int:
            return sample  # most often, fast
    if isinstance(sample, Mapping):
        names = [key for key in sample if isinstance(key, str)]
        exact = [key for key in names if key.lower() == "labels"]
        near = [key for key in names if "label" in key.lower()]
        if not near:
            return None
        sample = sample[(exact or near)[0]]
    return sample if _is_label(sample) else None


def _is_label(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return not isinstance(value, tv_tensors.TVTensor) and value.ndim <= 2
    if isinstance(value, np.ndarray):
        return value.ndim <= 2
    if isinstance(value, list):
        return bool(value) and all(isinstance(entry, numbers.Integral) for entry in value)
    return isinstance(value, numbers.Integral)


def is_of_objects(label: Any, num_images: int | None) -> bool:
    """Return whether a label beside masks, boxes or key points is that of the objects they mark.

    Whole numbers [K] beside a single image are: those of an image are one number.
    """
    if num_images is not None or isinstance(label, numbers.Integral) or label is None:
        return False
    if isinstance(label, torch.Tensor):
        return label.ndim == 1 and not label.is_floating_point()
    values = np.asarray(label)
    return values.ndim == 1 and values.dtype.kind in "iu"


def read_label(
    label: Any, num_images: int | None, num_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Return the class of each image, and the weights of all classes where the label has them.

    Args:
        label: a whole number; integers [N]; one-hot or soft labels [classes] or [N, classes].
        num_images: N of a batch, or None for a single image. One number serves a whole batch.
        num_classes: number of classes that the labels tell apart.

    Returns:
        int64 [N], and float64 [N, classes] that sum to 1 in each row, or None.

    Raises:
        DataError: the label has another shape, is out of range, or has no positive weight.
        ConfigError: the label is no number or array.
    """
    count = 1 if num_images is None else num_images
    if isinstance(label, numbers.Integral):
        return _in_range(np.full(count, int(label), np.int64), num_classes), None
    values = _array(label)
    shape = values.shape
    whole = np.issubdtype(values.dtype, np.integer)
    if whole and shape in ((), (1,)) and not (num_images is None and shape == (num_classes,)):
        return _in_range(np.full(count, values.item(), np.int64), num_classes), None
    if whole and num_images is not None and shape == (count,):
        return _in_range(values.astype(np.int64), num_classes), None
    if shape == (count, num_classes) or (num_images is None and shape == (num_classes,)):
        return _weights(values.reshape(count, num_classes).astype(np.float64))
    wanted = "a whole number" if num_images is None else f"whole numbers [{count}]"
    one_hot = [num_classes] if num_images is None else [count, num_classes]
    raise DataError(
        f"label of {values.dtype} {list(shape)}; allowed: {wanted} or one-hot {one_hot}; pass"
        " labels_getter= a function that returns it, or labels_getter=None to go without"
    )


def _array(label: Any) -> NDArray[Any]:
    if isinstance(label, torch.Tensor):
        label = label.detach().as_subclass(torch.Tensor).cpu()
        return (label.double() if label.is_floating_point() else label).numpy()
    try:
        values = np.asarray(label)
    except ValueError:
        values = np.asarray(None)
    if values.dtype.kind not in "biuf":
        raise ConfigError(
            f"label {label!r:.80}; allowed: whole numbers or one-hot vectors; pass labels_getter= a"
            " function that returns them, or labels_getter=None to go without"
        )
    return values


def _in_range(index: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    if len(index) and (index.min() < 0 or index.max() >= num_classes):
        bad = int(index.min() if index.min() < 0 else index.max())
        raise DataError(
            f"label {bad} is out of range; allowed: 0 to {num_classes - 1} ({num_classes}"
            " classes); wrap the data set in AugmentedDataset or call for_classes() where its"
            " classes are others"
        )
    return index


def _weights(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    total = values.sum(axis=1, keepdims=True)
    if not (values >= 0).all() or not (total > 0).all():
        raise DataError(
            "a one-hot label without a positive weight or with a negative one; allowed: weights of"
            " at least 0, some over 0; pass labels_getter= a function that returns such labels"
        )
    weights = values / total
    return weights.argmax(axis=1).astype(np.int64), weights
