"""`GANOverSampler` in a pipeline of imbalanced-learn with a classifier of skorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.small_images import bars
from helpers.small_models import write_variation_model
from imblearn.pipeline import Pipeline
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from torch import Tensor, nn

from ganaug import GANOverSampler

skorch = pytest.importorskip("skorch", reason="skorch is not installed")
COUNTS = (24, 8, 6)


class Small(nn.Module):
    """A network for uint8 [N, H, W, C] or float [N, H, W, C] in 0..1."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, 3)
        self.last = nn.LazyLinear(3)

    def forward(self, images: Tensor) -> Tensor:
        x = images.permute(0, 3, 1, 2).float()
        return self.last(self.first(x).relu().flatten(1))


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("models") / "bars.onnx"
    classes = ("bar 0", "bar 1", "bar 2")
    return str(write_variation_model(path, size=(12, 12), classes=classes, counts=COUNTS))


@pytest.fixture
def images() -> Any:
    given = bars(COUNTS)
    return (given.images / np.float32(255)).astype(np.float32), given.labels


def pipeline(artifact: str, **options: Any) -> Pipeline:
    torch.default_generator.manual_seed(0)
    network = skorch.NeuralNetClassifier(
        Small,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.01,
        max_epochs=12,
        batch_size=16,
        train_split=None,
        verbose=0,
        **options,
    )
    return Pipeline([("gan", GANOverSampler(artifact, random_state=0)), ("network", network)])


def test_rare_classes_are_filled_up_for_the_network(artifact: str, images: Any) -> None:
    X, y = images
    seen: list[int] = []

    def counted(net: Any, X: Any, y: Any, **_: Any) -> None:
        seen.extend(np.bincount(y).tolist())

    callback = type(
        "Counts", (skorch.callbacks.Callback,), {"on_train_begin": staticmethod(counted)}
    )
    fitted = pipeline(artifact, callbacks=[callback]).fit(X, y)
    assert seen == [24, 24, 24]
    assert fitted.predict(X).shape == y.shape, "nothing is added where it predicts"
    assert balanced_accuracy_score(y, fitted.predict(X)) > 0.6
    np.testing.assert_allclose(fitted.predict_proba(X).sum(1), 1, atol=1e-5)


def test_in_cross_validation_and_a_search(artifact: str, images: Any) -> None:
    X, y = images
    model = pipeline(artifact)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    assert cross_val_predict(clone(model), X, y, cv=folds).shape == y.shape
    grid = {"gan__scale": [0.0, 1.0], "network__module__width": [4]}
    search = GridSearchCV(model, grid, cv=folds, scoring="balanced_accuracy")
    search.fit(X, y)
    assert set(search.best_params_) == set(grid)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_flat_pixels_and_a_pickled_pipeline(artifact: str, images: Any, tmp_path: Path) -> None:
    import pickle

    X, y = images
    model = pipeline(artifact).set_params(gan__shape=(12, 12, 1), network__max_epochs=1)
    model.steps.insert(1, ("shaped", Shaped()))
    model.fit(X.reshape(len(X), -1), y)
    again = pickle.loads(pickle.dumps(model))
    flat = X.reshape(len(X), -1)
    np.testing.assert_array_equal(again.predict(flat), model.predict(flat))


class Shaped:
    """Rows of pixels back to images."""

    def fit(self, X: Any, y: Any = None) -> Any:
        return self

    def transform(self, X: Any) -> Any:
        return X.reshape(len(X), 12, 12, 1)
