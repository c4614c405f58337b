from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_comparisons import FREE, linear, run
from helpers.small_images import bars
from sklearn.linear_model import RidgeClassifier

from ganaug import Refit, TrainingLoop
from ganaug.artifact.policy import Policy
from ganaug.errors import ArtifactError, ConfigError, DataError, DeviceError, GanaugError
from ganaug.evaluation.gain import GainReport
from ganaug.evaluation.gain.notes import few_passes
from ganaug.evaluation.splits import Split, inner_splits
from ganaug.evaluation.trainings.workers import worker_count
from ganaug.images import ImageSet

MakeArtifact = Callable[..., Path]


def test_the_report_holds_every_arm_seed_and_class(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    report = run(artifact(), images, arms=[*FREE, "ganaug+affine", "mixed+affine"])
    assert report.claim == "for this generator"
    assert report.chosen == "ganaug+affine"
    assert report.baseline in FREE
    assert set(report.gain) == {*FREE, "ganaug+affine", "mixed+affine"} - {report.baseline}
    assert report.counts == ((24, 12, 6),) * 2
    for arm in report.arms.values():
        assert np.shape(arm.recall) == (2, 3)
        assert arm.balanced_accuracy == pytest.approx(np.mean(arm.recall, axis=1))
        assert arm.rarer_half == pytest.approx([recall[2] for recall in arm.recall])
        assert all(0 <= value <= 1 for value in (*arm.macro_f1, *arm.calibration_error))
        assert all(seconds > 0 for seconds in arm.seconds)
    for name, gain in report.gain.items():
        ours, theirs = report.arms[name], report.arms[report.baseline]
        difference = np.subtract(ours.balanced_accuracy, theirs.balanced_accuracy)
        assert gain.mean == pytest.approx(difference.mean())
        assert gain.low <= gain.mean <= gain.high
        assert gain.low == min(gain.t[0], gain.bootstrap[0])
        assert gain.high == max(gain.t[1], gain.bootstrap[1])
        assert gain.verdict == "no evidence"  # under 6 seeds, always
    few, seldom = report.notes
    assert few == "3 classes have fewer than 10 test images: bar 0 8, bar 1 8, bar 2 8"
    assert (seldom,) == few_passes(images, 12, 64)


def test_a_longer_training_separates_the_classes(images: ImageSet) -> None:
    report = run(None, images, seeds=1, steps=60, arms=["balanced+affine"], classifier=None)
    assert report.arms["balanced+affine"].balanced_accuracy[0] > 0.8
    assert report.claim == "for free arms"
    assert report.gain == {}
    assert len(report.notes) == 1  # none about its length


def test_a_training_that_shows_each_image_seldom_is_named(images: ImageSet) -> None:
    assert few_passes(images, 20, 64) == ()  # 42 images
    (note,) = few_passes(images, 10, 64)
    assert note.startswith("10 steps of 64 are 15.2 passes over the training images; a longer")


def test_the_report_survives_json(artifact: MakeArtifact, images: ImageSet) -> None:
    report = run(artifact(), images, arms=["balanced", "ganaug"])
    text = json.dumps(report.to_dict(), allow_nan=False)
    assert GainReport.from_dict(json.loads(text)) == report
    with pytest.raises(ConfigError, match="make the report again"):
        GainReport.from_dict({"arms": {}})


def test_the_table_shows_arms_gain_and_verdict(artifact: MakeArtifact, images: ImageSet) -> None:
    lines = str(run(artifact(), images, arms=["balanced", "ganaug"])).splitlines()
    assert lines[0].endswith(
        "no other training without a generator was compared: one may be stronger"
    )
    assert lines[1] == ""
    lines = lines[2:]
    assert lines[0].startswith("arm ")
    assert lines[0].split("  ")[-1].strip() == "verdict"
    assert lines[2].startswith("balanced ")
    assert "baseline" in lines[2]
    assert lines[3].startswith("ganaug ")
    assert " to " in lines[3]
    assert lines[3].endswith("no evidence")
    assert "for this generator" in lines[4]


def test_the_same_call_gives_the_same_numbers(artifact: MakeArtifact, images: ImageSet) -> None:
    arms = ["balanced+randaugment", "ganaug+randaugment", "mixed+jitter"]
    reports = [run(artifact(), images, arms=arms, baseline=arms[0]) for _ in range(2)]
    for name in arms:
        assert reports[0].arms[name].recall == reports[1].arms[name].recall
    assert reports[0].gain == reports[1].gain


def test_evaluation_leaves_torchs_randomness_and_threads_alone(images: ImageSet) -> None:
    torch.default_generator.manual_seed(7)
    expected = torch.rand(3)
    torch.default_generator.manual_seed(7)
    before = torch.get_num_threads()
    run(None, images, seeds=1, arms=["balanced+affine"])
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("head", ["ganaug", "mixed", "ganaug-plain", "warp"])
def test_a_policy_of_zero_is_no_change_and_costs_no_training(
    artifact: MakeArtifact, images: ImageSet, tmp_path: Path, head: str
) -> None:
    path = artifact(policy=Policy(p=((1, 0.0),)))
    below = "plain+affine" if head == "ganaug-plain" else "balanced+affine"
    arms = [below, f"{head}+affine"]
    report = run(path, images, arms=arms, baseline=below, seeds=2, out=tmp_path)
    gain = report.gain[f"{head}+affine"]
    assert gain.verdict == "no change"
    assert (gain.mean, gain.low, gain.high, gain.p) == (0, 0, 0, 1)
    trained = sorted(file.name for file in (tmp_path / "outcomes").iterdir())
    assert len(trained) == 2
    assert all(f"-{below}-" in name for name in trained)


def test_an_arm_whose_generator_never_varies_is_the_arm_below_it_with_its_steps(
    artifact: MakeArtifact, images: ImageSet, tmp_path: Path
) -> None:
    path = artifact(policy=Policy(p=((1, 0.0),)))
    arms = ["balanced", "ganaug+longer-2", "ganaug@p=0.5"]
    report = run(path, images, arms=arms, baseline="balanced", seeds=1, steps=20, out=tmp_path)
    assert list(report.arms) == ["balanced", "balanced+longer-2", *arms[1:]]
    assert report.gain["ganaug+longer-2"].verdict == "no change"
    trained = sorted(file.name.rsplit("-", 1)[0] for file in (tmp_path / "outcomes").iterdir())
    assert trained == [
        "seed-0000-balanced",
        "seed-0000-balanced+longer-2",
        "seed-0000-ganaug@p=0.5",
    ]


def test_a_class_generator_balances_where_it_has_no_policy(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    report = run(artifact("class"), images, arms=None, seeds=1)
    mixed = report.baseline.replace("balanced", "mixed").replace("plain", "mixed")
    assert report.chosen == mixed.removesuffix("+logits")
    assert report.gain[report.chosen].verdict != "no change"


def test_by_default_the_generator_goes_on_top_of_the_best_free_arm(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    report = run(artifact(), images, arms=None, seeds=1, steps=30)
    free = ["plain", "balanced", "balanced+affine", "balanced+randaugment"]
    assert list(report.arms)[:5] == [*free, "plain+randaugment+logits"]
    scores = report.choice.balanced_accuracy
    assert report.baseline in scores
    assert "within a standard error of the best" in report.choice.rule
    assert report.chosen is not None
    assert report.chosen.partition("+")[2] == report.baseline.partition("+")[2]


def test_the_baseline_is_chosen_without_the_test_part(images: ImageSet) -> None:
    other = bars((8, 8, 8), seed=5)
    choices = [run(None, images, test=test).choice for test in (images.test, other)]
    assert choices[0] == choices[1]
    assert choices[0].rule == (
        "the last arm within a standard error of the best of 3 runs, on 24 images in all that were"
        " held out of the training part"
    )


def test_few_held_out_images_are_judged_on_three_different_splits() -> None:
    few, many = inner_splits(Split(bars((8, 40)), bars((4, 4)))), bars((40, 40))
    assert len(inner_splits(Split(many, many))) == 1
    held = [frozenset(image.tobytes() for image in part.test.images) for part in few]
    assert len(set(held)) == 3
    for part, out in zip(few, held, strict=True):
        assert not out & {image.tobytes() for image in part.train.images}
        assert part.test.counts.tolist() == [2, 8]


def test_classes_without_images_to_spare_leave_the_choice_to_the_order() -> None:
    single = replace(bars((1, 1)), test=bars((4, 4), seed=1))
    report = run(None, single, seeds=1)
    assert report.baseline == FREE[-1]
    assert "no class has images to spare" in report.choice.rule


def test_draws_have_test_parts_of_their_own() -> None:
    def draw(seed: int) -> ImageSet:
        return replace(bars((10, 6 + seed), seed=seed), test=bars((5, 9), seed=10 + seed))

    report = run(None, draw(0), refit=Refit(draw=draw))
    assert report.counts == ((10, 6), (10, 7))
    assert report.test_images == (14, 14)
    assert report.claim == "for free arms"
    assert not any("later seed" in note for note in report.notes)


def test_copies_in_the_draws_of_later_seeds_are_noted() -> None:
    def draw(seed: int) -> ImageSet:
        drawn = bars((10, 6), seed=seed)
        return replace(drawn, test=drawn if seed else bars((5, 9), seed=10))

    report = run(None, draw(0), refit=Refit(draw=draw))
    assert (
        "in the draws of 1 later seed, test images are also training images: 16 of 16 with seed 1"
        in report.notes
    )


def held_out(images: ImageSet, **changes: str | None) -> dict[str, Any]:
    split = replace(images, test=None).hold_out()
    assert split.test is not None
    data = {
        "source": "bars",
        "held_out": split.held_out,
        "held_out_fingerprint": split.test.fingerprint,
        "groups": False,
    }
    return {"data": data | changes, "fingerprint": split.fingerprint}


def test_without_a_test_part_the_fifth_that_fit_held_out_is_judged_on(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    whole = replace(images, test=None)
    report = run(artifact(**held_out(whole)), whole, arms=["balanced"], seeds=1)
    assert report.test_images == (len(whole.hold_out().test or ()),)
    assert report.counts == (tuple(whole.hold_out().counts.tolist()),)
    assert not any("fitted on" in note for note in report.notes)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "no test part, and the generator saw all training images"),
        ({"held_out_fingerprint": "0" * 64}, r"\(000000000000\) is not found in these images"),
    ],
)
def test_images_that_the_generator_saw_are_refused(
    artifact: MakeArtifact, images: ImageSet, fields: dict[str, str], message: str
) -> None:
    whole = replace(images, test=None)
    path = artifact(**held_out(whole, **fields)) if fields else artifact()
    with pytest.raises(ArtifactError, match=message):
        run(path, whole)


def test_other_training_images_and_leaks_are_noted(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    leaking = replace(images, test=images.take(np.arange(0, len(images), 2)))
    report = run(artifact(fingerprint="1" * 64), leaking, arms=["balanced"], seeds=1)
    assert "not the ones the generator was fitted on" in report.notes[0]
    assert report.notes[1] == "21 of 21 test images are also training images"


def test_classes_are_matched_by_name(artifact: MakeArtifact, images: ImageSet) -> None:
    test = images.test
    assert test is not None
    turned = replace(test, labels=2 - test.labels, classes=test.classes[::-1])
    arms = ["balanced", "ganaug"]
    expected = run(artifact(), images, arms=arms, seeds=1)
    found = run(
        artifact(classes=images.classes[::-1], counts=(6, 12, 24)),
        replace(images, test=None),
        test=turned,
        arms=arms,
        seeds=1,
    )
    assert [arm.recall for arm in found.arms.values()] == [
        arm.recall for arm in expected.arms.values()
    ]


def test_unknown_classes_are_refused(artifact: MakeArtifact, images: ImageSet) -> None:
    path = artifact(classes=("bar 0", "bar 1", "cross"))
    with pytest.raises(ArtifactError, match="'bar 2'"):
        run(path, images)
    test = bars((4, 4, 4, 4), seed=1)
    with pytest.raises(DataError, match="class 'bar 3' is not among the training classes"):
        run(artifact(), replace(images, test=None), test=test)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": 0}, "seeds: 0; allowed"),
        ({"seeds": [1, 1]}, "different whole numbers"),
        ({"steps": 0}, "steps: 0; allowed"),
        ({"jobs": 0}, "jobs: 0; allowed"),
        ({"arms": []}, "arms: none; allowed"),
        ({"arms": ["plane"]}, "did you mean 'plain'"),
        ({"arms": "plain"}, "arms: 'plain'; allowed: a list of names; give one"),
        ({"arms": [5]}, r"arms: \[5\]; allowed: a list of names"),
        ({"baseline": None}, "baseline: None; allowed: the name of a free arm, or 'auto'"),
        (
            {"classifier": RidgeClassifier},
            r"the class RidgeClassifier; .*; write RidgeClassifier\(\)",
        ),
        ({"arms": ["ganaug"]}, "there is no generator"),
        ({"baseline": "ganaug"}, "needs a generator"),
        ({"refit": True}, r"refit: True; allowed: ganaug.Refit\("),
        ({"classifier": "resnet17"}, "did you mean 'resnet18'"),
    ],
)
def test_wrong_arguments_are_refused(
    images: ImageSet, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        run(None, images, **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("artifact", [123, b"v.onnx"])
def test_what_is_no_artifact_is_refused(images: ImageSet, artifact: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"^artifact: .*; allowed: the path of an exported file, "
    ):
        run(artifact, images)


@pytest.mark.parametrize(
    ("device", "error", "message"),
    [
        ("tpu", ConfigError, "device: 'tpu' is not allowed; choose auto, cpu"),
        ("cuda:99", DeviceError, "device: 'cuda:99' (is not available|does not exist)"),
    ],
)
def test_other_devices_are_refused(
    images: ImageSet, device: str, error: type[GanaugError], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(None, images, device=device)


def test_the_processes_by_default() -> None:
    assert worker_count(None) >= worker_count(None, "cuda") >= 1
    assert worker_count(None, "cuda:1") <= 4
    assert worker_count(9, "cuda") == 9


def test_images_that_cannot_be_compared_are_refused(images: ImageSet) -> None:
    one = bars((8,))
    with pytest.raises(DataError, match="at least 2"):
        run(None, replace(one, test=one))
    with pytest.raises(DataError, match="1 class with test images; a comparison needs at least 2"):
        run(None, replace(bars((5, 1)), test=None))  # the fifth that is held out has one class
    with pytest.raises(DataError, match="at the same size"):
        run(None, replace(images, test=None), test=bars((4, 4, 4), size=(14, 14)))


def test_a_local_factory_needs_one_process(images: ImageSet) -> None:
    with pytest.raises(ConfigError, match="jobs=1"):
        run(None, images, jobs=2, classifier=lambda c, k, s: linear(c, k, s))
    assert run(None, images, seeds=1, classifier=lambda c, k, s: linear(c, k, s)).arms


def first_class(images: object, seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda tested: torch.zeros(len(tested), dtype=torch.int64)


def test_a_quick_look_says_so(images: ImageSet) -> None:
    report = run(None, images, quick=True)
    assert "a quick look, 12 steps: no verdict to rely on" in report.notes
    own = run(None, images, quick=True, classifier=TrainingLoop(first_class), jobs=1)
    assert "a quick look: no verdict to rely on" in own.notes  # its steps are its own
