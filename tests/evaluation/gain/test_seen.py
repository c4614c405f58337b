"""A generator that was trained on the test images never helps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.short_runs import SHORT
from helpers.small_images import bars
from helpers.small_models import metadata_of, write_variation_model
from PIL import Image
from torchvision.datasets import ImageFolder

from ganaug import Refit, evaluate_gain
from ganaug.evaluation.gain.report import GainReport
from ganaug.evaluation.gain.seen import trained_on
from ganaug.evaluation.trainings.generators import data_of, start_data
from ganaug.images import ImageSet, load_images
from ganaug.images.copies import also_in
from ganaug.report.gain import gain_cards
from ganaug.training import export, fit

WHOLE = bars((24, 12))
TRAIN, TEST = WHOLE.take(np.arange(36) % 3 > 0), WHOLE.take(np.arange(36) % 3 == 0)


def info_of(images: ImageSet, held_out: bool = False, **data: Any) -> Any:
    rule = "a rule" if held_out else None
    return data_of(
        metadata_of(
            "variation",
            classes=images.classes,
            counts=images.counts.tolist(),
            fingerprint=images.fingerprint,
            data={
                "source": "bars",
                "held_out": rule,
                "held_out_fingerprint": rule,
                "groups": False,
                **data,
            },
        )
    )


def test_what_fingerprints_tell() -> None:
    assert not trained_on(TRAIN, TEST, info_of(TRAIN)).any()
    assert not trained_on(TRAIN, TEST, info_of(bars((9, 9), seed=4))).any()
    assert trained_on(TRAIN, TEST, info_of(WHOLE)).all()
    assert trained_on(TRAIN, TEST, info_of(TEST)).all()
    without_fifth = WHOLE.hold_out()
    assert without_fifth.test is not None
    seen = trained_on(TRAIN, TEST, info_of(without_fifth, held_out=True))
    assert seen.tolist() == (~np.isin(TEST.keys, without_fifth.test.keys)).tolist()
    assert 0 < seen.sum() < len(TEST)


def test_copies_in_the_training_part_were_seen() -> None:
    both = WHOLE.take(np.concatenate([np.flatnonzero(np.isin(WHOLE.keys, TRAIN.keys)), [3, 30]]))
    copies = int(also_in(TEST, both).sum())
    assert 0 < copies < len(TEST)
    assert trained_on(both, TEST, info_of(both)).sum() == copies
    assert not trained_on(both, TEST, info_of(bars((9, 9), seed=4))).any()


def test_the_fifth_of_whole_groups_is_found_again() -> None:
    """Split by whole groups afterwards; each part counts its groups from 0."""
    whole = replace(WHOLE, groups=np.arange(36) // 2)
    testing = np.arange(36) // 2 % 3 == 0
    parts = [whole.take(np.flatnonzero(side)) for side in (~testing, testing)]
    train, test = (
        replace(part, groups=np.unique(part.groups, return_inverse=True)[1]) for part in parts
    )
    fitted = whole.hold_out()
    assert fitted.test is not None
    info = info_of(fitted, held_out=True, groups=True)
    seen = trained_on(train, test, info)
    assert seen.tolist() == (~np.isin(test.keys, fitted.test.keys)).tolist()
    assert 0 < seen.sum() < len(test)
    # fitted without groups, which are named today
    alone = info_of(WHOLE.hold_out(), held_out=True)
    assert trained_on(train, test, alone).sum() > 0


def test_a_group_on_both_sides_is_one_by_its_name() -> None:
    """Frames of one object were held out together, and split by chance afterwards."""
    names = tuple(f"part {at // 4}" for at in range(36))
    whole = replace(WHOLE, groups=np.arange(36) // 4, group_names=names)
    train, test = (whole.take(np.flatnonzero(np.arange(36) % 2 == side)) for side in (0, 1))
    fitted = whole.hold_out()
    assert fitted.test is not None
    seen = trained_on(train, test, info_of(fitted, held_out=True, groups=True))
    assert seen.tolist() == (~np.isin(test.keys, fitted.test.keys)).tolist()
    assert 0 < seen.sum() < len(test)


def test_pixels_tell_where_files_were_read_in_another_way() -> None:
    other = replace(WHOLE, keys=WHOLE.keys + np.uint64(1), pixel_keys=WHOLE.keys)
    info = info_of(other, pixels=other.content_fingerprint)
    assert other.fingerprint != WHOLE.fingerprint
    assert trained_on(TRAIN, TEST, info).all()


@pytest.fixture
def lying(tmp_path: Path) -> Path:
    """A folder of photographs that EXIF turns, beside two that it leaves."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for at, (image, label) in enumerate(zip(WHOLE.images, WHOLE.labels, strict=True)):
        file = tmp_path / "photos" / WHOLE.classes[label] / f"{at:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(file, exif=None if at in (0, 30) else exif)
    return file.parent.parent


def test_turned_images_are_the_same_images(lying: Path) -> None:
    """A folder is turned as EXIF says, an ImageFolder is not; either may have been fitted on."""
    data = ImageFolder(str(lying))
    turned, plain = load_images(lying), load_images(data, mode="grey")
    fifth, side = turned.hold_out(), np.arange(36) % 3 == 0
    assert fifth.test is not None
    parts = [(each.take(~side), each.take(side)) for each in (turned, plain)]
    mixed = [(parts[0][0], parts[1][1]), (parts[1][0], parts[0][1])]
    for train, test in (*parts, *mixed):
        for fitted in (turned, plain, turned.take(side), plain.take(side)):
            assert trained_on(train, test, info_of(fitted)).all()
        assert not trained_on(train, test, info_of(train)).any()
        seen = trained_on(train, test, info_of(fifth, held_out=True))
        names = [name not in (fifth.test.names or ()) for name in turned.take(side).names or ()]
        assert seen.tolist() == names
        assert 0 < seen.sum() < len(test)
    for each in (turned, plain):
        assert not trained_on(*parts[0], info_of(each.take(~side))).any()
        assert not trained_on(*parts[1], info_of(each.take(~side))).any()


def test_a_generator_without_labels(tmp_path: Path) -> None:
    assert trained_on(TRAIN, TEST, info_of(WHOLE.merged())).all()


def test_what_a_training_began_with_was_seen_too(tmp_path: Path) -> None:
    """Also two trainings ago."""
    options = SHORT | {"steps": 1, "all_images": True}
    whole = replace(WHOLE, keys=WHOLE.keys + np.uint64(1), pixel_keys=WHOLE.keys)  # other files
    file, exported = tmp_path / "first.onnx", tmp_path / "third.onnx"
    export(fit(whole, tmp_path / "first", **options), file, force=True)
    warm = fit(TRAIN, tmp_path / "warm", start_from=file, **options)
    third = fit(bars((9, 9), seed=4), tmp_path / "third", start_from=warm, **options)
    export(third, exported, force=True)
    for start in (warm, third, exported):
        assert trained_on(TRAIN, TEST, start_data(str(start))).all()
    cold = fit(TRAIN, tmp_path / "cold", **options)
    again = fit(TRAIN, tmp_path / "again", start_from=cold, **options)
    assert not trained_on(TRAIN, TEST, start_data(str(again))).any()


@pytest.mark.filterwarnings("ignore")
def test_new_generators_that_start_from_the_test_images_never_help(tmp_path: Path) -> None:
    options = SHORT | {"steps": 1}
    start = fit(WHOLE, tmp_path / "start", all_images=True, **options)
    del options["device"]
    refit = Refit(fit_options=options | {"start_from": start})
    report = evaluate_gain(
        None, train=WHOLE, seeds=2, steps=2, jobs=1, arms=["plain", "ganaug-plain"],
        baseline="plain", refit=refit,
    )  # fmt: skip
    assert report.settings.spoiled == ["ganaug-plain"]
    assert any("was trained on 7 of 7 test images" in note for note in report.notes)


def judged(path: Path, **fields: Any) -> GainReport:
    made = write_variation_model(
        path, size=WHOLE.size, classes=WHOLE.classes, counts=(24, 12), **fields
    )
    return evaluate_gain(
        made, train=TRAIN, test=TEST, seeds=6, steps=2, jobs=1, arms=["plain", "ganaug-plain"],
        baseline="plain",
    )  # fmt: skip


def helping(report: GainReport) -> GainReport:
    """The same comparison, had the generator's arm always been right, and the other never."""
    evidence = report.evidence
    assert evidence is not None
    right = {}
    for (seed, name), outcome in evidence.outcomes.items():
        labels = evidence.tests[seed].labels
        predicted = np.eye(2, dtype=np.float16)[1 - labels if name == "plain" else labels]
        right[seed, name] = replace(outcome, probabilities=predicted, decided=None)
    return report.judged_on(replace(evidence, outcomes=right), report.seeds, tuple(report.arms))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("leaking", [0, 1, None])
def test_copies_in_a_draw_take_helps_away(leaking: int | None, tmp_path: Path) -> None:
    """New generators are trained on what is drawn."""

    def draw(seed: int) -> ImageSet:
        one = TEST.take(np.array([0]))
        images = np.concatenate([TRAIN.images, one.images]) if seed == leaking else TRAIN.images
        labels = np.append(TRAIN.labels, one.labels) if seed == leaking else TRAIN.labels
        return ImageSet(images, labels, TRAIN.classes, test=TEST)

    refit = Refit(draw=draw, fit_options={k: v for k, v in SHORT.items() if k != "device"})
    report = evaluate_gain(
        None, train=TRAIN, seeds=2, steps=2, jobs=1, arms=["plain", "ganaug-plain"],
        baseline="plain", refit=refit,
    )  # fmt: skip
    assert report.settings.spoiled == (None if leaking is None else ["ganaug-plain"])
    told = any("was trained on 1 of 12 test images" in note for note in report.notes)
    assert told == (leaking is not None)


@pytest.mark.filterwarnings("ignore")
def test_helps_is_taken_away_and_told(tmp_path: Path) -> None:
    clean = helping(judged(tmp_path / "clean.onnx", fingerprint=TRAIN.fingerprint))
    assert clean.gain["ganaug-plain"].verdict == "helps"
    assert clean.settings.spoiled is None
    report = judged(tmp_path / "all.onnx", fingerprint=WHOLE.fingerprint)
    assert (
        "the generator was trained on 12 of 12 test images, so that it is never said to help; fit"
        " one on other images" in report.notes
    )
    better = helping(report)
    assert better.gain["ganaug-plain"].verdict == "no evidence"
    assert better.gain["ganaug-plain"].low > 0
    again = GainReport.from_dict(better.to_dict())
    assert again.settings.spoiled == ["ganaug-plain"]
    assert "was trained on test images; see the notes" in "".join(map(str, gain_cards(again)))
