"""The table of the benchmarks' data sets: where each lies, its size, its counts, its flips."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ROWS", "Row", "steps_down"]

# Mirror images keep the class: of surfaces and of what is seen from above any, of photographed
# things left and right.
ANY = ("flip", "flips")
SIDES = ("flip",)

MOST, LEAST = 200, 8  # training images of the first and of the last class of `steps_down`
LEAST_HALVED = 4
# How often the counts of a protocol are halved: until the best training without a generator has no
# more than 95% on the validation images of pilots, since too little is left to gain above that.
HALVINGS = {"neu-lt-144": 2, "asl-lt": 1}

# Classes of GTSRB by their frequency in the full official training part.
GTSRB_ORDER = (
    *(2, 1, 13, 12, 38, 10, 4, 5, 25, 9, 7, 3, 8, 11, 18, 35, 17, 14, 31, 33, 15, 26, 28),
    *(23, 30, 6, 16, 34, 22, 36, 20, 40, 21, 39, 24, 29, 27, 32, 41, 42, 0, 19, 37),
)
MNIST_COUNTS = (1000, 600, 400, 250, 150, 100, 60, 30, 15, 8)
NEU_COUNTS = (200, 100, 60, 30, 15, 8)


@dataclass(frozen=True)
class Row:
    """One data set of the benchmarks.

    Attributes:
        file: file or folder in the data folder.
        size: side at which it is loaded; None = as it is, at most 64.
        counts: training images of each class, by label; None draws 80%.
        permuted: the counts are dealt to the classes anew by each seed.
        flips: names of the mirroring augmentations that keep the class.
    """

    file: str
    size: int | None = None
    counts: tuple[int, ...] | None = None
    permuted: bool = False
    flips: tuple[str, ...] = ()


def steps_down(name: str, num_classes: int) -> tuple[int, ...]:
    """Return the counts of the protocol `name`: the class of rank r of K has 200 * 25**(-r/(K-1)).

    Halved as often as `HALVINGS` says, down to 4 at least.
    """
    last = num_classes - 1
    counts = [round(MOST * (LEAST / MOST) ** (rank / last)) for rank in range(num_classes)]
    if name in HALVINGS:
        counts = [max(LEAST_HALVED, round(count / 2 ** HALVINGS[name])) for count in counts]
    return tuple(counts)


def _large(name: str, file: str, num_classes: int, flips: tuple[str, ...] = ()) -> dict[str, Row]:
    """Return the row of a data set at 144 px."""
    return {name: Row(file, 144, steps_down(name, num_classes), permuted=True, flips=flips)}


# mnist-step is that of DeepSMOTE (Dablain et al., arXiv 2105.02340); gtsrb-lt gives the class of
# rank r of 0..42 round(200 * 20**(-r / 42)).
ROWS: dict[str, Row] = {
    "digits-lt": Row("digits"),  # its counts depend on what is there
    "mnist-lt": Row("mnist.npz", counts=MNIST_COUNTS),
    "mnist-lt-r": Row("mnist.npz", counts=MNIST_COUNTS[::-1]),
    "mnist-step": Row("mnist.npz", counts=(4000, 2000, 1000, 750, 500, 350, 200, 100, 60, 40)),
    "mnist-49": Row("mnist.npz", counts=(3000, 30)),
    "gtsrb-lt": Row(
        "gtsrb.npz",
        counts=tuple(round(200 * 20 ** (-GTSRB_ORDER.index(c) / 42)) for c in range(43)),
    ),
    "neu-lt": Row("neu-defects", 32, NEU_COUNTS, permuted=True, flips=ANY),
    "neu-lt-64": Row("neu-defects", 64, NEU_COUNTS, permuted=True, flips=ANY),
    "x-sdd": Row("x-sdd.npz", flips=ANY),
    "elpv": Row("elpv.npz", flips=ANY),
    "cifar10-lt": Row(
        "cifar10-lt.zip", counts=(5000, 2997, 1797, 1077, 646, 387, 232, 139, 83, 50), flips=SIDES
    ),
    **_large("neu-lt-144", "neu-defects", 6, ANY),
    **_large("trash-lt", "photos-144/trash", 6, SIDES),
    **_large("seedlings-lt", "photos-144/seedlings", 8, ANY),
    **_large("asl-lt", "photos-144/asl", 10),  # a mirrored hand is the other hand
    **_large("flowers-lt", "photos-144/flowers", 5, SIDES),
    **_large("aerial-lt", "photos-144/aerial", 7, ANY),
}
