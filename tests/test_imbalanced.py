"""`GANOverSampler`: what it makes, and that it is a sampler like those of imbalanced-learn."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imblearn.utils.estimator_checks as checks
import numpy as np
import pytest
from helpers.small_models import expected_class, write_class_model, write_variation_model
from imblearn.pipeline import Pipeline
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from ganaug import GANOverSampler, Generator
from ganaug.artifact.format import Policy
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
    assert more.dtype == images.dtype
    assert labels.dtype == Y.dtype
    assert more.shape == (18, *images.shape[1:])
    assert np.array_equal(more[:10], images), "given rows were changed"
    assert np.array_equal(labels[:10], Y)
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


@pytest.mark.parametrize(
    ("strategy", "added"),
    [
        ("auto", {1: 3, 2: 5}),
        ("minority", {2: 5}),
        ("not minority", {0: 0, 1: 3}),
        ("all", {0: 0, 1: 3, 2: 5}),
        ({2: 4}, {2: 3}),
        (lambda y: {1: int((y == 1).sum()) + 2}, {1: 2}),
    ],
)
def test_sampling_strategy_is_that_of_imbalanced_learn(
    strategy: Any, added: dict[int, int], variation: str
) -> None:
    sampler = GANOverSampler(variation, sampling_strategy=strategy)
    _, labels = sampler.fit_resample(levels(10, 8, 8), Y)
    assert sampler.sampling_strategy_ == added
    counts = np.bincount(Y) + [added.get(label, 0) for label in range(3)]
    assert np.bincount(labels).tolist() == counts.tolist()


def test_random_state(variation: str) -> None:
    images = levels(10, 8, 8)

    def made(state: Any) -> NDArray[Any]:
        return GANOverSampler(variation, random_state=state).fit_resample(images, Y)[0]

    assert np.array_equal(made(3), made(3))
    assert np.array_equal(made(np.random.RandomState(3)), made(3))
    assert not np.array_equal(made(3), made(4))


def test_scale_is_the_policys_unless_given(tmp_path: Path) -> None:
    policy = Policy(p=((1, 0.5),), scale=0.25)
    path = tmp_path / "a.onnx"
    write_variation_model(path, classes=CLASSES, counts=(6, 3, 1), policy=policy)
    images = np.full((10, 8, 8), 0.5)

    def moved(scale: float | None) -> NDArray[Any]:
        return GANOverSampler(path, random_state=0, scale=scale).fit_resample(images, Y)[0] - 0.5

    assert np.allclose(moved(None), 0.25 * moved(1.0), atol=1e-6)
    assert np.abs(moved(1.0)[10:]).max() > 0.05


def test_it_behaves_as_scikit_learns_estimators_do(variation: str) -> None:
    sampler = GANOverSampler(variation, sampling_strategy={2: 4}, shape=(8, 8), random_state=1)
    assert sampler.get_params() == {
        "artifact": variation,
        "sampling_strategy": {2: 4},
        "shape": (8, 8),
        "scale": None,
        "random_state": 1,
    }
    twin = clone(sampler)
    assert twin.get_params() == sampler.get_params()
    assert twin.set_params(scale=0.5).scale == 0.5
    assert sampler.scale is None
    assert repr(clone(sampler)) == repr(sampler)
    assert "GANOverSampler(artifact=" in repr(sampler)
    assert "shape=(8, 8)" in repr(sampler)
    flat = levels(10, 64)
    expected = sampler.fit_resample(flat, Y)[0]
    again = pickle.loads(pickle.dumps(sampler))
    assert np.array_equal(again.fit_resample(flat, Y)[0], expected)
    generator = GANOverSampler(Generator(variation, providers="cpu"), shape=(8, 8))
    assert clone(generator).fit_resample(flat, Y)[0].shape == (18, 64)


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
        (levels(10, 8, 8).astype(np.float32), {}, DataError, "values from .*; allowed: 0 to 1"),
    ],
)
def test_images_that_are_refused(
    images: NDArray[Any], options: Any, error: Any, words: str, variation: str
) -> None:
    with pytest.raises(error, match=words):
        GANOverSampler(variation, **options).fit_resample(images, Y)


def test_classes_that_are_refused(variation: str, tmp_path: Path) -> None:
    names = np.array(["ant", "bees", "cat"])[Y]
    with pytest.raises(ArtifactError, match=r"'bees' is not in .*did you mean 'bee'"):
        GANOverSampler(variation).fit_resample(levels(10, 8, 8), names)
    with pytest.raises(ArtifactError, match="the class 7; allowed: 0 to 2"):
        GANOverSampler(variation).fit_resample(levels(10, 8, 8), np.where(Y == 2, 7, Y))
    with pytest.raises(ArtifactError, match=r"missing\.onnx"):
        GANOverSampler(tmp_path / "missing.onnx").fit_resample(levels(10, 8, 8), Y)
    with pytest.raises(ValueError, match="'scale' parameter"):
        GANOverSampler(variation, scale=-1).fit_resample(levels(10, 8, 8), Y)


WITHOUT = """
import sys
sys.modules["imblearn"] = None
from ganaug.errors import ConfigError
try:
    from ganaug import GANOverSampler
except ConfigError as error:
    print(error)
"""


def test_without_imbalanced_learn_one_line_says_what_to_install() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith("GANOverSampler needs imbalanced-learn")
    assert line.endswith("install it with: pip install 'ganaug[imbalanced]'")


# imbalanced-learn's own checks. They draw tables of any number of columns around 0; what is drawn
# is put into 0..1 and cut to two columns here, an image of 1 x 2 pixels, and nothing else changes.
# Left out by the estimator's tags: sparse tables (images are dense), and text and NaN as features
# (pixels are numbers).


class _Scaled:
    """In the place of StandardScaler in the checks."""

    def fit_transform(self, X: NDArray[Any]) -> NDArray[Any]:
        return _pixel_pairs(X)


def _pixel_pairs(X: NDArray[Any]) -> NDArray[Any]:
    pairs = X[:, :2] - X[:, :2].min(axis=0)
    return pairs / pairs.max()


_draw = checks.sample_dataset_generator


def _drawn() -> tuple[NDArray[Any], NDArray[Any]]:
    X, y = _draw()
    return _pixel_pairs(X), y


NAMES = sorted(
    check.func.__name__
    for _, check in checks.estimator_checks_generator(GANOverSampler("any.onnx", shape=(1, 2)))
)


def test_the_checks_of_imbalanced_learn_are_all_there() -> None:
    assert {"check_samplers_fit_resample", "check_samplers_list", "check_target_type"} < {*NAMES}
    assert len(NAMES) >= 14


@pytest.mark.parametrize("name", NAMES)
def test_the_checks_of_imbalanced_learn(
    name: str, variation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "sample_dataset_generator", _drawn)
    monkeypatch.setattr(checks, "StandardScaler", _Scaled)
    sampler = GANOverSampler(variation, shape=(1, 2), random_state=0)
    getattr(checks, name)("GANOverSampler", sampler)
