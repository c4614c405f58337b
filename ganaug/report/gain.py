"""The parts of the report that show a gain record, a `GainReport`."""

from __future__ import annotations

from collections.abc import Sequence

from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.gain.intervals import FEWEST_SEEDS
from ganaug.evaluation.gain.judge import P_SAYS, Gain, overtaken
from ganaug.evaluation.gain.notes import too_few_of
from ganaug.evaluation.gain.report import (
    GainReport,
    chosen_gain,
    other_free_arms,
    what_would_settle,
)
from ganaug.evaluation.gain.scores import mean_or_none
from ganaug.report.arms import names_in_words
from ganaug.report.class_changes import class_changes, judged_counts, recalls
from ganaug.report.filter import NO_FILTER, ClassFilter
from ganaug.report.html import (
    MISSING,
    card,
    heading,
    interval,
    paragraph,
    percent,
    points,
    section,
    signed,
    table,
)
from ganaug.report.plots import Track, legend, plot, track_row
from ganaug.wording import counted, sentence

__all__ = ["arms_section", "classes_section", "gain_cards", "gain_in_short"]

STYLES = {"helps": "good", "hurts": "bad", "no evidence": "unsure", "no change": "unsure"}
MEANING = {
    "helps": "Both 95% intervals, over seeds and over seeds and test images, lie above 0,"
    " also over any free arm that came out stronger than the baseline.",
    "hurts": "Both 95% intervals, over seeds and over seeds and test images, lie below 0.",
    "no evidence": "The 95% intervals do not both lie on one side of 0.",
    "no change": "The policy is never to vary, so that both arms are one training.",
}
CLAIMS = {
    "for this generator": "with this generator",
    "for the method": "with generators trained like this one",
    "for the folder's images": "with the folder's images",
}
HEAD = (
    "arm",
    "balanced accuracy",
    "rarer half",
    "gain, points (95% interval)",
    "verdict",
)
BESIDE = (
    "arm",
    "macro F1",
    "calibration error",
    "change of the error (rarer half)",
    "p of the t test",
    "seconds of a training",
)
BESIDE_MEANS = (
    "Macro F1: the mean over classes of what recall and precision come to together. Calibration"
    f" error: how far the classifier's confidence is from how often it is right. {P_SAYS}."
)
THIRDS = ("rare", "middle", "frequent")
TIES = "Of classes with equally many training images the first one counts as rarer."


def gain_cards(gain: GainReport) -> list[str]:
    """Return the boxes of the first screen: verdict with claim, gain, error on rare classes."""
    chosen = gain.chosen
    seeds = len(gain.seeds)
    paired = counted(seeds, "paired seed")
    if chosen is None or chosen not in gain.gain:
        text = f"Only arms without a generator were compared, over {paired}."
        return [card("Verdict", "No generator", text, "unsure")]
    record, below = gain.gain[chosen], gain.baseline_of(chosen)
    verdict = record.verdict
    meaning = MEANING[verdict]
    if verdict == "no evidence":
        if seeds < FEWEST_SEEDS:
            meaning = f"{paired}; a verdict needs at least {FEWEST_SEEDS}."
        if chosen in (gain.settings.spoiled or ()):
            meaning = "The generator was trained on test images; see the notes."
        elif overtaken(seeds, record):
            meaning = "A free arm turned out to be stronger than the baseline; see the notes."
        elif record.few_units:
            meaning = "There are too few test images, or objects in them, for one; see the notes."
        elif settled := what_would_settle(gain):
            meaning += f" {sentence(settled)}"
    if few := too_few_of(gain.notes).partition(":")[0]:
        meaning += f" {sentence(few)}"
    width = f"95% interval {interval(record.low, record.high)}, over {paired}"
    others = other_free_arms(gain)
    return [
        card(
            "Verdict",
            verdict.capitalize(),
            f"{gain.claim.capitalize()}. {meaning}",
            STYLES[verdict],
        ),
        card(
            "Gain in balanced accuracy",
            f"{points(record.mean)} points",
            f"{'One seed, no interval' if seeds < 2 else width}: {chosen} against {below}"
            + (f"; {others}." if others else "."),
        ),
        card(
            "Change of the balanced error",
            _change(record.error_reduction),
            f"{_change(record.rare_error_reduction)} on the rarer half of the classes; less is"
            " better. The error is 100% less balanced accuracy.",
        ),
    ]


def gain_in_short(gain: GainReport) -> str:
    """Return one sentence for who decides, or nothing where the verdict supports none.

    There is a verdict, and the interval on the rarer half of the classes lies on one side of 0. A
    quick look is called one.
    """
    record = chosen_gain(gain)
    if record is None or record.verdict not in ("helps", "hurts") or gain.claim not in CLAIMS:
        return ""
    mean, low, high = record.rare_mean, record.rare_low, record.rare_high
    if mean is None or low is None or high is None or low <= 0 <= high:
        return ""
    number = f"about {max(1, round(100 * abs(mean)))}" if abs(mean) >= 0.005 else "under 1"
    ends = sorted(100 * abs(bound) for bound in (low, high))
    look = "A quick look, with no verdict to rely on: of" if gain.settings.quick else "Of"
    return (
        f"{look} 100 images of the rarer half of the classes, the classifier gets {number}"
        f" {'more' if mean > 0 else 'fewer'} right {CLAIMS[gain.claim]} than without (95% interval"
        f" {ends[0]:.1f} to {ends[1]:.1f})."
    )


def _change(reduction: float | None) -> str:
    return MISSING if reduction is None else f"{signed(f'{-100 * reduction:+.0f}')}%"


def arms_section(gain: GainReport) -> str:
    """Return the arms as dots and intervals, and as a table."""
    arms, baseline = gain.arms, gain.baseline
    scores = [score for arm in arms.values() for score in arm.balanced_accuracy]
    track = Track(100 * min(scores), 100 * max(scores))
    rows = [_level(track, name, arm.balanced_accuracy) for name, arm in arms.items()]
    key = [("ours", "with the generator"), ("free", "without"), ("free faint", "one seed")]
    parts = [
        heading("Balanced accuracy, percent"),
        plot(track, rows),
        legend(key),
    ]
    if gain.gain and len(gain.seeds) > 1:
        bounds = [100 * bound for one in gain.gain.values() for bound in (one.low, one.high)]
        track = Track(min(0.0, *bounds), max(0.0, *bounds))
        own = ", of longer arms as noted" if gain.choice.longer else ""
        parts.append(heading(f"Gain over {baseline}{own}, points, with 95% interval"))
        parts.append(plot(track, [_difference(track, *item) for item in gain.gain.items()]))
    marked = frozenset(i for i, name in enumerate(arms) if name == gain.chosen)
    parts.append(table(HEAD, [_arm_row(gain, name) for name in arms], marked, stacked=True))
    beside = [_beside_row(gain, name) for name in arms]
    parts += [heading("Beside balanced accuracy"), table(BESIDE, beside, marked, stacked=True)]
    parts.append(paragraph(BESIDE_MEANS, "note"))
    parts += [heading("Recall and precision by thirds of the classes"), _thirds(gain, marked)]
    parts.append(paragraph(TIES, "note"))
    parts += [paragraph(f"Note: {line}.", "note") for line in gain.notes]
    words = names_in_words(arms)
    return section("Arms", paragraph(_how(gain)), paragraph(f"{words}.", "note"), *parts)


def _thirds(gain: GainReport, marked: frozenset[int]) -> str:
    head = ["arm", *(f"{what}, {third}" for what in ("recall", "precision") for third in THIRDS)]
    keys = [*THIRDS, *(f"{third}_precision" for third in THIRDS)]
    rows = [
        (name, *(percent(mean_or_none(getattr(arm, key))) for key in keys))
        for name, arm in gain.arms.items()
    ]
    return table(head, rows, marked, stacked=True)


def _how(gain: GainReport) -> str:
    seeds = counted(len(gain.seeds), "paired seed")
    return (
        f"Each arm trains the same classifier on {gain.dataset}, over {seeds}; arms of one seed"
        " share images, initialisation and order. The others are compared with"
        f" {gain.baseline} (choice of the baseline: {gain.choice.rule}). Balanced accuracy is the"
        " mean of the classes' recalls, and recall the share of a class's images that are found."
    )


def _level(track: Track, name: str, scores: Sequence[float]) -> str:
    style = _style(name)
    marks = [track.seed(100 * score, style) for score in scores]
    middle = mean_or_none(scores)
    if middle is not None:
        marks.append(track.dot(100 * middle, style))
    return track_row(name, "".join(marks), percent(middle))


def _difference(track: Track, name: str, record: Gain) -> str:
    low, high, style = 100 * record.low, 100 * record.high, _style(name)
    marks = track.zero() + track.line(low, high, style) + track.dot(100 * record.mean, style)
    return track_row(name, marks, points(record.mean))


def _style(arm: str) -> str:
    return "ours" if parse_arm(arm).learned else "free"


def _arm_row(gain: GainReport, name: str) -> tuple[str, ...]:
    """Return the cells of `HEAD`."""
    arm, record = gain.arms[name], gain.gain.get(name)
    scores = [percent(mean_or_none(each)) for each in (arm.balanced_accuracy, arm.rarer_half)]
    if record is None:
        return (name, *scores, "baseline", "")
    width = interval(record.low, record.high) if len(gain.seeds) > 1 else "one seed"
    return (name, *scores, f"{points(record.mean)} ({width})", record.verdict)


def _beside_row(gain: GainReport, name: str) -> tuple[str, ...]:
    """Return the cells of `BESIDE`."""
    arm, record = gain.arms[name], gain.gain.get(name)
    scores = [percent(mean_or_none(each)) for each in (arm.macro_f1, arm.calibration_error)]
    seconds = f"{mean_or_none(arm.seconds) or 0:.0f}"
    if record is None:
        return (name, *scores, "", "", seconds)
    change = f"{_change(record.error_reduction)} ({_change(record.rare_error_reduction)})"
    p = "<0.001" if record.p < 0.001 else f"{record.p:.3f}"
    if len(gain.seeds) < 2:  # of one seed there is no t test
        p = MISSING
    return (name, *scores, change, p, seconds)


def classes_section(gain: GainReport, shown: ClassFilter = NO_FILTER) -> str:
    """Return recall with and without the generator, and training images, rarest class first."""
    classes = gain.classes
    counts = [mean_or_none(column) or 0 for column in zip(*gain.counts, strict=True)]
    below = gain.baseline_of(gain.chosen) if gain.chosen else gain.baseline
    before = recalls(gain, below)
    after = recalls(gain, gain.chosen) if gain.chosen else [None] * len(classes)
    sure = {each.name for each in class_changes(gain) if each.sure}
    judged = judged_counts(gain)
    known = [100 * value for value in (*before, *after) if value is not None]
    if not known:
        return ""
    amount, track = Track(0, max(*counts, 1)), Track(min(known), max(known))
    bars, rows = [], []
    for label in sorted(range(len(classes)), key=lambda label: counts[label]):
        name, old, new = classes[label], before[label], after[label]
        style = shown.mark(name)
        bar = amount.bar(counts[label], "free")
        beside = "" if judged is None else f" ({judged[label]:.0f})"
        bars.append(track_row(name, bar, f"{counts[label]:.0f}{beside}", style))
        marks = "" if old is None else track.dot(100 * old, "hollow")
        figure = percent(old)
        if old is not None and new is not None:
            change = "level" if name not in sure else "up" if new > old else "down"
            line = track.line(100 * min(old, new), 100 * max(old, new), change)
            marks = line + marks + track.dot(100 * new, change)
            figure = f"{percent(old)} → {percent(new)}"
        rows.append(track_row(name, marks, figure, style))
    key = [("hollow", below)]
    if gain.chosen:
        few = f", as all under {FEWEST_SEEDS} seeds" if len(gain.seeds) < FEWEST_SEEDS else ""
        key += [("up", f"{gain.chosen}, better"), ("down", "worse")]
        key.append(("level", f"may be luck{few}"))
    return section(
        "Classes",
        heading("Recall, percent, from the rarest class on"),
        plot(track, rows),
        legend(key),
        heading("Training images" + (" (and test images)" if judged is not None else "")),
        plot(amount, bars),
    )
