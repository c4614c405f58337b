"""Records of an evaluation, made by hand through the classes that write them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from helpers.small_models import metadata_of

from ganaug.artifact.format import Metadata
from ganaug.artifact.policy import Policy
from ganaug.evaluation.diversity.changes import ClassChange, Strength
from ganaug.evaluation.diversity.inspection import Inspection, Suspect
from ganaug.evaluation.diversity.measures import Measure
from ganaug.evaluation.diversity.report import ClassDiversity, DiversityReport
from ganaug.evaluation.diversity.samples import ClassSamples, Samples
from ganaug.evaluation.gain.judge import ArmResult, Gain
from ganaug.evaluation.gain.report import GainReport
from ganaug.evaluation.gain.settings import Choice, Settings

__all__ = [
    "CLASSES",
    "diversity_record",
    "gain_record",
    "history",
    "inspection_record",
    "metadata_record",
    "samples_record",
]

HOSTILE = "<script>alert('x')</script>&\"b\""
CLASSES = ("ok", HOSTILE, "a name that is far longer than anything that fits on a telephone")
COUNTS = (120, 30, 4)


def _arm(accuracy: float, seeds: int) -> ArmResult:
    scores = tuple(accuracy + 0.01 * seed for seed in range(seeds))
    recall = tuple((0.9, score, 2 * score - 0.9) for score in scores)
    return ArmResult(
        balanced_accuracy=scores,
        macro_f1=scores,
        recall=recall,
        seconds=(12.0,) * seeds,
        calibration_error=(0.05,) * seeds,
        rarer_half=tuple(row[2] for row in recall),
        rare=tuple(row[2] for row in recall),
        middle=scores,
        frequent=(0.9,) * seeds,
        precision=recall,
        rare_precision=tuple(row[2] for row in recall),
        middle_precision=scores,
        frequent_precision=(0.9,) * seeds,
    )


WIDTH = {"helps": 0.01, "hurts": 0.01, "no change": 0.01, "no evidence": 0.04}  # of the t interval


def gain_record(verdict: str = "helps", seeds: int = 6, *, generator: bool = True) -> GainReport:
    """A comparison of plain, balanced and the generator on top of balanced."""
    sign = -1 if verdict == "hurts" else 1
    gains = {"plain": (-0.05, "hurts")}
    arms = {"plain": _arm(0.75, seeds), "balanced": _arm(0.8, seeds)}
    if generator:
        arms["ganaug"] = _arm(0.8 + sign * 0.03, seeds)
        gains["ganaug"] = (sign * 0.03, verdict)
    return GainReport(
        dataset="parts",
        seeds=tuple(range(seeds)),
        classes=CLASSES,
        counts=(COUNTS,) * seeds,
        test_images=(300,) * seeds,
        arms=arms,
        baseline="balanced",
        chosen="ganaug" if generator else None,
        gain={
            name: Gain(
                mean=mean,
                low=mean - WIDTH[word],
                high=mean + WIDTH[word],
                p=0.004,
                verdict=word,
                error_reduction=mean / 0.2,
                rare_error_reduction=mean / 0.1,
                t=(mean - WIDTH[word], mean + WIDTH[word]),
                bootstrap=(mean - 0.005, mean + 0.005),
                seed_error=0.004,
                image_error=0.002,
                seeds_to_settle=24 if word == "no evidence" else None,
                rare_mean=2 * mean,
                rare_low=2 * mean - WIDTH[word],
                rare_high=2 * mean + WIDTH[word],
            )
            for name, (mean, word) in gains.items()
        },
        claim="for this generator",
        choice=Choice("given"),
        settings=Settings(classifier="resnet-small", steps=600),
        environment={"torch": "2"},
        notes=("2 of 300 test images are also training images",),
    )


def diversity_record(*, measured: bool = True) -> DiversityReport:
    """Two classes measured, the last one with too few images."""
    numbers = {
        name: Measure(0.7 + 0.01 * i, 0.9)
        for i, name in enumerate(("coverage", "precision", "spread", "near_duplicates", "nearest"))
    }
    classes = [
        ClassDiversity(name, count, count // 2, "measured", "COLLAPSED", ("COLLAPSED",), numbers)
        if measured and count > 10
        else ClassDiversity(name, count, 0, "too few images")
        for name, count in zip(CLASSES, COUNTS, strict=True)
    ]
    return DiversityReport(
        dataset="parts",
        kind="variation",
        classes=tuple(classes),
        macro=numbers if measured else {},
        rule="a class has too few images where half of them are 5 or fewer",
        settings={"neighbours": 5},
    )


def metadata_record() -> Metadata:
    """The metadata of an artifact with these classes, a policy and a warning."""
    return metadata_of(
        "variation",
        classes=CLASSES,
        counts=COUNTS,
        data={
            "source": "parts <i>",
            "held_out": "one-fifth-by-content-hash/1",
            "held_out_fingerprint": "1" * 64,
            "groups": False,
        },
        policy=replace(Policy.falling(COUNTS), source="rule"),
        warnings=("class 'x' has a single image",),
        parity={"batches": [1, 2], "largest": 1e-6},
    )


def inspection_record() -> Inspection:
    """Points and two suspects; the second class has a hostile name."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [30, 8, 4])
    pixels = rng.integers(0, 255, (4, 16, 16, 3)).astype(np.uint8)
    return Inspection(
        classes=CLASSES,
        real=rng.normal(size=(len(labels), 2)).astype(np.float32),
        real_labels=labels,
        synthetic=rng.normal(size=(12, 2)).astype(np.float32),
        synthetic_labels=np.repeat([0, 1, 2], 4),
        explained=0.31,
        suspects=(
            Suspect(CLASSES[0], CLASSES[1], 0.2, pixels[0], pixels[1], pixels[2]),
            Suspect(CLASSES[1], CLASSES[1], 0.9, pixels[1], pixels[3], pixels[2]),
        ),
    )


def samples_record(*names: str) -> Samples:
    """Two rows of nine black images of each of these classes; changes and strengths of all."""
    rows = (np.zeros((9, 64, 64, 3), np.uint8),) * 2
    classes = tuple(ClassSamples(name, rows) for name in names)
    return Samples(classes, (), _changes(), _strengths())


def _changes() -> tuple[ClassChange, ...]:
    """What changes in each class: more in the later ones, up to 6 px, 30% and 3%."""
    image = np.full((12, 8, 3), 90, np.uint8)
    ramp = np.linspace(0, 1, 96, dtype=np.float32).reshape(12, 8)
    return tuple(
        ClassChange(name, image, 2 * at * ramp, 0.1 * at * ramp, 0.01 * at * ramp)
        for at, name in enumerate(CLASSES, start=1)
    )


def _strengths() -> tuple[Strength, ...]:
    """Two images of each class at three strengths, darker with each."""
    levels = np.array([250, 150, 50], np.uint8)[:, None, None, None]
    images = np.broadcast_to(levels, (3, 12, 8, 1))
    return tuple(Strength(name, (0.0, 1.0, 1.75), images) for name in CLASSES * 2)


def history(rows: int = 5) -> list[dict[str, float]]:
    """Rows of a run's metrics.jsonl, and two of its diversity.jsonl."""
    return [
        *(
            {"step": 50 * i, "seconds": i, "loss_g": 0.7 - 0.01 * i, "loss_d": 0.6, "moved": 0.1}
            for i in range(1, rows + 1)
        ),
        *({"step": 100 * i, "coverage": 0.4 * i, "near_duplicates": 0.1} for i in (1, 2)),
    ]
