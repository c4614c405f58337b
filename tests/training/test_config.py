"""`FitConfig`: typed, checked, and honest about what it does not know."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

import numpy as np
import pytest

from ganaug.errors import ConfigError
from ganaug.images import load_images
from ganaug.training.config import LOADING, PRESETS, FitConfig, make_config


@pytest.mark.parametrize("preset", PRESETS)
def test_round_trip_through_json(preset: str) -> None:
    config = make_config(preset, size=[28, 36])
    assert FitConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.size == (28, 36)


def test_one_number_is_both_sides() -> None:
    assert make_config(size=16).size == (16, 16)
    assert make_config(size=16) == make_config(size=[16, 16])


def test_numbers_of_numpy_become_those_of_python() -> None:
    given = {
        "steps": np.int64(3),
        "batch_size": np.uint8(9),
        "r1": np.float32(0.5),
        "ema": np.float64(0),
        "learning_rate": np.int32(1),
        "size": (np.int64(16), np.int16(20)),
    }
    config = make_config("base", **given)
    assert config == make_config(
        "base", steps=3, batch_size=9, r1=0.5, ema=0.0, learning_rate=1.0, size=(16, 20)
    )
    assert FitConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_the_arguments_of_load_images_are_known() -> None:
    """But for size and progress, which are the training's too."""
    parameters = set(inspect.signature(load_images).parameters)
    assert set(LOADING) == parameters - {"source", "size", "progress"}


def test_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        FitConfig().steps = 3  # type: ignore[misc]


def test_options_left_at_none_keep_the_preset() -> None:
    assert make_config("tiny", steps=None, loss="hinge").steps == PRESETS["tiny"].steps


def test_the_class_kind_brings_its_own_augmentation() -> None:
    assert make_config("base", kind="class").augment == ("shift", "colour", "cutout")
    assert make_config("base", kind="class", augment=["shift"]).augment == ("shift",)
    assert make_config("base").shared_affine == 0.5
    assert make_config("tiny").shared_affine == 0
    assert make_config("base", kind="class").shared_affine == 0


def test_classic_is_the_original_system() -> None:
    config = make_config("classic")
    assert (config.kind, config.architecture, config.conditional) == ("class", "dense", False)
    assert (config.latent_dim, config.batch_size, config.learning_rate) == (100, 64, 2e-4)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"preset": "bas"}, ["'bas'", "did you mean 'base'", "tiny"]),
        ({"stepz": 3}, ["stepz", "did you mean 'steps'"]),
        ({"steps": 0}, ["steps", "0", "1 or more"]),
        ({"steps": 10**7 + 1}, ["steps: 10000001", "1 to 10000000"]),
        ({"batch_size": 65537}, ["batch_size: 65537", "1 to 65536"]),
        ({"width": 4097}, ["width: 4097", "1 to 4096"]),
        ({"steps": 1.5}, ["steps", "1.5", "whole number"]),
        ({"steps": True}, ["steps", "True", "whole number"]),
        ({"loss": "hing"}, ["'hing'", "did you mean 'hinge'", "minimax"]),
        ({"ema": 1.0}, ["ema", "1.0", "< 1"]),
        ({"learning_rate": float("nan")}, ["learning_rate", "nan"]),
        ({"r1": -1}, ["r1", "-1", "0 or more"]),
        ({"size": [4, 32]}, ["4x32", "8 to 4096"]),
        ({"size": 32.0}, ["size", "32.0", "[32, 32]"]),
        ({"size": 4}, ["4x4", "8 to 4096"]),
        ({"size": True}, ["size", "True"]),
        ({"augment": 3}, ["augment", "3", '["shift"]']),
        ({"steps": np.float64(3)}, ["steps", "3.0", "whole number"]),
        ({"r1": np.float32("inf")}, ["r1", "inf", "finite number"]),
        ({"mode": "rgb"}, ["mode", "load_images(source, mode=...)", "--mode"]),
        ({"skip_corrupt": True}, ["load_images(source, skip_corrupt=...)", "--skip-corrupt"]),
        ({"augment": ["blur"]}, ["augment", "'blur'", "cutout"]),
        ({"architecture": "dense"}, ["'dense'", "kind 'class'"]),
        ({"conditional": False}, ["conditional", "kind 'class'"]),
        ({"kind": "class", "class_match": 1.0}, ["class_match: 1.0", "class_match = 0"]),
        ({"shared_affine": 1.5}, ["shared_affine: 1.5", "0 to 1"]),
        ({"kind": "class", "shared_affine": 0.5}, ["shared_affine: 0.5", "shared_affine = 0"]),
        ({"preset": "classic", "conditional": True}, ["does not read the label", "'conv'"]),
        ({"preset": "classic", "strided": True}, ["strided", "halves", "'conv'"]),
    ],
)
def test_refuses_by_name(options: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        make_config(**options)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize("preset", [None, ["tiny"], FitConfig()])
def test_a_preset_that_is_no_name_is_told(preset: Any) -> None:
    with pytest.raises(ConfigError, match=r"choose one of tiny, .* as \*\*config\.to_dict\(\)"):
        make_config(preset)
    assert make_config(**PRESETS["tiny"].to_dict()) == PRESETS["tiny"]
