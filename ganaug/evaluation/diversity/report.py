"""The diversity record: numbers, words, JSON values, a table in text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ganaug.errors import ConfigError
from ganaug.evaluation.diversity.measures import MEASURES, Measure
from ganaug.evaluation.diversity.words import (
    FAILURES,
    OK,
    TOO_FEW_WORD,
    Rule,
    almost,
    deciding,
)
from ganaug.values import printable
from ganaug.wording import table_lines

__all__ = ["TOO_FEW", "ClassDiversity", "DiversityReport", "meanings"]

# The table in text: what most people look at first. All of them are in the record.
FIRST = tuple(row.name for row in MEASURES.values() if row.first_in_terminal)
TOO_FEW = "too few images"
MOST_DIGITS = 6  # a number of the record has five


@dataclass(frozen=True)
class ClassDiversity:
    """The record of one class.

    Each measure is an attribute, too: `record.coverage`, None where it cannot be taken.

    Attributes:
        name: of the class.
        images: real images of it that were compared.
        synthetic: generated images of it that were compared.
        status: "measured", or "too few images".
        word: OK, COLLAPSED, COPYING, MISLABELLED, UNFAITHFUL or TOO FEW IMAGES TO TELL.
        words: all words that apply; `word` is the first.
        measures: by name, those that were taken.
    """

    name: str
    images: int
    synthetic: int
    status: str
    word: str = TOO_FEW_WORD
    words: tuple[str, ...] = ()
    measures: dict[str, Measure] = field(default_factory=dict, hash=False)

    def __getattr__(self, name: str) -> Measure | None:
        # Only names of the table: while a copy is made, `measures` itself is not there yet.
        if name in MEASURES:
            return self.measures.get(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, a key for each measure; null where it was not taken."""
        values = asdict(self)
        taken = values.pop("measures")
        return {**values, "words": list(self.words)} | {name: taken.get(name) for name in MEASURES}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassDiversity:
        """Return the record that `to_dict` gave.

        Raises:
            TypeError: a field is missing or unknown.
        """
        taken = {name: values[name] for name in MEASURES if values.get(name) is not None}
        others = {name: value for name, value in values.items() if name not in MEASURES}
        others["words"] = tuple(others.get("words", ()))
        return cls(measures={name: Measure(**each) for name, each in taken.items()}, **others)


# What each measure is stands in the table alone; `help(ClassDiversity)` says it, too.
ClassDiversity.__doc__ = f"{ClassDiversity.__doc__}\n    Measures:\n" + "\n".join(
    f"        {row.name}: {row.definition}." for row in MEASURES.values()
)


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
        return {**asdict(self), "classes": [each.to_dict() for each in self.classes]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DiversityReport:
        """Return the record that `to_dict` gave.

        Raises:
            ConfigError: a field is missing.
        """
        try:
            classes = tuple(ClassDiversity.from_dict(each) for each in values["classes"])
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
        return self.text()

    def text(self, width: int | None = None, file: str = "diversity.json") -> str:
        """Return the table and what it means; no numbers where it is wider than `width`.

        Then the `file` is named that has them.
        """
        if width is not None and len(self._table(FIRST)[0]) > width:
            return "\n".join(line.rstrip() for line in self._words(file))
        lines = [*self._table(FIRST), *(["", *self.reasons] if self.reasons else []), ""]
        lines.append("in brackets what as many real images give; " + self.rule)
        lines += [*self._given(), *meanings([*FIRST, *self.deciding])]
        lines.append(f"{OK}: no number is off by enough for a word (bounds: docs/diversity.md)")
        further = [row.title for name, row in MEASURES.items() if name not in FIRST]
        lines.append(f"in the record, too: {', '.join(further)} (docs/diversity.md)")
        apart = [f"{name.replace('_', ' ')} {_cell(each)}" for name, each in self.overall.items()]
        if apart:
            lines.append(f"all classes together, the lower the more alike: {', '.join(apart)}")
        return "\n".join(line.rstrip() for line in lines)

    @property
    def deciding(self) -> tuple[str, ...]:
        """The measures that gave a class its failure, or almost did, each once."""
        found: list[str] = []
        for each in self.classes:
            close = _close_to(each)
            found += deciding(each.measures, each.word) if close is None else [close.measure]
        return tuple(dict.fromkeys(found))

    @property
    def reasons(self) -> list[str]:
        """For each class with a failure the numbers that gave it the word, or almost did."""
        lines = []
        for each in self.classes:
            name = printable(each.name)
            if by := [_named(each, measure) for measure in deciding(each.measures, each.word)]:
                lines.append(f"{name} is {each.word} by {' and '.join(by)}")
            elif (rule := _close_to(each)) is not None:
                lines.append(f"{name} is close to {rule.word} by {_beside_bound(each, rule)}")
        return lines

    def _given(self) -> list[str]:
        """What the failures mean that classes have."""
        words = {each.word for each in self.classes}
        return [f"{word}: {what}" for word, what in FAILURES.items() if word in words]

    def _words(self, file: str) -> list[str]:
        """Return the words of the classes, and why they have them, without a table of numbers."""
        reasons = self.reasons
        brackets = "in brackets what as many real images give; " if reasons else ""
        return [
            *self._table(()),
            *(["", *reasons] if reasons else []),
            "",
            brackets + self.rule,
            *self._given(),
            *meanings(self.deciding),
            f"all numbers are in {file}, and here where the terminal is wide enough",
        ]

    def _table(self, names: Sequence[str]) -> list[str]:
        """Return the lines of a table with these measures, a row a class."""
        titles = [MEASURES[name].title for name in names]
        rows: list[tuple[str, ...]] = [("class", "images", "word", *titles)]
        for each in self.classes:
            cells = [_cell(each.measures.get(name)) for name in names]
            rows.append((printable(each.name), str(each.images), each.word, *cells))
        if names:
            rows.append(("mean", "", "", *(_cell(self.macro.get(name)) for name in names)))
        return table_lines(rows)


def meanings(names: Iterable[str]) -> list[str]:
    """Return what some measures are, a line each, and each once."""
    return [f"{MEASURES[name].title}: {MEASURES[name].text}" for name in dict.fromkeys(names)]


def _close_to(record: ClassDiversity) -> Rule | None:
    """Return the row that a class without a failure only just missed, if there is one."""
    return None if record.word in FAILURES else almost(record.measures)


def _beside_bound(record: ClassDiversity, rule: Rule) -> str:
    """Return a number beside the bound that it does not reach, in digits that tell them apart."""
    found = record.measures[rule.measure]
    bound, digits = rule.bound(found.reference), 2
    while digits < MOST_DIGITS and f"{found.value:.{digits}f}" == f"{bound:.{digits}f}":
        digits += 1
    return f"{_named(record, rule.measure, digits)}, of which the bound is {bound:.{digits}f}"


def _named(record: ClassDiversity, name: str, digits: int = 2) -> str:
    """Return the name and the number of a measure that was taken."""
    return f"{MEASURES[name].title} {_cell(record.measures[name], digits)}"


def _cell(measure: Measure | None, digits: int = 2) -> str:
    if measure is None:
        return "-"
    return f"{measure.value:.{digits}f} ({measure.reference:.{digits}f})"
