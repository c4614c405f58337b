"""Is a generator likely to help? What classes teach each other, before any generator is trained.

A variation generator helps where what varies inside frequent classes also varies inside rare ones.
Whether that is so shows without a generator. Two small networks see one half of the classes: the
first learns which images are of one class, the second which are one image under RandAugment. Then
each recognises classes of the other half from one example of each. What the first is ahead of the
second is what other classes teach, beyond a free augmentation: the *lift*.

A high lift says that a small network from scratch is likely to gain (docs/check.md has how often it
was wrong). A low one says nothing: some sets without it gained, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from ganaug.checking.report import Outlook
from ganaug.errors import DataError
from ganaug.evaluation.arms.rand_augment import rand_augment
from ganaug.images import ImageSet, resized
from ganaug.randomness import stream, stream_seed

__all__ = ["Lift", "measure_lift", "outlook"]

BORDER = 5.4  # points; `python -m benchmarks.lift` chooses it
FEWEST_IMAGES = 4  # of a class: one example and some to recognise
FEWEST_CLASSES = 4  # two in each half
LARGEST_SIDE = 32
STEPS = 250  # of each network
BATCH = 32
MOST_CLASSES = 8  # in a batch
TEMPERATURE = 0.1  # of the contrastive loss
RATE = 2e-3
WIDTH = 24
EPISODES = 200
WAYS = 5  # classes to tell apart in an episode, at most
QUERIES = 5  # images of each class to recognise, at most


@dataclass(frozen=True)
class Lift:
    """What other classes teach, in percent of images of unseen classes that are recognised.

    Attributes:
        points: `taught` minus `alone`.
        taught: by a network that learnt to tell other classes.
        alone: by one that learnt to know images again under RandAugment.
    """

    points: float
    taught: float
    alone: float


def outlook(images: ImageSet, size: tuple[int, int]) -> Outlook:
    """Return whether a generator is likely to help a small network that is trained from scratch.

    About a minute of one core.

    Args:
        images: those to train on, in small.
        size: (height, width) of the training.
    """
    sides = (min(size[0], images.size[0]), min(size[1], images.size[1]))
    try:
        points = measure_lift(resized(images, sides)).points
    except DataError as error:
        return Outlook(None, False, str(error))
    likely = points >= BORDER
    asked = f"{points:+.1f} points; likely from {BORDER} on"
    return Outlook(points, likely, f"what classes teach each other: {asked}")


def measure_lift(
    images: ImageSet,
    *,
    seed: int = 0,
    steps: int = STEPS,
) -> Lift:
    """Return the lift of `images`.

    The networks learn by supervised contrastive learning (Khosla et al., arXiv 2004.11362; with
    images as their own classes this is SimCLR's loss, Chen et al., arXiv 2002.05709). An image is
    of the class whose example is nearest (Snell et al., arXiv 1703.05175).

    Args:
        images: those to train on, uint8 [N, H, W, C]; larger ones are scaled down to 32 a side.
        seed: of the networks, batches and episodes.
        steps: of each of the four trainings.

    Raises:
        DataError: fewer than four classes have four images or more.
    """
    small = resized(images, _small(images.size))
    pixels = torch.from_numpy(small.images).permute(0, 3, 1, 2).contiguous()
    order = np.argsort(-small.counts, kind="stable")
    usable = [int(label) for label in order if small.counts[label] >= FEWEST_IMAGES]
    if len(usable) < FEWEST_CLASSES:
        raise DataError(
            f"lift: {len(usable)} classes with {FEWEST_IMAGES} images or more; allowed: at"
            f" least {FEWEST_CLASSES}; use a set with more"
        )
    halves = (usable[::2], usable[1::2])
    reached: dict[bool, list[float]] = {True: [], False: []}
    with torch.random.fork_rng(devices=[]):
        for fold, (taught, asked) in enumerate((halves, halves[::-1])):
            episodes = list(_episodes(small.labels, asked, seed, fold))
            for by_class in reached:
                rows = [np.flatnonzero(small.labels == label) for label in taught]
                network = _trained(pixels, rows, by_class, (seed, fold), steps)
                reached[by_class].append(_recognised(network, pixels, episodes))
    shares = {by_class: 100 * float(np.mean(found)) for by_class, found in reached.items()}
    return Lift(
        *(round(each, 1) for each in (shares[True] - shares[False], shares[True], shares[False]))
    )


def _small(size: tuple[int, int]) -> tuple[int, int]:
    factor = min(1.0, LARGEST_SIDE / max(size))
    height, width = (max(8, round(side * factor)) for side in size)
    return height, width


class _Encoder(nn.Module):
    """Five convolutions; float32 [N, C, H, W] -> unit vectors [N, 16 * WIDTH]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (channels, WIDTH, 2 * WIDTH, 2 * WIDTH, 4 * WIDTH, 4 * WIDTH)
        layers: list[nn.Module] = []
        for at, (before, after) in enumerate(pairwise(widths)):
            stride = 2 if after > before and at else 1
            layers += [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)]
            layers.append(nn.ReLU())
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten())

    def forward(self, images: Tensor) -> Tensor:
        return F.normalize(self.layers(images.float() / 127.5 - 1), dim=1)


def _trained(
    pixels: Tensor,
    rows: Sequence[NDArray[np.int64]],
    by_class: bool,
    named: tuple[int, int],
    steps: int,
) -> _Encoder:
    """Train an encoder on the `rows` of some classes: to tell them, or to know an image again."""
    seed, fold = named
    index = 2 * fold + by_class
    # Streams keep their first names, so that results/lift.json comes out again.
    torch.manual_seed(stream_seed(seed, "forecast/network", index=index))
    rng = stream(seed, "forecast/batches", index=index)
    everything = np.concatenate(rows)
    network = _Encoder(pixels.shape[1])
    solver = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(solver, RATE, total_steps=steps)
    for _ in range(steps):
        if by_class:
            ways = min(MOST_CLASSES, len(rows))
            each = BATCH // ways
            chosen = [rows[at] for at in rng.choice(len(rows), ways, replace=False)]
            drawn = [rng.choice(some, each, replace=len(some) < each) for some in chosen]
            batch, same = np.concatenate(drawn), np.repeat(np.arange(ways), each)
        else:
            few = min(BATCH // 2, len(everything))
            batch = np.repeat(rng.choice(everything, few, replace=False), 2)
            same = np.repeat(np.arange(few), 2)
        loss = _contrastive(network(rand_augment(pixels[batch])), torch.from_numpy(same))
        solver.zero_grad()
        loss.backward()
        solver.step()
        schedule.step()
    return network.eval()


def _contrastive(found: Tensor, same: Tensor) -> Tensor:
    """The supervised contrastive loss of unit vectors [N, D]; `same` [N] names who belongs."""
    alike = found @ found.T / TEMPERATURE
    alike = alike.masked_fill(torch.eye(len(found), dtype=torch.bool), -1e9)
    belongs = (same[:, None] == same[None]).float().fill_diagonal_(0)
    return -((belongs * F.log_softmax(alike, 1)).sum(1) / belongs.sum(1)).mean()


def _episodes(
    labels: NDArray[np.int64], asked: Sequence[int], seed: int, fold: int
) -> list[list[NDArray[np.int64]]]:
    """Return rows of each class of each episode: the example first, then those to recognise."""
    rng = stream(seed, "forecast/episodes", index=fold)
    rows = {label: np.flatnonzero(labels == label) for label in asked}
    ways = min(WAYS, len(asked))
    return [
        [
            rng.permutation(rows[label])[: 1 + QUERIES]
            for label in rng.choice(list(asked), ways, replace=False)
        ]
        for _ in range(EPISODES)
    ]


@torch.no_grad()
def _recognised(
    network: _Encoder, pixels: Tensor, episodes: Sequence[Sequence[NDArray[np.int64]]]
) -> float:
    """Return the share of images whose nearest example is that of their class."""
    found = torch.cat([network(part) for part in pixels.split(256)])
    shares = []
    for episode in episodes:
        examples = found[[rows[0] for rows in episode]]
        queries = np.concatenate([rows[1:] for rows in episode])
        truth = np.repeat(np.arange(len(episode)), [len(rows) - 1 for rows in episode])
        nearest = (found[queries] @ examples.T).argmax(1).numpy()
        shares.append(float((nearest == truth).mean()))
    return float(np.mean(shares))
