"""What the arms make of a training: options, views, losses and training sets."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.photos import write_pngs
from helpers.small_images import bars

from ganaug.artifact.policy import Policy
from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.classifiers.interface import Outcome, Schedule
from ganaug.evaluation.trainings import Job, run_job
from ganaug.evaluation.trainings.batches import items
from ganaug.images import ImageSet, load_images
from ganaug.use.image_dataset import ImageDataset

MakeArtifact = Callable[..., Path]


def trained(arm: str, images: ImageSet, path: Path | None = None, steps: int = 3) -> Outcome:
    assert images.test is not None
    schedule = Schedule(steps, batch=8)
    job = Job(3, parse_arm(arm), images, images.test, schedule, artifact=path)
    return run_job(job)


def test_options_take_the_place_of_the_policy(images: ImageSet, artifact: MakeArtifact) -> None:
    path = artifact()
    free = trained("balanced+shift", images).probabilities
    for never in ("ganaug@p=0+shift", "ganaug@top=0+shift", "warp@p=0+shift"):
        assert np.array_equal(trained(never, images, path).probabilities, free)
    often = [
        trained(arm, images, path).probabilities
        for arm in ("ganaug@p=1", "ganaug@p=1@scale=0.2", "ganaug@p=1@until=0.4", "warp@p=1")
    ]
    for place, mine in enumerate(often):
        assert not any(np.array_equal(mine, other) for other in often[:place])


@pytest.mark.parametrize(
    "arm",
    ["balanced+mixup", "plain+cutmix+drw", "plain+logits", "balanced+smote"],
)
def test_free_arms_train(arm: str, images: ImageSet) -> None:
    first = trained(arm, images)
    assert first.probabilities.shape == (24, 3)
    assert np.array_equal(first.probabilities, trained(arm, images).probabilities)
    under = "plain" if arm.startswith("plain") else "balanced"
    assert not np.array_equal(first.probabilities, trained(under, images).probabilities)


def test_images_of_a_cache_train_as_those_in_memory(images: ImageSet, tmp_path: Path) -> None:
    photos = write_pngs(tmp_path / "photos", images)
    plain, cached = (load_images(photos, cache=cache) for cache in (None, tmp_path / "cache"))
    assert cached.pixel_fingerprint == plain.pixel_fingerprint
    for arm in ("balanced+affine", "balanced+smote"):
        pair = [trained(arm, each).probabilities for each in (plain, cached)]
        assert np.array_equal(*pair)


def test_an_equalised_view_is_shown_at_training_and_test() -> None:
    size = (20, 20)  # torchvision leaves images of fewer than 256 pixels as they are
    images = replace(bars((12, 6), size), test=bars((8, 8), size, seed=1))
    equalised, plain = trained("balanced+equalise", images), trained("balanced", images)
    assert not np.array_equal(equalised.probabilities, plain.probabilities)


def test_a_standardised_view_forgets_the_light_of_test_images(images: ImageSet) -> None:
    assert images.test is not None
    darker = replace(images.test, images=(images.test.images // 2).astype(np.uint8))
    halved = replace(images, test=darker)
    for arm, alike in (("plain+standardise", True), ("plain", False)):
        pair = [trained(arm, each, steps=12).probabilities for each in (images, halved)]
        assert np.allclose(*[each.astype(float) for each in pair], atol=0.05) == alike


def test_jobs_of_one_arm_differ_in_their_labels(images: ImageSet, artifact: MakeArtifact) -> None:
    """As those of `tune`; one whose policy never varies is the training of the arm below."""
    free = Job(0, parse_arm("balanced+affine"), images, images, Schedule(3))
    ours = replace(free, arm=free.arm.on_top("variation"), artifact=artifact(), artifact_hash="0")
    jobs = [
        replace(ours, policy=Policy(((0, p),)), label=name)
        for name, p in (("gentle", 0.25), ("strong", 0.7), ("never", 0.0))
    ]
    assert [job.key for job in jobs[:2]] == [
        (0, "ganaug+affine-gentle"),
        (0, "ganaug+affine-strong"),
    ]
    assert len({job.identity() for job in jobs}) == 3
    assert jobs[0].effective() is jobs[0]
    assert jobs[2].effective().key == free.key
    assert jobs[2].effective().identity() == free.identity()


@pytest.mark.parametrize("arm", ["plain+affine", "ganaug@p=1+affine", "warp@p=1", "mixed"])
def test_images_of_an_arm_can_be_sent_to_worker_processes_of_a_loader(
    arm: str, images: ImageSet, artifact: MakeArtifact
) -> None:
    file = artifact("class" if arm == "mixed" else "variation")
    job = Job(0, parse_arm(arm), images, images, Schedule(1), artifact=file)
    found = items(job, ImageDataset(images))
    sent = pickle.loads(pickle.dumps(found))
    pixels = []
    for each in (found, sent):
        torch.manual_seed(0)
        pixels.append(each[len(found) - 1][0])
    assert torch.equal(*pixels)
