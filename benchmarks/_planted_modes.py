"""Hidden modes: three digits stacked into RGB, and a label for the first one alone.

A class then has 100 modes that no label gives away (the stacked MNIST of Che et al., "Mode
regularized generative adversarial networks", ICLR 2017, has 1,000 without labels). They are
counted by a classifier of single digits; the record must see that some are missing without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks._planted_data import stacked
from ganaug import evaluate_diversity
from ganaug.images import ImageSet
from ganaug.metrics.encoder import SmallEncoder
from ganaug.metrics.features import JointFeatures, PixelPCA
from ganaug.randomness import stream

__all__ = ["hidden_modes"]

Images = NDArray[np.uint8]
PER_CLASS, QUICK_PER_CLASS = 200, 100
KEPT = 5  # digits that the planted generator knows in the second and in the third channel


def hidden_modes(data: Path, *, quick: bool, first_seed: int = 0) -> dict[str, Any]:
    """Return how many of 100 modes a class appear, and the words of the record, as JSON values.

    An honest generator gives any digits in the second and third channel; the planted one only
    five of ten in each, 25 of 100 modes. "expected" is how many of 100 equally likely modes turn
    up among as many images.
    """
    learn, pool = stacked(data, quick)
    count = QUICK_PER_CLASS if quick else PER_CLASS
    rng = stream(first_seed, "planted/modes")
    classifier = LogisticRegression(max_iter=200).fit(
        np.concatenate(learn).reshape(sum(map(len, learn)), -1) / 255,
        np.repeat(np.arange(10), [len(each) for each in learn]),
    )
    every = np.arange(10)
    some = [rng.permutation(10)[:KEPT] for _ in range(2)]
    learnt = np.concatenate([_stack(learn, c, (every, every), 30, rng) for c in range(10)])
    features = JointFeatures(
        (PixelPCA(learnt), SmallEncoder(learnt, steps=50 if quick else 200)), learnt
    )
    halves = [[each[::2] for each in pool], [each[1::2] for each in pool]]  # real, generated
    real = np.concatenate([_stack(halves[0], c, (every, every), count, rng) for c in range(10)])
    labels = np.repeat(np.arange(10), count)
    found: dict[str, Any] = {
        "images_per_class": count,
        "expected": round(100 * (1 - 0.99**count), 1),
    }
    for name, known in (("honest", (every, every)), ("planted", (some[0], some[1]))):
        made = np.concatenate([_stack(halves[1], c, known, count, rng) for c in range(10)])
        seconds, thirds = (
            classifier.predict(made[..., channel].reshape(len(made), -1) / 255)
            for channel in (1, 2)
        )
        modes = [len(np.unique((10 * seconds + thirds)[labels == c])) for c in range(10)]
        report = evaluate_diversity(
            real=ImageSet(real, labels, tuple("0123456789")),
            synthetic=(made, labels),
            features=features,
            seed=first_seed,
        )
        found[name] = {
            "modes": round(float(np.mean(modes)), 1),
            "words": {word: len(classes) for word, classes in report.words.items()},
        }
    return found


def _stack(
    pool: list[Images],
    label: int,
    others: tuple[NDArray[np.int64], NDArray[np.int64]],
    count: int,
    rng: np.random.Generator,
) -> Images:
    """uint8 [count, H, W, 3]: `label` in the first channel, digits of `others` in the next."""
    digits = [np.full(count, label), *(rng.choice(known, count) for known in others)]
    channels = [
        np.stack([pool[digit][rng.integers(len(pool[digit]))][..., 0] for digit in chosen])
        for chosen in digits
    ]
    return np.stack(channels, axis=-1)
