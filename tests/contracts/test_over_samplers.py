"""What every over-sampler promises: imbalanced-learn's own checks, and those of ganaug."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import imblearn.utils.estimator_checks as checks
import numpy as np
import pytest
from contracts.files import Files
from contracts.given import LABELS
from contracts.objects import OVER_SAMPLERS, OverSampler, over
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone

from ganaug import GANOverSampler, Generator

COUNTS = np.bincount(LABELS)  # 8, 4, 2


def resampled(case: OverSampler, files: Files, **options: Any) -> tuple[Any, Any]:
    more, labels = case.built(files, **options).fit_resample(*case.given(files))
    return more, labels


def label_of(case: OverSampler, number: int, files: Files) -> Any:
    """Return the label of class `number` in the case's y: the number, or its name."""
    return np.unique(case.given(files)[1])[number]


# Rows


@over(OVER_SAMPLERS)
def test_given_rows_come_first_and_unchanged(case: OverSampler, files: Files) -> None:
    X, y = case.given(files)
    more, labels = resampled(case, files)
    assert more.dtype == X.dtype
    assert labels.dtype == y.dtype
    assert more.shape == (24, *X.shape[1:])
    assert np.array_equal(more[:14], X)
    assert np.array_equal(labels[:14], y)
    assert len(np.unique(more.reshape(24, -1), axis=0)) == 24, "two rows are the same"


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
@over(OVER_SAMPLERS)
def test_dtype_and_range_stay(case: OverSampler, dtype: Any, files: Files) -> None:
    X, y = case.given(files)
    whole = 255 if X.dtype == np.uint8 else 1
    same = np.rint(X * (255 / whole)) if dtype == np.uint8 else X / whole
    same = same.astype(dtype)
    more, _ = case.built(files).fit_resample(same, y)
    assert more.dtype == dtype
    assert np.array_equal(more[:14], same)
    assert more.min() >= 0
    assert more.max() <= (255 if dtype == np.uint8 else 1)
    # The same images in whatever numbers they are written.
    expected = resampled(case, files)[0] / whole
    written = more / (255 if dtype == np.uint8 else 1)
    assert np.abs(written - expected).max() < 1.6 / 255


@over(OVER_SAMPLERS)
def test_rows_in_any_layout_of_memory(case: OverSampler, files: Files) -> None:
    X, y = case.given(files)
    expected = resampled(case, files)[0]
    apart = np.repeat(X, 2, axis=0)[::2]
    backwards = X[::-1].copy()[::-1]
    locked = X.copy()
    locked.setflags(write=False)
    for same in (apart, backwards, np.asfortranarray(X), locked):
        assert np.array_equal(case.built(files).fit_resample(same, y)[0], expected)


@over(OVER_SAMPLERS)
def test_labels_of_any_form(case: OverSampler, files: Files) -> None:
    X, y = case.given(files)
    expected, labels = resampled(case, files)
    for same in (y.tolist(), y[::-1].copy()[::-1]):
        more, found = case.built(files).fit_resample(X, same)
        assert np.array_equal(more, expected)
        assert np.asarray(found).tolist() == labels.tolist()


# Counts


@pytest.mark.parametrize(
    ("strategy", "added"),
    [
        ("auto", {1: 4, 2: 6}),
        ("minority", {2: 6}),
        ("not minority", {0: 0, 1: 4}),
        ("not majority", {1: 4, 2: 6}),
        ("all", {0: 0, 1: 4, 2: 6}),
        ({2: 5}, {2: 3}),
        ({0: 8, 1: 300}, {0: 0, 1: 296}),
        (lambda counts: {1: counts[1] + 2}, {1: 2}),
    ],
)
@over(OVER_SAMPLERS)
def test_as_many_rows_as_asked(
    case: OverSampler, strategy: Any, added: dict[int, int], files: Files
) -> None:
    """300 are more than the generator makes in one call."""

    def named(counts: Any) -> dict[Any, int]:
        return {label_of(case, number, files): count for number, count in counts.items()}

    if callable(strategy):

        def asked(y: Any) -> dict[Any, int]:
            return named(strategy(np.unique(y, return_counts=True)[1]))

    else:
        asked = named(strategy) if isinstance(strategy, dict) else strategy
    sampler = case.built(files, sampling_strategy=asked)
    _, labels = sampler.fit_resample(*case.given(files))
    assert sampler.sampling_strategy_ == named(added)
    counts = np.unique(labels, return_counts=True)[1]
    assert counts.tolist() == [COUNTS[label] + added.get(label, 0) for label in range(3)]


# Randomness


@over(OVER_SAMPLERS)
def test_random_state_decides(case: OverSampler, files: Files) -> None:
    def made(state: Any) -> NDArray[Any]:
        return np.asarray(resampled(case, files, random_state=state)[0])

    assert np.array_equal(made(3), made(3))
    assert np.array_equal(made(np.random.RandomState(3)), made(3))
    assert not np.array_equal(made(3), made(4))
    assert not np.array_equal(made(None), made(None))
    shared = np.random.RandomState(3)
    assert np.array_equal(made(shared), made(3))
    assert not np.array_equal(made(shared), made(3)), "a RandomState goes on"


# As scikit-learn's estimators


@over(OVER_SAMPLERS)
def test_parameters_are_those_of_the_constructor(case: OverSampler, files: Files) -> None:
    sampler = case.built(files, sampling_strategy={1: 6})
    given = copy.deepcopy(sampler.get_params())
    assert set(given) == {"artifact", "sampling_strategy", "shape", "scale", "random_state"}
    assert given["artifact"] == case.artifact(files)
    assert given["sampling_strategy"] == {1: 6}
    twin = clone(sampler)
    assert twin.get_params() == given
    assert repr(twin) == repr(sampler)
    assert repr(sampler).startswith("GANOverSampler(artifact=")
    assert "sampling_strategy={1: 6}" in repr(sampler)
    assert twin.set_params(scale=0.5).scale == 0.5
    assert sampler.scale is None
    case.built(files).fit_resample(*case.given(files))
    assert sampler.get_params() == given
    opened = case.build(Generator(case.artifact(files), providers="cpu"), case.given(files))
    made = clone(opened).fit_resample(*case.given(files))[0]
    assert np.array_equal(made, resampled(case, files)[0])
    with pytest.raises(ValueError, match="'scale' parameter"):
        resampled(case, files, scale=-1)


# imbalanced-learn's own checks. They draw tables of any number of columns around 0; what is drawn
# is put into 0..1 and cut to two columns here, an image of 1 x 2 pixels, and nothing else changes.
# Left out by the estimator's tags: sparse tables (images are dense), and text and NaN as features
# (pixels are numbers). Its check of sparse tables of pandas does not ask the tag.
SPARSE = "check_samplers_pandas_sparse"


class _Scaled:
    """In the place of StandardScaler in the checks."""

    def fit_transform(self, X: NDArray[Any]) -> NDArray[Any]:
        return _pixel_pairs(X)


def _pixel_pairs(X: NDArray[Any]) -> NDArray[Any]:
    pairs = X[:, :2] - X[:, :2].min(axis=0)
    return np.asarray(pairs / pairs.max())


_draw: Callable[[], tuple[NDArray[Any], NDArray[Any]]] = checks.sample_dataset_generator


def _drawn() -> tuple[NDArray[Any], NDArray[Any]]:
    X, y = _draw()
    return _pixel_pairs(X), y


NAMES = sorted(
    check.func.__name__
    for _, check in checks.estimator_checks_generator(GANOverSampler("any.onnx", shape=(1, 2)))
    if check.func.__name__ != SPARSE
)


def test_the_checks_of_imbalanced_learn_are_all_there() -> None:
    assert {"check_samplers_fit_resample", "check_samplers_list", "check_target_type"} < {*NAMES}
    assert len(NAMES) >= 13


def test_sparse_tables_are_refused(files: Files) -> None:
    sampler = GANOverSampler(files.artifact("class", channels=1), shape=(1, 2))
    with pytest.raises(TypeError, match="Sparse data was passed"):
        sampler.fit_resample(sparse.csr_matrix([[0.0, 1.0], [1.0, 0.0]]), [0, 1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["variation", "class"])
def test_the_checks_of_imbalanced_learn(
    kind: str, name: str, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "sample_dataset_generator", _drawn)
    monkeypatch.setattr(checks, "StandardScaler", _Scaled)
    sampler = GANOverSampler(files.artifact(kind, channels=1), shape=(1, 2), random_state=0)
    getattr(checks, name)("GANOverSampler", sampler)
