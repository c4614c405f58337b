"""Real images beside generated ones, class by class: what the pictures of a report show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganaug.artifact.runtime import Generator
from ganaug.evaluation.diversity.changes import (
    SHOWN,
    ClassChange,
    Strength,
    class_changes,
    strengths,
)
from ganaug.evaluation.diversity.generated import generate, spread_evenly
from ganaug.images import ImageSet
from ganaug.randomness import stream
from ganaug.use.fitted_on import merged_as_trained

__all__ = ["ClassSamples", "Samples", "class_samples", "draw_samples", "overview_rows"]

MOST = 16  # classes, spread evenly
ROWS, COLUMNS = 3, 7  # of generated images of a class, each of a source of its own; images in a row
IN_OVERVIEW = 9  # images in the one row of a class


@dataclass(frozen=True, eq=False)
class ClassSamples:
    """Real and generated images of one class.

    Attributes:
        name: of the class.
        rows: uint8 [n, H, W, C] each. Of a variation generator the first image of a row is real,
            the others are its variations; of a class generator the first row is real.
    """

    name: str
    rows: tuple[NDArray[np.uint8], ...]


@dataclass(frozen=True, eq=False)
class Samples:
    """What the pictures of a report show.

    Attributes:
        classes: from the rarest on.
        overview: uint8 [n, H, W, C], a row a class, its first image real.
        changes: what is changed in each of these classes; none where the file does not tell.
        strengths: eight images, at each strength of the latent.
    """

    classes: tuple[ClassSamples, ...]
    overview: tuple[NDArray[np.uint8], ...]
    changes: tuple[ClassChange, ...] = ()
    strengths: tuple[Strength, ...] = ()


def draw_samples(generator: Generator, images: ImageSet) -> Samples:
    """Return everything that the pictures of a report show of a generator.

    Args:
        generator: of either kind.
        images: real images of its classes, those that it has not seen among them.

    Raises:
        ArtifactError: the graph fails.
    """
    classes, overview = class_samples(generator, images), overview_rows(generator, images)
    images = merged_as_trained(images, generator.info)
    changes = class_changes(generator, images, _chosen(images, MOST))
    varied = strengths(generator, images, _chosen(images, SHOWN))
    return Samples(tuple(classes), tuple(overview), tuple(changes), tuple(varied))


def class_samples(generator: Generator, images: ImageSet) -> list[ClassSamples]:
    """Return samples of each class, from the rarest on; of at most `MOST`.

    Args: as for `draw_samples`.
    """
    images = merged_as_trained(images, generator.info)
    return [
        ClassSamples(
            images.classes[label],
            tuple(_rows(generator, images, label, ROWS, COLUMNS)),
        )
        for label in _chosen(images, MOST)
    ]


def overview_rows(generator: Generator, images: ImageSet) -> list[NDArray[np.uint8]]:
    """Return a row of each class (of at most `MOST`) in the order of labels, its first image real.

    Args: as for `draw_samples`.
    """
    images, found = merged_as_trained(images, generator.info), []
    for label in sorted(_chosen(images, MOST)):
        row = _rows(generator, images, label, 1, IN_OVERVIEW)
        found.append(row[0] if len(row) == 1 else np.concatenate([row[0][:1], row[1][1:]]))
    return found


def _chosen(images: ImageSet, most: int) -> list[int]:
    """Labels of classes with images, from the rarest on, at most `most` spread evenly."""
    present = [int(i) for i in np.argsort(images.counts, kind="stable") if images.counts[i]]
    return [present[place] for place in spread_evenly(len(present), most)]


def _rows(
    generator: Generator, images: ImageSet, label: int, rows: int, columns: int
) -> list[NDArray[np.uint8]]:
    """uint8 [columns, H, W, C] a row; of a class generator each has one image less."""
    members = np.flatnonzero(images.labels == label)
    # The name of the stream decides which pictures are shown: it stays, wherever this file lies.
    normal = stream(0, "report/pictures", index=label).standard_normal(
        (rows, columns - 1, generator.info.latent_dim), dtype=np.float32
    )
    if generator.info.kind == "class":
        shown = np.resize(members, columns - 1)
        flat = normal.reshape(-1, normal.shape[-1])
        made = generate(generator, images, np.resize(members, len(flat)), label, flat)
        return [images.images[shown], *np.split(made, rows)]
    found = []
    for row, at in enumerate(np.resize(members, rows)):
        made = generate(generator, images, np.full(columns - 1, at), label, normal[row])
        found.append(np.concatenate([images.images[at][None], made]))
    return found
