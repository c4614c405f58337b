"""`GANOverSampler`: what it makes, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.small_models import expected_class, write_class_model, write_variation_model
from imblearn.pipeline import Pipeline
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from ganaug import GANOverSampler
from ganaug.artifact.policy import Policy
from ganaug.errors import ArtifactError, ConfigError, DataError

CLASSES = ("ant", "bee", "cat")
Y = np.repeat([0, 1, 2], (6, 3, 1))


@pytest.fixture(scope="module")
def variation(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("models") / "grey.onnx"
    return str(write_variation_model(path, classes=CLASSES, counts=(6, 3, 1)))


@pytest.fixture(scope="module")
def rgb(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("models") / "rgb.onnx"
    return str(write_variation_model(path, channels=3, classes=CLASSES, counts=(6, 3, 1)))


@pytest.fixture(scope="module")
def by_class(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("models") / "class.onnx"
    return str(write_class_model(path, classes=CLASSES, counts=(6, 3, 1)))


def levels(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(120, 136, shape, np.uint8)


FORMS: dict[str, tuple[str, Callable[[], NDArray[Any]], dict[str, Any]]] = {
    "uint8 grey": ("variation", lambda: levels(10, 8, 8), {}),
    "uint8 grey with a channel": ("variation", lambda: levels(10, 8, 8, 1), {}),
    "uint8 RGB": ("rgb", lambda: levels(10, 8, 5, 3), {}),
    "float32": ("rgb", lambda: (levels(10, 8, 8, 3) / 255).astype(np.float32), {}),
    "float64 flat": ("variation", lambda: levels(10, 24) / 255, {"shape": (4, 6)}),
    "uint8 flat RGB": ("rgb", lambda: levels(10, 72), {"shape": (4, 6, 3)}),
}


@pytest.mark.parametrize("form", FORMS)
def test_rare_classes_are_filled_up_with_variations_of_their_rows(
    form: str, request: pytest.FixtureRequest
) -> None:
    name, make, options = FORMS[form]
    images = make()
    sampler = GANOverSampler(request.getfixturevalue(name), random_state=0, **options)
    more, labels = sampler.fit_resample(images, Y)
    assert np.bincount(labels).tolist() == [6, 6, 6]
    assert more.shape == (18, *images.shape[1:])
    # The small model adds one offset to each channel of a row: what is left is the source row.
    channels = 3 if name == "rgb" else 1
    whole = 255 if images.dtype == np.uint8 else 1
    before = images.reshape(10, -1, channels).astype(float) / whole
    for row, label in zip(more[10:], labels[10:], strict=True):
        moved = row.reshape(1, -1, channels).astype(float) / whole - before[label == Y]
        left = np.abs(moved - moved.mean(axis=1, keepdims=True)).max(axis=(1, 2))
        assert left.min() < 1.1 / 255


def test_a_class_generator_makes_images_of_the_class(by_class: str) -> None:
    images = levels(10, 8, 8)
    more, labels = GANOverSampler(by_class, scale=0.0).fit_resample(images, Y)
    expected = expected_class(labels[10:], np.zeros((8, 4), np.float32), classes=3)
    assert np.abs(more[10:] / 255 - expected[:, 0]).max() <= 0.51 / 255


def test_labels_may_be_names_in_any_order(by_class: str) -> None:
    names = np.array(["cat", "bee"])[[0] * 7 + [1] * 3]
    more, labels = GANOverSampler(by_class, scale=0.0).fit_resample(levels(10, 8, 8), names)
    assert labels[10:].tolist() == ["bee"] * 4
    expected = expected_class(np.full(4, 1), np.zeros((4, 4), np.float32), classes=3)
    assert np.abs(more[10:] / 255 - expected[:, 0]).max() <= 0.51 / 255


def test_scale_is_the_policys_unless_given(tmp_path: Path) -> None:
    policy = Policy(p=((1, 0.5),), scale=0.25)
    path = tmp_path / "a.onnx"
    write_variation_model(path, classes=CLASSES, counts=(6, 3, 1), policy=policy)
    images = np.full((10, 8, 8), 0.5)

    def moved(scale: float | None) -> NDArray[Any]:
        return GANOverSampler(path, random_state=0, scale=scale).fit_resample(images, Y)[0] - 0.5

    assert np.allclose(moved(None), 0.25 * moved(1.0), atol=1e-6)
    assert np.abs(moved(1.0)[10:]).max() > 0.05


def test_in_a_pipeline_and_a_grid_search(variation: str) -> None:
    flat, y = levels(30, 64) / 255, np.repeat([0, 1, 2], (14, 10, 6))
    pipeline = Pipeline(
        [
            ("more", GANOverSampler(variation, shape=(8, 8), random_state=0)),
            ("classify", LogisticRegression(max_iter=200)),
        ]
    )
    search = GridSearchCV(pipeline, {"more__scale": [0.0, 1.0]}, cv=2, error_score="raise")
    search.fit(flat, y)
    assert search.best_params_["more__scale"] in (0.0, 1.0)
    assert search.predict(flat).shape == (30,)


@pytest.mark.parametrize(
    ("images", "options", "error", "words"),
    [
        (levels(10, 64), {}, ConfigError, "no shape=; allowed"),
        (levels(10, 64), {"shape": (8, 7)}, ConfigError, r"shape=\(8, 7\) for rows of 64"),
        (levels(10, 8, 8, 2), {}, DataError, r"shape \[10, 8, 8, 2\]; allowed"),
        (levels(10, 3, 8, 8), {}, DataError, "move the channels to the end"),
        (levels(10, 8, 8, 3), {}, DataError, "is coloured"),
        (levels(10, 8, 8).astype(np.int64), {}, DataError, "X: int64; allowed: uint8"),
        (levels(10, 8, 8).astype(np.int64), {}, DataError, r"convert it with .*numpy.uint8"),
        (levels(10, 8, 8) > 99, {}, DataError, r"X: bool; .* with astype.numpy.float32"),
        (257 * levels(10, 8, 8).astype(np.uint16), {}, DataError, "X: uint16; .* such as 65535"),
        (levels(10, 8, 8).astype(np.float32), {}, DataError, "values from .*; allowed: 0 to 1"),
        (np.full((10, 8, 8), np.nan), {}, DataError, "values from nan to nan; allowed: 0 to 1"),
        (levels(10, 64) + 0.5, {"shape": (8, 8)}, DataError, "values from .*; allowed: 0 to 1"),
        (levels(10), {}, DataError, r"X: shape \[10\]; allowed: one image or more"),
        (None, {}, DataError, r"X: shape \[\] of object"),
        (np.zeros((0, 8, 8), np.uint8), {}, DataError, r"X: shape \[0, 8, 8\]; allowed: one image"),
        (
            np.array([*levels(10, 8, 8), None], object)[:10],
            {},
            DataError,
            "of object; .*numpy.stack",
        ),
        ([levels(8, 8 + i) for i in range(10)], {}, DataError, "images of several sizes; .*resize"),
        (levels(10, 64), {"shape": ((8,), 8)}, ConfigError, "for rows of 64 values"),
        (levels(10, 64), {"shape": (8, None)}, ConfigError, "for rows of 64 values"),
    ],
)
def test_images_that_are_refused(
    images: Any, options: Any, error: Any, words: str, variation: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        GANOverSampler(variation, **options).fit_resample(images, Y)
    assert "\n" not in str(caught.value)


def test_a_list_of_images_and_a_tensor_are_images(variation: str) -> None:
    images = levels(10, 8, 8)
    expected = GANOverSampler(variation, random_state=0).fit_resample(images, Y)[0]
    tensor = torch.from_numpy(images / 255).requires_grad_()
    for same in ([Image.fromarray(image) for image in images], tensor):
        more = np.array(GANOverSampler(variation, random_state=0).fit_resample(same, Y)[0])
        whole = 255 if isinstance(same, torch.Tensor) else 1
        assert np.abs(more * whole - expected).max() < 0.51


@pytest.mark.parametrize("form", [np.array, torch.tensor, list, pd.DataFrame])
@pytest.mark.parametrize("missing", [1, 2])
def test_one_hot_labels_keep_their_columns(form: Any, missing: int, variation: str) -> None:
    """imbalanced-learn's own way back leaves out the columns of classes without images."""
    rows = np.eye(3)[np.where(missing == Y, 0, Y)]
    given = rows.tolist() if form is list else form(rows)
    labels = GANOverSampler(variation).fit_resample(levels(10, 8, 8), given)[1]
    assert labels.dtype == np.float64
    assert np.array_equal(labels[:10], rows)
    kept = 3 - missing
    assert labels[10:].argmax(1).tolist() == [kept] * (10 - 2 * int((kept == Y).sum()))


def test_columns_of_one_hot_labels_go_by_their_names(by_class: str) -> None:
    """`get_dummies` sorts them, and the classes of a file may stand in another order."""
    names = np.array(CLASSES, object)[Y]
    plain = GANOverSampler(by_class, random_state=0).fit_resample(levels(10, 8, 8), names)
    table = pd.get_dummies(pd.Series(names))[[CLASSES[2], CLASSES[0], CLASSES[1]]]
    more, found = GANOverSampler(by_class, random_state=0).fit_resample(levels(10, 8, 8), table)
    assert list(found.columns) == list(table.columns)
    own = found.idxmax(axis=1)
    assert sorted(own) == sorted(plain[1])
    for name in CLASSES:
        assert np.array_equal(more[own == name], plain[0][plain[1] == name])
    for columns in (["ant", "bee", "dog"], ["ant", "bee", "ant"]):
        wrong = pd.DataFrame(np.eye(3, dtype=int)[Y], columns=columns)
        with pytest.raises(DataError, match="allowed: one for each class, 'ant', 'bee', 'cat'"):
            GANOverSampler(by_class).fit_resample(levels(10, 8, 8), wrong)


def test_a_strategy_is_called_with_an_array_and_half_precision_is_read(variation: str) -> None:
    def twice(y: Any) -> dict[int, int]:
        return {1: 2 * int((y == 1).sum())}

    sampler = GANOverSampler(variation, sampling_strategy=twice, random_state=0)
    assert list(sampler.fit_resample(levels(10, 8, 8), Y.tolist())[1]) == [*Y, 1, 1, 1]
    tensor = torch.from_numpy(levels(10, 8, 8) / 255).bfloat16()
    assert len(sampler.fit_resample(tensor, Y)[0]) == 13


NAMED = np.array(CLASSES, object)[Y]


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (["ant"] * 6 + [1] * 3 + ["cat"], "kinds name and number; allowed: all names"),
        (np.array([*NAMED[:9], 2], object), "kinds name and number"),
        ([True] * 6 + [1] * 3 + [2], "kinds number and truth value"),
        (np.array([0.0] * 6 + [1] * 3 + [np.nan]), "kinds missing and number"),
        ([*NAMED[:9], None], "kinds missing and name"),
        (pd.Series([*NAMED[:9], pd.NA], dtype="string"), "kinds missing and name"),
        (pd.Series([0] * 6 + [1] * 3 + [pd.NA], dtype="Int64"), "kinds missing and number"),
        (NAMED.astype("S"), "of the kinds bytes; allowed: all names"),
        (np.array(["2026-01-01"] * 6 + ["2026-01-02"] * 4, "M8[D]"), "of the kinds date; allowed"),
        (Y > 0, "truth values, for the 3 classes 'ant', 'bee', 'cat'; allowed"),
        ((Y > 0).tolist(), "truth values, for the 3 classes"),
        (np.eye(4, dtype=int)[Y], "one-hot labels of 4 columns, for the 3 classes"),
        (np.eye(2, dtype=int)[(Y > 0) * 1], "one-hot labels of 2 columns, for the 3 classes"),
        (np.eye(3, dtype=int)[Y] * (Y < 2)[:, None], "rows without a 1, for the 3 classes"),
    ],
)
def test_labels_that_are_refused(y: Any, words: str, variation: str) -> None:
    for call in ("fit", "fit_resample"):
        with pytest.raises(DataError, match=words) as caught:
            getattr(GANOverSampler(variation), call)(levels(10, 8, 8), y)
        assert "\n" not in str(caught.value)


def test_truth_values_are_those_of_two_classes(tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "two.onnx", classes=CLASSES[:2], counts=(6, 4))
    labels = GANOverSampler(path).fit_resample(levels(10, 8, 8), Y > 0)[1]
    assert labels.tolist() == [*(Y > 0), True, True]


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        ({1: 5.0}, "sampling_strategy: 5.0 images of the class 1; allowed: a whole number"),
        ({1: "5"}, "'5' images of the class 1"),
        ({1: None}, "None images of the class 1"),
        ({1: True}, "True images of the class 1"),
        ({1: 10**12}, "1000000000000 images of the class 1; allowed: .* at most 10,000,000"),
        (lambda y: {1: float("nan")}, "nan images of the class 1"),
        (lambda y: [1], "its function returned a list; allowed: a dictionary"),
        (lambda y: None, "its function returned a NoneType; allowed: a dictionary"),
    ],
)
def test_counts_that_are_refused(strategy: Any, words: str, variation: str) -> None:
    sampler = GANOverSampler(variation, sampling_strategy=strategy)
    with pytest.raises(ConfigError, match=words):
        sampler.fit_resample(levels(10, 8, 8), Y)


def test_classes_that_are_refused(variation: str) -> None:
    names = np.array(["ant", "bees", "cat"])[Y]
    with pytest.raises(ArtifactError, match=r"'bees' is not in .*did you mean 'bee'"):
        GANOverSampler(variation).fit_resample(levels(10, 8, 8), names)
    with pytest.raises(ArtifactError, match="the class 7; allowed: 0 to 2"):
        GANOverSampler(variation).fit_resample(levels(10, 8, 8), np.where(Y == 2, 7, Y))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1] * 2 + [2] * 3 + [3] * 5, "the class 3; allowed: 0 to 2"),
        ([-1] * 5 + [0] * 3 + [1] * 2, "the class -1; allowed: 0 to 2"),
        (["zebra"] * 5 + ["ant"] * 3 + ["bee"] * 2, "the class 'zebra' is not in"),
    ],
)
def test_a_largest_class_that_is_unknown_is_refused(
    y: list[Any], message: str, variation: str
) -> None:
    """Nothing is made of it, but numbers that count otherwise are other classes."""
    with pytest.raises(ArtifactError, match=message):
        GANOverSampler(variation).fit_resample(levels(10, 8, 8), np.array(y))


def test_a_class_that_the_generator_never_saw_is_refused(tmp_path: Path) -> None:
    """A variation generator starts from an image, of whatever class."""
    path = write_class_model(tmp_path / "gap.onnx", classes=CLASSES, counts=(5, 0, 3))
    for y in (Y, np.array(CLASSES)[Y]):
        with pytest.raises(DataError, match=r"3 images of the class '(1|bee)', .*saw none"):
            GANOverSampler(path).fit_resample(levels(10, 8, 8), y)
    seen = GANOverSampler(path, sampling_strategy={2: 4}).fit_resample(levels(10, 8, 8), Y)[1]
    assert (seen == 2).sum() == 4
    gap = write_variation_model(tmp_path / "gap-2.onnx", classes=CLASSES, counts=(5, 0, 3))
    assert len(GANOverSampler(gap).fit_resample(levels(10, 8, 8), Y)[1]) == 18


@pytest.mark.parametrize("y", [[1] * 6 + [0] * 4, ["other"] * 6 + ["all"] * 4])
def test_a_generator_without_labels_is_refused(y: list[Any], tmp_path: Path) -> None:
    """Its images are of all classes, whatever the one label is called."""
    config = {"conditional": False}
    path = write_class_model(tmp_path / "all.onnx", classes=("all",), counts=(9,), config=config)
    with pytest.raises(ArtifactError, match=r"trained without labels, .* has 2 classes"):
        GANOverSampler(path).fit_resample(levels(10, 8, 8), np.array(y))


@pytest.mark.parametrize("ours", ["NFC", "NFD"])
def test_class_names_in_either_unicode_form(ours: Any, tmp_path: Path) -> None:
    theirs = "NFD" if ours == "NFC" else "NFC"
    names = [unicodedata.normalize(ours, name) for name in ("café", "thé")]
    path = write_variation_model(tmp_path / "m.onnx", classes=names, counts=(6, 4))
    y = np.array([unicodedata.normalize(theirs, name) for name in names])[[0] * 6 + [1] * 4]
    labels = GANOverSampler(path).fit_resample(levels(10, 8, 8), y)[1]
    assert labels[10:].tolist() == [y[-1]] * 2


WITHOUT = """
import sys
sys.modules["imblearn"] = None
from ganaug.errors import ConfigError
try:
    from ganaug import GANOverSampler
except ConfigError as error:
    print(error)
import inspect, pydoc
import ganaug
from ganaug import *
print(hasattr(ganaug, "GANOverSampler"), "GANOverSampler" in dir(ganaug))
print(GANAugment.__name__, "GANOverSampler" in dict(inspect.getmembers(ganaug)))
print("GANOverSampler" in pydoc.render_doc(ganaug))
try:
    ganaug.GANOverSampler
except AttributeError as error:
    print(error)
"""


def test_without_imbalanced_learn_one_line_says_so_and_all_else_can_be_looked_at() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said, *answers, line = done.stdout.splitlines()
    assert answers == ["False False", "GANAugment False", "False"]
    for each in (said, line):
        assert each.startswith("GANOverSampler needs imbalanced-learn")
        assert each.endswith("install it with: pip install 'ganaug[imbalanced]'")
