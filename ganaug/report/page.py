"""`write_report`: one self-contained HTML file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from ganaug.artifact.format import Metadata
from ganaug.artifact.policy import Policy
from ganaug.evaluation.diversity.inspection import Inspection
from ganaug.evaluation.diversity.measures import MEASURES
from ganaug.evaluation.diversity.report import DiversityReport
from ganaug.evaluation.diversity.samples import Samples
from ganaug.evaluation.diversity.words import FAILURES
from ganaug.evaluation.gain.report import GainReport, chosen_gain
from ganaug.evaluation.tuning.report import not_tried
from ganaug.files import write_text
from ganaug.images.image_set import utf8
from ganaug.report.advice import NAMED, Named, advice_list
from ganaug.report.changes import changes_section, strength_section
from ganaug.report.diversity import diversity_card, diversity_section
from ganaug.report.filter import ClassFilter
from ganaug.report.gain import arms_section, classes_section, gain_cards, gain_in_short
from ganaug.report.html import card, definitions, figure, folded, heading, paragraph, section
from ganaug.report.inspection import map_section, suspects_section
from ganaug.report.pictures import Picture, class_pictures
from ganaug.report.plots import curves
from ganaug.report.style import STYLE
from ganaug.report.text import held_out_text, policy_text
from ganaug.wording import as_settings, counted, sentence

__all__ = ["write_report"]

LOSSES: tuple[str, ...] = ("loss_g", "loss_d")
SIGNS: tuple[str, ...] = (
    "variety",
    "latent_use",
    "distance",
    "class_kept",
    "told_apart",
    "judged",
    "reaction",
    "largest_logit",
)
FOLLOWED = frozenset(row.name for row in MEASURES.values() if row.followed)


def write_report(
    path: str | os.PathLike[str],
    *,
    metadata: Metadata,
    samples: Samples | None = None,
    gain: GainReport | None = None,
    diversity: DiversityReport | None = None,
    inspection: Inspection | None = None,
    history: Sequence[Mapping[str, Any]] = (),
    named: Named = NAMED,
) -> None:
    """Write the report to `path`: one HTML file that loads nothing.

    Args:
        path: the file; replaced atomically.
        metadata: the artifact's.
        samples: what the pictures show, see `draw_samples`; None leaves them out.
        gain: the comparison, or None where it was not measured.
        diversity: the record, or None where it was not measured.
        inspection: suspicious samples and the map, see `inspect_samples`; None leaves them out.
        history: rows of the run's metrics.jsonl and diversity.jsonl, see `read_history`.
        named: what the commands of the advice take.

    Raises:
        RunError: `path` cannot be written.
    """
    name = _judged(metadata, gain, diversity)
    shown = samples or Samples((), ())
    found = [] if gain is None else gain_cards(gain)
    cards = [*found[:2], "" if diversity is None else diversity_card(diversity, metadata.policy)]
    cards += [_policy_card(metadata.policy), *found[2:]]
    in_short = "" if gain is None else gain_in_short(gain)
    both = "" if gain is None or diversity is None else _how_both(gain, diversity)
    classes = ClassFilter(metadata.classes)
    counts = dict(zip(metadata.classes, metadata.counts, strict=True))
    never = metadata.policy is not None and metadata.policy.never
    failed = [] if diversity is None else [c.name for c in diversity.classes if c.word in FAILURES]
    parts = [
        f"<header><p>ganaug report</p><h1>{escape(name)}</h1></header>",
        paragraph(in_short, "short") if in_short else "",
        f'<div class="first">{"".join(cards)}</div>',
        paragraph(both) if both else "",
        advice_list(gain, diversity, metadata, named),
        paragraph(_subject(metadata), "soft"),
        classes.control(),
        "" if gain is None else arms_section(gain),
        "" if gain is None else classes_section(gain, classes),
        _pictures(metadata, class_pictures(shown.classes, counts), classes),
        strength_section(shown.strengths, metadata.scale, classes, never=never),
        changes_section(shown.changes, counts, classes),
        "" if inspection is None else suspects_section(inspection, classes),
        "" if inspection is None else map_section(inspection, classes, failed),
        "" if diversity is None else diversity_section(diversity, classes),
        _training(history),
        _configuration(metadata, gain),
    ]
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # what is shown is all that is there: nothing may be loaded, and no script may run
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:;'
        " style-src 'unsafe-inline'\">"
        f"<title>ganaug report: {escape(name)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )
    write_text(path, utf8(page))  # names of files may be none


def _how_both(gain: GainReport, diversity: DiversityReport) -> str:
    """Return how a generator can help and fail the diversity record, or nothing."""
    record = chosen_gain(gain)
    words = {each.word for each in diversity.classes}
    failed = [word.capitalize() for word in FAILURES if word in words]
    if record is None or record.verdict != "helps" or not failed:
        return ""
    return (
        f"Helps and {failed[0]} can both be true: the verdict counts what the classifier gets right"
        " when variations are added to real images; the other word says that in some classes they"
        " could not stand in for the real images."
    )


CHANCE = "p is the chance that an image is varied; latents say how much"


def _policy_card(policy: Policy | None) -> str:
    """Return the box of the first screen that says how often to use the generator."""
    if policy is None:
        return card("Policy in the file", "None", "How often to use it is the user's choice.")
    left_out = not_tried(policy.evidence or {})
    more = f" {sentence(left_out)}" if left_out else ""
    most = max(p for _, p in policy.p)
    if most == 0:
        if policy.unmeasured and (reason := str((policy.evidence or {}).get("reason", ""))):
            more = f" {sentence(reason)}"
        text = f"How often to vary: {policy_text(policy)}.{more}"
        return card("Policy in the file", "Never", text)
    least = min(p for _, p in policy.p)
    value = f"p {most:.2g}" if least == most else f"p {most:.2g} to {least:.2g}"
    return card("Policy in the file", value, f"{CHANCE}: {policy_text(policy)}.{more}")


def _subject(metadata: Metadata) -> str:
    height, width = metadata.size
    return (
        f"A {metadata.kind} generator of {counted(len(metadata.classes), 'class')}, trained on"
        f" {counted(sum(metadata.counts), 'image')} of {metadata.data['source']} at"
        f" {height}x{width} px, {counted(metadata.steps, 'step')}."
    )


def _judged(metadata: Metadata, gain: GainReport | None, diversity: DiversityReport | None) -> str:
    """Return the name of the data that the report is about; the generator's, if of none."""
    measured = [each.dataset for each in (gain, diversity) if each is not None]
    return (*measured, str(metadata.data["source"]))[0]


def _pictures(metadata: Metadata, grids: Sequence[Picture], shown: ClassFilter) -> str:
    if not grids:
        return ""
    text = (
        "In each row the first image is real, the others are its variations."
        if metadata.kind == "variation"
        else "The first row is real, the others are generated."
    )
    names = {picture.name for picture in grids}
    figures = "".join(
        figure(picture.image, picture.caption, shown.mark(picture.name)) for picture in grids
    )
    return section(
        "Real and generated images",
        paragraph(text + shown.share(names)),
        shown.lacking(names),
        f'<div class="pictures">{figures}</div>',
    )


def _training(history: Sequence[Mapping[str, Any]]) -> str:
    """Return what happened to the run, and its curves: both losses in one chart."""
    events = [_event(row) for row in history if "alarm" in row]
    history = [row for row in history if "alarm" not in row]
    every = dict.fromkeys(name for row in history for name in row)
    names = [name for name in every if _plotted(name, history)]
    losses = [name for name in LOSSES if name in names]
    charts: list[tuple[str, list[str]]] = [("Losses", losses)] if losses else []
    charts += [(name, [name]) for name in names if name not in (*losses, *FOLLOWED, *SIGNS)]
    followed = [(MEASURES[name].title, [name]) for name in names if name in FOLLOWED]
    parts = [_charts(charts, history)] if charts else []
    if followed:
        text = (
            "The mean over classes at each checkpoint, of the same few real images and latents, in"
            " pixels alone and without references: to be compared along the curve, and not with"
            " the record above."
        )
        parts += [heading("Diversity over time"), paragraph(text), _charts(followed, history)]
    signs = [(name.replace("_", " "), [name]) for name in names if name in SIGNS]
    if signs:
        text = "What alarms are raised by; a few images of each class at each checkpoint."
        parts += [heading("Signs of failure"), paragraph(text), _charts(signs, history)]
    told = [paragraph(event, "note") for event in events]
    return section("Training", *told, folded("Curves", *parts))


def _event(row: Mapping[str, Any]) -> str:
    """Return what an alarm or a rollback of the run says."""
    if not {"rollback", "settings"} <= row.keys():
        return f"Step {row['step']}: {row['alarm']}."
    return (
        f"Step {row.get('failed')}: {row['alarm']}. Rollback {row['rollback']}: back to step"
        f" {row['step']}, with {as_settings(row['settings'])} and other random numbers."
    )


def _charts(
    charts: Sequence[tuple[str, Sequence[str]]], history: Sequence[Mapping[str, Any]]
) -> str:
    """Return a chart for each (title, names of metrics)."""
    figures = []
    for title, shown in charts:
        series = [
            (name, [(row["step"], row[name]) for row in history if row.get(name) is not None])
            for name in shown
        ]
        figures.append(curves(title, series, "step"))
    return f'<div class="charts">{"".join(figures)}</div>'


def _plotted(name: str, history: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a metric was recorded as a number at least twice."""
    values = [row[name] for row in history if row.get(name) is not None]
    plain = all(isinstance(value, int | float) for value in values)
    return name not in ("step", "seconds") and plain and len(values) > 1


SETTINGS = {
    "steps": "steps of a classifier",
    "batch": "images of a step",
    "artifact": "hash of the generator",
    "refit": "new generators fitted with",
    "tuned": "new policies",
    "quick": "quick look",
    "folders": "hashes of the folders",
    "spoiled": "arms that saw test images",
}


def _comparison(gain: GainReport) -> dict[str, Any]:
    """Return by names in words what was compared and how, without what was not asked for."""
    choice = gain.choice
    values = {
        "choice of the baseline": choice.rule,
        "balanced accuracy there, in percent": {
            name: round(100 * score, 1) for name, score in choice.balanced_accuracy.items()
        },
        "free arms to choose from": choice.free_arms,
    }
    values |= {SETTINGS.get(name, name): each for name, each in asdict(gain.settings).items()}
    return {
        name.replace("_", " "): each for name, each in values.items() if each not in (None, {}, ())
    }


def _configuration(metadata: Metadata, gain: GainReport | None) -> str:
    parts = [
        heading("Generator"),
        definitions(
            {
                "data": metadata.data["source"],
                "fingerprint of the data": metadata.fingerprint,
                "held out": held_out_text(metadata.data),
                "seed": metadata.seed,
                "parity with torch": metadata.parity,
                "batch exact": metadata.batch_exact,
                "schema": metadata.schema,
            }
        ),
        heading("Training"),
        definitions(metadata.config),
        heading("Versions"),
        definitions(metadata.versions),
    ]
    if gain is not None:
        parts += [
            heading("Comparison"),
            definitions(_comparison(gain)),
            heading("Environment"),
            definitions(gain.environment),
        ]
    parts += [paragraph(f"Warning: {line}", "note") for line in metadata.warnings]
    return section("Configuration", *parts)
