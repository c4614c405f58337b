from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.photos import write_pngs
from helpers.small_images import bars
from helpers.small_models import metadata_of

from ganaug.errors import ConfigError, DataError
from ganaug.evaluation.splits import (
    as_trained,
    default_draw,
    in_class_order,
    splits_of,
    training_and_test,
)
from ganaug.images import ImageSet, load_images
from ganaug.use.fitted_on import merged_as_trained


def test_classes_are_reordered_by_name() -> None:
    images = bars((3, 2))
    turned = in_class_order(images, named(("bar 1", "other", "bar 0")))
    assert turned.labels.tolist() == [2, 2, 2, 0, 0]
    assert turned.classes == ("bar 1", "other", "bar 0")
    assert in_class_order(images, images) is images
    with pytest.raises(DataError, match="did you mean 'bar 2'"):
        in_class_order(images, named(("bar 0", "bar 2")))


FOLDERS = tuple(sorted(map(str, range(12))))  # 0, 1, 10, 11, 2


def named(classes: tuple[str, ...], *, unnamed: bool = False) -> ImageSet:
    """Two images of each class."""
    labels = np.repeat(np.arange(len(classes)), 2)
    images = np.arange(len(labels) * 16, dtype=np.uint8).reshape(-1, 4, 4, 1)
    return ImageSet(images, labels, classes, unnamed=unnamed)


def test_labels_without_names_are_not_taken_for_names() -> None:
    """Is the label 2 the third folder, which is 10, or the folder 2?"""
    folders, table = named(FOLDERS), named(tuple(map(str, range(12))))
    numbers = replace(table, unnamed=True)
    words = "labels without class names: the label 10 means '8' by the order of the classes"
    for train, test in ((folders, numbers), (numbers, folders)):
        with pytest.raises(DataError, match=f"arrays: {words}.*; give them class names"):
            training_and_test(train, test, None)
    assert training_and_test(folders, table, None)[1].classes == FOLDERS
    assert training_and_test(table, numbers, None)[1].classes == table.classes
    with pytest.raises(DataError, match=words):
        training_and_test(numbers, None, metadata_of("variation", classes=FOLDERS, counts=[2] * 12))
    assert numbers.hold_out().unnamed
    assert not numbers.merged().unnamed


def test_a_draw_takes_four_fifths_of_each_class() -> None:
    images = bars((20, 10, 5, 1))
    draws = [default_draw(images, seed) for seed in (0, 0, 1)]
    assert [draw.counts.tolist() for draw in draws] == [[16, 8, 4, 1]] * 3
    assert draws[0].fingerprint == draws[1].fingerprint != draws[2].fingerprint


def test_a_draw_takes_whole_groups() -> None:
    images = replace(bars((30, 12)), groups=np.arange(42) // 6)
    for seed in range(5):
        drawn = default_draw(images, seed)
        assert drawn.groups is not None
        kept = np.isin(images.keys, drawn.keys)
        assert images.groups is not None
        by_group = [kept[images.groups == group] for group in range(7)]
        assert all(group.all() or not group.any() for group in by_group)
        assert drawn.counts.tolist() == [24, 6]  # 9.6 of 12 cannot be had in sixes


def test_images_of_equal_content_are_drawn_together() -> None:
    images = bars((8, 8))
    twins = replace(images, keys=np.repeat(images.keys[::2], 2))
    for seed in range(5):
        kept = np.isin(twins.keys, default_draw(twins, seed).keys)
        assert default_draw(twins, seed).counts.tolist() == [6, 6]
        assert (kept[::2] == kept[1::2]).all()


def test_a_given_test_part_wins() -> None:
    own, given = bars((4, 4), seed=1), bars((5, 5), seed=2)
    images = replace(bars((6, 6)), test=own)
    assert training_and_test(images, None, None)[1].fingerprint == own.fingerprint
    train, test, notes = training_and_test(images, given, None)
    assert test.fingerprint == given.fingerprint
    assert train.test is None
    assert notes == ()


HELD_OUT = {"source": "bars", "held_out": "a rule", "held_out_fingerprint": "0", "groups": False}


@pytest.mark.parametrize(("third", "told"), [(False, False), (True, True)])
def test_a_group_of_two_sets_is_told_of(tmp_path: Path, third: bool, told: bool) -> None:
    """Numbers of groups count in each set alone; names say that a patient is in both."""
    pandas = pytest.importorskip("pandas", reason="the extra dev is not installed")
    folder = write_pngs(tmp_path, bars((8, 8)))
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.png"))]
    patients = [f"p{at // 2}" for at in range(16)]
    table = pandas.DataFrame(
        {"file": files, "label": [file.split("/")[0] for file in files], "patient": patients}
    )
    is_test = table.index % 3 == 0 if third else table["patient"].isin(patients[::6])
    train, test = (
        load_images(table[rows], root=folder, group="patient") for rows in (~is_test, is_test)
    )
    found = training_and_test(train, test, None)[2]
    note = "6 groups with images in the training part and in the test part, such as p0;"
    assert [each.partition(";")[0] + ";" for each in found] == [note] * told
    once = train.take(np.flatnonzero(train.labels == 0)).group_names
    assert once == tuple(name for name in train.group_names or () if name < "p4")


def test_groups_of_two_arrays_are_told_of_by_name_alone(tmp_path: Path) -> None:
    """Numbers often begin anew in each file."""
    images = bars((8, 8))
    found = []
    for names in (np.arange(16) // 2, np.array(list("abcdefgh")).repeat(2)):
        path = tmp_path / f"{names.dtype.kind}.npz"
        np.savez(path, images=images.images, labels=images.labels, groups=names)
        found.append(training_and_test(load_images(path), load_images(path), None)[2])
    note = "8 groups with images in the training part and in the test part, such as a; results"
    assert found == [(), (f"{note} on the test part will look too good",)]


def test_the_held_out_fifth_becomes_the_test_part_once() -> None:
    images = bars((10, 5))
    part = images.hold_out()
    info = metadata_of("variation", data=HELD_OUT, fingerprint=part.fingerprint)
    found = as_trained(images, info)
    assert found.fingerprint == part.fingerprint
    assert found.test is not None
    assert part.test is not None
    assert found.test.fingerprint == part.test.fingerprint
    alone = replace(part, test=None)  # what is left needs no part taken away
    assert as_trained(alone, info) is alone
    everything = metadata_of("variation", fingerprint=images.fingerprint)
    assert as_trained(images, everything) is images


def test_a_test_part_is_what_was_not_seen() -> None:
    images = replace(bars((10, 5)), test=bars((3, 3), seed=1))
    info = metadata_of("variation", data=HELD_OUT, fingerprint=images.fingerprint)
    assert as_trained(images, info) is images


def test_a_generator_without_labels_has_seen_one_class() -> None:
    images = bars((12, 9, 4))
    part = images.hold_out().merged()  # as `fit` does: the fifth is one of each class
    info = metadata_of(
        "class",
        classes=("all",),
        counts=(len(part),),
        config={"conditional": False},
        data=HELD_OUT,
        fingerprint=part.fingerprint,
    )
    found = as_trained(images, info)
    assert found.classes == ("all",)
    assert found.fingerprint == part.fingerprint != images.merged().hold_out().fingerprint
    assert found.test is not None
    assert found.test.classes == ("all",)
    alone = replace(images.hold_out(), test=None)
    assert len(as_trained(alone, info)) == len(alone)
    assert merged_as_trained(images, info).counts.tolist() == [25]
    assert merged_as_trained(images, metadata_of("variation")) is images


def test_draws_of_other_seeds_count_in_the_classes_of_the_first() -> None:
    images = named(("ant", "bee", "cat"))
    judged = replace(images, images=images.images + 100, keys=np.zeros(0, np.uint64))
    first = replace(images, test=judged)

    def turned(part: ImageSet) -> ImageSet:
        return replace(part, labels=2 - part.labels, classes=part.classes[::-1], test=None)

    other = replace(turned(images), test=turned(judged))
    splits, _ = splits_of(images, None, (0, 1), None, refit=True, draw=(first, other).__getitem__)
    for split in splits.values():
        assert split.train.classes == split.test.classes == images.classes
        assert split.train.labels.tolist() == split.test.labels.tolist() == [0, 0, 1, 1, 2, 2]
    fewer = replace(named(("ant", "bee")), test=replace(named(("ant", "bee"))))
    with pytest.raises(DataError, match=r"^draw\(1\): the classes 'ant', 'bee', but 'ant', 'bee'"):
        splits_of(images, None, (0, 1), None, refit=True, draw=(first, fewer).__getitem__)
    wide = replace(images, images=np.repeat(images.images, 2, 2), keys=np.zeros(0, np.uint64))
    wider = replace(wide, test=wide)
    with pytest.raises(DataError, match=r"^draw\(1\): images of \[4, 8, 1\], but \[4, 4, 1\]"):
        splits_of(images, None, (0, 1), None, refit=True, draw=(first, wider).__getitem__)


@pytest.mark.parametrize("drawn", [None, ("images", "labels"), "photos"])
def test_a_draw_that_is_no_image_set_is_refused(drawn: object) -> None:
    with pytest.raises(ConfigError, match=r"^draw\(3\): returned .*; allowed: an ImageSet; "):
        splits_of(bars((3, 3)), None, [3], None, refit=True, draw=lambda seed: drawn)  # type: ignore[arg-type, return-value]
