"""What the report says to do next, and which changes of classes it takes for luck."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.records import CLASSES, diversity_record, gain_record, metadata_record
from helpers.small_images import bars

from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.arms.augmentations import AUGMENTATIONS, VIEWS
from ganaug.evaluation.arms.grammar import HEADS
from ganaug.evaluation.arms.losses import LOSSES, MIXES
from ganaug.evaluation.diversity.report import DiversityReport
from ganaug.evaluation.gain.judge import P_SAYS, Evidence
from ganaug.evaluation.gain.notes import few_passes
from ganaug.evaluation.gain.report import GainReport, what_would_settle
from ganaug.evaluation.gain.units import TestPart
from ganaug.evaluation.splits import NOT_FITTED
from ganaug.report import arms
from ganaug.report.advice import Named, advice, advice_list, in_short
from ganaug.report.class_changes import class_changes, judged_counts
from ganaug.report.diversity import diversity_card
from ganaug.report.gain import arms_section, gain_cards, gain_in_short
from ganaug.report.text import metadata_lines
from ganaug.training.config import PRESETS


def healthy() -> DiversityReport:
    record = diversity_record()
    classes = tuple(replace(each, word="OK", words=()) for each in record.classes)
    return replace(record, classes=classes)


def quick_look(gain: GainReport) -> GainReport:
    return replace(gain, settings=replace(gain.settings, quick=True))


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("helps", "put GANAugment(FILE) first in the transforms of your training"),
        ("hurts", "Do not use it. Train with balanced"),
        ("no change", "The policy is never to vary"),
        ("no evidence", "More test images would tell a smaller gain"),
    ],
)
def test_the_first_line_follows_from_the_verdict(verdict: str, said: str) -> None:
    assert said in advice(gain_record(verdict), healthy())[0]


def test_what_took_the_verdict_away_is_named() -> None:
    def first(gain: GainReport, diversity: DiversityReport) -> str:
        return advice(gain, diversity)[0]

    unsure = gain_record("no evidence")
    two, one = gain_record("no evidence", 2), gain_record("no evidence", 1)
    told = "No verdict rests on {}. For a verdict: ganaug evaluate FILE SOURCE --seeds 6"
    assert first(two, healthy()) == told.format("2 seeds")
    assert first(one, healthy()) == told.format("1 seed")
    quick = "This was a quick look. For a verdict, without --quick: ganaug evaluate FILE SOURCE"
    assert first(quick_look(two), healthy()) == f"{quick} --seeds 6"
    assert first(quick_look(unsure), healthy()) == f"{quick} --seeds 6"
    more = quick_look(gain_record("helps", 8))
    assert first(more, healthy()).endswith(": ganaug evaluate FILE SOURCE --seeds 8")
    assert "Or train the generator longer" in first(unsure, diversity_record())
    spoiled = replace(unsure, settings=replace(unsure.settings, spoiled=["ganaug"]))
    assert "images that the generator was not trained on" in first(spoiled, healthy())
    sure = gain_record("helps").gain["ganaug"]
    beaten = replace(unsure, gain=unsure.gain | {"ganaug": replace(sure, verdict="no evidence")})
    assert "as the stronger free arm does" in first(beaten, healthy())
    assert advice(gain_record(generator=False), None) == []
    assert advice(None, None) == []


def test_names_are_filled_in_and_what_was_left_out_comes_first() -> None:
    unsure, info = gain_record("no evidence", 2), metadata_record()
    short = replace(info, steps=40, counts=(300, 200, 30))
    few = replace(short, counts=(12, 6, 4))  # of which `tune` could measure nothing
    assert "ganaug tune" not in " ".join(advice(unsure, healthy(), few))
    how = Named("'my file.onnx' photos/ --size 32", " --arms plain,ganaug", " --steps 20")
    lines = advice(unsure, healthy(), short, how)
    assert "trained for 40 steps alone; the presets take 1,200 or more" in lines[0]
    assert lines[1].endswith("Measure it first: ganaug tune 'my file.onnx' photos/ --size 32")
    evaluate = "ganaug evaluate 'my file.onnx' photos/ --size 32 --arms plain,ganaug"
    assert lines[2].endswith(f" {evaluate} --steps 20 --seeds 6")
    assert "SOURCE" not in " ".join(lines)
    brief = replace(unsure, notes=few_passes(bars((300, 5, 5), (8, 8)), steps=20, batch=64))
    assert advice(brief, healthy(), None, how)[0].endswith(f" {evaluate} --steps N")
    assert info.policy is not None
    tuned = replace(info, steps=1200, policy=replace(info.policy, source="tune"))
    assert advice(unsure, healthy(), tuned) == advice(unsure, healthy())
    assert advice(gain_record("helps"), healthy(), short) == advice(gain_record("helps"), healthy())
    of_folder = judged("folder:made")
    unsure_of_it = replace(of_folder.gain["folder:made"], verdict="no evidence")
    of_folder = replace(of_folder, gain=of_folder.gain | {"folder:made": unsure_of_it})
    assert advice(of_folder, healthy(), short) == advice(of_folder, healthy())


def test_what_run_began_goes_on_with_run() -> None:
    info = replace(metadata_record(), counts=(300, 200, 30), steps=1300)
    look = quick_look(gain_record("no evidence", 2))
    named = Named("f.onnx photos", " --quick", "", run=True, whole="ganaug run 'a & b' --out d")
    lines = advice(look, healthy(), info, named)
    assert lines[0].endswith("without --quick: ganaug run 'a & b' --out d")
    assert "Measure it first" not in "".join(lines)  # which that does
    few = replace(look, gain={"ganaug": replace(look.gain["ganaug"], few_units=True)})
    assert advice(few, healthy(), info, named)[0].endswith("first: ganaug run 'a & b' --out d")
    page = advice_list(look, healthy(), info, named)
    assert "<code>ganaug run &#x27;a &amp; b&#x27; --out d</code>" in page
    short = advice(None, diversity_record(), info, named)[0]
    assert "ganaug run as before, with --set steps=" in short
    assert "ganaug fit as before, with --steps " in advice(None, diversity_record(), info)[0]


def test_measuring_comes_with_the_images_of_the_fit() -> None:
    info = replace(metadata_record(), counts=(300, 200, 30), steps=2500)
    gain, told = gain_record("no evidence"), "Measure it first: ganaug tune FILE SOURCE"
    assert told in advice(gain, healthy(), info)[0]
    other = replace(gain, notes=(f"{NOT_FITTED} (or were loaded in another way)",))
    assert told not in "".join(advice(other, healthy(), info))


def test_very_few_test_images_are_told_in_the_place_of_more_seeds() -> None:
    gain = gain_record("no evidence")
    few = replace(gain, gain=gain.gain | {"ganaug": replace(gain.gain["ganaug"], few_units=True)})
    assert what_would_settle(few) == ""
    assert "too few test images, or objects in them" in gain_cards(few)[0]
    words = ["Judge on more test images, of more objects where they are in groups."]
    assert advice(few, None) == words
    assert "about 24 seeds" in what_would_settle(gain)
    for each in (replace(few, seeds=(0, 1)), quick_look(few)):
        assert advice(each, None) == words


def test_more_seeds_do_not_mend_a_generator_that_saw_the_test_images() -> None:
    for gain in (gain_record("no evidence", 2), quick_look(gain_record("no evidence"))):
        spoiled = replace(gain, settings=replace(gain.settings, spoiled=["ganaug"]))
        assert advice(spoiled, None) == ["Judge on images that the generator was not trained on."]


def test_the_verdict_says_where_classes_have_few_test_images() -> None:
    record = gain_record()
    note = "2 classes have fewer than 10 test images: crack 3, dent 6"
    verdict = gain_cards(replace(record, notes=(note,)))[0]
    assert "2 classes have fewer than 10 test images.</p>" in verdict
    assert "fewer than" not in gain_cards(replace(record, notes=()))[0]


def test_images_are_asked_for_where_a_class_has_few() -> None:
    note = "2 classes have fewer than 10 test images: crack 1, dent 6"
    gain = replace(gain_record("no evidence"), notes=(note,))
    asked = f"Add test images: {note}. What is said of such a class may be chance."
    assert asked in advice(gain, healthy())
    assert not [
        line for line in advice(gain_record("no evidence"), healthy()) if "Add test" in line
    ]


def test_a_name_with_backticks_is_no_code() -> None:
    note = "2 classes have fewer than 10 test images: a`b 1, c`<d 6"
    gain = replace(gain_record("no evidence", 2), notes=(note,))
    record = diversity_record()
    first, *others = record.classes
    record = replace(record, classes=(replace(first, name="5`", word="COPYING"), *others))
    lines = advice(gain, record)
    assert f"Add test images: {note}. What is said of such a class may be chance." in lines
    assert lines[-1].startswith("Images of 5` repeat training images: ")
    shown = advice_list(gain, record)
    assert "a`b 1, c`&lt;d 6. What" in shown
    assert "<code>ganaug evaluate FILE SOURCE --seeds 6</code>" in shown
    named = parse_arm("folder:a`b")
    assert "as in folder:a`b." in advice(judged(named.name), healthy())[0]


def test_failures_after_few_steps_ask_for_a_longer_training() -> None:
    words = (
        "COLLAPSED after 300 steps; the usual number is 2,500. Train longer: ganaug fit as before,"
        " with --steps 2500 and a new --out."
    )
    info = replace(metadata_record(), steps=300)
    failed = diversity_record()
    assert words in advice(gain_record("helps"), failed, info)
    both = replace(
        failed, classes=(failed.classes[0], replace(failed.classes[1], word="UNFAITHFUL"))
    )
    assert words.replace("COLLAPSED", "COLLAPSED and UNFAITHFUL") in advice(None, both, info)
    for record, steps in ((failed, 2500), (healthy(), 300)):
        assert "Train longer" not in str(advice(None, record, replace(info, steps=steps)))
    shortest = advice(gain_record("no evidence"), failed, replace(info, steps=40))
    assert "trained for 40 steps alone" in shortest[0]  # said once
    assert "Train longer" not in str(shortest)
    tiny = replace(info, steps=PRESETS["tiny"].steps, config=PRESETS["tiny"].to_dict())
    assert "Train a larger one: ganaug fit as before, with --preset base" in str(
        advice(None, failed, tiny)
    )
    assert "the usual number is 1,200." in str(advice(None, failed, replace(tiny, steps=300)))
    dense = replace(info, steps=2600, config={"architecture": "dense"})
    assert f"the usual number is {PRESETS['classic'].steps:,}." in str(advice(None, failed, dense))


def test_where_it_is_never_varied_a_failure_is_one_of_variations_that_are_not_used() -> None:
    info = metadata_record()
    assert info.policy is not None
    words = "COLLAPSED in 2 of 3 classes, of its variations, were they used"
    never = replace(info, policy=replace(info.policy, p=((1, 0.0),)))
    assert in_short(None, diversity_record(), never) == [f"in short: {words}"]
    assert in_short(None, diversity_record(), info) == [f"in short: {words.partition(',')[0]}"]
    said = ", of its variations, were they used."
    assert f"Collapsed in 2{said}" in diversity_card(diversity_record(), never.policy)
    assert "used" not in diversity_card(diversity_record(), info.policy)
    found = {"words": {"UNFAITHFUL": ["ok"]}}
    lines = metadata_lines(replace(never, diversity=found), "0" * 64)
    assert any(
        "UNFAITHFUL 1 (classes; of its variations, were they used)" in line for line in lines
    )


def test_after_too_short_trainings_more_steps_come_first_and_nothing_is_recommended() -> None:
    note = few_passes(bars((300, 5, 5), (8, 8)), steps=20, batch=64)
    for verdict, more in (("no evidence", 0), ("hurts", 1), ("no change", 1), ("helps", 1)):
        record = gain_record(verdict)
        assert advice(replace(record, notes=note), healthy())[0].startswith("The classifiers were")
        short = advice(replace(record, notes=note), diversity_record())
        assert "more steps, with ganaug run by --classifier-steps N and a new --out" in short[0]
        assert short[0].endswith("else: ganaug evaluate FILE SOURCE --steps N")
        assert len(short) == 1 + more
        assert not any("Train with" in line for line in short)
    few = advice(replace(gain_record("no evidence", 2), notes=note), healthy())
    assert "No verdict rests on 2 seeds" in few[1]


def judged(arm: str, **settings: Any) -> GainReport:
    """A comparison in which `arm` was judged, and helps."""
    gain = gain_record("helps")
    both = {"arms": dict(gain.arms), "gain": dict(gain.gain)}
    for values in both.values():
        values[arm] = values.pop("ganaug")
    return replace(gain, chosen=arm, settings=replace(gain.settings, **settings), **both)


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ("ganaug+affine", "put GANAugment(FILE) first in"),
        ("ganaug@p=0.9@scale=2", "put GANAugment(FILE, p=0.9, scale=2) first in"),
        ("ganaug@p=1@until=0.9", "put GANAugment(FILE, p=1) first in the transforms of your"
         " training, for the first 90% of it;"),
        ("ganaug@top=0.6@scale=0.5", "put GANAugment(FILE, p={CLASS: p, ...}, scale=0.5) first in"),
        ("mixed+affine", "train on MixedDataset(real, SyntheticDataset(FILE, source=real)), with"),
        ("synthetic", "train on SyntheticDataset(FILE, source=real, counts="),
        ("folder:made+affine", "Train on the images of the folder, too"),
        ("folder-only:made", "Train on the images of the folder, alone"),
    ],
)  # fmt: skip
def test_what_helps_is_used_as_it_was_judged(arm: str, said: str) -> None:
    line = advice(judged(arm), healthy())[0]
    assert said in line
    assert line.endswith(f"the rest is as in {arm}.")
    assert ("GANAugment" in line) == (parse_arm(arm).use == "transform")


@pytest.mark.parametrize("verdict", ["no evidence", "hurts"])
def test_advice_about_a_folder_speaks_of_no_generator(verdict: str) -> None:
    gain = gain_record(verdict)
    both = {
        name: {"folder:made" if arm == "ganaug" else arm: each for arm, each in values.items()}
        for name, values in (("arms", gain.arms), ("gain", gain.gain))
    }
    of_folder = replace(gain, chosen="folder:made", claim="for the folder's images", **both)  # type: ignore[arg-type] # one for both
    first = advice(of_folder, diversity_record())[0]
    assert "Train with balanced, which needs no folder." in first
    assert not any(word in first for word in ("generator", "policy"))
    assert "generator" in advice(gain, diversity_record())[0]


def test_a_verdict_on_new_generators_is_none_on_the_file() -> None:
    new = judged("ganaug", refit={"preset": "tiny"})
    assert "not about this file and its policy" in advice(new, None)[0]
    assert "put GANAugment" not in str(advice(new, None))
    never = gain_record("no change")
    never = replace(never, settings=new.settings)
    assert advice(never, None)[0].startswith("The policy of ganaug is never to vary")


def test_a_quick_look_is_called_one_first() -> None:
    for verdict in ("helps", "hurts"):
        record = gain_record(verdict)
        look = quick_look(record)
        assert advice(look, None)[0].startswith("This was a quick look, with no verdict to rely on")
        assert advice(look, None)[1:] == advice(record, None)
        assert gain_in_short(look).startswith("A quick look, with no verdict to rely on: of 100")
        assert gain_in_short(record).startswith("Of 100")
        assert in_short(look, None)[0].startswith(f"in short: a quick look: {verdict}, ")


def test_a_class_that_loses_is_left_out_as_the_arm_has_it() -> None:
    lost = with_recall([[-0.05] * 6, [0.0] * 6, [0.05] * 6], images=100)
    for arm, said in (
        ("ganaug", "GANAugment(FILE, p="),
        ("mixed", "SyntheticDataset(FILE, source=real, counts="),
        ("folder:made", "without images of the folder"),
    ):
        arms, gain = lost.arms | {arm: lost.arms["ganaug"]}, lost.gain | {arm: lost.gain["ganaug"]}
        found = advice(replace(lost, chosen=arm, arms=arms, gain=gain), None)
        assert [said in line for line in found if "fewer images are found" in line] == [True]
    unsure = replace(lost.gain["ganaug"], verdict="no evidence")
    found = advice(replace(lost, gain=lost.gain | {"ganaug": unsure}), None)
    assert not any("fewer images are found" in line for line in found)


def test_copies_are_warned_of() -> None:
    record = diversity_record()
    first = replace(record.classes[0], words=("COLLAPSED", "COPYING"))
    lines = advice(None, replace(record, classes=(first, *record.classes[1:])))
    assert lines == [
        f"Images of {CLASSES[0]} repeat training images: look at the suspicious samples before you"
        " share the file."
    ]


def with_recall(changes: list[list[float]], images: int, seeds: int = 6) -> GainReport:
    """A comparison in which recall changes so by class, in each seed, on so many test images."""
    gain = gain_record(seeds=seeds)
    before = gain.arms["balanced"]
    level = tuple((0.5,) * len(CLASSES) for _ in gain.seeds)
    after = tuple(
        tuple(0.5 + change[seed] for change in changes) for seed in range(len(gain.seeds))
    )
    labels = np.repeat(np.arange(len(CLASSES)), images)
    evidence = Evidence({}, {seed: TestPart(labels, None, "same") for seed in gain.seeds}, {})
    both = {
        "balanced": replace(before, recall=level),
        "ganaug": replace(gain.arms["ganaug"], recall=after),
    }
    return replace(gain, arms=gain.arms | both, evidence=evidence)


def test_a_change_is_sure_where_seeds_agree_and_test_images_show_it() -> None:
    steady = [-0.05, -0.06, -0.05, -0.04, -0.05, -0.05]
    wild = [0.2, -0.2, 0.1, -0.1, 0.05, 0.0]
    changes = [steady, wild, [-each for each in steady]]
    gain = with_recall(changes, images=100)
    assert judged_counts(gain) == [100.0] * 3
    found = class_changes(gain)
    assert [each.sure for each in found] == [True, False, True]
    assert found[0].change == pytest.approx(-0.05)
    assert any(f"Class {CLASSES[0]}: fewer images are found" in line for line in advice(gain, None))
    few = with_recall(changes, images=20)  # a twentieth of 20 images is a single one
    assert not any(each.sure for each in class_changes(few))
    assert len(advice(few, None)) == 1
    lost = [[-0.2] * 6] * 3  # to the last digit the same in all seeds
    assert all(each.sure for each in class_changes(with_recall(lost, images=100)))
    for seeds in (2, 5):
        look = with_recall(lost, images=100, seeds=seeds)
        assert not any(each.sure for each in class_changes(look))
        assert not any("fewer images are found" in line for line in advice(look, None))
    one = gain_record(seeds=1)
    assert not any(each.sure for each in class_changes(one))
    assert judged_counts(one) is None


def test_every_part_of_a_name_is_told() -> None:
    steps = {*AUGMENTATIONS, *VIEWS, *MIXES, *LOSSES, "smote", "lda", "longer"}
    assert arms.HEADS.keys() == HEADS.keys()
    assert arms.STEPS.keys() == steps
    assert all(f"+{step}: " in arms.names_in_words([f"plain+{step}"]) for step in steps)
    names = ["ganaug@p=0.5@scale=0.7+randaugment-20", "folder:my made+flip", "plain+longer-3"]
    assert all(parse_arm(name) for name in names)
    assert arms.names_in_words(names) == (
        "ganaug: every class equally often, the generator first; +randaugment: torchvision's"
        " RandAugment; folder: real images and those of the folder, every class equally often;"
        " +flip: mirrored left to right; plain: every image equally often; +longer: more steps, as"
        " many times as the number says"
    )


def test_terminal_and_page_say_the_same_of_p() -> None:
    gain = gain_record("no evidence")
    assert P_SAYS in str(gain).splitlines()
    assert P_SAYS in arms_section(gain)


def test_the_last_line_says_in_short_what_was_found() -> None:
    assert in_short(gain_record("helps"), diversity_record()) == [
        "in short: helps, +3.0 points of balanced accuracy (95% interval +2.0 to +4.0);"
        " COLLAPSED in 2 of 3 classes"
    ]
    assert in_short(gain_record("helps", 1), healthy()) == [
        "in short: helps, +3.0 points of balanced accuracy"
    ]
    assert in_short(gain_record(generator=False), None) == []


def with_gain(gain: GainReport, **numbers: float) -> GainReport:
    return replace(gain, gain=gain.gain | {"ganaug": replace(gain.gain["ganaug"], **numbers)})


def test_a_gain_of_nearly_nothing_is_told_in_true_sentences() -> None:
    helps, unsure = gain_record("helps"), gain_record("no evidence")
    for mean, words in ((0.005, "gets about 1 more"), (0.015, "gets about 2 more")):
        told = gain_in_short(with_gain(helps, rare_mean=mean, rare_low=0.001, rare_high=0.03))
        assert words in told
    told = gain_in_short(with_gain(helps, rare_mean=0.004, rare_low=0.001, rare_high=0.03))
    assert "gets under 1 more right" in told
    for mean, words in (
        (-0.0001, "a loss of under 0.05 points"),
        (0.0312, "a gain of +3.1 points"),
    ):
        assert f"seeds would settle {words}," in what_would_settle(with_gain(unsure, mean=mean))
    lines = with_gain(unsure, mean=-0.0001, low=-0.0102, high=0.0002)
    assert "ganaug" in lines.text()
    assert (
        ", 0.0 points of balanced accuracy (95% interval -1.0 to 0.0)" in in_short(lines, None)[0]
    )
    assert " 0.0 (-1.0 to 0.0)" in lines.text()
    assert "-0.0 " not in lines.text()


def test_one_class_is_told_in_the_singular() -> None:
    record = diversity_record()
    one = replace(record, classes=record.classes[:1])
    assert in_short(None, one) == ["in short: COLLAPSED in 1 of 1 class"]
    assert "1 of 1 class fails" in diversity_card(one)
    assert "2 of 3 classes fail<" in diversity_card(record)
    assert "1 of 3 classes has too few images" in diversity_card(record)


def test_a_narrow_terminal_gets_the_words_without_the_numbers() -> None:
    record = diversity_record()
    assert record.text(1000) == record.text() == str(record)
    lines = record.text(60).splitlines()
    assert lines[0].split() == ["class", "images", "word"]
    assert len(lines[0]) < len(str(record).splitlines()[0])
    assert any(line.startswith("COLLAPSED: ") for line in lines)
    assert not any(line.startswith("COPYING: ") for line in lines)
    assert not any("0.70 (0.90)" in line for line in lines[: 2 + len(CLASSES)])
    assert lines[-1].startswith("all numbers are in diversity.json, ")
    assert "all numbers are in judged.json, " in record.text(60, "judged.json")
    for each in (record, healthy()):
        shown = each.text(60)
        assert ("in brackets" in shown) == ("(0.90)" in shown)
