"""*Helps* against the strongest free arm of the test part, also where another was the baseline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ganaug.evaluation.classifiers.interface import Outcome
from ganaug.evaluation.gain import GainReport, judge
from ganaug.evaluation.gain.judge import Evidence, overtaken
from ganaug.evaluation.gain.settings import Choice, Settings
from ganaug.evaluation.gain.units import TestPart
from ganaug.report.advice import advice, in_short
from ganaug.report.gain import gain_cards


def told(
    accuracies: dict[str, float],
    seeds: int = 6,
    longer: dict[str, tuple[str, ...]] | None = None,
) -> GainReport:
    """A report on arms that are right about so many of 2 x 500 images, others with each seed."""
    labels = np.repeat([0, 1], 500)
    outcomes = {}
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        for name, accuracy in accuracies.items():
            predicted = np.where(rng.random(1000) < accuracy, labels, 1 - labels)
            outcomes[seed, name] = Outcome(np.eye(2, dtype=np.float16)[predicted], 1.0)
    evidence = Evidence(
        outcomes,
        dict.fromkeys(range(seeds), TestPart(labels, None, "a")),
        dict.fromkeys(range(seeds), np.array([50, 5])),
    )
    free = [name for name in accuracies if "ganaug" not in name and "longer" not in name]
    asked = GainReport(
        seeds=(),
        counts=(),
        test_images=(),
        arms={},
        gain={},
        classes=("a", "b"),
        baseline="balanced",
        dataset="planted",
        chosen=next(name for name in accuracies if name.startswith("ganaug")),
        claim="for the method",
        choice=Choice("given", free_arms=tuple(free), longer=longer or {}),
        settings=Settings(),
        environment={},
        notes=("kept",),
    )
    return asked.judged_on(evidence, range(seeds), tuple(accuracies))


def test_helps_needs_a_gain_over_the_strongest_free_arm_of_the_test_part() -> None:
    weaker = told({"balanced": 0.7, "balanced+affine": 0.65, "ganaug": 0.8})
    assert weaker.gain["ganaug"].verdict == "helps"
    assert weaker.notes == ("kept",)
    between = told({"balanced": 0.7, "balanced+affine": 0.74, "ganaug": 0.8})
    assert between.gain["ganaug"].verdict == "helps"
    assert between.gain["balanced+affine"].verdict == "helps"  # as free arms may
    assert between.notes[1].startswith("balanced+affine has more than the baseline: ")
    stronger = told({"balanced": 0.7, "balanced+affine": 0.81, "ganaug": 0.8})
    assert stronger.gain["ganaug"].verdict == "no evidence"
    assert stronger.gain["ganaug"].low > 0
    assert stronger.notes == between.notes
    assert "would settle" not in str(stronger)
    assert "turned out to be stronger" in "".join(gain_cards(stronger))


@pytest.mark.parametrize("seeds", [2, 6])
def test_the_strongest_free_arm_is_named_where_the_gain_is(seeds: int) -> None:
    """On the first screen and in the first and the last line; a baseline may be the weakest."""
    accuracies = {"balanced": 0.7, "balanced+affine": 0.75, "balanced+flip": 0.81, "ganaug": 0.65}
    found = told(accuracies, seeds)
    score = 100 * float(np.mean(found.arms["balanced+flip"].balanced_accuracy))
    words = f"; balanced+flip, without a generator, has {score:.1f}, more than the "
    first = found.text().splitlines()[0]
    assert words in first
    assert first.startswith(f"{found.gain['ganaug'].verdict}: ganaug, ")
    assert "points against balanced; " in first
    assert words in gain_cards(found)[1].replace("<wbr>", "")
    assert words in in_short(found, None)[0]
    free = (
        "Train without a generator: with balanced, or with balanced+flip, which had more on these"
    )
    assert seeds < 6 or free in advice(found, None)[0]
    best = told({"balanced": 0.7, "balanced+affine": 0.65, "ganaug": 0.65}, seeds)
    assert seeds < 6 or "Train with balanced, which needs no generator." in advice(best, None)[0]
    assert best.text().startswith("arm ")
    assert "without a generator" not in gain_cards(best)[1] + in_short(best, None)[0]


def test_a_baseline_without_rivals_is_called_one() -> None:
    words = "; no other training without a generator was compared: one may be stronger"
    found = told({"balanced": 0.7, "ganaug": 0.65}, 2)
    assert words in found.text().splitlines()[0]
    assert words in gain_cards(found)[1]


def test_a_longer_arm_is_told_of_the_free_arms_that_it_has_to_beat() -> None:
    own = ("balanced+longer-3", "balanced")
    accuracies = {"balanced": 0.8, "balanced+longer-3": 0.7, "ganaug+longer-3": 0.65}
    found = told(accuracies, longer={"ganaug+longer-3": own})
    assert "against balanced+longer-3; balanced, without a generator, has" in found.text()


def test_the_word_follows_from_the_interval_that_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wider one may lie above 0 where the other does not."""
    monkeypatch.setattr(judge, "paired_t", lambda _: (0.001, 0.08, 0.04))
    monkeypatch.setattr(judge, "bootstrap_interval", lambda *_: (-0.001, 0.05))
    gain = told({"balanced": 0.7, "ganaug": 0.75}).gain["ganaug"]
    assert gain.verdict == "no evidence"
    assert (gain.low, gain.high) == (gain.rare_low, gain.rare_high) == (-0.001, 0.08)


def test_several_stronger_arms_are_one_note() -> None:
    names = ("balanced+affine", "balanced+jitter")
    both = told({"balanced": 0.7, **dict.fromkeys(names, 0.74), "ganaug": 0.8})
    assert both.notes == (
        "kept",
        'balanced+affine and balanced+jitter have more than the baseline: "helps" needs a gain over'
        " them, too; compare with the best: --baseline NAME",
    )


def test_one_interval_that_reaches_below_0_is_no_stronger_arm() -> None:
    found = told({"balanced": 0.7, "ganaug": 0.75}).gain["ganaug"]
    found = replace(found, verdict="no evidence", t=(0.001, 0.11), bootstrap=(0.0023, 0.1125))
    assert not overtaken(6, replace(found, t=(-0.00003, 0.11003)))
    assert overtaken(6, found)
    assert not overtaken(5, found)  # too few seeds
    assert not overtaken(6, replace(found, verdict="helps"))


def test_of_a_generator_that_saw_test_images_no_number_of_seeds_settles_the_gain() -> None:
    clean = told({"balanced": 0.7, "balanced+affine": 0.6, "ganaug": 0.705})
    assert clean.gain["ganaug"].seeds_to_settle is not None
    assert "seeds would settle" in clean.text()
    saw = replace(clean, settings=Settings(spoiled=["ganaug"]))
    assert "would settle" not in saw.text()
    assert clean.evidence is not None
    saw = saw.judged_on(clean.evidence, clean.seeds, tuple(clean.arms))
    assert saw.gain["ganaug"] == replace(clean.gain["ganaug"], seeds_to_settle=None)
    assert saw.gain["balanced+affine"] == clean.gain["balanced+affine"]


def test_merged_reports_name_the_free_arms_that_are_stronger_over_all_seeds() -> None:
    stronger = told({"balanced": 0.7, "balanced+affine": 0.72, "ganaug": 0.8}, seeds=2)
    weaker = told({"balanced": 0.7, "balanced+affine": 0.6, "ganaug": 0.8}, seeds=4)
    assert weaker.evidence is not None
    moved = Evidence(
        {(seed + 10, name): each for (seed, name), each in weaker.evidence.outcomes.items()},
        {seed + 10: each for seed, each in weaker.evidence.tests.items()},
        {seed + 10: each for seed, each in weaker.evidence.counts.items()},
    )
    later = replace(weaker, seeds=tuple(range(10, 14)), evidence=moved)
    merged = stronger.merge(later)
    assert len(stronger.notes) == 2
    assert merged.notes == ("kept",)
    assert merged.gain["ganaug"].verdict == "helps"


def test_the_gain_on_the_rarer_half_has_an_interval_of_its_own() -> None:
    """Class b, with 5 images, is the rarer half; its recall is told() alike for both classes."""
    report = told({"balanced": 0.7, "ganaug": 0.8})
    found = report.gain["ganaug"]
    arms = report.arms
    rarer = np.subtract(arms["ganaug"].rarer_half, arms["balanced"].rarer_half)
    assert found.rare_mean is not None
    assert found.rare_low is not None
    assert found.rare_high is not None
    assert np.isclose(found.rare_mean, rarer.mean())
    assert 0 < found.rare_low < found.rare_mean < found.rare_high
    assert found.rare_high - found.rare_low > found.high - found.low  # from half of the images
    again = GainReport.from_dict(report.to_dict())
    assert again.gain["ganaug"] == found


def test_records_of_before_have_no_interval_on_the_rarer_half() -> None:
    values = told({"balanced": 0.7, "ganaug": 0.8}).to_dict()
    for name in ("rare_mean", "rare_low", "rare_high"):
        del values["gain"]["ganaug"][name]
    assert GainReport.from_dict(values).gain["ganaug"].rare_mean is None


def test_a_longer_arm_has_to_beat_the_free_arms_that_are_no_longer() -> None:
    def longer(affine: float, plain: float = 0.7) -> GainReport:
        own = ("balanced+longer-3", "balanced", "plain+longer-3", "balanced+affine")
        accuracies = {"balanced": 0.65, "balanced+affine": affine, "plain+longer-3": plain}
        ours = {"balanced+longer-3": 0.75, "ganaug+longer-3": 0.8, "ganaug": 0.8}
        return told(accuracies | ours, longer={"ganaug+longer-3": own})

    told_of = "with a generator or folder, an arm trained as long as balanced+longer-3 is compared"
    over = ("kept", f"{told_of} with that one")
    best = longer(0.6)
    assert best.notes == over
    found = best.gain["ganaug+longer-3"]
    assert found.verdict == "helps"
    assert found.mean < best.gain["ganaug"].mean - 0.05
    beaten = longer(0.6, plain=0.81)
    more = 'plain+longer-3 has more than balanced+longer-3: "helps" needs a gain over it, too'
    assert beaten.notes == (*over, more)
    assert beaten.gain["ganaug+longer-3"].verdict == "no evidence"
    assert "with it without its longer-N: --baseline NAME" in advice(beaten, None)[0]
    assert beaten.gain["ganaug"].verdict == "helps"  # as long as the baseline
    shorter = longer(0.81)
    assert shorter.gain["ganaug+longer-3"].verdict == "no evidence"
    assert GainReport.from_dict(shorter.to_dict()) == shorter
    assert shorter.evidence is not None
    again = shorter.judged_on(shorter.evidence, shorter.seeds, tuple(shorter.arms))
    assert again == shorter
