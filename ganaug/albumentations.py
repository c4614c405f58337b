"""`GANAugment` as a transform of Albumentations (extra `albumentations`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision import tv_tensors

from ganaug.errors import ConfigError, DataError
from ganaug.use.generate import finished, open_generator, vary, wanted_outputs
from ganaug.use.marks import move_mark
from ganaug.use.policy import (
    class_probabilities,
    latent_scale,
    mean_probability,
    policy_of,
    tell_p,
)
from ganaug.values import is_real, path_name
from ganaug.wording import one_line

try:
    from albumentations import DualTransform
    from albumentations.core.type_definitions import Targets
except ImportError as error:
    raise ConfigError(
        f"ganaug.albumentations needs Albumentations, which cannot be loaded ({error}); install it"
        " with: pip install 'ganaug[albumentations]'"
    ) from error

__all__ = ["GANAugment"]

_ONLY = np.zeros(1, np.intp)


class GANAugment(DualTransform):
    """Vary images with a trained variation generator; masks, boxes and key points move along.

    It stands anywhere in an `A.Compose`, draws from the generator that Compose seeds, and can be
    replayed and serialised. Images are [H, W], [H, W, 1] or [H, W, 3], uint8 in 0..255 or float32
    in 0..1, one in each call. Masks take the value of the nearest pixel that the image read, boxes
    become the bounds of their moved outline. Of key points x and y move; angle and scale stay.

    Args:
        artifact: path of an exported file of schema 2, run on the CPU.
        p: probability in 0..1, the same for all classes. None: the mean of the policy over the
            classes, weighted by their training images; 0.5 where there is no policy.
        scale: factor on the latents, N(0, 1), at least 0. None: the policy's, or 1.
        content: False to move and recolour the image alone, without blur and residual.

    Raises:
        ArtifactError: the file cannot be read or is no artifact.
        ConfigError: an argument is not allowed; or a class generator, or a file of schema 1.
        DataError: when called, no image or several, or one that is not allowed; or a mask of
            another size.

    Examples:
        >>> train = A.Compose(  # doctest: +SKIP
        ...     [GANAugment("photos.onnx", p=0.5), A.HorizontalFlip()],
        ...     bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]),
        ... )
    """

    _targets = (Targets.IMAGE, Targets.MASK, Targets.BBOXES, Targets.KEYPOINTS)

    def __init__(
        self,
        artifact: str | os.PathLike[str],
        p: float | None = None,
        scale: float | None = None,
        content: bool = True,
    ) -> None:
        self.generator = open_generator(artifact)
        info, name = self.generator.info, path_name(self.generator.path)
        if "positions" not in info.outputs:
            raise ConfigError(
                f"{name}: a {info.kind} generator of schema {info.schema}; allowed: a variation"
                " generator of schema 2, which tells how pixels move; export one with: ganaug"
                f" export RUN {name}"
            )
        if not isinstance(content, bool):
            raise ConfigError(f"content={content!r}; allowed: True, False")
        given: Any = p
        if isinstance(given, np.ndarray) and not given.ndim:
            given = given.item()
        if given is not None and not is_real(given):  # there are no labels to choose by
            raise ConfigError(
                f"p={one_line(repr(given), 60)}; allowed: a number from 0 to 1, or None; pass one p"
                " for all classes, or use ganaug.GANAugment, which takes p by class"
            )
        policy = policy_of(info, "artifact")
        by_class = class_probabilities(given, policy, info, str(self.generator.path))
        super().__init__(p=mean_probability(by_class, info))
        if given is None:
            tell_p(np.array([self.p]), policy, str(self.generator.path))
        self.artifact = str(self.generator.path)
        self.scale = latent_scale(scale, policy)
        self.content = content

    @property
    def targets(self) -> dict[str, Callable[..., Any]]:
        """What is transformed, and how."""
        return {
            "image": self.apply,
            "mask": self.apply_to_mask,
            "masks": self.apply_to_masks,
            "bboxes": self.apply_to_bboxes,
            "keypoints": self.apply_to_keypoints,
        }

    def get_params(self) -> dict[str, Any]:
        """Draw the latent, whatever the data: replayed on another image, it varies that one."""
        latent = self.random_generator.standard_normal(self.generator.info.latent_dim)
        return {"latent": (latent * self.scale).tolist()}

    def apply_with_params(
        self, params: dict[str, Any], *args: Any, **kwargs: Any
    ) -> dict[str, Any]:
        """Vary the image, then move what lies on it."""
        keys = ["image", *(k for k, v in self._additional_targets.items() if v == "image")]
        images = [kwargs[key] for key in keys if kwargs.get(key) is not None]
        if len(images) != 1:
            raise DataError(
                f"{len(images)} images in one call; allowed: one, image=, with what lies on it;"
                " call the transform for each"
            )
        pixels = _pixels(images[0])
        latents = np.array([params["latent"]], np.float32)
        names = wanted_outputs(content=self.content, positions=True)
        found = vary(self.generator, pixels, latents, names)
        parts = {name: torch.from_numpy(values) for name, values in found.items()}
        made = finished(torch.from_numpy(pixels), parts).numpy()[0]
        moved = {"made": made, "positions": parts["positions"]}
        result: dict[str, Any] = super().apply_with_params({**params, **moved}, *args, **kwargs)
        return result

    def apply(self, img: NDArray[Any], made: NDArray[np.float32], **params: Any) -> NDArray[Any]:
        """Return the variation in the shape and dtype of the image."""
        values = made[0] if img.ndim == 2 else made.transpose(1, 2, 0)
        if img.dtype == np.uint8:
            values = np.rint(values * np.float32(255))
        return np.ascontiguousarray(values, img.dtype)

    def apply_to_mask(
        self, mask: NDArray[Any], positions: torch.Tensor, **params: Any
    ) -> NDArray[Any]:
        """Return a mask [H, W] or [H, W, C] of any dtype moved with the image."""
        size = tuple(positions.shape[1:3])
        if mask.shape[:2] != size:
            raise DataError(
                f"a mask of height and width {list(mask.shape[:2])} beside an image of"
                f" {list(size)}; allowed: the same size; resize them together"
            )
        places = torch.arange(mask.shape[0] * mask.shape[1]).reshape(size)
        moved = move_mark(tv_tensors.Mask(places), positions, _ONLY, single=True)
        values: NDArray[Any] = mask.reshape(-1, *mask.shape[2:])[moved.numpy()]
        return values

    def apply_to_bboxes(
        self, bboxes: NDArray[Any], positions: torch.Tensor, **params: Any
    ) -> NDArray[Any]:
        """Return boxes [N, 4 or more], of which the first four are shares of the sides."""
        if not len(bboxes):
            return bboxes
        height, width = positions.shape[1:3]
        sides = np.array([width, height, width, height])
        boxes = tv_tensors.BoundingBoxes(
            torch.from_numpy(bboxes[:, :4] * sides),
            format="XYXY",
            canvas_size=(height, width),
            clamping_mode=None,  # Compose clips, and has to see how much that cuts off
        )
        moved = move_mark(boxes, positions, _ONLY, single=True).as_subclass(torch.Tensor).numpy()
        return np.concatenate([(moved / sides).astype(bboxes.dtype), bboxes[:, 4:]], 1)

    def apply_to_keypoints(
        self, keypoints: NDArray[Any], positions: torch.Tensor, **params: Any
    ) -> NDArray[Any]:
        """Return key points [N, 2 or more], of which the first two are x and y in pixels."""
        if not len(keypoints):
            return keypoints
        size = (int(positions.shape[1]), int(positions.shape[2]))
        points = torch.from_numpy(np.ascontiguousarray(keypoints[:, :2]))
        marks = tv_tensors.KeyPoints(points, canvas_size=size)
        moved = move_mark(marks, positions, _ONLY, single=True).as_subclass(torch.Tensor).numpy()
        return np.concatenate([moved, keypoints[:, 2:]], 1)


def _pixels(image: Any) -> NDArray[np.float32]:
    """Return float32 [1, C, H, W] in 0..1 of an image as Albumentations has it."""
    array = np.asarray(image)
    planes = array[..., None] if array.ndim == 2 else array
    known = array.dtype in (np.dtype(np.uint8), np.dtype(np.float32))
    if planes.ndim != 3 or planes.shape[2] not in (1, 3) or 0 in planes.shape or not known:
        raise DataError(
            f"image: {array.dtype} {list(array.shape)}; allowed: uint8 or float32 [H, W], [H, W, 1]"
            " or [H, W, 3]; put GANAugment before transforms that change this"
        )
    values = planes.transpose(2, 0, 1)[None]
    if array.dtype == np.uint8:
        return np.divide(values, 255, dtype=np.float32)
    return np.ascontiguousarray(values)
