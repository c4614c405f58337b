"""What `ganaug demo` shows: two scenes, and a generator in two real DataLoaders.

Scenes and classifiers are small, so that the whole takes minutes on two cores with AVX2.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from ganaug.demo.glyphs import CLASSES, render_glyphs
from ganaug.evaluation.classifiers.resnet import ResNet
from ganaug.images import ImageSet, load_images, long_tailed, resized
from ganaug.use.datasets import AugmentedDataset, MixedDataset, SyntheticDataset
from ganaug.use.image_dataset import ImageDataset
from ganaug.use.sampling import ClassBalancedSampler
from ganaug.use.transform import GANAugment

__all__ = ["SCENES", "Scene", "digits_lt", "narrow_resnet", "printed_letters", "read_pipelines"]

RARE_DIGITS = 5  # images of each odd digit
FACE = "DejaVuSans-Bold"  # of the printed letters
PRINTED = {"letters": 10, "frequent": 100, "rare": 4, "test": 100, "side": 12}
GREY = (0.299, 0.587, 0.114)  # of red, green and blue, as Pillow does


@dataclass(frozen=True)
class Scene:
    """One data set of the demo, and how its generator is trained and judged.

    Attributes:
        name: of its folder and its ONNX file.
        about: what it is, in a line.
        images: makes the image set, with its test part.
        fit: for `fit`, beside the data.
        baseline: the free arm to beat.
        arms: all that are compared.
        classifier_steps: of each classifier.
        seconds: on two cores with AVX2: of a step of the generator, of a step of a classifier on
            one of them, and of all the rest. Only how they compare is used, for the time left.
    """

    name: str
    about: str
    images: Callable[[], ImageSet]
    fit: Mapping[str, Any]
    baseline: str
    arms: tuple[str, ...]
    classifier_steps: int
    seconds: tuple[float, float, float]

    def with_lengths(self, steps: int | None, classifier_steps: int | None) -> Scene:
        """Return the scene with other lengths of its trainings, where they are given."""
        fit = self.fit if steps is None else {**self.fit, "steps": steps}
        usual = self.classifier_steps
        return replace(
            self, fit=fit, classifier_steps=usual if classifier_steps is None else classifier_steps
        )

    def phases(self, seeds: int) -> tuple[float, float, float]:
        """Return the seconds of the generator's training, the comparison and the rest."""
        of_generator, of_classifier, rest = self.seconds
        trainings = len(self.arms) * seeds
        return (
            of_generator * self.fit["steps"],
            of_classifier * self.classifier_steps * trainings / 2,
            rest,
        )


def narrow_resnet(channels: int, num_classes: int, image_size: tuple[int, int]) -> nn.Module:
    """Return the usual small network at half its width: a step costs half as much."""
    return ResNet(channels, num_classes, image_size, width=8)


def digits_lt(seed: int = 0) -> ImageSet:
    """Return scikit-learn's digits: all training images of even digits, 5 of each odd one."""
    digits = load_images("digits")
    odd = {name: RARE_DIGITS for name in digits.classes if int(name) % 2}
    return replace(long_tailed(digits, odd, seed=seed), source="digits-lt")


def printed_letters(seed: int = 0) -> ImageSet:
    """Return ten letters of one typeface at 12 px in grey, 100 training images or 4 in turn.

    Light, blur, perspective and background vary alike in all classes. One typeface, as on number
    plates, makes a problem that a short training can solve: what is left to learn is how the
    photograph was taken.
    """
    first = CLASSES.index("A")
    counts = [PRINTED["frequent"], PRINTED["rare"]] * (PRINTED["letters"] // 2)
    judged = [PRINTED["test"]] * PRINTED["letters"]
    train, test = (
        render_glyphs("train", [0] * first + each, 1.0, draw, "letters", face=FACE)
        for each, draw in ((counts, 2 * seed), (judged, 2 * seed + 1))
    )
    train, test = (
        ImageSet(
            np.rint(each.images @ np.array(GREY)).astype(np.uint8)[..., None],
            each.labels - first,
            CLASSES[first : first + PRINTED["letters"]],
            source="letters",
        )
        for each in (train, test)
    )
    return resized(replace(train, test=test), PRINTED["side"])


SCENES = (
    Scene(
        "letters",
        f"photographed letters, {PRINTED['rare']} images of every other one; light, blur and"
        " perspective are shared by all",
        printed_letters,
        {"preset": "tiny", "steps": 900},
        # Far stronger than balanced batches in so short a training.
        "plain+randaugment+logits",
        ("plain+randaugment+logits", "ganaug-plain+randaugment+logits"),
        700,
        (0.055, 0.026, 5),
    ),
    Scene(
        "digits",
        f"8x8 digits, {RARE_DIGITS} images of each odd one; ordinary augmentation is enough here",
        digits_lt,
        # Without class match, variations of rare digits become other digits.
        {"preset": "tiny", "steps": 400, "class_match": 1.0},
        "balanced+affine",
        ("balanced+affine", "ganaug+affine"),
        300,
        (0.055, 0.019, 9),
    ),
)


def read_pipelines(artifact: str | os.PathLike[str], images: ImageSet) -> list[str]:
    """Read an epoch of two DataLoaders with two workers each; return a line about either.

    The first has the generator as a transform under a class-balanced sampler, the second has its
    images beside the real ones, up to balance.
    """
    real = ImageDataset(images)
    affine = v2.RandomAffine(degrees=15, translate=(0.1, 0.1))
    varied = AugmentedDataset(real, v2.Compose([GANAugment(artifact), affine]))
    made = SyntheticDataset(artifact, source=real, counts="balance")
    mixed = AugmentedDataset(MixedDataset(real, made), affine)
    balanced = ClassBalancedSampler(real.targets)
    loaders = {
        "as a transform": DataLoader(varied, batch_size=64, sampler=balanced, num_workers=2),
        "beside the real images": DataLoader(mixed, batch_size=64, shuffle=True, num_workers=2),
    }
    rare = torch.from_numpy(images.counts < images.counts.max() / 2)
    lines = []
    for name, loader in loaders.items():
        labels = torch.cat([labels for _, labels in loader])
        share = 100 * float(rare[labels].float().mean())
        lines.append(f"{name}: an epoch of {len(labels)} images, {share:.0f}% of rare classes")
    return lines
