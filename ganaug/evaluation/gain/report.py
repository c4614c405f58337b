"""`GainReport`: what a comparison found, as numbers, as JSON and as a table in text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from ganaug.errors import ConfigError
from ganaug.evaluation.arms import parse_arm
from ganaug.evaluation.gain.intervals import FEWEST_SEEDS, MOST_SEEDS
from ganaug.evaluation.gain.judge import P_SAYS, ArmResult, Evidence, Gain, judge, overtaken
from ganaug.evaluation.gain.notes import (
    NO_VERDICT,
    few_units,
    other_versions,
    own_baselines,
    stronger_arms,
)
from ganaug.evaluation.gain.scores import exact_mean, mean_or_none
from ganaug.evaluation.gain.settings import IMAGES, Choice, Settings
from ganaug.values import printable
from ganaug.wording import counted, points, table_lines

__all__ = [
    "GainReport",
    "chosen_gain",
    "other_free_arms",
    "stronger_free_arm",
    "what_would_settle",
]

MADE_ANEW = (
    ": helps needs a gain over",  # as it was written before
    ': "helps" needs a gain over',
    " trained as long as ",
    NO_VERDICT,
)  # in notes that follow from numbers


@dataclass(frozen=True)
class GainReport:
    """What a comparison found. `print` shows a table, `to_dict` gives JSON values.

    Attributes:
        dataset: what was judged on.
        seeds: of the runs.
        classes: class names.
        counts: by seed: training images of each class.
        test_images: by seed.
        arms: by name.
        baseline: the free arm that the others are compared with.
        chosen: the arm with the generator, else that with a folder's images, else None.
        gain: of each arm but the baseline; of one in `choice.longer` over a baseline of its own.
        claim: "for this generator", "for the method", "for the folder's images", or "for free
            arms".
        choice: how the baseline was chosen.
        settings: what was trained, and how.
        environment: versions, and what the caller adds.
        notes: what a reader should know, one line each.
        evidence: what the numbers came from, or None after `from_dict`.
    """

    dataset: str
    seeds: tuple[int, ...]
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    test_images: tuple[int, ...]
    arms: dict[str, ArmResult]
    baseline: str
    chosen: str | None
    gain: dict[str, Gain]
    claim: str
    choice: Choice
    settings: Settings
    environment: dict[str, Any]
    notes: tuple[str, ...] = ()
    evidence: Evidence | None = field(default=None, repr=False, compare=False)

    def baseline_of(self, arm: str) -> str:
        """Return the free arm that the gain of `arm` is over: one of its length."""
        return self.choice.longer.get(arm, (self.baseline,))[0]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values, without the predictions."""
        values = asdict(replace(self, evidence=None)) | {"choice": self.choice.to_dict()}
        return _listed(values, skip="evidence")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GainReport:
        """Return the report that `to_dict` gave.

        Raises:
            ConfigError: a field is missing.
        """
        try:
            arms = {name: ArmResult(**_frozen(arm)) for name, arm in values["arms"].items()}
            gain = {name: Gain(**_frozen(each)) for name, each in values["gain"].items()}
            names = [name for name in cls.__dataclass_fields__ if name != "evidence"]
            plain = {name: values[name] for name in names if name not in ("arms", "gain")}
            plain["choice"] = Choice.from_dict(values["choice"])
            plain["settings"] = Settings(**values["settings"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"gain report: {error} is missing or unknown; allowed: what GainReport.to_dict"
                " gave; make the report again"
            ) from error
        for name in ("seeds", "classes", "counts", "test_images", "notes"):
            plain[name] = _tuples(plain[name])
        return cls(arms=arms, gain=gain, **plain)

    def merge(self, other: GainReport) -> GainReport:
        """Return the report over the seeds of both.

        What it says of the choice of the baseline and of versions is what this report says; a note
        tells of other versions.

        Raises:
            ConfigError: the reports differ in images, arms, classes or settings, share a seed, or
                came from a file; then run `evaluate_gain` with all seeds and the same `out`.
        """
        for name, (mine, theirs) in _paired(self, other).items():
            if mine != theirs:
                raise ConfigError(
                    f"merge: {name} differs, {mine!r:.60} and {theirs!r:.60}; allowed: reports of"
                    " one comparison with other seeds; evaluate both on the same images with the"
                    " same settings"
                )
        shared = sorted(set(self.seeds) & set(other.seeds))
        if shared or set(self.arms) != set(other.arms):
            what = f"seed {shared[0]} is in both" if shared else "the arms differ"
            raise ConfigError(
                f"merge: {what}; allowed: the same arms with other seeds; evaluate again with"
                " other seeds"
            )
        ours, others = self.evidence, other.evidence
        if ours is None or others is None:
            raise ConfigError(
                "merge: a report from a file has no predictions; allowed: reports as evaluate_gain"
                " returned them; call evaluate_gain with all seeds and the same out= folder"
            )
        evidence = Evidence(
            {**ours.outcomes, **others.outcomes},
            {**ours.tests, **others.tests},
            {**ours.counts, **others.counts},
        )
        of_both = [each.environment.get("versions", {}) for each in (self, other)]
        notes = tuple(dict.fromkeys((*self.notes, *other.notes, *other_versions(*of_both))))
        seeds = (*self.seeds, *other.seeds)
        by_seed = {
            name: value + other.environment.get(name, [])
            for name, value in self.environment.items()
            if isinstance(value, list)
        }
        whole = replace(self, notes=notes, environment=self.environment | by_seed)
        return whole.judged_on(evidence, seeds, tuple(self.arms))

    def judged_on(
        self, evidence: Evidence, seeds: Sequence[int], arms: Sequence[str]
    ) -> GainReport:
        """Return this report with every number computed from `evidence`.

        A free arm that turned out to be stronger than the baseline is told of in a note.
        """
        choice = self.choice
        found = judge(
            evidence,
            seeds=seeds,
            arms=arms,
            baseline=self.baseline,
            free_arms=choice.free_arms,
            num_classes=len(self.classes),
            longer=choice.longer,
            spoiled=self.settings.spoiled or (),
        )
        kept = [note for note in self.notes if not any(words in note for words in MADE_ANEW)]
        return replace(
            self,
            seeds=tuple(seeds),
            counts=tuple(tuple(int(n) for n in evidence.counts[seed]) for seed in seeds),
            test_images=tuple(len(evidence.tests[seed].labels) for seed in seeds),
            arms=found.arms,
            gain=found.gain,
            notes=(
                *kept,
                *few_units([evidence.tests[seed] for seed in seeds]),
                *own_baselines(choice),
                *stronger_arms(found.stronger, self.baseline),
            ),
            evidence=evidence,
        )

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int | None = None) -> str:
        """Return the tables; where they are wider than `width`, each arm has a line of its own."""
        return _table(self, width)


def _paired(ours: GainReport, theirs: GainReport) -> dict[str, tuple[Any, Any]]:
    """Return by name what two reports of one comparison have in common, as far as both say it."""
    names = ("classes", "baseline", "chosen", "claim")
    pairs = {name: (getattr(ours, name), getattr(theirs, name)) for name in names}
    of_one, of_other = asdict(ours.settings), asdict(theirs.settings)
    return pairs | {
        f"settings.{name}": (of_one[name], of_other[name])
        for name in of_one
        if name not in IMAGES or None not in (of_one[name], of_other[name])
    }


def _table(report: GainReport, width: int | None) -> str:
    """Return the arms with their gain and verdict, then what stands beside balanced accuracy."""
    seeds = len(report.seeds)
    rows = [("arm", "balanced accuracy", "rarer half", "gain (95% interval)", "verdict")]
    more = [("arm", "recall", "precision", "macro F1", "calibration", "change of the error", "p")]
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
                *_beside(gain, seeds),
            )
        )
    few = f" (a verdict needs {FEWEST_SEEDS})" if seeds < FEWEST_SEEDS else ""
    lines = [
        *_first_line(report),
        *table_lines(rows, width),
        f"{printable(report.dataset)}, {counted(seeds, 'seed')}{few}, {report.claim};"
        " scores in percent",
    ]
    if settled := what_would_settle(report):
        lines.append(f"{report.chosen}: {settled}")
    lines.extend(f"note: {printable(note)}" for note in report.notes)
    lines += ["", *table_lines(more, width)]
    lines += [
        "recall and precision: of the rare / middle / frequent third of the classes; of equally"
        " many images the first class counts as rarer",
        "change of the error: of 100% less balanced accuracy, in brackets of the rarer half",
        "calibration: how far confidence is from how often it is right, in percent",
        P_SAYS,
    ]
    return "\n".join(line.rstrip() for line in lines)


def chosen_gain(report: GainReport | None) -> Gain | None:
    """Return the gain that the verdict is about; None where only free arms were compared."""
    return None if report is None else report.gain.get(report.chosen or "")


def stronger_free_arm(report: GainReport) -> str:
    """Return the strongest free arm, where it has more than the baseline of the chosen one; else
    nothing."""
    rivals = report.choice.longer.get(
        str(report.chosen), (report.baseline, *report.choice.free_arms)
    )
    level = {name: exact_mean(arm.balanced_accuracy) for name, arm in report.arms.items()}
    best = max((name for name in rivals if name in level), key=level.__getitem__)
    return best if level[best] > level[rivals[0]] else ""


def other_free_arms(report: GainReport) -> str:
    """Return in words the free arm that is stronger than the baseline of the chosen one, or that
    none but the baseline was compared; else nothing."""
    if chosen_gain(report) is None:
        return ""
    if best := stronger_free_arm(report):
        own = report.baseline_of(str(report.chosen))
        scores = [100 * exact_mean(report.arms[name].balanced_accuracy) for name in (best, own)]
        for digits in (1, 2):
            more, less = (f"{score:.{digits}f}" for score in scores)
            if more != less:
                return f"{best}, without a generator, has {more}, more than the {less} of {own}"
        return f"{best}, without a generator, has a little more than the {less} of {own}"
    if sum(parse_arm(name).free for name in report.arms) == 1:
        return "no other training without a generator was compared: one may be stronger"
    return ""


def _first_line(report: GainReport) -> list[str]:
    """Return verdict and gain above the tables, where that is not over the strongest free arm."""
    told, gain = other_free_arms(report), chosen_gain(report)
    if gain is None or not told:
        return []
    below = report.baseline_of(str(report.chosen))
    return [
        f"{gain.verdict}: {report.chosen}, {points(gain.mean)} points against {below}; {told}",
        "",
    ]


def what_would_settle(report: GainReport) -> str:
    """Return in words how many seeds would tell the chosen arm's gain from none.

    Nothing is said where there is a verdict, or a stronger free arm took it away; nor of a quick
    look, few seeds or very few test images, which do not tell how far they differ; nor of a
    generator that saw test images. With a mean of 0, as of two trainings that predict the same, no
    more of anything settles it.
    """
    found, seeds = chosen_gain(report), len(report.seeds)
    if found is None or found.verdict != "no evidence" or overtaken(seeds, found):
        return ""
    spoiled = report.chosen in (report.settings.spoiled or ())
    if report.settings.quick or seeds < FEWEST_SEEDS or found.few_units or spoiled:
        return ""
    if abs(found.mean) < 1e-12:
        return "the mean gain is 0, which no number of seeds or test images would settle"
    size = points(found.mean).removeprefix("-")
    size = "under 0.05" if size == "0.0" else size
    gain = f"a {'gain' if found.mean > 0 else 'loss'} of {size} points"
    if found.seeds_to_settle is not None:
        return f"about {found.seeds_to_settle} seeds would settle {gain}, with a chance of 80%"
    return f"not even {MOST_SEEDS} seeds would settle {gain}; more test images might"


def _percent(scores: Sequence[float | None]) -> str:
    mean = mean_or_none(scores)
    return "-" if mean is None else f"{100 * mean:.1f}"


def _spread(scores: Sequence[float | None]) -> str:
    known = [score for score in scores if score is not None]
    if len(known) < 2:
        return _percent(known)
    return f"{_percent(known)} ± {100 * float(np.std(known, ddof=1)):.1f}"


def _thirds(*thirds: Sequence[float | None]) -> str:
    return " / ".join(_percent(scores) for scores in thirds)


def _beside(gain: Gain | None, seeds: int) -> tuple[str, str]:
    """Return the change of the error and the p value; nothing for the baseline.

    Of one seed there is no t test.
    """
    if gain is None:
        return "", ""
    shares = [
        "-" if share is None else f"{round(-100 * share):+d}%"
        for share in (gain.error_reduction, gain.rare_error_reduction)
    ]
    return f"{shares[0]} ({shares[1]})", "-" if seeds < 2 else f"{gain.p:.2g}"


def _interval(gain: Gain, seeds: int) -> str:
    mean = points(gain.mean)
    if seeds < 2:
        return f"{mean} (one seed: no interval)"
    return f"{mean} ({points(gain.low)} to {points(gain.high)})"


def _listed(value: Any, skip: str | None = None) -> Any:
    if isinstance(value, dict):
        return {key: _listed(each) for key, each in value.items() if key != skip}
    if isinstance(value, list | tuple):
        return [_listed(each) for each in value]
    return value


def _frozen(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _tuples(value) for key, value in values.items()}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list | tuple) else value
