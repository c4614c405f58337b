"""The diversity record: numbers, words, JSON values, a table in text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ganaug.artifact.checks import printable
from ganaug.errors import ConfigError

__all__ = ["MEASURES", "TOO_FEW", "ClassDiversity", "DiversityReport", "Measure"]

MEASURES = (
    "coverage",
    "precision",
    "texture",
    "kernel",
    "lost",
    "strayed",
    "apart",
    "missing",
    "spread",
    "near_duplicates",
    "labels",
    "mistaken",
    "copied",
    "nearest",
    "ct",
    "latent",
)
# The tables in text: what most people look at first, and the rest.
FIRST = ("coverage", "precision", "texture", "spread", "near_duplicates", "labels", "copied", "ct")
FURTHER = tuple(name for name in MEASURES if name not in FIRST)
TOO_FEW = "too few images"


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
class ClassDiversity:
    """The record of one class; measures are None where they cannot be taken.

    Attributes:
        name: of the class.
        images: real images of it that were compared.
        synthetic: generated images of it that were compared.
        status: "measured", or "too few images".
        word: OK, COLLAPSED, COPYING, MISLABELLED, UNFAITHFUL or TOO FEW IMAGES TO TELL.
        words: all words that apply, in the order of the table; `word` is the first.
        coverage: fraction of the real images that have a generated one near them, in 0..1.
        precision: fraction of the generated images that lie near a real one, in 0..1.
        texture: the same with detail by scale in the place of features.
        kernel: energy distance to real images over their spread; 0 where there is no difference.
        lost: fraction of the real images that lie beyond nine tenths of the generated ones where
            the two differ most, less the fraction the other way round; in -1..1.
        strayed: fraction of the generated images whose detail by scale lies beyond that of nine
            tenths of the real ones, where the two differ most; in 0..1.
        apart: how well a kernel classifier, judged on left-out images, tells real images from
            generated ones: the area under its ROC curve; below 0.5, at its reference, where it
            cannot.
        missing: `lost`, along what this classifier sees.
        spread: mean pairwise distance over that of real images.
        near_duplicates: fraction of the generated images that have another one nearer than 95% of
            the real images have a real one; in 0..1.
        labels: fraction of the generated images that are not taken for another class, in 0..1.
        mistaken: fraction of the generated images that are taken for another class, the most
            frequent one, less the fraction taken for their own; 0 where that is below 0.
        copied: fraction of the generated images that are nearer to one training image than to the
            next ones, by more than 95% of the unseen real images are, in features or in pixels; in
            0..1.
        nearest: median distance to the nearest training image of any class, the source left out.
        ct: the C_T statistic, a z; far below 0 where training images are unusually near.
        latent: how far an image moves when only the latent does, over the distance of two real
            images; generators only.
    """

    name: str
    images: int
    synthetic: int
    status: str
    word: str = "TOO FEW IMAGES TO TELL"
    words: tuple[str, ...] = ()
    coverage: Measure | None = None
    precision: Measure | None = None
    texture: Measure | None = None
    kernel: Measure | None = None
    lost: Measure | None = None
    strayed: Measure | None = None
    apart: Measure | None = None
    missing: Measure | None = None
    spread: Measure | None = None
    near_duplicates: Measure | None = None
    labels: Measure | None = None
    mistaken: Measure | None = None
    copied: Measure | None = None
    nearest: Measure | None = None
    ct: Measure | None = None
    latent: Measure | None = None


@dataclass(frozen=True)
class DiversityReport:
    """The diversity record. `print` shows a table, `to_dict` gives JSON values.

    Attributes:
        dataset: what the generated images are compared with.
        kind: "variation", "class", or "images" where they were given.
        classes: one record for each class.
        macro: by measure, the mean over the classes that could be measured.
        rule: which classes have too few images.
        settings: features, neighbours, numbers of images, seed.
        overall: cubic_kernel and frechet, distances between all generated and all real images.
    """

    dataset: str
    kind: str
    classes: tuple[ClassDiversity, ...]
    macro: dict[str, Measure]
    rule: str
    settings: dict[str, Any]
    overall: dict[str, Measure] = field(default_factory=dict)

    @property
    def words(self) -> dict[str, list[str]]:
        """The classes of each word that stands at one, by name."""
        found: dict[str, list[str]] = {}
        for each in self.classes:
            found.setdefault(each.word, []).append(each.name)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON values; measures that were not taken are null."""
        return {**asdict(self), "classes": [_jsonable(each) for each in self.classes]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DiversityReport:
        """Return the record that `to_dict` gave.

        Raises:
            ConfigError: a field is missing.
        """
        try:
            classes = tuple(
                ClassDiversity(**{key: _field(key, value) for key, value in each.items()})
                for each in values["classes"]
            )
            macro = {name: Measure(**each) for name, each in values["macro"].items()}
            names = ("dataset", "kind", "rule", "settings")
            overall = {name: Measure(**each) for name, each in values.get("overall", {}).items()}
            named = {name: values[name] for name in names}
            return cls(classes=classes, macro=macro, overall=overall, **named)
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"diversity record: {error} is missing or unknown; allowed: what"
                " DiversityReport.to_dict gave; make the record again"
            ) from error

    def __str__(self) -> str:
        lines = [*self._table(FIRST), "", *self._table(FURTHER)]
        lines.append("each: generated images (real images in their place); " + self.rule)
        apart = [f"{name.replace('_', ' ')} {_cell(each)}" for name, each in self.overall.items()]
        if apart:
            lines.append(f"all classes together: {', '.join(apart)}")
        return "\n".join(line.rstrip() for line in lines)

    def _table(self, names: Sequence[str]) -> list[str]:
        """Return the lines of a table with these measures, a row a class."""
        titles = [name.replace("_", "-") for name in names]
        rows: list[tuple[str, ...]] = [("class", "images", "word", *titles)]
        for each in self.classes:
            cells = [_cell(getattr(each, name)) for name in names]
            rows.append((printable(each.name), str(each.images), each.word, *cells))
        rows.append(("macro", "", "", *(_cell(self.macro.get(name)) for name in names)))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in rows]
        return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def _jsonable(record: ClassDiversity) -> dict[str, Any]:
    values = asdict(record)
    return {each.name: _plain(values[each.name]) for each in fields(record)}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _field(name: str, value: Any) -> Any:
    if name == "words":
        return tuple(value)
    return Measure(**value) if isinstance(value, Mapping) else value


def _cell(measure: Measure | None) -> str:
    return "-" if measure is None else f"{measure.value:.2f} ({measure.reference:.2f})"
