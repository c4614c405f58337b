"""`keep_best`: what is left out, why, and that it does not depend on who makes it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.folders import content
from helpers.small_images import bars
from helpers.small_models import write_class_model, write_variation_model
from PIL import Image

import ganaug.use.best as best
import ganaug.use.bulk as bulk
from ganaug import SyntheticDataset, sample
from ganaug.errors import ConfigError, DataError, RunError
from ganaug.use.best import Best
from ganaug.use.image_dataset import ImageDataset

NAMES = ("bar 0", "bar 1")
SOURCE = ImageDataset(bars((30, 12), (8, 8)))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 4 and groups of 5, so that groups lie in two blocks."""
    monkeypatch.setattr(bulk, "BLOCK", 4)
    monkeypatch.setattr(best, "GROUP", 5)
    monkeypatch.setattr(best, "BLOCK", 7)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_variation_model(tmp_path / "small.onnx", classes=NAMES)


@pytest.mark.parametrize("wrong", [None, Image.new("LA", (8, 8)), np.zeros((8, 8, 3), np.uint8)])
def test_an_image_that_cannot_be_read_is_named(wrong: object, file: Path, tmp_path: Path) -> None:
    items = [(Image.new("L", (8, 8), at), at % 2) for at in range(200)]
    items[77] = (wrong, 1)  # type: ignore[assignment]
    with pytest.raises(DataError, match="item 77 of list"):
        sample(file, tmp_path / "out", counts=4, source=items, keep_best=np.float32(0.5))
    items[77] = (items[0][0], 1)
    sample(file, tmp_path / "out", counts=4, source=items, keep_best=np.float32(0.5))


@pytest.mark.parametrize("shards", [False, True])
@pytest.mark.usefixtures("small_blocks")
def test_any_number_of_parts_and_starts_writes_the_same_bytes(
    file: Path, tmp_path: Path, shards: bool
) -> None:
    options = {"counts": {"bar 0": 7, "bar 1": 6}, "source": SOURCE, "shards": shards}
    one = sample(file, tmp_path / "one", keep_best=0.6, **options)
    out = tmp_path / "parts"
    for number in (3, 1, 2):
        sample(file, out, keep_best=0.6, part=(number, 3), **options)
    assert content(out) == content(one)
    (out / "manifest.jsonl").unlink()
    (out / ".ganaug-manifest-000001.jsonl").unlink()
    sample(file, out, keep_best=0.6, **options)
    assert content(out) == content(one)
    found = json.loads((one / "dropped.json").read_text())
    assert {name: (row["kept"], row["candidates"]) for name, row in found.items()} == {
        "bar 0": (7, 12),
        "bar 1": (6, 10),
    }
    for row in found.values():
        assert sum(row[reason] for reason in best.REASONS) == row["candidates"] - row["kept"]
    for line in (one / "manifest.jsonl").read_text().splitlines():
        row = json.loads(line)
        image, label = SOURCE[row["source"]]
        assert NAMES[label] == row["class"]
        if not shards:
            with Image.open(one / row["file"]) as made:
                offset = np.asarray(made, float) - image[0].numpy()
            shown = (np.asarray(made) > 0) & (np.asarray(made) < 255)
            assert np.ptp(offset[shown]) <= 1  # the small model adds one number
    for other in ({"keep_best": 0.8}, {}):
        with pytest.raises(RunError, match=r"\(keep_best differs\)"):
            sample(file, out, **options, **other)


@pytest.mark.usefixtures("small_blocks")
def test_what_is_kept_are_the_best_candidates_in_their_order(file: Path) -> None:
    wanted = SyntheticDataset(file, SOURCE, {"bar 0": 6, "bar 1": 3}, seed=2)
    chosen = Best(wanted, 0.6)
    kept = [np.asarray(image) for _, _, image, _ in chosen.items(range(9))]
    data = chosen.candidates
    assert data.counts.tolist() == [10, 5]
    for group in range(3):
        indices = list(range(5 * group, 5 * group + 5))
        images = [data[at][0] for at in indices]
        sources = np.array([data.source_of(at) for at in indices])
        lost, copied, away = chosen.real.faults(int(group == 2), images, sources)
        ranked = sorted(range(5), key=lambda at: (lost[at], copied[at], away[at], at))
        for at, image in zip(sorted(ranked[:3]), kept[3 * group : 3 * group + 3], strict=True):
            np.testing.assert_array_equal(image, images[at][0].numpy())


def test_each_fault_is_seen(file: Path) -> None:
    """Images of the other class, copies of a real image that is not the source, and noise."""
    chosen = Best(SyntheticDataset(file, SOURCE, {"bar 0": 1}), 0.5)
    real = SOURCE.pixels
    rng = np.random.default_rng(0)
    sources = np.array([0, 1, 2, 3])
    noise = SOURCE.pixels.new_tensor(rng.integers(0, 256, (1, 8, 8)))
    lost, copied, away = chosen.real.faults(0, [real[0], real[35], real[20], noise], sources)
    assert lost.tolist()[:3] == [False, True, False]
    assert copied.tolist()[:3] == [False, True, True]
    assert away[3] > 1 > away[2] == 0


def test_a_class_without_neighbours_has_only_what_can_be_told(tmp_path: Path) -> None:
    images = ImageDataset(bars((1, 1), (8, 8)))
    file = write_variation_model(tmp_path / "small.onnx", classes=NAMES)
    out = sample(file, tmp_path / "out", counts={"bar 0": 3}, source=images, keep_best=0.5)
    row = json.loads((out / "dropped.json").read_text())["bar 0"]
    assert (row["kept"], row["candidates"], row["far"]) == (3, 6, 0)


def test_another_size_and_grey_images_of_a_class_generator(tmp_path: Path) -> None:
    file = write_class_model(tmp_path / "class.onnx", channels=3, classes=NAMES)
    source = ImageDataset(bars((6, 6), (12, 10), 3))
    out = sample(file, tmp_path / "out", counts=4, source=source, keep_best=0.8)
    rows = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert len(rows) == 4
    assert not any("source" in row for row in rows)  # it is replaced, not varied


@pytest.mark.parametrize("share", [0, 1, 1.5, -0.5, 0.01, float("nan")])
def test_a_share_that_is_not_allowed_is_refused(file: Path, tmp_path: Path, share: float) -> None:
    with pytest.raises(ConfigError, match=r"keep_best: .* is not allowed; give a share of 0\.02"):
        sample(file, tmp_path / "out", counts=4, source=SOURCE, keep_best=share)
    assert not (tmp_path / "out").exists()


def test_without_real_images_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    file = write_class_model(tmp_path / "class.onnx")
    with pytest.raises(ConfigError, match=r"keep_best: 0\.8 without a source"):
        sample(file, tmp_path / "out", counts=4, keep_best=0.8)


def test_an_image_from_noise_is_compared_with_every_real_one(file: Path, tmp_path: Path) -> None:
    """A variation is not compared with its source, which it may stay near."""
    noise = write_class_model(tmp_path / "class.onnx", classes=NAMES, size=(8, 8))
    rows = np.arange(10)
    images = [SOURCE[int(row)][0] for row in rows]
    found = [
        best._RealImages(SyntheticDataset(each, source=SOURCE, counts=1)).faults(0, images, rows)[1]
        for each in (noise, file)
    ]
    assert found[0].all()
    assert not found[1].all()
