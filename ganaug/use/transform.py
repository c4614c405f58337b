"""`GANAugment`: the generator as a torchvision transform."""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision import tv_tensors
from torchvision.transforms import v2

from ganaug.artifact.runtime import Generator
from ganaug.errors import ConfigError, DataError
from ganaug.images.class_names import given_names, unclear_label
from ganaug.use._blocks import vary_blocks
from ganaug.use._device import stays_on_device, vary_on_device
from ganaug.use._labels import (
    LabelsGetter,
    by_names,
    expect_label,
    get_label,
    is_of_objects,
    label_at,
    one_each,
    read_label,
)
from ganaug.use._leaves import flatten, image_places, notice_masks, rows_of, unflatten, with_rows
from ganaug.use._pixels import (
    Normalisation,
    check_image,
    num_images,
    read_pixels,
    replace_pixels,
    tolerance,
)
from ganaug.use.class_map import class_map, refuse_unclear
from ganaug.use.generate import finished, generate, open_generator, vary, wanted_outputs
from ganaug.use.marks import MARKS, check_marks, move_mark, name_of
from ganaug.use.policy import (
    Probability,
    class_probabilities,
    latent_scale,
    mean_probability,
    policy_of,
    tell_p,
)
from ganaug.values import path_name

__all__ = ["GANAugment"]

_ONLY, _NONE = np.zeros(1, np.intp), np.zeros(0, np.intp)  # rows of a single image


class GANAugment(v2.Transform):
    """Vary images with a trained generator, each with the probability of its class.

    Takes PIL images (L, RGB), tv_tensors.Image, tensors [C, H, W] and batches [N, C, H, W] with C =
    1 or 3, uint8 in 0..255 or floating point in 0..1. They stand alone or anywhere in a structure
    of tuples, lists and mappings. As in torchvision, a plain tensor is the image only where there
    is no PIL or tv_tensors image: the first one with three or four axes. Type, dtype, range, size,
    device, memory format and pinning stay. Everything else comes back as the same objects, and so
    does an image that is not varied.

    In a batch each image is decided on by itself. Several images in one sample share what is drawn,
    unless they come with as many labels, numbers or names, or as a batch of Hugging Face's: a dict
    with images in lists, and as many labels or none.

    A variation generator changes the image, and tv_tensors.Mask, BoundingBoxes of any format and
    KeyPoints move along. A pixel of a mask has the value of the nearest pixel that the image read.
    Boxes become the bounds of their moved outline, clamped in their clamping_mode; those that left
    are removed by v2.SanitizeBoundingBoxes. Beside a batch [N, ...] all of them are [N, ...], too.

    A class generator *replaces* the image by one of its class, resized to the image's size. So it
    needs the label, unless it has one class only. Decisions and latents are drawn from torch's
    global generator.

    Args:
        artifact: path of an exported file, which is checked at once and run on the CPU; or a
            `Generator`, with its own provider.
        p: probability in 0..1 for all images; or {class name: p}, 0 for names left out; or one for
            each class of the artifact, in its order. None: as the policy says for the number of
            training images of each class in the artifact; 0.5 where there is no policy. One line of
            the log "ganaug" says which.
        scale: factor on the latents, N(0, 1), at least 0. None: the policy's, or 1.
        policy: "artifact" for the one in the file, or None to go without.
        labels_getter: where the label is. "default": torchvision's rule (second item of a tuple,
            or a key with "label"), extended to "target" and the like; labels beside the
            masks, boxes or key points of one image are those of its objects, and count as none. Or
            a function of the sample; or None for no label, also for data sets with other classes.
            Labels are whole numbers or class names, [N] or [N, 1] in a batch, or weights that sum
            to 1, [classes] or [N, classes]; anything else is refused. Without a label p is the mean
            over the classes, weighted by their training images.
        mean: only behind a `Normalize`: its mean, a number or one for each channel. It is undone
            before the generator and redone after it.
        std: of the same `Normalize`.
        content: False to move and recolour the image alone, without the residual and the blur
            that a variation generator adds: nothing is drawn over what a mask or a box marks.

    Raises:
        ArtifactError: the file cannot be read or is no artifact.
        ConfigError: an argument is not allowed; or, when called, a video, a second item that is no
            label, a label behind it, or masks beside a class generator or a file of schema 1.
        DataError: when called, an image or label that is not allowed, such as floats out of 0..1;
            masks, boxes or key points that do not belong to the image; or a number as the label
            where the classes are whole numbers out of order, and no data set named them.

    Examples:
        >>> train = v2.Compose([GANAugment("photos.onnx"), v2.RandAugment()])  # doctest: +SKIP
        >>> image, label = train(image, label)  # doctest: +SKIP
    """

    def __init__(
        self,
        artifact: str | os.PathLike[str] | Generator,
        p: Probability = None,
        scale: float | None = None,
        policy: str | None = "artifact",
        labels_getter: LabelsGetter = "default",
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        content: bool = True,
    ) -> None:
        super().__init__()
        if labels_getter not in ("default", None) and not callable(labels_getter):
            raise ConfigError(
                f"labels_getter={labels_getter!r}; allowed: 'default', None, or a function of the"
                " sample that returns its label"
            )
        self.generator = open_generator(artifact)
        self.labels_getter = labels_getter
        self._normalisation = Normalisation.of(mean, std)
        info = self.generator.info
        self.content = content
        if content is not True:
            self._check_content()
        found = policy_of(info, policy)
        self.scale = latent_scale(scale, found)
        self._artifact_p = class_probabilities(p, found, info, str(self.generator.path))
        self._by_label = isinstance(p, (Sequence, np.ndarray)) and np.ndim(p) > 0
        self._p_source = "given" if p is not None else "no policy" if found is None else "policy"
        self.mean_p = mean_probability(self._artifact_p, info)
        self._labels = np.arange(len(info.classes))  # the artifact's label of each label
        self._p = self._artifact_p
        self._names = tuple(info.classes)  # what the labels count through
        self._label_key: str | None = None
        self._needs_key = False
        self._p_differs = bool((self._p != self._p[0]).any())
        by_class = info.kind == "class" or self._p_differs
        self._unclear = by_class and unclear_label(self._names) is not None
        if p is None:
            tell_p(self._p, found, str(self.generator.path))

    def _check_content(self) -> None:
        if self.content is not False:
            raise ConfigError(f"content={self.content!r}; allowed: True, False")
        if self.generator.info.kind == "class":
            raise ConfigError(
                f"content=False: {self.generator.path} replaces images by others; allowed: True, or"
                " a variation generator, which moves and recolours them"
            )
        self._expect_positions("content=False")

    def _expect_positions(self, what: str) -> None:
        """Refuse `what` with a file that does not tell where pixels were read from."""
        info, path = self.generator.info, path_name(self.generator.path)
        if "positions" not in info.outputs:
            raise ConfigError(
                f"{what}: {path} is of schema {info.schema}, which does not tell where pixels move;"
                f" allowed: files from 2.0 on; export it anew with: ganaug export RUN {path}"
            )

    def for_classes(self, classes: Sequence[str], label: str | None = None) -> GANAugment:
        """Return this transform for labels that are indices of `classes`, matched by name.

        `AugmentedDataset` does this with the `.classes` of its data set. Otherwise labels are
        indices of the artifact's own classes. With labels_getter=None there are no labels to match,
        and this is the transform itself. With the default one a mapping without a label is then
        refused where p differs by class.

        Args:
            classes: class names by label.
            label: the key of the label in samples that are mappings, such as a column of Hugging
                Face's; None: found by its name. A function as labels_getter goes before it.

        Raises:
            ArtifactError: the artifact does not know one of the classes.
            ConfigError: p was given as a sequence by label, and the order of the classes differs.
            DataError: the classes are no list of names by label.
        """
        if self.labels_getter is None:
            return self
        names, info = given_names(classes, "the classes are"), self.generator.info
        labels = class_map(names, info, str(self.generator.path))
        if self._by_label and labels.tolist() != list(range(len(info.classes))):
            raise ConfigError(
                "p= as a sequence counts through the artifact's classes, and the data set has"
                " others or another order; allowed: {class name: p}; pass that"
            )
        clone = self.with_label_key(label)
        clone._labels, clone._p = labels, self._artifact_p[labels]
        clone._names, clone._unclear = names, False
        clone._p_differs, clone._needs_key = bool((clone._p != clone._p[:1]).any()), True
        return clone

    def with_label_key(self, label: str | None) -> GANAugment:
        """Return this transform for samples whose label is under the key `label`."""
        clone = copy.copy(self)
        clone._label_key = label
        return clone

    def extra_repr(self) -> str:
        """Return what `repr` shows: the file, its kind, p and the scale."""
        low, high = float(self._p.min(initial=1.0)), float(self._p.max(initial=0.0))
        p = f"{low:.3g}" if low == high else f"{low:.3g}..{high:.3g}"
        text = f"artifact={str(self.generator.path)!r}, kind={self.generator.info.kind!r}, p={p}"
        text += f" ({self._p_source}), scale={self.scale:g}"
        if not self.content:
            text += ", content=False"
        if self._normalisation is not None:
            text += f", mean={self._normalisation.mean}, std={self._normalisation.std}"
        return text

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Refuse what would no longer fit a varied image."""
        for value in flat_inputs:
            if isinstance(value, tv_tensors.Video):
                raise ConfigError(
                    "videos (tv_tensors.Video) in the sample; allowed: images with labels; apply"
                    " GANAugment to samples without them"
                )
            if not isinstance(value, MARKS):
                continue
            if self.generator.info.kind == "class":
                raise ConfigError(
                    f"{name_of(value)} in the sample; allowed: images with labels, since"
                    f" {self.generator.path} replaces the image by another; use a variation"
                    " generator, which moves them along"
                )
            self._expect_positions(f"{name_of(value)} in the sample")

    def forward(self, *inputs: Any) -> Any:
        """Return the sample with its images varied, or the sample itself where none is."""
        sample = inputs if len(inputs) > 1 else inputs[0]
        flat, spec = flatten(sample)
        self.check_inputs(flat)
        label = get_label(sample, self.labels_getter, self._label_key)
        rows = rows_of(sample, label)
        if label is None and self._p_differs and self.labels_getter == "default":
            expect_label(rows[0] if rows else sample, self._label_key, flat, self._needs_key)
        if rows is None:
            return self._of_one(sample, flat, spec, label)
        made = [self._of_one(row, *flatten(row), label_at(label, i)) for i, row in enumerate(rows)]
        return with_rows(sample, rows, made)

    def _of_one(self, sample: Any, flat: list[Any], spec: Any, label: Any) -> Any:
        """Return one sample, taken apart as `flat` and `spec`, with its images varied."""
        places = image_places(flat, label)
        images = [flat[place] for place in places]
        own = one_each(label, images)
        if len(images) > 1 and own is None:
            notice_masks(images)
        for image in images:
            check_image(image, self._normalisation)
        marked = [place for place, value in enumerate(flat) if isinstance(value, MARKS)]
        if marked:
            check_marks([flat[place] for place in marked], images)
            batch = num_images(images[0])
            if self.labels_getter == "default" and is_of_objects(label, batch, len(self._p)):
                label = None
        elif own is not None:
            for at, each in zip(places, own, strict=True):
                params = self.make_params([flat[at]], each)
                flat[at] = self.transform(flat[at], params) if len(params["rows"]) else flat[at]
            same = all(flat[at] is image for at, image in zip(places, images, strict=True))
            return sample if same else unflatten(flat, spec)
        params = self.make_params(images, label)
        if not len(params["rows"]):
            return sample
        positions = None
        for place in places:
            flat[place], positions = self._varied(flat[place], params, positions=bool(marked))
        if positions is not None:
            single = num_images(images[0]) is None
            for place in marked:
                flat[place] = move_mark(flat[place], positions, params["rows"], single=single)
        return unflatten(flat, spec)

    def make_params(self, flat_inputs: list[Any], label: Any = None) -> dict[str, Any]:
        """Draw which images are varied, and with what latents; the only place with randomness.

        Args:
            flat_inputs: the images of one sample, all single or all of one batch size.
            label: the label of the sample, or None.

        Returns:
            rows int64 [k], the places of the k images to be varied; latents float32 [k, Z];
            labels int64 [k] in the artifact's order, or None.
        """
        sizes = {num_images(image) for image in flat_inputs}
        if len(sizes) > 1:
            raise DataError(
                f"images of {len(sizes)} batch sizes in one sample; allowed: all single, or all"
                " batches of one size; call the transform for each"
            )
        batch = sizes.pop()
        count = 1 if batch is None else batch
        p, labels = self._read(label, batch, count)
        draws = torch.rand(count, dtype=torch.float32, device="cpu")
        if batch is None:
            rows = _ONLY if draws.item() < p else _NONE  # quicker than arrays
        else:
            rows = np.flatnonzero(draws.numpy() < p)
        shape = (len(rows), self.generator.info.latent_dim)
        if not len(rows):
            latents = np.zeros(shape, np.float32)
        else:
            latents = torch.randn(shape, dtype=torch.float32, device="cpu").numpy()
            if self.scale != 1:
                latents *= np.float32(self.scale)
        return {
            "rows": rows,
            "latents": latents,
            "labels": None if labels is None else labels[rows],
        }

    def _read(
        self, label: Any, batch: int | None, count: int
    ) -> tuple[NDArray[np.float64] | float, NDArray[np.int64] | None]:
        """Return p of each image, and the artifact's label of each where there is one."""
        info = self.generator.info
        if label is None:
            if info.kind == "class" and len(info.classes) > 1:
                raise ConfigError(
                    f"no label in the sample, but {self.generator.path} makes images by class;"
                    " allowed: (image, label); wrap the data set in AugmentedDataset or pass"
                    " labels_getter="
                )
            return self.mean_p, np.zeros(count, np.int64) if info.kind == "class" else None
        if self._unclear or type(label) is not int:
            label = self._numbers(label, batch)
        if batch is None and type(label) is int and 0 <= label < len(self._p):
            return self._p[label], self._labels[label : label + 1]  # most often, fast
        index, weights = read_label(label, batch, len(self._p))
        if weights is None:
            return self._p[index], self._labels[index]
        if info.kind == "class" and (weights.max(axis=1) <= 0.5).any():
            raise ConfigError(
                "a mixed label (no class has more than half of it), but"
                f" {self.generator.path} makes images of one class; allowed: one-hot labels; put"
                " GANAugment before MixUp and CutMix"
            )
        return weights @ self._p, self._labels[index]

    def _numbers(self, label: Any, batch: int | None) -> Any:
        """Return a label with numbers for class names; refuse a number that is unclear."""
        numbers = by_names(label, batch, self._names)
        if self._unclear and numbers is label:
            refuse_unclear(
                self._names,
                f"a label without a class name, and {self.generator.path}",
                "wrap a data set with .classes in AugmentedDataset, or call for_classes()",
            )
        return numbers

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Return the image or batch with the rows in `params` varied."""
        return self._varied(inpt, params, positions=False)[0]

    def _varied(
        self, image: Any, params: dict[str, Any], *, positions: bool
    ) -> tuple[Any, torch.Tensor | None]:
        """Return the image or batch with rows varied, and the positions of these where asked."""
        names = wanted_outputs(content=self.content, positions=positions)
        if stays_on_device(self.generator, image):
            rows, latents = params["rows"], params["latents"]
            return vary_on_device(self.generator, image, latents, rows, names, self._normalisation)
        by_arrays = functools.partial(self._by_arrays, names=names)
        if self.generator.provider == "cuda":  # which is fastest with all of a batch at once
            return by_arrays(image, params)
        return vary_blocks(image, params, by_arrays)

    def _by_arrays(
        self, image: Any, params: dict[str, Any], names: Sequence[str]
    ) -> tuple[Any, torch.Tensor | None]:
        rows, latents, normalisation = params["rows"], params["latents"], self._normalisation
        pixels = read_pixels(image, rows, normalisation)
        if self.generator.info.kind == "class":
            made, read = generate(self.generator, pixels, latents, params["labels"]), None
        else:
            rounded = 2 * tolerance(image, normalisation)  # of two channels against each other
            found = vary(self.generator, pixels, latents, names, rounded=rounded)
            parts = {name: torch.from_numpy(values) for name, values in found.items()}
            made, read = finished(torch.from_numpy(pixels), parts).numpy(), parts.get("positions")
        return replace_pixels(image, made, rows, normalisation), read
