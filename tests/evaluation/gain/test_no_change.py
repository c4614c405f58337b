"""A generator that makes no image changes nothing, whatever its arm takes the place of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.small_comparisons import run

from ganaug.artifact.format import Policy
from ganaug.images import ImageSet

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
