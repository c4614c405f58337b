"""A verdict on images that another tool made: real folders of PNG files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.photos import write_pngs
from helpers.small_comparisons import files, run
from helpers.small_images import bars
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import RidgeClassifier

from ganaug import Generator, Refit, TrainingLoop
from ganaug.errors import ConfigError, DataError, RunError
from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.gain import GainReport
from ganaug.evaluation.write_back import gain_summary, write_back
from ganaug.images import ImageSet

MakeArtifact = Callable[..., Path]


@pytest.fixture
def made(tmp_path: Path) -> str:
    """Fresh images of the classes of `images`, most of the rarest."""
    return str(write_pngs(tmp_path / "made", bars((4, 6, 20), seed=5)))


@pytest.fixture
def starved() -> ImageSet:
    """Three classes of three images among large ones, and a test part that knows all of them."""
    return replace(bars((40, 40, 40, 3, 3, 3), seed=2), test=bars([40] * 6, seed=3))


def judged(starved: ImageSet, folder: str) -> GainReport:
    arms, forest = ["balanced", f"folder:{folder}"], RandomForestClassifier(50)
    return run(None, starved, arms=arms, seeds=6, steps=10, classifier=forest)


def test_fresh_images_of_a_starved_class_help(starved: ImageSet, tmp_path: Path) -> None:
    folder = str(write_pngs(tmp_path / "fresh", bars((0, 0, 0, 37, 37, 37), seed=4)))
    report = judged(starved, folder)
    gain = report.gain[f"folder:{folder}"]
    assert gain.verdict == "helps"
    assert gain.low > 0.04
    assert report.chosen == f"folder:{folder}"
    assert report.claim == "for the folder's images"
    assert "for the folder's images; scores in percent" in str(report)


def test_copies_of_training_images_do_not_help(starved: ImageSet, tmp_path: Path) -> None:
    folder = str(write_pngs(tmp_path / "copies", replace(starved, test=None)))
    report = judged(starved, folder)
    assert report.gain[f"folder:{folder}"].verdict == "no evidence"
    assert "copies: 129 of 129 images are also training images" in report.notes


def test_images_of_another_class_hurt(starved: ImageSet, tmp_path: Path) -> None:
    fresh = bars((0, 0, 0, 37, 37, 37), seed=4)
    wrong = replace(fresh, labels=5 - fresh.labels)
    folder = str(write_pngs(tmp_path / "wrong", wrong))
    assert judged(starved, folder).gain[f"folder:{folder}"].verdict == "hurts"


def test_results_are_kept_until_an_image_in_the_folder_changes(
    images: ImageSet, made: str, tmp_path: Path
) -> None:
    arms, out = ["balanced", f"folder:{made}", f"folder-only:{made}"], tmp_path / "out"
    first = run(None, images, arms=arms, seeds=1, out=out)
    kept = files(out)
    assert len(kept) == 3
    assert run(None, images, arms=arms, seeds=1, out=out).gain == first.gain
    assert files(out) == kept
    changed = Path(made, "bar 2", "015.png")
    with Image.open(changed) as image:
        other = 255 - np.asarray(image)
    Image.fromarray(other).save(changed)
    second = run(None, images, arms=arms, seeds=1, out=out)
    after = files(out)
    assert len(after) == 5
    assert kept.items() <= after.items()
    assert first.settings.folders != second.settings.folders
    with pytest.raises(ConfigError, match=r"settings\.folders differs"):
        first.merge(run(None, images, arms=arms, seeds=[1]))
    parts = [run(None, images, arms=arms, seeds=[seed]) for seed in (0, 1)]
    assert parts[0].merge(parts[1]).gain == run(None, images, arms=arms, seeds=2).gain
    assert GainReport.from_dict(second.to_dict()) == second


def test_both_kinds_of_arms_are_trained_on_what_their_names_say(
    images: ImageSet, made: str
) -> None:
    """Items as a loop of the user's sees them, and batches by what an estimator learns of them."""
    seen: dict[int, int] = {}

    def count(items: object, seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
        targets = np.bincount(items.targets, minlength=3)  # type: ignore[attr-defined]
        seen[len(seen)] = int(targets[0])
        assert targets.tolist() == [targets[0]] * 3  # balanced
        return lambda tested: torch.zeros(len(tested), dtype=torch.int64)

    arms = ["balanced", f"folder:{made}", f"folder-only:{made}"]
    run(None, images, arms=arms, seeds=1, classifier=TrainingLoop(count))
    assert list(seen.values()) == [24, 28, 20]
    report = run(None, images, arms=arms, seeds=1, steps=None, classifier=RidgeClassifier())
    assert len({arm.recall for arm in report.arms.values()}) > 1


def test_a_folder_stands_beside_the_generator_on_top_of_the_baseline(
    artifact: MakeArtifact, images: ImageSet, made: str
) -> None:
    report = run(artifact(), images, arms=None, baseline="plain+affine", folder=made, seeds=1)
    assert list(report.arms)[-2:] == ["ganaug+affine", f"folder:{made}+affine"]
    assert report.chosen == "ganaug+affine"
    assert report.claim == "for this generator"


def test_the_claim_is_about_the_arm_that_was_judged(
    artifact: MakeArtifact, images: ImageSet, made: str
) -> None:
    of_folder = run(artifact(), images, arms=["plain", "warp-plain", f"folder:{made}"], seeds=1)
    assert of_folder.chosen == f"folder:{made}"
    assert of_folder.claim == "for the folder's images"
    note = "the folder's arm also balances the classes; its baseline does not"
    assert note in of_folder.notes
    alone = run(artifact(), images, arms=["plain", "warp", "balanced+longer-2"], seeds=1)
    assert (alone.chosen, alone.claim) == (None, "for free arms")
    assert note.replace("folder", "generator") in alone.notes
    longer = run(None, images, arms=["plain", "balanced+longer-2"], baseline="plain", seeds=1)
    assert not [note for note in longer.notes if "also balances" in note]


def test_each_seed_has_the_same_folder_beside_a_generator_of_its_own(
    images: ImageSet, made: str
) -> None:
    fit = {"preset": "tiny", "steps": 2, "width": 4, "latent_dim": 4, "batch_size": 4}
    arms = ["balanced", "ganaug"]
    refit = Refit(fit_options=fit)
    report = run(None, images, arms=arms, folder=made, refit=refit, device="cpu")
    assert list(report.arms) == ["balanced", "ganaug", f"folder:{made}"]
    assert report.claim == "for the method"


def test_any_path_can_be_kept_under(images: ImageSet, tmp_path: Path) -> None:
    deep = tmp_path / ("ä: <b>" + 40 * "long ") / (60 * "x") / (60 * "y")
    folder = str(write_pngs(deep, bars((4, 6, 20), seed=5)))
    report = run(None, images, arms=[f"folder:{folder}"], seeds=1, out=tmp_path / "out")
    kept = files(tmp_path / "out")
    assert len(kept) == 2
    assert all(name.isascii() and len(name) < 200 for name in kept)
    again = run(None, images, arms=[f"folder:{folder}"], seeds=1, out=tmp_path / "out")
    assert (files(tmp_path / "out"), again.gain) == (kept, report.gain)


def test_nothing_is_kept_among_the_images_of_an_arm(images: ImageSet, made: str) -> None:
    for use in ("folder", "folder-only"):
        with pytest.raises(RunError, match=f"lies in the folder of an arm, {made}"):
            run(None, images, arms=["balanced", f"{use}:{made}"], out=Path(made, "ev"))


def test_a_leak_is_refused_before_any_work(images: ImageSet, tmp_path: Path) -> None:
    assert images.test is not None
    folder = write_pngs(tmp_path / "made", images.test)
    for named in ({"arms": ["balanced", f"folder:{folder}"]}, {"folder": folder}):
        with pytest.raises(DataError, match="24 of 24 images are also test images"):
            run(None, images, out=tmp_path / "out", **named)
    assert not (tmp_path / "out").exists()


def test_what_a_folder_gained_is_not_written_into_a_file(
    artifact: MakeArtifact, images: ImageSet, made: str
) -> None:
    file = artifact()
    report = run(file, images, arms=["balanced", "ganaug", f"folder:{made}"], seeds=1)
    assert set(gain_summary(report)["arms"]) == {"balanced", "ganaug"}
    alone = run(file, images, arms=["balanced", f"folder:{made}"], seeds=1)
    assert parse_arm(str(alone.chosen)).folder == made
    content = file.read_bytes()
    assert write_back(Generator(file), alone, None) == "it was not compared"
    assert Generator(file).info.gain is None
    assert file.read_bytes() != content  # its warnings
