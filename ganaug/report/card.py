"""`model_card`: what a file is for, what is known about it, and where that ends. Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ganaug.artifact.format import PRIVACY, Metadata
from ganaug.artifact.policy import Policy
from ganaug.errors import ArtifactError
from ganaug.evaluation.diversity.measures import MEASURES
from ganaug.evaluation.diversity.words import COPYING, OK, TOO_FEW_WORD
from ganaug.evaluation.gain.intervals import FEWEST_SEEDS
from ganaug.evaluation.tuning.report import not_tried
from ganaug.report.html import MISSING, interval, percent, points
from ganaug.report.markdown import Markdown, bullets, code, fill, strong, table
from ganaug.report.text import held_out_text, policy_text, start_text, unused
from ganaug.wording import counted, first_names, sentence

__all__ = ["model_card"]

WARNING = (
    f"{sentence(PRIVACY)} What it makes can resemble single training images, and the weights"
    " themselves were fitted to them; the measurements below search for near copies, they prove"
    " nothing about privacy."
)
NOT_MEASURED = Markdown(
    "Not measured. `ganaug evaluate FILE SOURCE` measures it and writes it into the file."
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
        fill("# Model card: generator for {}", metadata.data["source"]),
        _description(metadata, content_hash),
        fill("> **Warning.** {}", WARNING),
        Markdown("## Intended use"),
        bullets(metadata.intended_use),
        Markdown("## Training images"),
        _counts(metadata, gain, diversity),
        Markdown("## Policy"),
        _policy(metadata.policy),
        Markdown("## Gain"),
        _gain(gain) if gain else NOT_MEASURED,
        Markdown("## Diversity"),
        _diversity(diversity, metadata.policy) if diversity else NOT_MEASURED,
        Markdown("## Memorisation"),
        _memorisation(diversity),
        Markdown("## Limits"),
        _limits(metadata, gain, diversity),
        Markdown("## Training"),
        _training(metadata),
    ]
    return _paragraphs(parts) + "\n"


def _paragraphs(parts: Sequence[Markdown]) -> Markdown:
    return Markdown("\n\n".join(parts))


def _description(metadata: Metadata, content_hash: str) -> Markdown:
    height, width = metadata.size
    kind = metadata.kind
    what = (
        "maps a real image and a latent to another image of the same class"
        if kind == "variation"
        else "maps a class and a latent to an image"
    )
    colours = "grey" if metadata.channels == 1 else "RGB"
    facts = (
        f"A {kind} generator of ganaug: it {what}. {counted(len(metadata.classes), 'class')},"
        f" {counted(sum(metadata.counts), 'training image')}, {height}x{width} px, {colours}."
        " One ONNX file, SHA-256"
    )
    return fill("{} {}.", facts, code(content_hash))


def _counts(
    metadata: Metadata, gain: Mapping[str, Any] | None, diversity: Mapping[str, Any] | None
) -> Markdown:
    names = metadata.classes
    columns: dict[str, Sequence[object]] = {"class": names}
    columns["images"] = [f"{count:,}" for count in metadata.counts]
    judged = _judged_classes(metadata, gain or {})
    for arm, values in ((gain or {}).get("recall") or {}).items():
        if len(values) == len(judged):
            recall = dict(zip(judged, values, strict=True))
            columns[f"recall with {arm}"] = [percent(recall.get(name)) for name in names]
    words = {each["name"]: each["word"] for each in (diversity or {}).get("classes", ())}
    if words:
        columns["diversity"] = [words.get(name, MISSING) for name in names]
    return table(list(columns), zip(*columns.values(), strict=True))


def _judged_classes(metadata: Metadata, gain: Mapping[str, Any]) -> Sequence[str]:
    """The classes of a gain's recalls, in their order; none where that is not known.

    Files of before do not say it. The images that the generator was trained on have its order.
    """
    same = gain.get("dataset") == metadata.data["source"]
    known: Sequence[str] = gain.get("classes", metadata.classes if same else ())
    return known


def _policy(policy: Policy | None) -> Markdown:
    if policy is None:
        return Markdown("None: the user says how often to use it.")
    if policy.unmeasured:
        why = (policy.evidence or {})["simulation"]
        return fill("How often an image is varied: {} ({}).", policy_text(policy), why)
    lines = [fill("How often an image is varied: {}.", policy_text(policy))]
    if policy.source == "tune" and policy.evidence:
        lines += _evidence(policy.evidence)
    elif policy.evidence:
        lines.append(fill("Evidence: {}.", _flat(policy.evidence)))
    elif policy.source != "tune":
        lines.append(Markdown("There is no evidence for it; `ganaug tune FILE SOURCE` gives some."))
    return _paragraphs(lines)


def _evidence(evidence: Mapping[str, Any]) -> list[Markdown]:
    """What `tune` measured: its reason, how it was judged, and what each candidate gave."""
    lines = [fill("{}", sentence(evidence["reason"]))]
    if not evidence["candidates"]:
        return lines
    often = counted(len(evidence["repetitions"]), "repetition")
    lines.append(
        fill(
            "Judged by {}, {}, on top of {}; points of balanced accuracy:",
            evidence["method"],
            often,
            " and ".join(evidence["free_arms"]),
        )
    )
    rows = [
        (
            strong(each["name"]) if each["name"] == evidence["chosen"] else each["name"],
            *(Markdown(points(each[key])) for key in ("gain", "rare", "frequent")),
        )
        for each in evidence["candidates"]
    ]
    head = ("candidate", "expected gain", "of rare classes", "of frequent classes")
    left_out = not_tried(evidence)
    more = [fill("{}", sentence(left_out))] if left_out else []
    return [*lines, table(head, rows), *more]


def _gain(gain: Mapping[str, Any]) -> Markdown:
    seeds = gain["seeds"]
    setting = (
        f"Measured on {gain['dataset']}, {counted(gain['test_images'], 'test image')},"
        f" {counted(seeds, 'paired seed')}, classifier {gain['classifier']},"
        f" {counted(gain['steps'], 'step')}; {gain['claim']}."
    )
    rows = [
        (
            strong(name) if name == gain["chosen"] else name,
            *(percent(arm[key]) for key in ("balanced_accuracy", "rarer_half", "macro_f1")),
            percent(arm["calibration_error"]),
        )
        for name, arm in gain["arms"].items()
    ]
    head = ("arm", "balanced accuracy", "rarer half", "macro F1", "calibration error")
    parts = [fill("{}", setting)]
    if gain["chosen"] is not None:
        settle = gain["seeds_to_settle"]
        size = f"a {'gain' if gain['mean'] > 0 else 'loss'} of this size"
        told = settle and seeds >= FEWEST_SEEDS
        more = f" About {settle} seeds would settle {size}." if told else ""
        width = fill("95% interval {}", Markdown(interval(gain["low"], gain["high"])))
        parts.append(
            fill(
                "**Verdict: {}.** {} against {}: {} points of balanced accuracy ({}).{}",
                gain["verdict"],
                gain["chosen"],
                gain["baseline"],
                Markdown(points(gain["mean"])),
                "one seed: no interval" if seeds < 2 else width,
                Markdown(more),
            )
        )
    parts.append(table(head, rows))
    parts += [fill("Note: {}.", note) for note in gain["notes"]]
    return _paragraphs(parts)


def _diversity(diversity: Mapping[str, Any], policy: Policy | None) -> Markdown:
    words = "; ".join(
        fill(
            "{} {} of {}{}",
            strong(word),
            len(names),
            counted(len(diversity["classes"]), "class"),
            "" if word == OK else fill(" ({})", first_names(names, MOST_NAMES)),
        )
        for word, names in diversity["words"].items()
    )
    about = unused(policy)
    return _paragraphs(
        [
            Markdown(f"{words}{about and f' ({about})'}."),
            Markdown("Means of the classes:"),
            _measures(diversity["macro"], "diversity"),
        ]
    )


def _memorisation(diversity: Mapping[str, Any] | None) -> Markdown:
    if not diversity:
        return Markdown("Not measured: whether it makes near copies of training images is unknown.")
    measured = [each for each in diversity["classes"] if "copied" in each]
    if not measured:
        return Markdown(
            "Not measured: no class has enough images to search for near copies of them."
        )
    of = f"{counted(len(measured), 'class')} that could be measured"
    copying = [  # files of before have no `words`
        each["name"] for each in measured if COPYING in (each["word"], *each.get("words", ()))
    ]
    near = [
        each["name"]
        for each in measured
        if each["name"] not in copying and each["copied"][0] >= each["copied"][1] + NEAR
    ]
    found = fill(
        "None of {} was found to copy its training images, as far as these measures see.", of
    )
    if copying:
        found = fill(
            "Near copies were found in {} of {} ({}).",
            len(copying),
            of,
            first_names(copying, MOST_NAMES),
        )
    if near:
        found = fill(
            "{} Unusually many images lie near one training image in {}.",
            found,
            first_names(near, MOST_NAMES),
        )
    macro = diversity["macro"]
    shown = any(name in macro and row.card == "memorisation" for name, row in MEASURES.items())
    return _paragraphs([found, _measures(macro, "memorisation")]) if shown else found


def _limits(
    metadata: Metadata, gain: Mapping[str, Any] | None, diversity: Mapping[str, Any] | None
) -> Markdown:
    lines = [line for line in metadata.warnings if line != PRIVACY]
    smallest = min(metadata.counts)
    lines.append(
        f"The smallest class has {counted(smallest, 'training image')}; what"
        " such a class looks like beyond them is unknown to the generator."
    )
    if gain and gain["claim"] == "for this generator":
        lines.append("The gain is that of this file; another training may give another one.")
    if gain and gain["seeds"] < FEWEST_SEEDS:
        lines.append(f"Fewer than {FEWEST_SEEDS} seeds: no verdict.")
    few = (diversity or {}).get("words", {}).get(TOO_FEW_WORD, [])
    if few:
        lines.append(
            f"Too few images to tell whether they collapsed: {counted(len(few), 'class')}."
        )
    return bullets(lines)


def _training(metadata: Metadata) -> Markdown:
    versions = ", ".join(f"{name} {value}" for name, value in metadata.versions.items())
    begun = metadata.data.get("started_from")
    return bullets(
        [
            f"{counted(metadata.steps, 'step')}, seed {metadata.seed}",
            *([f"started from {start_text(metadata.data)}"] if begun else []),
            fill("fingerprint of the training images: {}", code(metadata.fingerprint)),
            f"held out: {held_out_text(metadata.data)}",
            f"versions: {versions}",
        ]
    )


def _measures(pairs: Mapping[str, Sequence[float | None]], part: str) -> Markdown:
    """A table of those measures that stand in this part of the card."""
    rows = [
        (
            row.title,
            *(Markdown("–" if v is None else f"{v:.2f}") for v in pairs[name]),
        )
        for name, row in MEASURES.items()
        if row.card == part and name in pairs
    ]
    return table(("measure", "generated", "real images in their place"), rows)


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_flat(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flat(inner) for inner in value) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
