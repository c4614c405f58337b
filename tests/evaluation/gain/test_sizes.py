"""Generators that are trained at another size than the images of their comparison."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.small_comparisons import run
from helpers.small_images import bars

from ganaug import Generator, Refit
from ganaug.errors import ConfigError
from ganaug.evaluation.gain.refit import at_size
from ganaug.images import ImageSet

SHORT = {"preset": "tiny", "steps": 2, "width": 4}
ARMS = {"seeds": 1, "arms": ["balanced", "ganaug"], "baseline": "balanced"}


def large(side: int = 24) -> ImageSet:
    return replace(bars((14, 8), (side, side)), test=bars((6, 6), (side, side), seed=1))


def made(folder: Path) -> list[Generator]:
    return [Generator(path) for path in sorted(folder.rglob("generator.onnx"))]


@pytest.mark.parametrize(
    ("options", "images", "usual", "size"),
    [
        ({"size": 32}, (144, 144), None, [32, 32]),
        ({"size": [24, 32]}, (144, 144), (48, 48), [24, 32]),
        ({"size": 144}, (144, 144), None, 144),  # as given: it was kept under that
        ({}, (144, 144), (48, 48), [48, 48]),
        ({"size": None}, (144, 144), (48, 48), [48, 48]),
        ({}, (48, 48), (48, 48), None),
        ({}, (32, 32), (48, 48), None),  # no smaller images than the artifact's are enlarged
        ({}, (100, 200), None, [32, 64]),
        ({}, (100, 200), (128, 128), [32, 64]),
        ({}, (64, 60), None, None),
    ],
)
def test_the_size_of_new_generators(
    options: dict[str, Any],
    images: tuple[int, int],
    usual: tuple[int, int] | None,
    size: object,
) -> None:
    found = at_size(options | {"steps": 5}, "variation", images, usual)
    assert found["steps"] == 5
    assert found.get("size") == size
    if size is None:
        assert found == options | {"steps": 5}


@pytest.mark.parametrize("size", [(144, 144), (12, 10)])
def test_a_class_generator_has_the_size_of_the_images(size: tuple[int, int]) -> None:
    assert at_size({}, "class", size, (32, 32)) == {}
    assert at_size({"size": list(size)}, "class", size, None) == {"size": list(size)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "class", "size": 12}, "size: 12x12 for new generators, the images are 24x24;"),
        ({"preset": "classic", "size": 12}, "the size of the images; leave it out"),
        ({"size": 32}, "size: 32x32 for new generators, the images are 24x24; allowed: at most"),
        ({"size": [24, 25]}, "choose a smaller one, or load larger images"),
        ({"size": 7}, "size: 7; allowed: a side, or height and width"),
    ],
)
def test_a_bad_size_is_refused_before_any_work(
    options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    told: list[int] = []
    with pytest.raises(ConfigError, match=message) as caught:
        run(
            None,
            large(),
            refit=Refit(fit_options=options),
            out=tmp_path / "out",
            progress=lambda done, total, left: told.append(done),
        )
    assert "\n" not in str(caught.value)
    assert not told
    assert not (tmp_path / "out").exists()


def test_small_generators_vary_large_images(tmp_path: Path) -> None:
    arguments: dict[str, Any] = ARMS | {
        "refit": Refit(fit_options=SHORT | {"size": 12}),
        "out": tmp_path,
    }
    report = run(None, large(), **arguments)
    (generator,) = made(tmp_path)
    assert generator.info.size == (12, 12)
    assert report.settings.refit is not None
    assert report.settings.refit["size"] == [12, 12]
    assert (tmp_path / "generators").is_dir()
    before = generator.path.stat().st_mtime_ns
    assert run(None, large(), **arguments) == report
    assert generator.path.stat().st_mtime_ns == before


def test_large_images_have_generators_of_64_pixels(tmp_path: Path) -> None:
    options = SHORT | {"steps": 1, "batch_size": 4}
    run(None, large(80), refit=Refit(fit_options=options), out=tmp_path, **ARMS)
    assert [generator.info.size for generator in made(tmp_path)] == [(64, 64)]


def test_two_sizes_in_one_folder_have_two_generators(tmp_path: Path) -> None:
    # Images of one source have one fingerprint at any size, and the options name none.
    small = bars((14, 8), (12, 12))
    parts = {12: replace(small, test=bars((6, 6), (12, 12), seed=1)), 16: large(16)}
    parts[16] = replace(parts[16], keys=small.keys)
    arguments: dict[str, Any] = ARMS | {"refit": Refit(fit_options=SHORT), "out": tmp_path}
    reports = {side: run(None, images, **arguments) for side, images in parts.items()}
    assert sorted(generator.info.size for generator in made(tmp_path)) == [(12, 12), (16, 16)]
    times = {generator.path: generator.path.stat().st_mtime_ns for generator in made(tmp_path)}
    for side, images in parts.items():
        assert run(None, images, **arguments) == reports[side]
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_refits_of_a_file_are_trained_at_its_size(tmp_path: Path) -> None:
    first = tmp_path / "first"
    run(None, large(12), refit=Refit(fit_options=SHORT), out=first, **ARMS)
    (generator,) = made(first)
    again = tmp_path / "again"
    run(generator.path, large(24), refit=Refit(), out=again, **ARMS)
    assert [each.info.size for each in made(again)] == [(12, 12)]
