"""What the parts of an arm's name mean, in words: a report is read by who wrote none of them."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["HEADS", "STEPS", "names_in_words"]

HEADS = {
    "plain": "every image equally often",
    "balanced": "every class equally often",
    "ganaug": "every class equally often, the generator first",
    "ganaug-plain": "every image equally often, the generator first",
    "mixed": "real and generated images, every class equally often",
    "synthetic": "generated images alone",
    "folder": "real images and those of the folder, every class equally often",
    "folder-only": "the images of the folder alone",
    "warp": "every class equally often, an untrained random warp first",
    "warp-plain": "every image equally often, an untrained random warp first",
}
STEPS = {
    "shift": "moved a little",
    "affine": "moved, turned, sheared, scaled",
    "elastic": "bent",
    "jitter": "brightness and contrast changed",
    "randaugment": "torchvision's RandAugment",
    "trivialaugment": "torchvision's TrivialAugmentWide",
    "augmix": "torchvision's AugMix",
    "flip": "mirrored left to right",
    "flips": "mirrored left to right and upside down",
    "standardise": "each image has the same mean and spread",
    "equalise": "grey levels evened out in each image",
    "mixup": "two images blended",
    "cutmix": "a piece of another image put in",
    "smote": "rare classes filled up by SMOTE",
    "weighted": "rare classes weigh more in the loss",
    "logits": "logit adjustment, the loss knows how rare a class is",
    "drw": "rare classes weigh more towards the end",
    "lda": "linear discriminant analysis in the place of a loss",
    "longer": "more steps, as many times as the number says",
}


def names_in_words(arms: Iterable[str]) -> str:
    """Return what each part of these names means, once; unknown parts are left out."""
    found: dict[str, str] = {}
    for arm in arms:
        head, *steps = arm.split("+")
        head = head.partition("@")[0].partition(":")[0]
        if head in HEADS:
            found[head] = HEADS[head]
        for step in steps:
            name = step if step in STEPS else step.partition("-")[0]  # randaugment-20
            if name in STEPS:
                found[f"+{name}"] = STEPS[name]
    return "; ".join(f"{name}: {words}" for name, words in found.items())
