"""`Pretrained`: a pretrained network as the classifier, fine-tuned whole or frozen."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganaug.errors import ConfigError
from ganaug.evaluation.arms import Arm
from ganaug.evaluation.classifiers.backbones import DEFAULT, backbone_by_name
from ganaug.evaluation.classifiers.fine_tuning import fine_tune
from ganaug.evaluation.classifiers.interface import Outcome, Schedule, Task
from ganaug.evaluation.classifiers.network import check_own_name, name_of, own_copy
from ganaug.evaluation.classifiers.probe import train_probe
from ganaug.images import check_size
from ganaug.wording import one_line

__all__ = ["Pretrained"]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PASSES, FEWEST_STEPS, MOST_STEPS = 90, 900, 3000  # of fine-tuning
BATCH = 32
TRUNK = 0.5  # share of the rate; at 0.1 pilots were up to six points behind
QUICK_STEPS = 50


@dataclass(frozen=True)
class Pretrained:
    """A pretrained network as the classifier of `evaluate_gain` and `tune`.

    Fine-tuned, all of it is trained with a new last layer: AdamW, warm-up, a half cosine, the trunk
    at half the last layer's rate, batches of 32. Frozen, it makes features of five augmented
    copies of each image, on which a logistic regression is trained. That takes minutes on two
    cores, and for large images it is the first thing to try.

    Attributes:
        load: a function without arguments, defined at the top of a module. It returns the network
            without its last layer, with its weights: nn.Module of float32 [N, 3, H, W] -> features
            [N, F]. Each training has a copy of it.
        mean: of each channel, that pixels in 0..1 are normalised with; ImageNet's by default.
        std: of each channel, in the same way.
        size: (height, width) that images are loaded at or resized to for it; None shows them as
            they are.
        frozen: only a new last layer is trained.
        title: name in reports and result files. Results are found again by it. None makes one of
            the other attributes.

    Raises:
        ConfigError: `load` is no function, or a value of another attribute is not allowed.

    Examples:
        >>> probe = Pretrained.named("probe:torchvision:resnet18", download=True)  # doctest: +SKIP
        >>> evaluate_gain("f.onnx", train="photos/", classifier=probe)  # doctest: +SKIP
    """

    load: Callable[[], nn.Module]
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    size: tuple[int, int] | None = None
    frozen: bool = False
    title: str | None = None

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            object.__setattr__(self, name, _three(name, getattr(self, name)))
        object.__setattr__(self, "size", check_size(self.size))
        if not callable(self.load) or isinstance(self.load, nn.Module):
            raise ConfigError(
                f"load: a {type(self.load).__name__}; allowed: a function that returns the network"
                " without its last layer; define one at the top of a module"
            )
        if min(self.std) <= 0:
            raise ConfigError(
                f"std: {self.std}; allowed: three numbers above 0; leave it out for ImageNet's"
            )

    @classmethod
    def named(
        cls,
        name: str,
        weights: str = DEFAULT,
        *,
        size: int | tuple[int, int] | None = None,
        download: bool = False,
    ) -> Pretrained:
        """Return the network of a library: torchvision:NAME, timm:NAME, or probe: before either.

        Args:
            name: probe:torchvision:resnet18 is frozen, torchvision:resnet18 is fine-tuned.
            weights: "DEFAULT" (the library's own), "none" (untrained), or the path of a state dict.
            size: as the attribute; None = that of the weights.
            download: default weights may be fetched; else they must be on this machine already.

        Raises:
            ConfigError: an unknown name, a library that is not installed, or missing weights.
        """
        frozen = name.startswith("probe:")
        found = backbone_by_name(name.removeprefix("probe:"), weights, download=download)
        height, width = check_size(size) or found.size
        own = (height, width) == found.size
        title = found.name if own else f"{found.name} at {height}x{width}"
        return cls(found.load, found.mean, found.std, (height, width), frozen, title)

    @property
    def name(self) -> str:
        """With `probe:` before it where the network is frozen."""
        title = self.title or name_of(self.load)
        if self.title is None and self.size is not None:
            title += f" at {self.size[0]}x{self.size[1]}"
        if self.title is None and (self.mean, self.std) != (IMAGENET_MEAN, IMAGENET_STD):
            title += f" (mean {_listed(self.mean)}; std {_listed(self.std)})"
        return f"probe:{title}" if self.frozen else title

    @property
    def source(self) -> object:
        """The function."""
        return self.load

    @property
    def counts_steps(self) -> bool:
        """True."""
        return True

    def check(self, channels: int, num_classes: int, image_size: tuple[int, int]) -> None:
        """Load it, and show it two black images.

        Raises:
            ConfigError: it cannot be copied, does not take the images, or does not return features
                [2, F].
        """
        black = torch.zeros((2, channels, *image_size), dtype=torch.uint8)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            network = self._trunk().train(not self.frozen)
            try:
                shown = network(self.normalise(black))
            except Exception as error:
                raise ConfigError(
                    f"classifier {self.name}: fails on images of {image_size[0]}x{image_size[1]}"
                    f" pixels ({one_line(error)}); allowed: a size that it takes; load the"
                    " images at it with --size"
                ) from error
        if not isinstance(shown, Tensor) or shown.ndim != 2 or len(shown) != 2:
            found = list(shown.shape) if isinstance(shown, Tensor) else type(shown).__name__
            raise ConfigError(
                f"classifier {self.name}: returns {found} for two images; allowed: features [2, F];"
                " take its last layer off, and pool"
            )

    def check_name(self) -> None:
        """Refuse a lambda, a function inside a function, or an object named by its address."""
        check_own_name(self.name)

    def ignored(self, arm: Arm) -> str | None:
        """Return a view, which its own normalisation replaces; what needs steps, or features."""
        if arm.view is not None:
            return arm.view
        if not self.frozen:
            return "lda" if arm.lda else None
        until = None if arm.option("until") is None else "until"
        return until or ("drw" if arm.loss == "drw" else None)

    def schedule(
        self, images: int, image_size: tuple[int, int], *, steps: int | None, quick: bool
    ) -> Schedule:
        """Return 90 passes in batches of 32 (900 to 3000 steps); frozen, five copies of each."""
        if self.frozen:
            return Schedule.of_copies(images, steps, quick=quick)
        usual = min(max(math.ceil(PASSES * images / BATCH), FEWEST_STEPS), MOST_STEPS)
        if steps is None:
            steps = QUICK_STEPS if quick else usual
        return Schedule(steps, BATCH, rate=1e-3, weight_decay=0.05, trunk=TRUNK)

    def train(self, task: Task, on_step: Callable[[], None] | None = None) -> Outcome:
        """Train it on `task`, and predict."""
        if self.frozen:
            return train_probe(self._trunk, self.normalise, task, on_step, key=repr(self))
        return fine_tune(self._trunk, self.normalise, task, on_step)

    def _trunk(self) -> nn.Module:
        """Return the network for one training."""
        return own_copy(self.load(), self.name)

    def normalise(self, images: Tensor) -> Tensor:
        """Return float32 [N, 3, H, W] of uint8 [N, C, H, W], as the network was trained to see."""
        pixels = images.float() / 255
        if self.size is not None and tuple(images.shape[2:]) != self.size:
            pixels = F.interpolate(pixels, self.size, mode="bilinear", antialias=True)
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (self.mean, self.std))
        shown = (pixels.expand(-1, 3, -1, -1) - mean) / std
        return shown.contiguous(memory_format=torch.channels_last)


def _three(name: str, values: Any) -> tuple[float, ...]:
    """Return three numbers as floats.

    Raises:
        ConfigError: they are none.
    """
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise ConfigError(
            f"{name}: {values!r}; allowed: three numbers, one for each channel; leave it out for"
            " ImageNet's"
        )
    return numbers


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
