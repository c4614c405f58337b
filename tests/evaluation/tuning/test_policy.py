"""`tune` as a whole, on small images: what it writes, what it keeps, what it refuses."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_images import bars
from helpers.small_models import write_variation_model

from ganaug import GANAugment, Generator, tune
from ganaug.artifact.policy import Policy
from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.errors import ArtifactError, ConfigError, DataError, RunError
from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.classifiers.interface import Schedule
from ganaug.evaluation.classifiers.network import Network
from ganaug.evaluation.trainings import Job, run_job
from ganaug.evaluation.trainings.generators import FIT_STEP, settings_of
from ganaug.evaluation.tuning import TuneReport
from ganaug.evaluation.tuning.budget import Budget, Costs
from ganaug.evaluation.tuning.decision import HARM, Decision
from ganaug.evaluation.tuning.rarity import Simulation
from ganaug.evaluation.tuning.report import build_report, not_tried
from ganaug.images import ImageSet
from ganaug.locks import locked
from ganaug.training.config import make_config

MakeArtifact = Callable[..., Path]
COUNTS = (60, 50, 45, 40, 6, 5, 4)
SMALL = {"preset": "tiny", "width": 4, "latent_dim": 4, "batch_size": 4, "steps": 1}


def linear(channels: int, classes: int, size: tuple[int, int]) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(channels * size[0] * size[1], classes)
    )


def run(artifact: Path, images: ImageSet, **arguments: Any) -> TuneReport:
    """Tune with few steps of a linear classifier, in this process."""
    few = {"steps": 8, "fit_steps": 2, "jobs": 1, "classifier": linear, "device": "cpu"}
    return tune(artifact, images, **{**few, **arguments})


def written(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.suffix == ".onnx" or path.parent.name == "outcomes"
    }


@dataclass
class Tuned:
    images: ImageSet
    file: Path
    folder: Path
    report: TuneReport
    after_interruption: dict[str, int]
    bytes_before: bytes
    bytes_after_interruption: bytes
    progress: list[tuple[int, int, float | None]]


class Interrupting:
    """A factory of networks that is interrupted when its fourth network is made."""

    made = 0

    def __call__(self, channels: int, classes: int, size: tuple[int, int]) -> torch.nn.Module:
        self.made += 1
        if self.made == 4:  # the first is made before any training
            raise KeyboardInterrupt
        return linear(channels, classes, size)


def name_as_linear(factory: Interrupting) -> Interrupting:
    """Give `factory` the name by which results of `linear` are kept."""
    factory.__module__, factory.__qualname__ = linear.__module__, linear.__qualname__  # type: ignore[attr-defined]
    return factory


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """Tuned once interrupted and once to the end, with short generators that learn nothing."""
    folder = tmp_path_factory.mktemp("tuned")
    images = bars(COUNTS, (8, 8))
    file = write_variation_model(
        folder / "bars.onnx",
        classes=images.classes,
        counts=COUNTS,
        fingerprint=images.fingerprint,
        policy=Policy.rule(COUNTS),
        config=SMALL,
        gain={"verdict": "helps"},
        diversity={"seen": True},
    )
    before = file.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        run(file, images, out=folder / "tune", classifier=name_as_linear(Interrupting()))
    kept, between = written(folder / "tune"), file.read_bytes()
    progress: list[tuple[int, int, float | None]] = []
    report = run(file, images, out=folder / "tune", progress=lambda *seen: progress.append(seen))
    return Tuned(images, file, folder, report, kept, before, between, progress)


def test_a_generator_that_learnt_nothing_gets_p_0(tuned: Tuned) -> None:
    report = tuned.report
    assert report.gain is not None
    assert not report.policy.probability(COUNTS).any()
    assert "policy is 0 (expected gain " in report.reason
    assert report.low is not None
    if report.gain <= 0:
        assert report.reason.startswith("no benefit found; ")
    elif report.reason.startswith("a harm of a point or more cannot be ruled out"):
        assert report.low <= -HARM
    else:
        harm = re.match(r"a harm of ([0-9.]+) points on top of (\S+); ", report.reason)
        assert harm is not None
        assert float(harm[1]) >= 100 * HARM
        assert report.policy.evidence is not None
        assert harm[2] in report.policy.evidence["free_arms"]
    assert "policy: never (p 0); learnt by tune" in str(report).splitlines()
    assert str(report).splitlines()[-1] == report.reason
    assert "points of balanced accuracy after 8 steps of each classifier; far fewer" in str(report)
    short = "; after only 8 steps of each classifier and 2 of each generator"
    assert report.reason.endswith(f"{short}, where any policy looks bad")
    assert report.policy.evidence is not None
    simulation = Simulation("simulated rarity", "a reason", (), 5, 0.5)
    taken = Decision(None, Policy.rule(COUNTS), "rule is taken", 0.02, 0.01, [])
    given = {"cut_short": report.policy.evidence["cut_short"]}
    info = Generator(tuned.file).info
    again = build_report(info, simulation, taken, 0, given, tuned.images)
    assert again.reason == f"rule is taken{short}"


def test_settings_that_an_older_file_does_not_know_are_off(tmp_path: Path) -> None:
    """Its generator is trained again as it was, not by the preset of today."""
    known = {"preset": "base", "steps": 2}
    older = write_variation_model(tmp_path / "older.onnx", config=known)
    assert settings_of(Generator(older).info) == {
        **known, "class_match": 0.0, "shared_affine": 0.0
    }  # fmt: skip
    newer = write_variation_model(tmp_path / "newer.onnx", config={**known, "shared_affine": 0.5})
    assert settings_of(Generator(newer).info)["shared_affine"] == 0.5


def test_the_policy_is_in_the_file_with_its_evidence(tuned: Tuned) -> None:
    info = Generator(tuned.file).info
    assert info.policy == tuned.report.policy
    policy = info.policy
    assert policy is not None
    assert policy.source == "tune"
    evidence = policy.evidence
    assert evidence is not None
    assert evidence["method"] == "simulated rarity"
    assert evidence["reason"] == tuned.report.reason
    balanced, adjusted = evidence["free_arms"]
    assert balanced in evidence["augmentations"]
    assert adjusted == balanced.replace("balanced", "plain") + "+logits"
    assert evidence["chosen"] is None
    assert evidence["fingerprint"] == tuned.images.fingerprint
    assert [row["name"] for row in evidence["candidates"]] == ["rule", "gentle", "strong"]
    for row in evidence["candidates"]:
        assert np.mean(row["by_repetition"]) == pytest.approx(row["gain"])
        assert np.mean([*row["by_free_arm"].values()]) == pytest.approx(row["gain"])
        assert list(row["by_free_arm"]) == [balanced, adjusted]
    assert len(evidence["repetitions"]) == 3
    for part in evidence["repetitions"]:
        assert len(part["cut"]) == 2
        assert all(4 <= after <= 6 for _, after in part["cut"].values())
        assert part["trained_on"] + part["judged_on"] <= sum(COUNTS)
    assert evidence["budget"] == {
        "fit_steps": 2, "classifier_steps": 8, "candidates": 3, "factor": None
    }  # fmt: skip
    assert json.loads(json.dumps(tuned.report.to_dict()))["policy"]["evidence"] == evidence


def test_weights_and_diversity_stay_and_the_gain_of_the_old_policy_goes(tuned: Tuned) -> None:
    info = Generator(tuned.file).info
    assert (info.gain, info.diversity) == (None, {"seen": True})
    (tuned.folder / "before.onnx").write_bytes(tuned.bytes_before)
    old, new = Generator(tuned.folder / "before.onnx"), Generator(tuned.file)
    images = np.full((2, 1, 8, 8), 0.5, np.float32)
    latents = np.ones((2, 4), np.float32)
    assert np.array_equal(old.vary(images, latents), new.vary(images, latents))


def test_the_transform_follows_the_policy_without_being_told(tuned: Tuned) -> None:
    image = torch.full((1, 8, 8), 100, dtype=torch.uint8)
    transform = GANAugment(tuned.file)
    assert all(transform(image, label)[0] is image for label in range(7))


def test_an_interruption_leaves_the_file_and_keeps_what_had_ended(tuned: Tuned) -> None:
    assert tuned.bytes_after_interruption == tuned.bytes_before
    assert len(tuned.after_interruption) == 2 + 3  # classifiers and generators
    now = written(tuned.folder / "tune")
    assert len(now) == 3 + (1 + 6 + 6 * 3)  # generators; the free arms, and each candidate
    assert {name: now[name] for name in tuned.after_interruption} == tuned.after_interruption


def test_progress_counts_all_trainings_and_ends_at_the_end(tuned: Tuned) -> None:
    done, total, _ = tuned.progress[-1]
    assert done == total == 25 * 8 + 3 * FIT_STEP * 2
    assert [seen[0] for seen in tuned.progress] == sorted(seen[0] for seen in tuned.progress)


def test_the_same_call_again_trains_nothing_and_says_the_same(tuned: Tuned) -> None:
    before = written(tuned.folder / "tune")
    file = tuned.folder / "again.onnx"
    file.write_bytes(tuned.file.read_bytes())
    again = run(file, tuned.images, out=tuned.folder / "tune")
    assert written(tuned.folder / "tune") == before
    assert again == tuned.report
    assert file.read_bytes() == tuned.file.read_bytes()


def test_a_folder_in_use_is_refused(tuned: Tuned) -> None:
    with (
        locked(tuned.folder / "tune"),
        pytest.raises(RunError, match="another process is writing"),
    ):
        run(tuned.file, tuned.images, out=tuned.folder / "tune")


def test_lengths_that_are_not_given_are_those_of_the_budget(tmp_path: Path) -> None:
    """And the same in another folder: nothing in them is timed."""
    images = bars(COUNTS, (8, 8))
    file = write_variation_model(
        tmp_path / "bars.onnx",
        classes=images.classes,
        counts=COUNTS,
        fingerprint=images.fingerprint,
        config=make_config(**{**SMALL, "steps": 10}).to_dict(),
    )
    found = []
    for folder in ("first", "second"):
        evidence = run(file, images, fit_steps=None, out=tmp_path / folder).policy.evidence
        assert evidence is not None
        budget, costs = evidence["budget"], evidence["estimated_seconds_of_a_step"]
        assert (budget["classifier_steps"], budget["factor"]) == (8, None)
        assert 2 <= budget["fit_steps"] <= 10  # a fifth to all of those of the file
        assert 0 < costs["free_step"] < costs["varied_step"]
        found.append((budget, costs))
    assert found[0] == found[1]


def test_what_the_budget_left_out_is_named_with_what_would_try_it(
    tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that call goes on where this one ended: what was tried is not trained again."""
    module = sys.modules["ganaug.evaluation.tuning.tune"]  # by its name the room gives the function
    monkeypatch.setattr(module, "estimate", lambda *_, **__: Costs(1.0, 1.0, 1.0))
    monkeypatch.setattr(module, "plan_budget", lambda *_: Budget(2, 8, 1))
    file = tmp_path / "bars.onnx"
    file.write_bytes(tuned.bytes_before)
    report = run(file, tuned.images, steps=None, fit_steps=None, out=tmp_path / "tune")
    evidence = report.to_dict()["policy"]["evidence"]
    assert [row["name"] for row in evidence["candidates"]] == ["rule"]
    assert evidence["not_tried"] == ["gentle", "strong"]
    assert evidence["cut_short"]  # so that it is no advice to name so few steps
    assert "not tried within the budget: gentle, strong" in str(report).splitlines()
    assert not_tried(evidence | {"cut_short": ""}) == (
        "not tried within the budget: gentle, strong; for all candidates add --steps 8"
        " --fit-steps 2 to ganaug tune"
    )
    ended = written(tmp_path / "tune")
    every = run(file, tuned.images, steps=8, fit_steps=2, out=tmp_path / "tune")
    now = written(tmp_path / "tune")
    assert {name: now[name] for name in ended} == ended
    assert every == tuned.report
    assert every.policy.evidence is not None
    assert every.policy.evidence["not_tried"] == []
    assert "not tried" not in str(every)


@pytest.mark.parametrize(("kind", "name"), [("variation", "ganaug"), ("class", "mixed")])
def test_candidates_take_the_place_of_the_policy_of_the_file(
    artifact: MakeArtifact, images: ImageSet, kind: str, name: str
) -> None:
    """Of both kinds: with p = 0 the arm is the free arm, with p above 0 it is not."""
    file = artifact(kind)
    before = file.read_bytes()
    judged = bars((9, 9, 9), seed=2)
    free = Job(0, parse_arm("balanced"), images, judged, Schedule(6), Network(linear))
    ours = replace(free, arm=parse_arm(name), artifact=file, artifact_hash="0")
    jobs = [replace(ours, policy=Policy(p=((0, p),))) for p in (0.0, 0.6)]
    never, often = (run_job(job).probabilities for job in jobs)
    assert np.array_equal(never, run_job(free).probabilities)
    assert not np.array_equal(never, often)
    assert len({job.identity() for job in (*jobs, ours)}) == 3
    assert file.read_bytes() == before


def test_where_nothing_can_be_judged_on_the_answer_needs_no_training(
    artifact: MakeArtifact, images: ImageSet
) -> None:
    file = artifact("class")
    report = run(file, images)
    assert report.gain is None
    assert report.reason.startswith("nothing to measure on; policy is 0 (classes large enough")
    assert str(report) == f"policy: never (p 0); not measured: too few images\n{report.reason}"
    assert "; add images, or judge a p of your own: ganaug evaluate FILE" in report.reason
    info = Generator(file).info
    assert info.policy is not None
    assert not info.policy.probability(info.counts).any()
    assert (info.policy.source, info.policy.evidence) == ("tune", report.policy.evidence)


def test_the_held_out_fifth_is_not_looked_at(artifact: MakeArtifact) -> None:
    whole = bars((30, 20, 10))
    part = whole.hold_out()
    assert part.test is not None
    file = artifact(
        counts=[int(n) for n in part.counts],
        fingerprint=part.fingerprint,
        data={
            "source": "small",
            "held_out": part.held_out,
            "held_out_fingerprint": part.test.fingerprint,
            "groups": False,
        },
    )
    reports = [run(file, images) for images in (whole, replace(part, test=None), part)]
    assert reports[0] == reports[1] == reports[2]
    assert reports[0].policy.evidence is not None
    assert reports[0].policy.evidence["fingerprint"] == part.fingerprint


def test_a_file_that_another_generator_took_the_place_of_is_left_alone(
    tuned: Tuned, tmp_path: Path
) -> None:
    """Records of other commands may be written meanwhile; another policy may not."""
    file = tmp_path / "a.onnx"
    file.write_bytes(tuned.bytes_before)

    def meanwhile(**fields: Any) -> Callable[[int, int, float | None], None]:
        def write(done: int, total: int, left: float | None) -> None:
            rewrite_metadata(file, **fields)

        return write

    kept = {"out": tuned.folder / "tune"}
    with pytest.raises(ArtifactError, match="was replaced while its policy was learnt"):
        run(file, tuned.images, progress=meanwhile(policy=Policy(p=((1, 0.9),))), **kept)
    file.write_bytes(tuned.bytes_before)
    run(file, tuned.images, progress=meanwhile(diversity={"later": True}), **kept)
    info = Generator(file).info
    assert (info.policy, info.diversity) == (tuned.report.policy, {"later": True})


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"steps": 0}, ConfigError, "steps: 0; allowed: 1 or more"),
        ({"fit_steps": -1}, ConfigError, "fit_steps: -1"),
        ({"seed": -1}, ConfigError, "seed: -1; allowed: a whole number from 0"),
        ({"jobs": 0}, ConfigError, "jobs: 0"),
        ({"classifier": "resnet19"}, ConfigError, "resnet19"),
        ({"device": "gpu"}, ConfigError, "'gpu'"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(
    artifact: MakeArtifact,
    images: ImageSet,
    tmp_path: Path,
    arguments: dict[str, Any],
    error: type[Exception],
    words: str,
) -> None:
    file = artifact()
    before = file.read_bytes()
    with pytest.raises(error, match=words):
        run(file, images, out=tmp_path / "out", **arguments)
    assert file.read_bytes() == before
    assert not (tmp_path / "out").exists()


def test_results_are_kept_for_classifiers_with_a_name_of_their_own(
    artifact: MakeArtifact, images: ImageSet, tmp_path: Path
) -> None:
    def inside(*given: Any) -> torch.nn.Module:
        return linear(*given)

    file = artifact()
    before = file.read_bytes()
    with pytest.raises(ConfigError, match="has no name of its own, by which results could be kept"):
        run(file, images, classifier=inside, out=tmp_path / "kept")
    assert file.read_bytes() == before


def test_other_images_are_refused(artifact: MakeArtifact, images: ImageSet) -> None:
    file = artifact()
    before = file.read_bytes()
    with pytest.raises(ArtifactError, match="not the images that the generator was fitted on"):
        run(file, bars((24, 12, 6), seed=5))
    assert file.read_bytes() == before


def test_one_class_is_refused(artifact: MakeArtifact) -> None:
    file = artifact("class", classes=("all",), counts=[42], config={"conditional": False})
    with pytest.raises(ArtifactError, match="1 in the generator; a policy helps a classifier"):
        run(file, bars((24, 12, 6)))


def test_a_single_class_with_images_is_refused(artifact: MakeArtifact) -> None:
    images = bars((24, 0, 0))
    file = artifact(counts=[24, 0, 0], fingerprint=images.fingerprint)
    with pytest.raises(DataError, match=r"classes: 1 found .* needs at least 2"):
        run(file, images)


def test_the_report_shows_points_and_scale() -> None:
    policy = Policy(p=((5, 0.7), (30, 0.0)), scale=0.7, source="tune", evidence={})
    text = str(TuneReport(policy, "falling is taken", 0.03, 0.01))
    assert text == (
        "policy: p 0.7 at 5 images, 0 at 30 images, latents times 0.7; learnt by tune\n"
        "falling is taken"
    )
