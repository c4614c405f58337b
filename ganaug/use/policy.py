"""How often each class is varied, and how many images each class gets added."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.format import Metadata
from ganaug.artifact.policy import MOST_SCALE, Policy
from ganaug.errors import ConfigError, DataError, did_you_mean
from ganaug.images.class_names import position_of
from ganaug.once import log_once
from ganaug.use.class_map import refuse_unclear
from ganaug.values import is_real, is_whole
from ganaug.wording import first_names

__all__ = [
    "Counts",
    "Probability",
    "added_counts",
    "can_make",
    "class_probabilities",
    "latent_scale",
    "mean_probability",
    "policy_of",
    "tell_counts",
    "tell_p",
]

_log = logging.getLogger("ganaug")

MOST_IMAGES = 10**15  # added: an int64 holds any sum of them

Probability = float | Mapping[str, float] | Sequence[float] | None
Counts = str | int | Mapping[str, int] | Mapping[int, int]

DEFAULT_P = 0.5
DEFAULT_SCALE = 1.0


def policy_of(info: Metadata, policy: str | None = "artifact") -> Policy | None:
    """Return the policy of the artifact, or None where there is none or it is not wanted.

    Raises:
        ConfigError: `policy` is neither "artifact" nor None.
    """
    if policy not in ("artifact", None):
        raise ConfigError(
            f"policy={policy!r}; allowed: 'artifact' (the one in the file) or None; pass p= and"
            " scale= to set your own"
        )
    return None if policy is None else info.policy


def latent_scale(scale: float | None, policy: Policy | None) -> float:
    """Return the given scale of the latents, else the policy's, else 1."""
    if scale is None:
        return DEFAULT_SCALE if policy is None else float(policy.scale)
    if not is_real(scale):
        raise ConfigError(f"scale={scale!r}; allowed: a number from 0 to {MOST_SCALE:,}, or None")
    if not 0 <= float(scale) <= MOST_SCALE:
        raise ConfigError(
            f"scale={scale}; allowed: a number from 0 to {MOST_SCALE:,}; 1 is what was trained"
        )
    return float(scale)


def class_probabilities(
    p: Probability, policy: Policy | None, info: Metadata, name: str
) -> NDArray[np.float64]:
    """Return float64 [classes of the artifact]: how likely an image of each class is varied.

    Args:
        p: one number for all; {class name: number}, 0 for the classes left out; one number for
            each class in the artifact's order; None for the policy at the artifact's training
            counts, 0.5 where there is none. One for all leaves out what the generator cannot make.

    Raises:
        ConfigError: a value is not in 0..1, a name is unknown, the length does not fit, or a class
            is named that the generator cannot make.
    """
    classes = info.classes
    able = can_make(info)
    given: Any = p
    if isinstance(given, np.ndarray) and not given.ndim:
        given = given.item()
    if given is None:
        if policy is None:
            return np.where(able, DEFAULT_P, 0.0)
        counts = np.asarray(info.counts, np.float64)
        return np.where(able, policy.probability(counts), 0.0)
    if isinstance(given, Mapping):
        values = [0.0] * len(classes)
        for key, value in given.items():
            place = position_of(key, classes)
            if place is None:
                raise ConfigError(
                    f"p= has the class {key!r}{did_you_mean(str(key), classes)}; allowed:"
                    f" {first_names(classes, form=repr)} (the classes of {name})"
                )
            values[place] = value
    elif isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, str):
        values = list(given)
    elif is_real(given):
        values = [float(given)] * len(classes)
    else:
        raise ConfigError(
            f"p={p!r}; allowed: a number from 0 to 1, {{class name: number}}, one number for each"
            " class, or None for the policy"
        )
    if len(values) != len(classes):
        raise ConfigError(
            f"p= has {len(values)} values; allowed: one for each of the {len(classes)} classes of"
            f" {name}; or pass {{class name: p}}"
        )
    for value in values:
        if not is_real(value) or not 0 <= float(value) <= 1:
            raise ConfigError(f"p={value!r}; allowed: 0 to 1; 0 switches the generator off")
    found = np.array(values, np.float64)
    if is_real(given):
        return np.where(able, found, 0.0)
    for label in np.flatnonzero((found > 0) & ~able):
        raise ConfigError(
            f"p={found[label]:g} for the class {classes[label]!r}, of which {name} saw no image in"
            " its training; allowed: 0; fit again with images of it"
        )
    return found


def tell_p(p: NDArray[np.float64], policy: Policy | None, name: str) -> None:
    """Say once in the log which p [classes of the artifact] is used, where none was given."""
    low, high = p.min(), p.max()
    if policy is None:
        log_once(f"{name}: p = {DEFAULT_P:g} for all images, since no policy is used")
    elif policy.never:
        line = f"{name}: its policy is never, so that no image is varied; p=0.5 varies them"
        log_once(line, logging.WARNING)  # seen without a configured log, too
    else:
        how = f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f} by class size"
        log_once(f"{name}: p from its policy, {how}")


def tell_counts(
    counts: str, policy: Policy | None, short: Sequence[str], lacking: str, name: str
) -> None:
    """Say in the log where "auto" adds no images at all, and "balance" none to some classes.

    Args:
        counts: "auto" or "balance".
        policy: of the artifact.
        short: the classes that "balance" cannot level.
        lacking: why that is.
        name: of the artifact.
    """
    if counts == "auto" and policy is None:
        _log.info("%s: holds no policy, so that 'auto' adds no images", name)
    elif counts == "auto" and policy is not None and policy.never:
        line = "its policy is never, so that 'auto' adds no images; counts='balance' adds some"
        log_once(f"{name}: {line}", logging.WARNING)
    elif counts == "balance" and short:
        line = f"counts='balance' adds nothing to {first_names(short, form=repr)}, of which"
        what = f"{name}: {line} {lacking}; add images, or pass counts= by class"
        log_once(what, logging.WARNING)


def can_make(info: Metadata) -> NDArray[np.bool_]:
    """Return bool [classes of the artifact]: False where a class generator never saw the class.

    A variation generator starts from an image, of whatever class.
    """
    seen = np.asarray(info.counts) > 0
    return seen if info.kind == "class" else np.ones(len(seen), bool)


def mean_probability(p: NDArray[np.float64], info: Metadata) -> float:
    """Return the mean of p [K] over the classes, weighted by their training images."""
    counts = np.asarray(info.counts, np.float64)
    return float(np.average(p, weights=counts if counts.sum() > 0 else None))


def added_counts(
    counts: Counts,
    real: NDArray[np.int64],
    probabilities: NDArray[np.float64] | None,
    classes: Sequence[str],
    usable: NDArray[np.bool_],
    lacking: str,
) -> NDArray[np.int64]:
    """Return int64 [classes]: how many images to add to each class.

    Args:
        counts: "auto", by the policy: a class of n images with probability p gets
            round(n * p / (1 - p)), so that its share of generated images is p; "balance", up to
            the largest class; a number, the total, given to the smallest classes first so that
            they become as level as it allows; {class name or label: number}.
        real: int64 [classes], the images there are.
        probabilities: float64 [classes], or None where there is no policy ("auto" adds none).
        usable: bool [classes], False where there can be no image of a class.
        lacking: why that is, and what to do, for messages.

    Raises:
        ConfigError: `counts` is none of these, or a policy's p of 1 has no finite count.
        DataError: images are wanted of a class that is not usable, or of one that is named by a
            label which may mean another.
    """
    if isinstance(counts, str):
        if counts == "auto":
            return _by_policy(real, probabilities, classes, usable)
        if counts == "balance":
            return np.where(usable, real.max(initial=0) - real, 0)
        near = did_you_mean(counts, ["auto", "balance"])
        raise ConfigError(
            f"counts={counts!r}{near}; allowed: 'auto', 'balance', a number, or {{class: number}}"
        )
    if isinstance(counts, Mapping):
        return _by_class(counts, classes, usable, lacking)
    if not is_whole(counts) or counts < 0:
        raise ConfigError(
            f"counts={counts!r}; allowed: 'auto', 'balance', a whole number of at least 0, or"
            " {class: number}"
        )
    _refuse_many(counts)
    if counts and not usable.any():
        raise DataError(
            f"counts={counts}, but the source has no images that can be used; allowed: 0; give a"
            " source with images"
        )
    return _level(real, int(counts), usable)


def _by_policy(
    real: NDArray[np.int64],
    probabilities: NDArray[np.float64] | None,
    classes: Sequence[str],
    usable: NDArray[np.bool_],
) -> NDArray[np.int64]:
    if probabilities is None:
        return np.zeros_like(real)
    always = np.flatnonzero((probabilities >= 1) & usable)
    if len(always):
        raise ConfigError(
            f"'auto' with p = 1 for the class {classes[always[0]]!r} asks for no finite number of"
            " images; allowed: p under 1; ask for 'balance', or for a number"
        )
    share = np.where(usable, probabilities, 0.0)
    wanted = np.rint(real * share / (1 - share))
    _refuse_many(int(wanted.sum()))
    return wanted.astype(np.int64)


def _by_class(
    counts: Mapping[str, int] | Mapping[int, int],
    classes: Sequence[str],
    usable: NDArray[np.bool_],
    lacking: str,
) -> NDArray[np.int64]:
    added = np.zeros(len(classes), np.int64)
    for key, value in counts.items():
        named = position_of(key, classes)
        if named is not None:
            label = named
        elif is_whole(key) and 0 <= int(key) < len(classes):
            refuse_unclear(classes, "counts", "give the classes by name")
            label = int(key)
        else:
            near = did_you_mean(str(key), classes)
            raise ConfigError(
                f"counts: no class {key!r}{near}; allowed: {first_names(classes, form=repr)}"
            )
        if not is_whole(value) or value < 0:
            raise ConfigError(
                f"counts: {value!r} for the class {key!r}; allowed: a whole number of at least 0"
            )
        _refuse_many(value)
        if value and not usable[label]:
            raise DataError(f"{value} images of the class {key!r}, of which {lacking}")
        added[label] += int(value)
    return added


def _refuse_many(count: int) -> None:
    if count > MOST_IMAGES:
        raise ConfigError(f"counts: {count} images; allowed: at most {MOST_IMAGES:,}; choose fewer")


def _level(real: NDArray[np.int64], total: int, usable: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pour `total` images onto the classes like water: the lowest rise first, to one level."""
    low, high = 0, int(real.max(initial=0)) + total
    while low < high:  # the highest level that `total` pays for
        middle = (low + high + 1) // 2
        cost = int(np.maximum(middle - real, 0)[usable].sum())
        low, high = (middle, high) if cost <= total else (low, middle - 1)
    added = np.where(usable, np.maximum(low - real, 0), 0)
    next_up = np.flatnonzero(usable & (real <= low))[: total - int(added.sum())]
    added[next_up] += 1
    return added
