from __future__ import annotations

import pickle

import pytest
import torch

from ganaug.errors import ConfigError
from ganaug.evaluation.arms import AUGMENTATIONS, DEFAULT_FREE_ARMS, Arm, augment, parse_arm


@pytest.mark.parametrize(
    ("name", "arm"),
    [
        ("plain", Arm("plain", balanced=False)),
        ("balanced", Arm("balanced", balanced=True)),
        ("balanced+affine+jitter", Arm("balanced+affine+jitter", True, ("affine", "jitter"))),
        ("ganaug", Arm("ganaug", True, (), "transform")),
        ("ganaug+randaugment", Arm("ganaug+randaugment", True, ("randaugment",), "transform")),
        ("mixed+affine", Arm("mixed+affine", True, ("affine",), "mixed")),
    ],
)
def test_names_describe_arms(name: str, arm: Arm) -> None:
    assert parse_arm(name) == arm
    assert pickle.loads(pickle.dumps(arm)) == arm
    assert arm.free == (arm.ganaug is None)


def test_the_default_free_arms_are_free() -> None:
    assert all(parse_arm(name).free for name in DEFAULT_FREE_ARMS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("balanced+afine", "did you mean 'affine'"),
        ("balansed+affine", "did you mean 'balanced'"),
        ("affine", "an arm starts with one of plain, balanced, ganaug, mixed"),
        ("", "an arm starts with"),
        ("balanced+", "'' is no augmentation"),
        ("balanced+affine+affine", "'affine' stands twice"),
    ],
)
def test_unknown_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("+", r"\+")) as caught:
        parse_arm(name)
    assert "\n" not in str(caught.value)


def test_a_generator_goes_on_top_of_the_same_augmentation() -> None:
    base = parse_arm("balanced+affine+jitter")
    assert base.on_top("variation").name == "ganaug+affine+jitter"
    assert base.on_top("class").name == "mixed+affine+jitter"
    assert parse_arm("plain").on_top("variation").name == "ganaug"


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
@pytest.mark.parametrize("channels", [1, 3])
def test_augmentations_change_each_image_on_its_own(name: str, channels: int) -> None:
    torch.manual_seed(0)
    image = torch.randint(0, 256, (1, channels, 12, 10), dtype=torch.uint8)
    batch = image.repeat(16, 1, 1, 1)
    before = batch.clone()
    out = augment(batch, (name,))
    assert out.shape == batch.shape
    assert out.dtype == torch.uint8
    assert torch.equal(batch, before)
    assert len(torch.unique(out, dim=0)) > 8


def test_augmentations_draw_from_torchs_generator() -> None:
    batch = torch.randint(0, 256, (4, 1, 12, 12), dtype=torch.uint8)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(augment(batch, tuple(AUGMENTATIONS)))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_affine_keeps_a_flat_image_and_moves_an_edge() -> None:
    torch.manual_seed(0)
    flat = torch.full((8, 1, 16, 16), 90, dtype=torch.uint8)
    assert torch.equal(augment(flat, ("affine",)), flat)
    edge = flat.clone()
    edge[..., 8:] = 200
    moved = augment(edge, ("affine",))
    assert not torch.equal(moved, edge)
    assert moved.min() >= 90
    assert moved.max() <= 200


def test_jitter_keeps_order_and_stays_in_range() -> None:
    torch.manual_seed(0)
    ramp = torch.arange(0, 250, 10, dtype=torch.uint8).view(1, 1, 5, 5).repeat(32, 1, 1, 1)
    out = augment(ramp, ("jitter",)).flatten(1).int()
    assert (out.diff(dim=1) >= 0).all()
    assert out[:, -1].min() < 240 < out[:, -1].max()
