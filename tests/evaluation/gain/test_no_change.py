"""A generator that makes no image changes nothing, whatever its arm takes the place of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.small_comparisons import run
from sklearn.linear_model import RidgeClassifier

from ganaug.artifact.policy import Policy
from ganaug.evaluation.write_back import gain_summary
from ganaug.images import ImageSet
from ganaug.report.advice import advice
from ganaug.report.class_changes import class_changes
from ganaug.report.gain import arms_section, classes_section, gain_cards

MakeArtifact = Callable[..., Path]


@pytest.mark.parametrize(
    ("kind", "baseline", "arms", "chosen"),
    [
        ("class", "plain+logits", ["mixed"], "mixed"),
        ("class", "plain+randaugment+logits", None, "mixed+randaugment"),
        ("class", "plain", ["mixed"], "mixed"),
        ("variation", "plain", ["ganaug"], "ganaug"),
        ("variation", "balanced+smote", ["ganaug"], "ganaug"),
    ],
)
def test_the_arm_on_top_of_the_baseline_is_the_baseline(
    artifact: MakeArtifact,
    images: ImageSet,
    kind: str,
    baseline: str,
    arms: list[str] | None,
    chosen: str,
) -> None:
    if "smote" in baseline:
        pytest.importorskip("imblearn", reason="pip install 'ganaug[imbalanced]'")
    path = artifact(kind, policy=Policy(((6, 0.0),)))
    report = run(path, images, arms=arms, baseline=baseline, seeds=6)
    assert report.chosen == chosen
    gain = report.gain[chosen]
    assert gain.verdict == "no change"
    assert (gain.mean, gain.low, gain.high, gain.p) == (0, 0, 0, 1)
    assert not [note for note in report.notes if "also balances" in note]


@pytest.mark.parametrize("named", [True, False])
def test_a_longer_arm_is_compared_with_the_baseline_at_its_length(
    artifact: MakeArtifact, images: ImageSet, named: bool
) -> None:
    """More steps alone help here, and are no gain of a generator that makes no image."""
    path = artifact(policy=Policy(((6, 0.0),)))
    arms = ["plain", "plain+longer-12"] if named else []
    report = run(path, images, arms=[*arms, "ganaug-plain+longer-12"], seeds=6, steps=2)
    assert list(report.arms) == ["plain", "plain+longer-12", "ganaug-plain+longer-12"]
    assert report.baseline == "plain"
    assert report.gain["plain+longer-12"].mean > 0.02  # of the training that is no baseline
    assert report.chosen == "ganaug-plain+longer-12"
    found = report.gain[report.chosen]
    assert (found.verdict, found.mean) == ("no change", 0)
    assert report.notes[-1].endswith("trained as long as plain+longer-12 is compared with that one")
    assert not [note for note in report.notes if "also balances" in note]
    assert report.baseline_of(report.chosen) == "plain+longer-12"
    assert advice(report, None)[0].startswith("The classifiers were trained so briefly")
    (told,) = advice(replace(report, notes=()), None)  # as after trainings that are long enough
    assert told.startswith("The policy is never to vary, so nothing changes. Train with plain+lo")
    page = [*gain_cards(report), arms_section(report), classes_section(report)]
    shown = "".join(page).replace("<wbr>", "")
    assert "ganaug-plain+longer-12 against plain+longer-12." in shown
    assert "Gain over plain, of longer arms as noted" in shown
    assert "</span>plain+longer-12</span>" in shown  # the key of the classes
    assert all(each.change == 0 for each in class_changes(report))
    summary = gain_summary(report)
    assert summary["baseline"] == "plain+longer-12"
    assert list(summary["recall"]) == ["plain+longer-12", "ganaug-plain+longer-12"]


def test_equal_predictions_of_two_trainings_are_no_evidence(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    """Classes that any training tells apart: the generator varies, and nothing is to be seen."""
    dark = np.zeros_like(images.images)
    dark[images.labels > 0] = 255
    test = images.test
    assert test is not None
    bright = np.zeros_like(test.images)
    bright[test.labels > 0] = 255
    told = ("ash", "oak")
    easy = ImageSet(
        dark,
        (images.labels > 0).astype(int),
        told,
        test=ImageSet(bright, (test.labels > 0).astype(int), told),
    )
    path = artifact(classes=told, counts=tuple(easy.counts.tolist()), policy=Policy(((6, 0.5),)))
    report = run(path, easy, arms=["plain", "ganaug-plain"], seeds=6, classifier=RidgeClassifier())
    first, second = (report.arms[name].recall for name in ("plain", "ganaug-plain"))
    assert first == second
    found = report.gain["ganaug-plain"]
    assert (found.verdict, found.mean, found.low, found.high) == ("no evidence", 0, 0, 0)
    assert "never to vary" not in " ".join(advice(report, None))


def test_an_arm_with_its_own_p_is_not_told_that_the_policy_is_never(
    artifact: MakeArtifact, images: ImageSet, caplog: pytest.LogCaptureFixture
) -> None:
    path = artifact(policy=Policy(((6, 0.0),)))
    run(path, images, arms=["plain", "ganaug-plain@p=0.5"], seeds=1, steps=2)
    assert "policy is never" not in caplog.text
