"""Arms: the ways to train the classifier that are compared, and the free augmentations they use."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import v2

from ganaug.errors import ConfigError, did_you_mean

__all__ = ["AUGMENTATIONS", "DEFAULT_FREE_ARMS", "Arm", "Plan", "augment", "make_plan", "parse_arm"]

DEFAULT_FREE_ARMS = ("plain", "balanced", "balanced+affine", "balanced+randaugment")

_HEADS = ("plain", "balanced", "ganaug", "mixed")


@dataclass(frozen=True)
class Arm:
    """One way to train the classifier.

    Attributes:
        name: as written by the user, see `parse_arm`.
        balanced: classes are drawn equally often; otherwise every image is.
        augment: names of free augmentations (keys of `AUGMENTATIONS`), applied in this order.
        ganaug: "transform" (`GANAugment` before the free augmentations), "mixed" (the images of a
            `SyntheticDataset` beside the real ones), or None for a free arm.
    """

    name: str
    balanced: bool
    augment: tuple[str, ...] = ()
    ganaug: str | None = None

    @property
    def free(self) -> bool:
        """Whether the arm needs no trained generator."""
        return self.ganaug is None

    def on_top(self, kind: str) -> Arm:
        """Return this free arm with a generator of `kind` ("variation" or "class") added."""
        head = "ganaug" if kind == "variation" else "mixed"
        return parse_arm("+".join((head, *self.augment)))


def parse_arm(name: str) -> Arm:
    """Return the arm that `name` describes: HEAD, or HEAD+AUGMENTATION+...

    HEAD is "plain" (every image equally often), "balanced" (every class equally often), "ganaug"
    (balanced, `GANAugment` first) or "mixed" (balanced, over real and generated images).

    Raises:
        ConfigError: an unknown or repeated part.

    Example:
        >>> parse_arm("ganaug+randaugment")
        Arm(name='ganaug+randaugment', balanced=True, augment=('randaugment',), ganaug='transform')
    """
    head, *steps = name.split("+")
    if head not in _HEADS:
        raise ConfigError(
            f"arm {name!r}: {head!r} is no way to sample{did_you_mean(head, _HEADS)}; an arm starts"
            f" with one of {', '.join(_HEADS)}; for example balanced+affine"
        )
    for position, step in enumerate(steps):
        if step not in AUGMENTATIONS:
            raise ConfigError(
                f"arm {name!r}: {step!r} is no augmentation{did_you_mean(step, AUGMENTATIONS)};"
                f" allowed: {', '.join(AUGMENTATIONS)}; for example balanced+affine"
            )
        if step in steps[:position]:
            raise ConfigError(f"arm {name!r}: {step!r} stands twice; name each augmentation once")
    ganaug = {"ganaug": "transform", "mixed": "mixed"}.get(head)
    return Arm(name, balanced=head != "plain", augment=tuple(steps), ganaug=ganaug)


@dataclass(frozen=True)
class Plan:
    """Which arms are compared.

    Attributes:
        free: the arms without a generator, one or more.
        ours: the arms with one that were named.
        baseline: the free arm to beat; None where it is to be chosen.
        add_ours: kind of the generator to put on top of the baseline, or None.
    """

    free: tuple[Arm, ...]
    ours: tuple[Arm, ...]
    baseline: Arm | None
    add_ours: str | None

    @property
    def size(self) -> int:
        """Number of arms, whatever the baseline."""
        return len(self.free) + (1 if self.add_ours else len(self.ours))

    @property
    def needs_generator(self) -> bool:
        """Whether there is any arm with a generator."""
        return bool(self.ours or self.add_ours)

    def on(self, baseline: Arm) -> tuple[Arm, ...]:
        """Return the arms with a generator, the free arm `baseline` being the strongest."""
        return (baseline.on_top(self.add_ours),) if self.add_ours else self.ours


def make_plan(names: Sequence[str] | None, baseline: str, kind: str | None, refit: bool) -> Plan:
    """Settle the arms of a comparison; a free arm is always among them.

    Args:
        names: the arms, or None for `DEFAULT_FREE_ARMS` and the generator on top of the baseline.
        baseline: a free arm, or "auto".
        kind: of the generator, "variation" or "class"; None where there is none.
        refit: generators will be trained.

    Raises:
        ConfigError: an unknown arm, none at all, or one that needs a generator where there is none.
    """
    add_ours = None
    if names is None and (kind is not None or refit):
        add_ours = kind or "variation"
    arms = [parse_arm(name) for name in (DEFAULT_FREE_ARMS if names is None else names)]
    if not arms:
        raise ConfigError("arms: none; allowed: one or more, such as balanced+affine; name some")
    free = [arm for arm in arms if arm.free]
    ours = [arm for arm in arms if not arm.free]
    if ours and kind is None and not refit:
        raise ConfigError(
            f"arm {ours[0].name!r}: there is no generator; allowed: free arms; give an artifact"
        )
    given = None if baseline == "auto" else parse_arm(baseline)
    if given is not None and not given.free:
        raise ConfigError(
            f"baseline {baseline!r}: needs a generator; allowed: a free arm such as"
            " balanced+randaugment, or 'auto'; choose one"
        )
    if given is None and not free:
        given = parse_arm("+".join(("balanced", *ours[0].augment)))
    if given is not None and given not in free:
        free.insert(0, given)
    if given is None and len(free) == 1:
        given = free[0]
    return Plan(tuple(dict.fromkeys(free)), tuple(dict.fromkeys(ours)), given, add_ours)


def augment(images: Tensor, names: tuple[str, ...]) -> Tensor:
    """Return `images` (uint8 [N, C, H, W]) after the augmentations `names`, each drawn per image.

    Randomness comes from torch's generator of the process, as in torchvision.
    """
    for name in names:
        images = AUGMENTATIONS[name](images)
    return images


def _affine(
    images: Tensor,
    degrees: float = 15,
    shift: float = 0.125,
    log_scale: float = 0.15,
    shear: float = 10,
) -> Tensor:
    """Rotate, scale, shear and shift each image on its own; the border is repeated outwards."""
    n = len(images)
    unit = torch.rand(5, n) * 2 - 1
    angle = unit[0] * math.radians(degrees)
    scale = torch.exp(unit[1] * log_scale)
    slant = unit[2] * math.radians(shear)
    cos, sin = torch.cos(angle), torch.sin(angle)
    # In the coordinates of affine_grid an image is 2 wide, hence the factor on the shift.
    theta = torch.stack(
        [
            torch.stack([cos / scale, (slant - sin) / scale, unit[3] * 2 * shift], 1),
            torch.stack([sin / scale, cos / scale, unit[4] * 2 * shift], 1),
        ],
        1,
    )
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    moved = F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    return _to_uint8(moved)


def _jitter(images: Tensor, brightness: float = 0.4, contrast: float = 0.4) -> Tensor:
    """Change brightness and contrast of each image by a factor in exp(-0.4)..exp(0.4)."""
    n = len(images)
    factors = torch.rand(2, n, 1, 1, 1) * 2 - 1
    pixels = images.float()
    mean = pixels.mean((1, 2, 3), keepdim=True)
    pixels = (pixels - mean) * torch.exp(factors[0] * contrast) + mean
    return _to_uint8(pixels * torch.exp(factors[1] * brightness))


_RANDAUGMENT = v2.RandAugment(num_ops=2, magnitude=9)


def _randaugment(images: Tensor) -> Tensor:
    """torchvision's RandAugment (Cubuk et al., arXiv 1909.13719), one draw for each image."""
    return torch.stack([_RANDAUGMENT(image) for image in images])


def _to_uint8(pixels: Tensor) -> Tensor:
    return pixels.round().clamp(0, 255).to(torch.uint8)


AUGMENTATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "affine": _affine,
    "jitter": _jitter,
    "randaugment": _randaugment,
}
