"""Results that a comparison keeps, and the processes that make them."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.photos import write_pngs
from helpers.small_comparisons import FREE, files, linear, run
from helpers.small_images import bars

from ganaug import TrainingLoop
from ganaug.errors import ConfigError
from ganaug.images import ImageSet

MakeArtifact = Callable[..., Path]


def test_results_are_kept_and_further_seeds_added(
    artifact: MakeArtifact, images: ImageSet, tmp_path: Path
) -> None:
    out, arms = tmp_path / "out", ["balanced", "ganaug"]
    first = run(artifact(), images, arms=arms, seeds=1, out=out)
    kept = files(out)
    assert len(kept) == 2
    both = run(artifact(), images, arms=arms, seeds=2, out=out)
    after = files(out)
    assert len(after) == 4
    assert {name: after[name] for name in kept} == kept
    for name in arms:
        assert both.arms[name].recall[:1] == first.arms[name].recall
        assert both.arms[name].seconds[:1] == first.arms[name].seconds
    assert run(artifact(), images, arms=arms, seeds=1, out=out, steps=13).arms != first.arms
    assert {name: files(out)[name] for name in after} == after


def flipped(content: bytes) -> bytes:
    """Damage in the compressed arrays, whose names and sizes are right."""
    at = len(content) // 3
    return content[:at] + bytes(255 - each for each in content[at : at + 20]) + content[at + 20 :]


@pytest.mark.parametrize(
    "damaged",
    [lambda content: content[:100], lambda content: b"", flipped, lambda content: b"\x93NUMPY"],
    ids=["cut", "empty", "flipped", "array"],
)
def test_a_damaged_result_is_computed_again(
    damaged: Callable[[bytes], bytes], images: ImageSet, tmp_path: Path
) -> None:
    first = run(None, images, seeds=1, out=tmp_path)
    for path in (tmp_path / "outcomes").iterdir():
        path.write_bytes(damaged(path.read_bytes()))
    again = run(None, images, seeds=1, out=tmp_path)
    assert [arm.recall for arm in again.arms.values()] == [
        arm.recall for arm in first.arms.values()
    ]


class Interrupting:
    """A factory of networks that is interrupted when its third network is made."""

    def __init__(self) -> None:
        self.made = 0

    def __repr__(self) -> str:  # results are kept by name; an address is none
        return "Interrupting()"

    def __call__(self, channels: int, classes: int, size: tuple[int, int]) -> torch.nn.Module:
        self.made += 1
        if self.made == 3:
            raise KeyboardInterrupt
        return linear(channels, classes, size)


def test_after_an_interruption_the_same_call_goes_on(images: ImageSet, tmp_path: Path) -> None:
    factory = Interrupting()  # its first network is made by the check before any training
    arguments = {"classifier": factory, "out": tmp_path, "baseline": "plain"}
    with pytest.raises(KeyboardInterrupt):
        run(None, images, **arguments)
    kept = files(tmp_path)
    assert len(kept) == 1
    report = run(None, images, **arguments)
    assert len(report.seeds) == 2
    after = files(tmp_path)
    assert len(after) == 4
    assert kept.items() <= after.items()


def test_kept_results_belong_to_images_in_their_order(images: ImageSet, tmp_path: Path) -> None:
    """Predictions are kept by position: of the same images in another order they are wrong."""
    first = run(None, images, out=tmp_path)
    assert images.test is not None
    turned = replace(images, test=images.test.take(np.arange(len(images.test))[::-1]))
    again = run(None, turned, out=tmp_path)
    assert len(files(tmp_path / "outcomes")) == 2 * 2 * len(FREE)
    for arm, scores in first.arms.items():
        assert again.arms[arm].balanced_accuracy == pytest.approx(scores.balanced_accuracy)


def test_kept_results_belong_to_pixels(images: ImageSet, tmp_path: Path) -> None:
    """A key says which file was read; who replaces the pixels of a set leaves it as it is."""
    assert images.test is not None
    black = {part: np.zeros_like(part.images) for part in (images, images.test)}
    ways = [
        images,
        replace(images, images=black[images]),
        replace(images, test=replace(images.test, images=black[images.test])),
    ]
    errors = set()
    for number, way in enumerate(ways, 1):
        assert way.ordered_fingerprint == images.ordered_fingerprint
        report = run(None, way, seeds=1, arms=["plain"], baseline="plain", out=tmp_path)
        assert len(files(tmp_path)) == number
        errors.add(report.arms["plain"].calibration_error)
    assert len(errors) == 3
    before = files(tmp_path)
    run(None, images, seeds=1, arms=["plain"], baseline="plain", out=tmp_path)
    assert files(tmp_path) == before


def test_results_are_not_kept_under_a_name_that_others_share(
    images: ImageSet, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"<lambda>: has no name of its own"):
        run(None, images, classifier=lambda *shape: linear(*shape), out=tmp_path)
    assert not list(tmp_path.iterdir())


class Widths:
    """A factory of networks as a method: what it makes depends on what its object holds."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, *shape: Any) -> torch.nn.Module:
        return self.build(*shape)

    def build(self, *shape: Any) -> torch.nn.Module:
        return torch.nn.Sequential(linear(*shape), Times(self.scale))

    @classmethod
    def usual(cls, *shape: Any) -> torch.nn.Module:
        return cls(1.0).build(*shape)


class Told(Widths):
    """With its own name."""

    def __repr__(self) -> str:
        return f"Told({self.scale})"


class Times(torch.nn.Module):
    """Multiplies."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values * self.scale


@pytest.mark.parametrize(
    "pair",
    [
        [Told(0.0).build, Told(1.0).build],
        [partial(Told(0.0)), partial(Told(1.0))],
        [Widths.usual, Told.usual],
    ],
    ids=["methods", "partial", "class methods"],
)
def test_a_method_goes_by_its_object_too(
    images: ImageSet, tmp_path: Path, pair: list[Callable[..., torch.nn.Module]]
) -> None:
    for number, classifier in enumerate(pair, 1):
        run(None, images, classifier=classifier, seeds=1, baseline="plain", out=tmp_path)
        assert len(files(tmp_path / "outcomes")) == 2 * number


@pytest.mark.parametrize(
    "classifier",
    [Widths(1.0).build, partial(Widths(1.0).build), TrainingLoop(Widths(1.0).build)],
    ids=["method", "partial", "loop"],
)
def test_a_method_of_an_object_without_a_name_is_refused(
    images: ImageSet, tmp_path: Path, classifier: object
) -> None:
    with pytest.raises(ConfigError, match=r"Widths object at 0x\w+>+\)?: has no name of its own"):
        run(None, images, classifier=classifier, out=tmp_path)
    assert not list(tmp_path.iterdir())


SCRIPT = """
import torch
from helpers.small_images import bars
from ganaug import Refit, evaluate_gain

def factory(channels, classes, size):
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(channels * size[0] * size[1], classes)
    )

if __name__ == "__main__":
    options = {"steps": 1, "width": 4, "batch_size": 8, "precision": "fp32"}
    told = []
    report = evaluate_gain(
        None, train=bars((24, 12, 6)), classifier=factory, refit=Refit(fit_options=options),
        seeds=1, arms=["balanced", "ganaug", f"folder:{MADE}+affine", f"folder-only:{MADE}"],
        steps=12, jobs=JOBS, device="cpu", progress=lambda *call: told.append(call),
    )
"""


def test_processes_give_what_one_process_gives_and_know_a_classifier_of_the_script(
    tmp_path: Path,
) -> None:
    """Generators, what is made by them, and folders: the one comparison in spawned processes.

    The script runs here as the main module, which spawned workers import by its path.
    """
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    made = str(write_pngs(tmp_path / "made", bars((4, 6, 20), seed=5)))
    alone, spread = (
        runpy.run_path(str(script), {"JOBS": jobs, "MADE": made}, "__main__") for jobs in (1, 2)
    )
    assert spread["report"].claim == "for the method"
    assert spread["report"].gain == alone["report"].gain
    here, there = ({name: replace(arm, seconds=()) for name, arm in each["report"].arms.items()}
                   for each in (alone, spread))  # fmt: skip
    assert there == here
    assert len({arm.calibration_error for arm in here.values()}) == 4  # each by its predictions
    for told in (alone["told"], spread["told"]):
        assert told[-1][0] == told[-1][1] == alone["told"][-1][1] > 4 * 12
        assert all(done <= total for done, total, _ in told)
