"""A comparison as tables of text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ganaug.artifact.checks import printable
from ganaug.evaluation.gain.intervals import FEWEST_SEEDS, MOST_SEEDS

if TYPE_CHECKING:
    from ganaug.evaluation.gain.report import Gain, GainReport

__all__ = ["gain_table", "overtaken", "what_would_settle"]


def gain_table(report: GainReport) -> str:
    """Return the arms with their gain and verdict, then what stands beside balanced accuracy."""
    seeds = len(report.seeds)
    rows = [("arm", "balanced accuracy", "rarer half", "gain (95% interval)", "verdict")]
    more = [("arm", "recall", "precision", "macro F1", "calibration error", "error gone", "p")]
    for name, arm in report.arms.items():
        gain = report.gain.get(name)
        rows.append(
            (
                name,
                _spread(arm.balanced_accuracy),
                _spread(arm.rarer_half),
                "baseline" if gain is None else _interval(gain, seeds),
                "" if gain is None else gain.verdict,
            )
        )
        more.append(
            (
                name,
                _thirds(arm.rare, arm.middle, arm.frequent),
                _thirds(arm.rare_precision, arm.middle_precision, arm.frequent_precision),
                _percent(arm.macro_f1),
                _percent(arm.calibration_error),
                *_beside(gain),
            )
        )
    few = f" (a verdict needs {FEWEST_SEEDS})" if seeds < FEWEST_SEEDS else ""
    lines = [
        *_columns(rows),
        f"{printable(report.dataset)}, {seeds} seed{'s' if seeds > 1 else ''}{few}, {report.claim};"
        " scores in percent",
    ]
    chosen = report.gain.get(report.chosen or "")
    if (
        chosen is not None
        and chosen.verdict == "no evidence"
        and seeds > 1
        and not overtaken(seeds, chosen.verdict, chosen.t, chosen.bootstrap)
    ):
        lines.append(f"{report.chosen}: {what_would_settle(chosen.mean, chosen.seeds_to_settle)}")
    lines.extend(f"note: {printable(note)}" for note in report.notes)
    lines += ["", *_columns(more)]
    lines.append(
        "recall and precision of the rare / middle / frequent third of the classes; error gone of"
        " all classes (of the rarer half); p of the paired t test"
    )
    return "\n".join(line.rstrip() for line in lines)


def overtaken(seeds: int, verdict: str, t: Sequence[float], bootstrap: Sequence[float]) -> bool:
    """Whether a gain over the baseline is no evidence for want of one over a stronger free arm."""
    both = t[0] > 0 and bootstrap[0] > 0
    return both and verdict == "no evidence" and seeds >= FEWEST_SEEDS


def what_would_settle(mean: float, seeds: int | None) -> str:
    """Return in words how many seeds would tell a gain of `mean` from none."""
    gain = f"a gain of {100 * mean:+.1f} points"
    if seeds is not None:
        return f"about {seeds} seeds would settle {gain}, with a chance of 80%"
    return f"not even {MOST_SEEDS} seeds would settle {gain}; more test images might"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def _known(scores: Sequence[float | None]) -> list[float]:
    return [score for score in scores if score is not None]


def _percent(scores: Sequence[float | None]) -> str:
    known = _known(scores)
    return f"{100 * float(np.mean(known)):.1f}" if known else "-"


def _spread(scores: Sequence[float | None]) -> str:
    known = _known(scores)
    if len(known) < 2:
        return _percent(known)
    return f"{_percent(known)} ± {100 * float(np.std(known, ddof=1)):.1f}"


def _thirds(*thirds: Sequence[float | None]) -> str:
    return " / ".join(_percent(scores) for scores in thirds)


def _beside(gain: Gain | None) -> tuple[str, str]:
    """Return the share of the error that is gone and the p value; nothing for the baseline."""
    if gain is None:
        return "", ""
    shares = [
        "-" if share is None else f"{100 * share:.0f}%"
        for share in (gain.error_reduction, gain.rare_error_reduction)
    ]
    return f"{shares[0]} ({shares[1]})", "-" if gain.p is None else f"{gain.p:.2g}"


def _interval(gain: Gain, seeds: int) -> str:
    mean = f"{100 * gain.mean:+.1f}"
    if seeds < 2:
        return f"{mean} (one seed: no interval)"
    return f"{mean} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
