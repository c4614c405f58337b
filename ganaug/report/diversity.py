"""The parts of the report that show a diversity record."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ganaug.artifact.policy import Policy
from ganaug.evaluation.diversity.measures import MEASURES, Measure
from ganaug.evaluation.diversity.report import DiversityReport, meanings
from ganaug.evaluation.diversity.words import FAILURES, OK, RULES
from ganaug.report.filter import NO_FILTER, ClassFilter
from ganaug.report.html import MISSING, card, folded, heading, paragraph, section, signed, table
from ganaug.report.plots import Track, legend, plot, track_row
from ganaug.report.text import unused
from ganaug.wording import counted, sentence

__all__ = ["diversity_card", "diversity_section"]


def diversity_card(diversity: DiversityReport, policy: Policy | None = None) -> str:
    """Return the box of the first screen: the words, and coverage beside what real images reach."""
    records = diversity.classes
    coverage = diversity.macro.get("coverage")
    few = sum(record.word not in (OK, *FAILURES) for record in records)
    all_of = counted(len(records), "class")
    left_out = f" {few} of {all_of} {'has' if few == 1 else 'have'} too few images." if few else ""
    if coverage is None:
        return card("Diversity", "Too few images", f"No class can be measured.{left_out}")
    found = Counter(record.word for record in records)
    bad = {word: found[word] for word in FAILURES if found[word]}
    if bad:
        where = ", ".join(f"{each.lower()} in {count}" for each, count in bad.items())
        failing = sum(bad.values())
        word, style = f"{failing} of {all_of} fail{'s' * (failing == 1)}", "bad"
        text = f"{', '.join(filter(None, [where.capitalize(), unused(policy)]))}. "
    elif found[OK]:
        word, style, text = OK, "", f"In {found[OK]} of {all_of}. "
    else:
        word, style, text = "Too few images to tell", "", ""
    text += (
        f"{coverage.value:.2f} of the real images have a generated one near them; with real"
        f" images in their place {coverage.reference:.2f}.{left_out}"
    )
    return card("Diversity", word, text, style)


def diversity_section(diversity: DiversityReport, classes: ClassFilter = NO_FILTER) -> str:
    """Return coverage as a plot, and every measure beside its reference in two tables."""
    names = [
        name
        for name in MEASURES
        if name in diversity.macro or any(name in record.measures for record in diversity.classes)
    ]
    first = [name for name in names if MEASURES[name].first_in_report]
    words = "; ".join(f"{word}: {what}" for word, what in FAILURES.items())
    set_apart = [name for name in diversity.deciding if name not in first]
    return section(
        "Diversity",
        paragraph(
            "Each number stands beside what as many other real images of the class give in the"
            " place of the generated ones, in brackets. In the tables the range of 95% of the"
            " subsamples is below."
            f" {sentence(diversity.rule)}"
        ),
        _coverage(diversity, classes),
        heading("Words"),
        paragraph(f"{words}. A class counts under its first word.", "note"),
        _numbers(diversity, first, classes, word=True),
        *(paragraph(f"{reason}.", "note") for reason in diversity.reasons),
        *(paragraph(f"{line}.", "note") for line in meanings(set_apart)),
        folded("When does a class get a word?", _rules()),
        folded(
            "Further numbers",
            _numbers(diversity, [name for name in names if name not in first], classes, word=False),
            _overall(diversity),
        ),
    )


def _rules() -> str:
    """Return the bounds of the words as a table."""
    return table(("word", "where"), [(rule.word, rule.where) for rule in RULES]) + paragraph(
        "The first row that holds gives the word; above and below are measured from the number in"
        " brackets. A difference has to be no accident, too. What stays within all of these bounds"
        f" is {OK}, also where it is not as good as real images.",
        "note",
    )


def _overall(diversity: DiversityReport) -> str:
    """Return the distances between all generated and all real images, in a line."""
    shown = [f"{name.replace('_', ' ')} {_cell(each)}" for name, each in diversity.overall.items()]
    text = "All classes together, with real images in their place: "
    return paragraph(f"{text}{', '.join(shown)}.") if shown else ""


def _numbers(
    diversity: DiversityReport, names: list[str], classes: ClassFilter, *, word: bool
) -> str:
    """Return a table of some measures, a row a class, and what they mean."""
    rows = []
    for record in diversity.classes:
        also = ", ".join(each for each in record.words if each != record.word)
        found = f"{record.word}\n(also {also})" if also else record.word
        first = found if word else str(record.images)
        rows.append((record.name, first, *(_two(record.measures.get(name)) for name in names)))
    macro = [_two(diversity.macro.get(name)) for name in names]
    rows.append(("mean of the classes", "", *macro))
    shown = [MEASURES[name] for name in names]
    head = ("class", "word" if word else "images", *(measure.title for measure in shown))
    meanings = "; ".join(f"{measure.title}: {measure.text}" for measure in shown)
    note = paragraph(sentence(meanings), "note")
    styles = [classes.mark(record.name) for record in diversity.classes]
    marked = frozenset([len(rows) - 1])
    return table(head, rows, marked, styles=styles, stacked=True, dense=True) + note


def _coverage(diversity: DiversityReport, classes: ClassFilter) -> str:
    track = Track(0, 1)
    rows = []
    for record in diversity.classes:
        measure = record.coverage
        if measure is not None:
            low, high = measure.low, measure.high
            marks = track.line(low, high, "ours") if low is not None and high is not None else ""
            marks += track.dot(measure.reference, "hollow")
            marks += track.dot(measure.value, "ours")
            rows.append(track_row(record.name, marks, _cell(measure), classes.mark(record.name)))
    if not rows:
        return ""
    key = legend(
        [
            ("ours", "generated images; the line holds 95% of the subsamples"),
            ("hollow", "real images in their place"),
        ]
    )
    return "".join([heading("Coverage"), plot(track, rows), key])


def _two(measure: Measure | None) -> str:
    """Return the number beside its reference, and its range in a second line."""
    if measure is None:
        return MISSING
    plain = _cell(replace(measure, low=None, high=None))
    if measure.low is None or measure.high is None:
        return plain
    low, high = (signed(f"{bound:.2f}") for bound in (measure.low, measure.high))
    return f"{plain}\n{low} to {high}"


def _cell(measure: Measure | None) -> str:
    if measure is None:
        return MISSING
    value, reference = signed(f"{measure.value:.2f}"), signed(f"{measure.reference:.2f}")
    if measure.low is None or measure.high is None:
        return f"{value} ({reference})"
    low, high = signed(f"{measure.low:.2f}"), signed(f"{measure.high:.2f}")
    return f"{value} [{low}, {high}] ({reference})"
