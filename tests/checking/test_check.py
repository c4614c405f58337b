"""Planted faults are found, each by its name; clean sets raise no alarm."""

from __future__ import annotations

import shutil
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.photos import write_pngs
from helpers.small_images import bars, clean, still_scenes
from PIL import Image

from ganaug import check, load_images
from ganaug.checking import CheckReport
from ganaug.checking.classes import class_checks
from ganaug.checking.report import Times
from ganaug.errors import ConfigError, DataError
from ganaug.evaluation.gain.notes import few_images
from ganaug.images import ImageSet


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A clean folder with train/ and test/."""
    images = clean()
    rank = np.array([(images.labels[:at] == label).sum() for at, label in enumerate(images.labels)])
    train, test = images.take(rank >= 12), images.take(rank < 12)
    return write_pngs(
        tmp_path / "photos", ImageSet(train.images, train.labels, images.classes, test=test)
    )


def look(source: object) -> CheckReport:
    return check(source, times=False)


def kinds(report: CheckReport) -> set[str]:
    return {finding.kind for finding in report.findings}


def test_a_clean_folder_raises_no_alarm(photos: Path) -> None:
    report = look(photos)
    assert report.findings == ()
    assert (report.images, report.test_images, report.held_out) == (118, 36, False)
    assert [(each.name, each.train, each.test, each.gain) for each in report.classes] == [
        ("ash", 48, 12, "yes"),
        ("birch", 38, 12, "yes"),
        ("cedar", 32, 12, "yes"),
    ]
    assert [each.diversity for each in report.classes] == ["yes", "weak", "weak"]
    assert report.sizes == {"smallest": (32, 32), "median": (32, 32), "largest": (32, 32)}
    assert (report.modes, report.training_size) == ({"RGB": 154}, (32, 32))
    assert report.next == (f"ganaug fit {photos} --out runs/photos",)
    assert "nothing found that stands in the way" in str(report)
    unseen = (
        "groups: none named; copies that are cropped, moved, mirrored or turned are not found: name"
    )
    assert unseen in str(report)


def first(folder: Path, part: str, name: str) -> Path:
    return min((folder / part / name).iterdir())


def leak(photos: Path) -> None:
    shutil.copy(first(photos, "train", "ash"), photos / "test" / "ash" / "copy.png")


def leak_in_another_format(photos: Path) -> None:
    Image.open(first(photos, "train", "ash")).save(photos / "test" / "ash" / "copy.bmp")


def two_labels(photos: Path) -> None:
    shutil.copy(first(photos, "train", "ash"), photos / "train" / "birch" / "copy.png")


def again(photos: Path) -> None:
    Image.open(first(photos, "train", "ash")).save(photos / "train" / "ash" / "copy.bmp")


def near(photos: Path, part: str, name: str) -> None:
    image = Image.open(first(photos, "train", "ash"))
    lighter = image.resize((64, 64)).point(lambda value: min(255, int(value * 1.1)))
    lighter.save(photos / part / name / "near.jpg", quality=92)


def damaged(photos: Path) -> None:
    path = first(photos, "train", "cedar")
    path.write_bytes(path.read_bytes()[:200])
    (photos / "train" / "ash" / "none.jpg").write_bytes(b"no image")


def truncated_jpeg(photos: Path) -> None:
    path = photos / "train" / "ash" / "cut.jpg"
    Image.effect_noise((200, 200), 90).convert("RGB").save(path)
    path.write_bytes(path.read_bytes()[:-3000])


def mixed_modes(photos: Path) -> None:
    path = first(photos, "train", "birch")
    Image.open(path).convert("RGBA").save(path)


def one_colour(photos: Path) -> None:
    Image.new("RGB", (32, 32), (20, 20, 20)).save(photos / "train" / "ash" / "dark.png")


def noise(photos: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 2, (32, 32, 3), dtype=np.uint8) * 255
    Image.fromarray(pixels).save(photos / "train" / "ash" / "noise.png")


def few(photos: Path) -> None:
    for path in sorted((photos / "test" / "birch").iterdir())[3:]:
        path.unlink()
    for path in sorted((photos / "train" / "cedar").iterdir())[1:]:
        path.unlink()


@pytest.mark.parametrize(
    ("plant", "found", "problem"),
    [
        (leak, "leak", True),
        (leak_in_another_format, "leak", True),
        (two_labels, "two labels", True),
        (again, "duplicates", False),
        (lambda photos: near(photos, "test", "ash"), "near leak", False),
        (lambda photos: near(photos, "train", "birch"), "near two labels", False),
        (lambda photos: near(photos, "train", "ash"), "near duplicates", False),
        (damaged, "unreadable", True),
        (truncated_jpeg, "unreadable", True),
        (mixed_modes, "refused", True),
        (one_colour, "blank", False),
        (noise, "unusual", False),
    ],
)
def test_a_planted_fault_is_found_and_nothing_else(
    plant: Callable[[Path], None], found: str, problem: bool, photos: Path
) -> None:
    plant(photos)
    report = look(photos)
    assert [(each.kind, each.problem) for each in report.findings] == [(found, problem)]
    assert len(report.problems) == problem
    assert report.findings[0].examples or found == "refused"
    assert f"{'problem' if problem else 'look'}: " in str(report)


def test_damaged_images_are_named_and_the_next_command_goes_on_without_them(photos: Path) -> None:
    damaged(photos)
    report = look(photos)
    (finding,) = report.findings
    assert finding.count == 2
    assert any(each.startswith("train/ash/none.jpg: ") for each in finding.examples)
    assert report.next == (f"ganaug fit {photos} --out runs/photos --skip-corrupt",)


def test_images_of_sixteen_bits_are_refused_as_fit_refuses_them(photos: Path) -> None:
    path = first(photos, "train", "ash")
    grey = np.asarray(Image.open(path).convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(path)
    report = look(photos)
    (problem,) = report.problems
    assert problem.kind == "refused"
    assert f"{path}: more than 8 bits a channel (mode I;16)" in problem.text
    assert report.training_size is None
    assert report.next == ()


def test_everything_that_fit_refuses_is_listed_in_one_go(photos: Path) -> None:
    (photos / "train" / "elm").mkdir()
    (photos / "test" / "fir").mkdir()
    shutil.copy(first(photos, "test", "ash"), photos / "test" / "fir")
    (photos / "groups.csv").write_text("file,group\nother.png,1\nother.png,\n")
    mixed_modes(photos)
    Image.open(first(photos, "train", "ash")).convert("CMYK").save(photos / "train/ash/print.jpg")
    report = look(photos)
    assert {each.kind for each in report.problems} == {"refused"}
    found = [each.text for each in report.problems]
    for words in (
        "elm: a class folder without images",
        "class 'fir' is not in train/",
        "groups.csv: line 3: no group for 'other.png'",
        "an RGB image with transparency (mode RGBA)",
        "a CMYK image (mode CMYK)",
    ):
        assert len([text for text in found if words in text]) == 1
    assert len(found) == 5
    assert [each.name for each in report.classes] == ["ash", "birch", "cedar", "elm"]
    with pytest.raises(DataError, match="elm: a class folder without images"):
        load_images(photos)


def test_the_training_part_alone_is_told_of(photos: Path) -> None:
    assert look(photos / "train").notes == (
        f"test/ beside train/ is not read; name {photos} as the source to use all of it",
    )
    (photos / "groups.csv").write_text("file,group\n")
    (note,) = load_images(photos / "train").notes
    assert note.startswith("test/ and groups.csv beside train/ are not read")


def test_grey_images_that_lie_there_as_rgb_are_told_of(photos: Path) -> None:
    assert look(photos).notes == ()
    for path in photos.rglob("*.png"):
        Image.open(path).convert("L").convert("RGB").save(path)
    report = look(photos)
    (note,) = report.notes
    assert note.startswith("all images look grey: they are trained as grey, unless one has")
    assert f"\nmodes: 154 RGB; {note}\n" in str(report)  # read once
    assert str(report).count(note) == 1
    assert check(photos, mode="rgb", times=False).notes == ()


def test_a_busy_machine_is_told_of_beside_the_times(photos: Path) -> None:
    def said(side: int, load: float | None, share: float = 0.97) -> str:
        looks = {"quick": 1200.0, "two_arms": 180.0, "arms": ("plain", "ganaug+plain")}
        times = Times(60.0, 7200.0, 7200.0, "cpu", 2, load, share, **looks)
        return str(replace(look(photos), times=times, training_size=(side, side)))

    busy = "the machine is busy (1.4 processes a core, a step got 100% of one), and times swing\n"
    assert busy in said(64, 1.4, 1.0)
    assert "fit 60 s, tune 2.0 h" in said(64, 1.4, 1.0)
    crowded = said(64, None, 0.25)
    assert "the machine is busy (a step got 25% of one), and times swing: the first is" in crowded
    assert "fit 15 s to 60 s, tune 30 min to 2.0 h, " in crowded
    assert "this look takes about 45 s to 3 min: ganaug evaluate" in crowded
    assert "machine is busy" not in said(64, 1.0) + said(64, None)
    assert "at 64x64 on this machine (cpu, 2 processes): fit 60 s" in said(64, 0.9)
    assert f"takes about 3 min: ganaug evaluate photos.onnx {photos} --quick --arms plain," in said(
        64, 0.9
    )
    assert "fit 60 s, tune 2.0 h, evaluate 2.0 h, all three 4.0 h, evaluate --quick 20" in said(
        64, 0.9
    )
    assert "\nwith --size 32 fit takes about 20 s; evaluate takes as long" in said(64, 0.9)
    assert "with --size" not in said(32, None)  # it would hardly be faster


def test_no_command_follows_where_images_have_to_be_mended(photos: Path) -> None:
    two_labels(photos)
    assert look(photos).next == ()


def test_classes_too_small_to_judge_are_named(photos: Path) -> None:
    few(photos)
    report = look(photos)
    assert kinds(report) == {"few to judge", "single image"}
    assert {each.kind: each.examples for each in report.findings} == {
        "few to judge": ("birch",),
        "single image": ("cedar",),
    }
    assert [each.diversity for each in report.classes] == ["yes", "weak", "no"]


def test_groups_count_as_one_image_to_judge_on() -> None:
    """Twenty frames of one object are one object; two are cut into halves."""
    labels = np.repeat([0, 1, 2], 60)
    images = replace(bars((60, 60, 60)), labels=labels)
    test = replace(images.take(np.arange(180) % 3 == 0), groups=np.repeat([0, 1, 2], 20))
    one = replace(images, groups=labels, test=test)
    assert [(each.gain, each.diversity) for each in class_checks(one)] == [("weak", "no")] * 3
    assert few_images(test) == (
        "3 classes have fewer than 10 test groups: bar 0 1, bar 1 1, bar 2 1",
    )
    ten = replace(test, groups=np.arange(60) // 2)
    many = replace(images, groups=np.arange(180) // 6, test=ten)
    assert [(each.gain, each.diversity) for each in class_checks(many)] == [("yes", "yes")] * 3
    assert few_images(ten) == few_images(replace(test, groups=None)) == ()


def test_frames_of_one_object_are_suspected_until_groups_name_them(tmp_path: Path) -> None:
    images = clean()
    order = np.argsort(images.labels, kind="stable")
    rng = np.random.default_rng(1)
    frames = images.images[np.repeat(order[::3], 4)].astype(int)
    frames = np.clip(frames + rng.normal(0, 25, frames.shape), 0, 255).astype(np.uint8)
    labels = np.repeat(images.labels[order[::3]], 4)
    groups = np.repeat(np.arange(len(order[::3])), 4)
    np.savez(tmp_path / "frames.npz", images=frames, labels=labels)
    assert "frames" in kinds(look(tmp_path / "frames.npz"))
    np.savez(tmp_path / "named.npz", images=frames, labels=labels, groups=groups)
    report = look(tmp_path / "named.npz")
    assert report.groups
    assert kinds(report) <= {"few to judge"}


def test_frames_of_a_still_scene_take_little_memory() -> None:
    """Their pairs are the square of their number: 125,000 here."""
    frames = still_scenes(250)
    frames.images[1] = frames.images[0]
    labels = np.arange(1000) // 20 % 2
    tracemalloc.start()
    report = look(ImageSet(frames.images, labels, ("one", "two")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    found = {finding.kind: finding for finding in report.findings}
    assert found["duplicates"].count == 1
    pairs = sum(int(np.prod(np.bincount(each))) for each in labels.reshape(4, 250))
    assert found["near two labels"].count == pairs
    assert len(found["near two labels"].examples) == 50
    assert " of their class: 1000; remove copies" in found["near duplicates"].text
    assert found["near duplicates"].count == 8
    assert peak < 60e6


def test_without_a_test_part_the_fifth_that_fit_holds_out_is_counted() -> None:
    images = clean()
    report = look(images)
    held = images.hold_out().test
    assert held is not None
    assert report.held_out
    assert [each.test for each in report.classes] == held.counts.tolist()
    assert kinds(report) <= {"few to judge"}


def test_one_class_is_a_problem(tmp_path: Path) -> None:
    images = clean()
    write_pngs(tmp_path / "one", images.take(images.labels == 0).merged("ash"))
    report = look(tmp_path / "one")
    assert [each.kind for each in report.problems] == ["one class"]
    assert report.tuning == "nothing to learn: one class"
    assert report.next == ()


@pytest.mark.parametrize("how", [{"fit_options": {"kind": "class"}}, {"preset": "classic"}])
def test_one_class_is_enough_for_a_class_generator(how: dict[str, Any], tmp_path: Path) -> None:
    images = clean()
    write_pngs(tmp_path / "one", images.take(images.labels == 0).merged("ash"))
    report = check(tmp_path / "one", times=False, **how)
    assert report.problems == ()
    assert "one class" in kinds(report)
    (command,) = report.next
    assert command.startswith(f"ganaug fit {tmp_path / 'one'} --out ")
    assert command.endswith((" --kind class", " --preset classic"))


def arrays(folder: Path) -> object:
    images = clean()
    np.savez(folder / "all.npz", images=images.images, labels=images.labels)
    return folder / "all.npz"


def image_folder(folder: Path) -> object:
    from torchvision.datasets import ImageFolder

    return ImageFolder(str(write_pngs(folder / "plain", clean())))


def items(folder: Path) -> object:
    return [
        (Image.fromarray(image), int(label))
        for image, label in zip(clean().images, clean().labels, strict=True)
    ]


@pytest.mark.parametrize("source", [arrays, image_folder, items, lambda folder: clean()])
def test_every_kind_of_source_is_read_as_fit_reads_it(
    source: Callable[[Path], object], tmp_path: Path
) -> None:
    given = source(tmp_path)
    report = look(given)
    expected = given if isinstance(given, ImageSet) else load_images(given)
    expected = expected.hold_out()
    assert expected.test is not None
    assert [each.train for each in report.classes] == expected.counts.tolist()
    assert [each.test for each in report.classes] == expected.test.counts.tolist()
    assert report.training_size == expected.size
    assert report.problems == ()


def test_the_durations_come_from_steps_that_were_trained(photos: Path) -> None:
    report = check(photos, preset="tiny", size=8, device="cpu")
    assert report.times is not None
    times = report.times
    assert times.fit > 0
    assert times.tune is not None
    assert times.evaluate is not None
    assert times.quick is not None
    assert times.two_arms is not None
    assert 0 < 3 * times.two_arms < times.quick < times.evaluate
    assert times.tune > 0
    assert times.share is not None
    assert times.share > 0
    assert (times.device, report.training_size) == ("cpu", (8, 8))
    assert "about, at 8x8 on this machine (cpu, " in str(report)
    assert report.next[0].endswith("--size 8")


def test_a_class_generator_has_all_three_durations(photos: Path) -> None:
    """But where it knows no classes, or there is one alone, there is nothing to tune or judge."""
    options = {"size": 8, "device": "cpu", "preset": "tiny", "fit_options": {"kind": "class"}}
    times = check(photos, **options).times
    assert times is not None
    assert times.tune is not None
    assert times.evaluate is not None
    assert min(times.fit, times.tune, times.evaluate) > 0
    one = clean()
    for source, how in (
        (photos, options | {"fit_options": {"kind": "class", "conditional": False}}),
        (one.take(one.labels == 0), options),
    ):
        times = check(source, **how).times
        assert times is not None
        assert times.fit > 0
        assert (times.tune, times.evaluate) == (None, None)


def test_the_durations_are_those_of_the_settings_that_are_named(photos: Path) -> None:
    options = {"preset": "tiny", "size": 8, "device": "cpu", "classifier_steps": 10}
    steps = {"steps": 3, "batch_size": 4}
    short = check(photos, fit_options=steps, seeds=1, **options)
    long = check(photos, fit_options=steps | {"steps": 3000}, seeds=60, **options)
    assert short.times is not None
    assert long.times is not None
    assert long.times.fit > 100 * short.times.fit
    assert short.times.evaluate is not None
    assert long.times.evaluate is not None
    assert long.times.evaluate > 3 * short.times.evaluate
    # Ten steps of one seed are no longer than a look, which is then none.
    assert (short.times.quick, short.times.two_arms) == (None, None)
    assert "--quick" not in str(short)
    assert short.next[0].endswith("--size 8 --set steps=3 --set batch_size=4")
    for seeds in (0, 2_000_000_000):
        with pytest.raises(ConfigError, match=f"seeds: {seeds}; allowed: 1 to 1,000"):
            check(photos, seeds=seeds)


def test_what_cannot_be_checked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder or file"):
        look(tmp_path / "photos")
    with pytest.raises(ConfigError, match="preset: 'bse'"):
        check("digits", preset="bse")
    (tmp_path / "broken" / "ash").mkdir(parents=True)
    (tmp_path / "broken" / "ash" / "a.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="no training image can be read"):
        look(tmp_path / "broken")
