"""A linear probe: a frozen network makes features, a logistic regression tells the classes.

Before the regression, features are turned and scaled so that what varies inside the classes varies
equally in all directions (within-class covariance normalisation: Hatch, Kajarekar and Stolcke,
Interspeech 2006). Rare classes so borrow from all others what does not matter.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganaug.errors import ConfigError
from ganaug.evaluation.classifiers.interface import Outcome, Task
from ganaug.evaluation.classifiers.seeded import seeded
from ganaug.randomness import stream_seed

__all__ = ["fit_lda", "fit_regression", "train_probe", "within_class_whitening"]

WEIGHT = 1e-1  # of the squared weights, on whitened features
SHRINKAGE = 0.8  # of the covariance inside the classes, towards one variance for all features
ITERATIONS = 200  # of L-BFGS, at most
BLOCK = 64
_known: dict[str, Tensor] = {}  # features of the last test part: every arm of a seed asks for them


def train_probe(
    load: Callable[[], nn.Module],
    normalise: Callable[[Tensor], Tensor],
    task: Task,
    on_step: Callable[[], None] | None = None,
    *,
    key: str,
) -> Outcome:
    """Make features of all batches of `task`, fit a regression on them, and predict.

    Args:
        load: makes the network without its last layer.
        normalise: uint8 [N, C, H, W] -> float32 [N, 3, H, W].
        task: images and losses; its length says how many augmented copies are seen.
        on_step: called before each batch; may raise to stop.
        key: stands for network and normalisation, by which features of the test part are kept.
    """
    started = time.perf_counter()
    with seeded(stream_seed(task.seed, "evaluate/initialisation")):
        network = load().to(task.device).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload] # torch's stub
        seen, labels = [], []
        for images, targets in task.drawn(on_step):
            seen.append(_features(network, normalise, images, task.device))
            labels.append(targets)
    features, targets = torch.cat(seen), torch.cat(labels)
    if not bool(torch.isfinite(features).all()):  # which nothing below takes
        return Outcome.diverged(task, time.perf_counter() - started)
    mean, std = features.mean(0), features.std(0).clamp(min=1e-6)
    features = (features - mean) / std
    if task.lda:
        weights, bias = fit_lda(features, targets, task.num_classes)
    else:
        whiten = within_class_whitening(features, targets, task.num_classes)
        weights, bias = fit_regression(
            features @ whiten,
            targets,
            task.num_classes,
            lambda logits, target: task.objective(logits, target, task.schedule.steps),
        )
        weights = whiten @ weights
    seconds = time.perf_counter() - started
    tested = _of_test(network, key, normalise, task)
    logits = ((tested - mean) / std) @ weights + bias
    found: NDArray[np.float32] = torch.softmax(logits, 1).numpy()
    return Outcome.of(found, seconds)


def within_class_whitening(features: Tensor, targets: Tensor, num_classes: int) -> Tensor:
    """Return the symmetric float32 [F, F] after which all directions vary equally inside classes.

    The covariance inside the classes is shrunk: `SHRINKAGE` of it is the mean variance in each
    direction, so that fewer images than features will do.

    Args:
        features: float32 [N, F].
        targets: int64 [N], or probabilities float32 [N, K]: an image then counts for each class.
        num_classes: K.
    """
    shares = targets if targets.ndim == 2 else nn.functional.one_hot(targets, num_classes)
    shares, features = shares.double(), features.double()
    counts = shares.sum(0).clamp(min=1e-12)
    means = shares.T @ features / counts[:, None]
    scatter = features.T @ features - (means.T * counts) @ means
    values, directions = torch.linalg.eigh(scatter / len(features))
    values = values.clamp(min=0)
    values = (1 - SHRINKAGE) * values + SHRINKAGE * values.mean()
    return (directions / values.clamp(min=1e-12).sqrt() @ directions.T).float()


def fit_regression(
    features: Tensor,
    targets: Tensor,
    num_classes: int,
    objective: Callable[[Tensor, Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """Return weights [F, K] and bias [K] of a logistic regression, by L-BFGS from 0.

    Args:
        features: float32 [N, F].
        targets: int64 [N] or probabilities float32 [N, K].
        num_classes: K.
        objective: (logits [N, K], targets) -> mean loss.
    """
    weights = torch.zeros(features.shape[1], num_classes, requires_grad=True)
    bias = torch.zeros(num_classes, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weights, bias], max_iter=ITERATIONS, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        solver.zero_grad()
        value = objective(features @ weights + bias, targets)
        value = value + WEIGHT / 2 * weights.square().sum()
        value.backward()
        return value

    solver.step(loss)
    return weights.detach(), bias.detach()


def fit_lda(features: Tensor, labels: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Return weights [F, K] and bias [K] of a linear discriminant analysis.

    Classes have their own means and one covariance, that of all images around them, shrunk as by
    Ledoit and Wolf (Journal of Multivariate Analysis 88, 2004). Classes are taken as equally
    frequent.

    Args:
        features: float32 [N, F].
        labels: int64 [N]. A class without images is never predicted.
        num_classes: K.

    Raises:
        ConfigError: not more features than classes.
    """
    from sklearn.covariance import ledoit_wolf  # here: it takes a second

    present = labels.unique()
    if len(features) <= len(present):
        raise ConfigError(
            f"lda: {len(features)} images of {len(present)} classes were seen; allowed: more images"
            " than classes; take more steps"
        )
    means = torch.stack([features[labels == label].mean(0) for label in present]).double()
    within = features - means.float()[torch.searchsorted(present, labels)]
    covariance = ledoit_wolf(within.double().numpy(), assume_centered=True)[0]
    directions = torch.linalg.solve(torch.from_numpy(covariance), means.T)
    weights = torch.zeros(features.shape[1], num_classes)
    bias = torch.full((num_classes,), -torch.inf)
    weights[:, present] = directions.float()
    bias[present] = (-0.5 * (means.T * directions).sum(0)).float()
    return weights, bias


@torch.no_grad()
def _features(
    network: nn.Module, normalise: Callable[[Tensor], Tensor], images: Tensor, device: str
) -> Tensor:
    parts = [network(normalise(part).to(device)).float().cpu() for part in images.split(BLOCK)]
    return torch.cat(parts)


def _of_test(
    network: nn.Module, key: str, normalise: Callable[[Tensor], Tensor], task: Task
) -> Tensor:
    digest = hashlib.sha256(f"{key} {list(task.tested.shape)}".encode())
    digest.update(task.tested.numpy().tobytes())
    for weights in network.state_dict().values():  # untrained ones differ from seed to seed
        digest.update(weights.cpu().numpy().tobytes())
    place = digest.hexdigest()
    if place not in _known:
        _known.clear()
        _known[place] = _features(network, normalise, task.tested, task.device)
    return _known[place]
