"""The parts of a sample: taken apart, which of them are images, and put together again."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import PIL.Image
import torch
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten
from torchvision import tv_tensors

from ganaug.errors import DataError
from ganaug.once import log_once
from ganaug.use._labels import are_weights
from ganaug.use.marks import MARKS

__all__ = ["flatten", "image_places", "notice_masks", "rows_of", "unflatten", "with_rows"]

_LEAVES = (torch.Tensor, PIL.Image.Image, int)
_IMAGES = (PIL.Image.Image, tv_tensors.Image)
_MASKS = ("1", "P", "I", "I;16")  # modes


class Opened(NamedTuple):
    """A structure with mappings that torch takes for leaves: Hugging Face's rows, UserDict.

    Attributes:
        spec: of what is around them.
        inside: a mapping with the structure and number of its leaves, or None, for each leaf.
    """

    spec: TreeSpec
    inside: list[tuple[Mapping[Any, Any], Structure, int] | None]


Structure = TreeSpec | Opened | None


def flatten(sample: Any) -> tuple[list[Any], Structure]:
    """Return the leaves and the structure, None for a plain tuple of leaves, which is quicker."""
    if type(sample) is tuple and all(isinstance(value, _LEAVES) for value in sample):
        return list(sample), None
    leaves, spec = tree_flatten(sample)
    if not any(isinstance(leaf, Mapping) for leaf in leaves):
        return leaves, spec
    flat: list[Any] = []
    inside: list[tuple[Mapping[Any, Any], Structure, int] | None] = []
    for leaf in leaves:
        if isinstance(leaf, Mapping):
            part, structure = flatten(dict(leaf))
            flat += part
            inside.append((leaf, structure, len(part)))
        else:
            flat.append(leaf)
            inside.append(None)
    return flat, Opened(spec, inside)


def unflatten(flat: list[Any], spec: Structure) -> Any:
    """Return the sample of these leaves and the structure that `flatten` found."""
    if not isinstance(spec, Opened):
        return tuple(flat) if spec is None else tree_unflatten(flat, spec)
    leaves, at = [], 0
    for each in spec.inside:
        if each is None:
            leaves.append(flat[at])
            at += 1
        else:
            mapping, structure, count = each
            leaves.append(_like(mapping, unflatten(flat[at : at + count], structure)))
            at += count
    return tree_unflatten(leaves, spec.spec)


def _like(mapping: Mapping[Any, Any], made: dict[Any, Any]) -> Any:
    """Return `made` as a mapping of the type of another, where that can be changed."""
    changed = {key: value for key, value in made.items() if value is not mapping[key]}
    if not changed:
        return mapping
    if not isinstance(mapping, MutableMapping):
        return made
    result = copy.copy(mapping)
    result.update(changed)
    return result


def image_places(flat: list[Any], label: Any) -> list[int]:
    """Return where the images are, by torchvision's rule for plain tensors.

    Raises:
        DataError: there is none; or there are as many labels as plain tensors, all but one of which
            would be left as they are.
    """
    marked = [place for place, value in enumerate(flat) if isinstance(value, _IMAGES)]
    if marked:
        return marked
    plain = [p for p, value in enumerate(flat) if value is not label and _is_plain_image(value)]
    if plain:
        _refuse_several([flat[place] for place in plain], flat, label)
        return plain[:1]
    held = ", ".join(sorted({type(value).__name__ for value in flat})) or "nothing"
    raise DataError(
        f"no image in the sample (it holds: {held}); allowed: PIL images, tensors [C, H, W] or"
        " [N, C, H, W], tv_tensors.Image; convert arrays with v2.ToImage() first"
    )


def _refuse_several(plain: list[torch.Tensor], flat: list[Any], label: Any) -> None:
    count = len(plain)
    labelled = plain[0].ndim == 3 and count > 1 and _length(label) == count
    if labelled and not any(isinstance(value, MARKS) for value in flat):  # else of its objects
        raise DataError(
            f"{count} labels beside {count} plain tensors, of which only the first would be varied;"
            " allowed: one image and its label, or a label for each tv_tensors.Image; wrap each"
            " image in tv_tensors.Image, or pass labels_getter= a function that returns one label"
        )


def notice_masks(images: Sequence[Any]) -> None:
    """Say that a grey PIL image behind a coloured one is varied like it: it may be a mask.

    As in torchvision, every PIL image is an image. Its sets for segmentation yield such masks.

    Raises:
        DataError: it is of a mode that only masks have.
    """
    first, *others = (getattr(image, "mode", None) for image in images)
    for mode in others:
        if first != "RGB" or mode not in ("L", *_MASKS):
            continue
        what = f"a PIL image of mode {mode!r} behind one of mode 'RGB'"
        wrap = (
            "wrap a mask in tv_tensors.Mask, which moves along"
            " (torchvision.datasets.wrap_dataset_for_transforms_v2)"
        )
        if mode in _MASKS:
            raise DataError(f"{what}; allowed: L or RGB; {wrap}")
        log_once(f"{what} is varied like that one; {wrap}", logging.WARNING)


def _is_plain_image(value: Any) -> bool:
    plain = isinstance(value, torch.Tensor) and not isinstance(value, tv_tensors.TVTensor)
    return plain and value.ndim >= 3


def rows_of(sample: Any, label: Any) -> list[dict[Any, Any]] | None:
    """Return the rows of a batch of Hugging Face's, None for any other sample.

    That is a dict of lists of N. Its images, and what marks places of them, are all in such lists,
    and there are N labels, or none. What is no list of N is in no row.
    """
    count = _num_rows(sample, label)
    if count is None:
        return None
    columns = {
        key: value for key, value in sample.items() if type(value) is list and len(value) == count
    }
    return [{key: value[row] for key, value in columns.items()} for row in range(count)]


def _num_rows(sample: Any, label: Any) -> int | None:
    if not isinstance(sample, Mapping) or not any(type(each) is list for each in sample.values()):
        return None
    leaves = {key: tree_flatten(value)[0] for key, value in sample.items()}
    marked = any(isinstance(leaf, _IMAGES) for flat in leaves.values() for leaf in flat)

    def is_image(leaf: Any) -> bool:
        return isinstance(leaf, _IMAGES) if marked else _is_plain_image(leaf)

    images = [sample[key] for key, flat in leaves.items() if any(map(is_image, flat))]
    marks = [
        sample[key] for key, flat in leaves.items() if any(isinstance(leaf, MARKS) for leaf in flat)
    ]
    sizes = {len(value) if type(value) is list else None for value in images + marks}
    if not images or len(sizes) > 1:
        return None
    (count,) = sizes
    return count if label is None or _length(label) == count else None


def _length(label: Any) -> int | None:
    """Return how many labels there are, None for a single one."""
    if isinstance(label, (torch.Tensor, np.ndarray)):
        return len(label) if label.ndim and not are_weights(label) else None
    return len(label) if isinstance(label, Sequence) and not isinstance(label, str) else None


def with_rows(batch: Any, rows: list[dict[Any, Any]], new: list[dict[Any, Any]]) -> Any:
    """Return the batch with `new` in the place of its `rows`, or the batch where they are equal."""
    if all(made is row for made, row in zip(new, rows, strict=True)):
        return batch
    result = copy.copy(batch)  # an OrderedDict stays one
    for key in rows[0]:
        column = [row[key] for row in new]
        if any(made is not row[key] for made, row in zip(column, rows, strict=True)):
            result[key] = column
    return result
