"""`model_card`: what a file is for, what is known about it, and where that ends. Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ganaug.artifact.format import PRIVACY, Metadata, Policy
from ganaug.errors import ArtifactError
from ganaug.evaluation.diversity.measures import MEASURES
from ganaug.evaluation.diversity.words import COPYING, OK, TOO_FEW_WORD
from ganaug.report.html import MISSING, interval, percent, points
from ganaug.report.text import policy_text

__all__ = ["model_card"]

WARNING = (
    f"{PRIVACY[0].upper()}{PRIVACY[1:]}. What it makes can resemble single training images, and the"
    " weights themselves were fitted to them; the measurements below search for near copies, they"
    " prove nothing about privacy."
)
NEAR = 0.4  # above the reference: what is said also where it gives no word
MOST_NAMES = 12


def model_card(metadata: Metadata, content_hash: str) -> str:
    """Return the model card of an artifact.

    Args:
        metadata: the artifact's; every figure comes from there.
        content_hash: SHA-256 of the file, hex.

    Raises:
        ArtifactError: its gain or diversity record has another form.
    """
    try:
        return _card(metadata, content_hash)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            f"metadata: gain, diversity or policy evidence in another form ({error}); allowed: what"
            " this ganaug wrote; measure again with: ganaug evaluate FILE SOURCE"
        ) from error


def _card(metadata: Metadata, content_hash: str) -> str:
    gain, diversity = metadata.gain, metadata.diversity
    parts = [
        f"# Model card: generator for {_text(metadata.data['source'])}",
        _description(metadata, content_hash),
        f"> **Warning.** {WARNING}",
        "## Intended use",
        _bullets(_text(line) for line in metadata.intended_use),
        "## Training images",
        _counts(metadata, gain, diversity),
        "## Policy",
        _policy(metadata.policy),
        "## Gain",
        "Not measured. `ganaug evaluate FILE SOURCE` measures it and writes it into the file."
        if not gain
        else _gain(gain),
        "## Diversity",
        "Not measured. `ganaug evaluate FILE SOURCE` measures it and writes it into the file."
        if not diversity
        else _diversity(diversity),
        "## Memorisation",
        _memorisation(diversity),
        "## Limits",
        _limits(metadata, gain, diversity),
        "## Training",
        _training(metadata),
    ]
    return "\n\n".join(parts) + "\n"


def _description(metadata: Metadata, content_hash: str) -> str:
    height, width = metadata.size
    kind = metadata.kind
    what = (
        "maps a real image and a latent to another image of the same class"
        if kind == "variation"
        else "maps a class and a latent to an image"
    )
    colours = "grey" if metadata.channels == 1 else "RGB"
    return (
        f"A {kind} generator of ganaug: it {what}. {len(metadata.classes)} classes,"
        f" {sum(metadata.counts):,} training images, {height}x{width} px, {colours}. One ONNX"
        f" file, SHA-256 `{content_hash}`."
    )


def _counts(
    metadata: Metadata, gain: Mapping[str, Any] | None, diversity: Mapping[str, Any] | None
) -> str:
    names = metadata.classes
    columns: dict[str, list[str]] = {"class": [_text(name) for name in names]}
    columns["images"] = [f"{count:,}" for count in metadata.counts]
    recall = (gain or {}).get("recall") or {}
    for arm, title in ((key, f"recall with {_text(key)}") for key in recall):
        if len(recall[arm]) == len(names):
            columns[title] = [percent(value) for value in recall[arm]]
    words = {each["name"]: each["word"] for each in (diversity or {}).get("classes", ())}
    if words:
        columns["diversity"] = [_text(words.get(name, MISSING)) for name in names]
    return _table(list(columns), zip(*columns.values(), strict=True))


def _policy(policy: Policy | None) -> str:
    if policy is None:
        return "None: the user says how often to use it."
    lines = [f"How often an image is varied: {_text(policy_text(policy))}."]
    if policy.evidence:
        lines.append("Evidence: " + _text(_flat(policy.evidence)) + ".")
    elif policy.source != "tune":
        lines.append("There is no evidence for it; `ganaug tune FILE SOURCE` gives some.")
    return "\n\n".join(lines)


def _gain(gain: Mapping[str, Any]) -> str:
    seeds = gain["seeds"]
    setting = (
        f"Measured on {_text(gain['dataset'])}, {gain['test_images']:,} test images, {seeds} paired"
        f" seed{'s' if seeds != 1 else ''}, classifier {_text(gain['classifier'])},"
        f" {gain['steps']:,} steps; {gain['claim']}."
    )
    rows = [
        (
            f"**{_text(name)}**" if name == gain["chosen"] else _text(name),
            *(percent(arm[key]) for key in ("balanced_accuracy", "rarer_half", "macro_f1")),
            percent(arm["calibration_error"]),
        )
        for name, arm in gain["arms"].items()
    ]
    head = ("arm", "balanced accuracy", "rarer half", "macro F1", "calibration error")
    parts = [setting]
    if gain["chosen"] is not None:
        settle = gain["seeds_to_settle"]
        more = f" About {settle} seeds would settle a gain of this size." if settle else ""
        parts.append(
            f"**Verdict: {gain['verdict']}.** {_text(gain['chosen'])} against"
            f" {_text(gain['baseline'])}: {points(gain['mean'])} points of balanced accuracy (95%"
            f" interval {interval(gain['low'], gain['high'])}).{more}"
        )
    parts.append(_table(head, rows))
    parts += [f"Note: {_text(note)}." for note in gain["notes"]]
    return "\n\n".join(parts)


def _diversity(diversity: Mapping[str, Any]) -> str:
    words = "; ".join(
        f"**{word}** {len(names)} of {len(diversity['classes'])} classes"
        + ("" if word == OK else f" ({_names(names)})")
        for word, names in diversity["words"].items()
    )
    return "\n\n".join(
        [f"{words}.", "Means of the classes:", _measures(diversity["macro"], "diversity")]
    )


def _memorisation(diversity: Mapping[str, Any] | None) -> str:
    if not diversity:
        return "Not measured: whether it makes near copies of training images is unknown."
    measured = [each for each in diversity["classes"] if "copied" in each]
    if not measured:
        return "Not measured: no class has enough images to search for near copies of them."
    of = f"{len(measured)} classes that could be measured"
    copying = [  # files of before have no `words`
        each["name"] for each in measured if COPYING in (each["word"], *each.get("words", ()))
    ]
    near = [
        each["name"]
        for each in measured
        if each["name"] not in copying and each["copied"][0] >= each["copied"][1] + NEAR
    ]
    if copying:
        found = f"Near copies were found in {len(copying)} of {of} ({_names(copying)})."
    else:
        found = f"None of {of} was found to copy its training images, as far as these measures see."
    if near:
        found += f" Unusually many images lie near one training image in {_names(near)}."
    macro = diversity["macro"]
    shown = any(name in macro and row.card == "memorisation" for name, row in MEASURES.items())
    return f"{found}\n\n{_measures(macro, 'memorisation')}" if shown else found


def _names(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return _text(", ".join(names[:MOST_NAMES])) + (f" and {more} more" if more > 0 else "")


def _limits(
    metadata: Metadata, gain: Mapping[str, Any] | None, diversity: Mapping[str, Any] | None
) -> str:
    lines = [_text(line) for line in metadata.warnings if line != PRIVACY]
    smallest = min(metadata.counts)
    lines.append(
        f"The smallest class has {smallest:,} training image{'s' if smallest != 1 else ''}; what"
        " such a class looks like beyond them is unknown to the generator."
    )
    if gain and gain["claim"] == "for this generator":
        lines.append("The gain is that of this file; another training may give another one.")
    if gain and gain["seeds"] < 6:
        lines.append("Fewer than 6 seeds: no verdict.")
    few = (diversity or {}).get("words", {}).get(TOO_FEW_WORD, [])
    if few:
        lines.append(f"{len(few)} classes have too few images to tell whether they collapsed.")
    return _bullets(lines)


def _training(metadata: Metadata) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in metadata.versions.items())
    return _bullets(
        [
            f"{metadata.steps:,} steps, seed {metadata.seed}",
            f"fingerprint of the training images: `{_text(metadata.fingerprint)}`",
            f"held out: {_text(metadata.data['held_out'] or 'nothing')}",
            f"versions: {_text(versions)}",
        ]
    )


def _measures(pairs: Mapping[str, Sequence[float | None]], part: str) -> str:
    """A table of those measures that stand in this part of the card."""
    rows = [
        (name.replace("_", "-"), *("–" if v is None else f"{v:.2f}" for v in pairs[name]))
        for name, row in MEASURES.items()
        if row.card == part and name in pairs
    ]
    return _table(("measure", "generated", "real images in their place"), rows)


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_flat(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flat(inner) for inner in value) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _text(text: object) -> str:
    """Text from outside: one line, and nothing in it is Markdown or HTML."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#!|~&" else c for c in line)
