"""`ganaug.albumentations.GANAugment` in pipelines of Albumentations."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_models import (
    Planted,
    expected_variation,
    write_class_model,
    write_variation_model,
)
from numpy.typing import NDArray
from torchvision import tv_tensors

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else it asks the network on import
A = pytest.importorskip("albumentations", reason="the extra albumentations is not installed")

from ganaug import GANAugment as ForTorch  # noqa: E402
from ganaug.albumentations import GANAugment  # noqa: E402
from ganaug.artifact.policy import Policy  # noqa: E402
from ganaug.errors import ConfigError, DataError  # noqa: E402

HEIGHT, WIDTH = 40, 56
TURN = Planted(affine=((0.9, 0.3, 0.1), (-0.3, 0.9, -0.1)), drift=0.1)
BOXES = np.array([[10.0, 12, 30, 20], [25, 22, 40, 36]])
POINTS = np.array([[20.0, 20], [30, 12], [41, 30]])
MASK = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) // 97).astype(np.int32)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "turn.onnx"
    return write_variation_model(path, channels=3, planted=TURN)


def levels(*shape: int) -> NDArray[Any]:
    return np.random.default_rng(3).integers(60, 200, shape, np.uint8)


def sample() -> dict[str, Any]:
    return {
        "image": levels(HEIGHT, WIDTH, 3),
        "mask": MASK,
        "masks": [MASK % 7, MASK + 1],
        "bboxes": BOXES,
        "labels": ["one", "two"],
        "keypoints": POINTS,
    }


def composed(*transforms: Any, **options: Any) -> Any:
    made = options.pop("compose", A.Compose)(
        list(transforms),
        bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]),
        keypoint_params=A.KeypointParams("xy", remove_invisible=False),
    )
    made.set_random_seed(options.pop("seed", 5))
    return made


def same(one: Any, other: Any) -> bool:
    keys = ("image", "mask", "bboxes", "keypoints")
    alike = [np.array_equal(one[key], other[key]) for key in keys]
    alike += [np.array_equal(a, b) for a, b in zip(one["masks"], other["masks"], strict=True)]
    return all(alike)


def test_image_masks_boxes_and_points_move_as_with_torchvision(artifact: Path) -> None:
    given = sample()
    after = composed(GANAugment(artifact, p=1.0, scale=0.0))(**given)
    image, mask, boxes, points = ForTorch(artifact, p=1.0, scale=0.0)(
        tv_tensors.Image(torch.from_numpy(given["image"]).permute(2, 0, 1)),
        tv_tensors.Mask(torch.from_numpy(MASK)),
        tv_tensors.BoundingBoxes(
            torch.from_numpy(BOXES), format="XYXY", canvas_size=(HEIGHT, WIDTH)
        ),
        tv_tensors.KeyPoints(torch.from_numpy(POINTS), canvas_size=(HEIGHT, WIDTH)),
    )
    assert np.array_equal(after["image"], image.permute(1, 2, 0).numpy())
    assert not np.array_equal(after["image"], given["image"])
    assert np.array_equal(after["mask"], mask.numpy())
    assert after["mask"].dtype == MASK.dtype
    assert np.array_equal(after["masks"][0], mask.numpy() % 7)
    assert np.array_equal(after["masks"][1], mask.numpy() + 1)
    planes = A.Compose([GANAugment(artifact, p=1.0, scale=0.0)])(
        image=given["image"], mask=np.stack([MASK, MASK + 1], 2)
    )["mask"]
    assert np.array_equal(planes, np.stack([mask.numpy(), mask.numpy() + 1], 2))
    np.testing.assert_allclose(after["bboxes"], boxes.numpy(), atol=1e-2)
    np.testing.assert_allclose(after["keypoints"], points.numpy(), atol=1e-2)
    assert after["labels"] == ["one", "two"]


def test_boxes_that_leave_are_dropped_with_their_labels(tmp_path: Path) -> None:
    away = Planted(affine=((1.0, 0.0, -1.2), (0.0, 1.0, 0.0)))  # most of a half to the right
    path = write_variation_model(tmp_path / "away.onnx", channels=3, planted=away)
    given = sample() | {"bboxes": np.array([[2.0, 5, 12, 15], [35, 22, 50, 36]])}
    after = composed(GANAugment(path, p=1.0, scale=0.0))(**given)
    assert after["labels"] == ["one"]
    assert len(after["bboxes"]) == 1


@pytest.mark.parametrize(("least", "kept"), [(0.2, 1), (0.4, 1), (0.6, 0), (0.9, 0)])
def test_boxes_that_the_move_cuts_are_dropped_as_by_affine(
    tmp_path: Path, least: float, kept: int
) -> None:
    shift = 7.0  # half of the box that is furthest to the right
    by = Planted(affine=((1.0, 0.0, -2 * shift / WIDTH), (0.0, 1.0, 0.0)))
    path = write_variation_model(tmp_path / "shift.onnx", channels=3, planted=by)
    boxes = A.BboxParams("pascal_voc", label_fields=["labels"], min_visibility=least)
    moving = (GANAugment(path, p=1.0, scale=0.0), A.Affine(translate_px={"x": 7, "y": 0}, p=1.0))
    made = []
    for transform in moving:
        given = {"bboxes": np.array([[WIDTH - 14.0, 10, WIDTH, 20]]), "labels": ["one"]}
        made.append(A.Compose([transform], boxes)(image=levels(HEIGHT, WIDTH, 3), **given))
    assert [len(each["bboxes"]) for each in made] == [kept, kept]
    assert [len(each["labels"]) for each in made] == [kept, kept]
    np.testing.assert_allclose(made[0]["bboxes"], made[1]["bboxes"], atol=1e-2)


@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH), (HEIGHT, WIDTH, 1), (HEIGHT, WIDTH, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_stay_what_they_are(shape: tuple[int, ...], dtype: type, tmp_path: Path) -> None:
    channels = 3 if shape[2:] == (3,) else 1
    path = write_variation_model(tmp_path / "v.onnx", channels=channels)
    image = levels(*shape) if dtype is np.uint8 else (levels(*shape) / 255).astype(dtype)
    before = image.copy()
    seeded = A.Compose([GANAugment(path, p=1.0)], seed=3)
    after = seeded(image=image)["image"]
    assert (after.shape, after.dtype) == (image.shape, image.dtype)
    assert np.array_equal(image, before)
    latent = seeded.transforms[0].params["latent"]
    planes = np.atleast_3d(image).transpose(2, 0, 1)[None].astype(np.float32)
    planes = planes / 255 if dtype is np.uint8 else planes
    expected = expected_variation(planes, np.array([latent], np.float32))[0].transpose(1, 2, 0)
    found = np.atleast_3d(after) / (255 if dtype is np.uint8 else 1)
    assert np.abs(found - expected).max() < (0.51 / 255 if dtype is np.uint8 else 1e-5)


def test_the_seed_of_compose_decides(artifact: Path) -> None:
    made = [composed(GANAugment(artifact, p=1.0), seed=seed)(**sample()) for seed in (1, 1, 2)]
    assert same(made[0], made[1])
    assert not same(made[0], made[2])
    once = composed(GANAugment(artifact, p=1.0))
    assert not same(once(**sample()), once(**sample()))


def test_p_is_that_of_the_policy_or_the_one_given(artifact: Path, tmp_path: Path) -> None:
    assert GANAugment(artifact).p == 0.5
    policy = Policy(p=((2, 0.9), (10, 0.3)), scale=0.5)
    tuned = write_variation_model(tmp_path / "tuned.onnx", channels=3, policy=policy)
    varied = GANAugment(tuned)
    assert varied.p == pytest.approx((10 * 0.3 + 2 * 0.9) / 12)
    assert varied.scale == 0.5
    image = sample()["image"]
    assert A.Compose([GANAugment(artifact, p=0.0)])(image=image)["image"] is image


def test_the_log_says_that_a_policy_is_never(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    never = Policy(p=((2, 0.0),))
    path = write_variation_model(tmp_path / "never.onnx", channels=3, policy=never)
    for _ in range(2):
        GANAugment(path, p=0.5)
        GANAugment(path)
    assert caplog.messages == [
        f"{path}: its policy is never, so that no image is varied; p=0.5 varies them"
    ]


def test_a_replay_does_the_same_to_another_image(artifact: Path) -> None:
    replayed = composed(GANAugment(artifact, p=1.0), compose=A.ReplayCompose)
    first = replayed(**sample())
    again = A.ReplayCompose.replay(first["replay"], **sample())
    assert same(first, again)
    other = sample() | {"image": 255 - sample()["image"]}
    varied = A.ReplayCompose.replay(first["replay"], **other)
    assert np.array_equal(varied["mask"], first["mask"])
    assert not np.array_equal(varied["image"], first["image"])


def test_it_is_serialised_and_pickled(artifact: Path) -> None:
    made = composed(GANAugment(artifact, p=1.0, scale=0.4, content=False), A.HorizontalFlip(p=0.5))
    expected = made(**sample())
    read = A.from_dict(A.to_dict(made))
    read.set_random_seed(5)
    assert same(read(**sample()), expected)
    first = read.transforms[0]
    assert (first.p, first.scale, first.content) == (1.0, 0.4, False)
    copied = pickle.loads(pickle.dumps(composed(GANAugment(artifact, p=1.0))))
    assert same(copied(**sample()), composed(GANAugment(artifact, p=1.0))(**sample()))
    assert "turn.onnx" in repr(made)


def test_among_others(artifact: Path) -> None:
    pipeline = composed(
        A.RandomCrop(32, 32, p=1.0),
        A.OneOf([GANAugment(artifact, p=1.0), A.Affine(rotate=20)], p=1.0),
        A.RandomBrightnessContrast(),
        GANAugment(artifact, p=0.5),
        A.Normalize(),
    )
    for _ in range(10):
        after = pipeline(**sample())
        assert after["image"].shape == (32, 32, 3)
        assert after["mask"].shape == (32, 32)
        assert len(after["bboxes"]) == len(after["labels"])


@pytest.mark.parametrize(
    "image",
    [
        levels(8, 8, 4),
        levels(8, 8, 3).astype(np.float64),
        levels(8, 8, 3).astype(np.int16),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_images_that_are_refused(image: NDArray[Any], artifact: Path) -> None:
    with pytest.raises(DataError, match="allowed: uint8 or float32"):
        GANAugment(artifact, p=1.0)(image=image)


def test_what_else_is_refused(artifact: Path, tmp_path: Path) -> None:
    transform = GANAugment(artifact, p=1.0)
    transform.add_targets({"other": "image"})
    with pytest.raises(DataError, match="2 images in one call; allowed: one"):
        transform(image=levels(8, 8, 3), other=levels(8, 8, 3))
    by_class = write_class_model(tmp_path / "class.onnx", channels=3)
    old = write_variation_model(tmp_path / "old.onnx", channels=3, schema="1.0")
    for path, words in (
        (by_class, "a class generator"),
        (old, "a variation generator of schema 1"),
    ):
        with pytest.raises(ConfigError, match=rf"{words}.*; allowed: .* ganaug export RUN"):
            GANAugment(path)
    for p in ({"a": 1.0}, {}, [0.0, 1.0], (0.5, 0.5), np.array([[0.0], [1.0]]), "0.5", True):
        with pytest.raises(ConfigError, match=r"^p=.*; allowed: a number from 0 to 1, or None;"):
            GANAugment(artifact, p=p)
    assert GANAugment(artifact, p=np.array(0.25)).p == 0.25
    for options in ({"p": 1.5}, {"scale": -1.0}, {"content": None}):
        with pytest.raises(ConfigError, match="allowed"):
            GANAugment(artifact, **options)


def test_images_without_objects(artifact: Path) -> None:
    boxes, points = A.BboxParams("pascal_voc", label_fields=["labels"]), A.KeypointParams("xy")
    transform = composed(GANAugment(artifact, p=1.0), bbox_params=boxes, keypoint_params=points)
    made = transform(image=levels(HEIGHT, WIDTH, 3), bboxes=[], labels=[], keypoints=[])
    assert (len(made["bboxes"]), len(made["keypoints"]), made["labels"]) == (0, 0, [])
    assert not np.array_equal(made["image"], levels(HEIGHT, WIDTH, 3))


@pytest.mark.parametrize("dtype", [">i4", ">u2", "<u2", "u4", "?", ">f8"])
def test_masks_of_any_dtype_are_moved(artifact: Path, dtype: str) -> None:
    transform = A.Compose([GANAugment(artifact, p=1.0, scale=0.0)])
    image = levels(HEIGHT, WIDTH, 3)
    expected = transform(image=image, mask=MASK % 2)["mask"]
    found = transform(image=image, mask=(MASK % 2).astype(dtype))["mask"]
    assert found.dtype == np.dtype(dtype)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("size", [(20, 28), (80, 112)])
def test_a_mask_of_another_size_is_refused(artifact: Path, size: tuple[int, int]) -> None:
    transform = A.Compose([GANAugment(artifact, p=1.0)], is_check_shapes=False)
    with pytest.raises(DataError, match=rf"a mask of .* \[{size[0]}, {size[1]}\] beside an image"):
        transform(image=levels(HEIGHT, WIDTH, 3), mask=np.zeros(size, np.uint8))
