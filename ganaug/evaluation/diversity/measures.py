"""The measures of the diversity record: one row of one table for each, and the number itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["MEASURES", "Measure", "MeasureInfo"]


@dataclass(frozen=True)
class Measure:
    """A number and what real images give in the place of the generated ones.

    Attributes:
        value: of the generated images.
        reference: of as many real images.
        low, high: 95% of the subsamples lie between; None where there are no subsamples.
        z: value less reference, in standard deviations of one real-real comparison; None where
            there is none.
    """

    value: float
    reference: float
    low: float | None = None
    high: float | None = None
    z: float | None = None


@dataclass(frozen=True)
class MeasureInfo:
    """One row of the table: what a measure is, and where it is shown.

    Attributes:
        name: its key in every record.
        definition: what it is, exactly.
        text: what the report says of it.
        worse: on which side of the reference a failure lies.
        share_of: of which generated images it is a fraction: of all that are compared, or of the
            distinct ones, where a repeated image is one piece of evidence; None where it is no
            fraction.
        first_in_terminal, first_in_report: whether it stands in the first of the two tables.
        card: the part of the model card that shows it, or None.
        followed: whether a run follows it over the training.
    """

    name: str
    definition: str
    text: str
    worse: Literal["lower", "higher"]
    share_of: Literal["images", "distinct images"] | None = None
    first_in_terminal: bool = False
    first_in_report: bool = False
    card: Literal["diversity", "memorisation"] | None = None
    followed: bool = False

    @property
    def title(self) -> str:
        """Its name as tables show it."""
        return self.name.replace("_", "-")


_ROWS = (
    MeasureInfo(
        name="coverage",
        definition="fraction of the real images that have a generated one near them, in 0..1",
        text="real images that have a generated one near them",
        worse="lower",
        share_of="images",
        first_in_terminal=True,
        first_in_report=True,
        card="diversity",
        followed=True,
    ),
    MeasureInfo(
        name="precision",
        definition="fraction of the generated images that lie near a real one, in 0..1",
        text="generated images that lie near a real one",
        worse="lower",
        share_of="distinct images",
        first_in_terminal=True,
        first_in_report=True,
        card="diversity",
        followed=True,
    ),
    MeasureInfo(
        name="texture",
        definition="precision with detail by scale in the place of features, in 0..1",
        text="generated images with about as much detail at each scale as a real one",
        worse="lower",
        share_of="distinct images",
        first_in_terminal=True,
        first_in_report=True,
        followed=True,
    ),
    MeasureInfo(
        name="kernel",
        definition="energy distance to real images over their spread; 0 where there is no"
        " difference",
        text="energy distance to the real images, over their spread",
        worse="higher",
        followed=True,
    ),
    MeasureInfo(
        name="lost",
        definition="fraction of the real images that lie beyond nine tenths of the generated ones"
        " where the two differ most, less the fraction the other way round; in -1..1",
        text="real images beyond the generated ones where they differ, less the other way round",
        worse="higher",
    ),
    MeasureInfo(
        name="strayed",
        definition="fraction of the generated images whose detail by scale lies beyond that of nine"
        " tenths of the real ones, where the two differ most; in 0..1",
        text="generated images whose detail lies beyond that of real ones",
        worse="higher",
        share_of="distinct images",
    ),
    MeasureInfo(
        name="apart",
        definition="how well a kernel classifier, judged on left-out images, tells real images from"
        " generated ones: the area under its ROC curve; below 0.5, at its reference, where it"
        " cannot",
        text="how well a classifier tells generated images from real ones: from the number in"
        " brackets, not at all, to 1, always",
        worse="higher",
    ),
    MeasureInfo(
        name="missing",
        definition="lost, along what the classifier of apart sees; in -1..1",
        text="real images whose like is hardly generated, as the classifier of apart sees it",
        worse="higher",
    ),
    MeasureInfo(
        name="spread",
        definition="mean pairwise distance over that of real images",
        text="mean distance between generated images, over that of real ones",
        worse="lower",
        first_in_terminal=True,
        first_in_report=True,
        card="diversity",
        followed=True,
    ),
    MeasureInfo(
        name="near_duplicates",
        definition="fraction of the generated images that have another one nearer than 95% of the"
        " real images have a real one; in 0..1",
        text="generated images that have another one unusually near",
        worse="higher",
        share_of="images",
        first_in_terminal=True,
        first_in_report=True,
        card="diversity",
        followed=True,
    ),
    MeasureInfo(
        name="repeated",
        definition="fraction of the generated images that equal another one, byte for byte; in"
        " 0..1",
        text="generated images that equal another one",
        worse="higher",
    ),
    MeasureInfo(
        name="labels",
        definition="fraction of the generated images that are not taken for another class, in 0..1",
        text="generated images that are not taken for another class",
        worse="lower",
        share_of="distinct images",
        first_in_terminal=True,
        first_in_report=True,
        card="diversity",
    ),
    MeasureInfo(
        name="mistaken",
        definition="fraction of the generated images that are taken for another class, the most"
        " frequent one, less the fraction taken for their own; 0 where that is below 0",
        text="generated images taken for one other class, less those taken for their own",
        worse="higher",
        share_of="distinct images",
    ),
    MeasureInfo(
        name="copied",
        definition="fraction of the generated images that are nearer to one training image than to"
        " the next ones, by more than 95% of the unseen real images are, in features or in pixels;"
        " in 0..1",
        text="generated images much nearer to one training image than to the next ones",
        worse="higher",
        share_of="distinct images",
        first_in_terminal=True,
        first_in_report=True,
        card="memorisation",
    ),
    MeasureInfo(
        name="nearest",
        definition="median distance to the nearest training image of any class, the source left"
        " out",
        text="median distance to the nearest training image, the source left out",
        worse="lower",
        card="memorisation",
    ),
    MeasureInfo(
        name="ct",
        definition="the C_T statistic, a z; far below 0 where training images are unusually near",
        text="the C_T statistic, far below 0 where training images are unusually near",
        worse="lower",
        first_in_terminal=True,
        card="memorisation",
    ),
    MeasureInfo(
        name="latent",
        definition="how far an image moves when only the latent does, over the distance of two real"
        " images; generators only",
        text="how far an image moves when only its latent does, over the distance of real ones",
        worse="lower",
    ),
)
MEASURES = {row.name: row for row in _ROWS}  # in the order in which they are shown and written
