"""Where new generators are kept: never under what another set of images trained."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from helpers.small_images import bars

from ganaug.evaluation.trainings.generators import generator_folder
from ganaug.images import ImageSet, resized


def trained(work: Path, images: ImageSet, size: tuple[int, int]) -> Path:
    """Return the folder of such a generator, with the file that a training leaves in it."""
    folder = generator_folder(work, "seed-0000", [0, "source"], images, size)
    run = folder / "run"
    run.mkdir(exist_ok=True)
    kept = {"config": {"size": list(size)}, "channels": images.channels}
    (run / "config.json").write_text(json.dumps(kept))
    return folder


def test_each_way_to_load_a_source_has_a_generator_of_its_own(tmp_path: Path) -> None:
    images = bars((4, 2), (16, 16))
    ways = [
        (images, (16, 16)),
        (images, (8, 8)),
        (resized(images, 24), (8, 8)),
        (resized(images, 8), (8, 8)),
        (bars((4, 2), (16, 16), 3), (16, 16)),
        (bars((4, 2), (16, 16), 3), (8, 8)),
    ]
    folders = [trained(tmp_path, *way) for way in ways]
    assert len(set(folders)) == len(ways)
    assert [trained(tmp_path, *way) for way in ways] == folders  # and finds it again


def test_other_pixels_have_a_generator_of_their_own(tmp_path: Path) -> None:
    images = bars((4, 2), (16, 16))
    black = replace(images, images=np.zeros_like(images.images))
    assert black.fingerprint == images.fingerprint
    for size in ((16, 16), (8, 8)):
        folders = [trained(tmp_path, each, size) for each in (images, black, images)]
        assert folders[0] == folders[2] != folders[1]


def test_a_generator_that_was_kept_without_its_pixels_is_found_again(tmp_path: Path) -> None:
    """Its training takes hours; before version 0.2.0 its folder had such a name."""
    digest = hashlib.sha256(json.dumps([0, "source"]).encode()).hexdigest()[:12]
    earlier = tmp_path / "generators" / f"seed-0000-{digest}"
    (earlier / "run").mkdir(parents=True)
    assert trained(tmp_path, bars((4, 2), (16, 16)), (16, 16)) != earlier
    config = {"config": {"size": [16, 16]}, "channels": 1}
    (earlier / "run" / "config.json").write_text(json.dumps(config))
    assert trained(tmp_path, bars((4, 2), (16, 16)), (16, 16)) == earlier
    assert trained(tmp_path, bars((4, 2), (16, 16), 3), (16, 16)) != earlier
