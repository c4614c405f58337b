"""What `check` found, as an object, as text and as JSON values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ganaug.images.image_set import utf8
from ganaug.values import printable
from ganaug.wording import counted

__all__ = [
    "EXAMPLES",
    "NAMED",
    "NO_COLOUR",
    "CheckReport",
    "ClassCheck",
    "Finding",
    "Outlook",
    "Times",
]

EXAMPLES = 50  # of odd or alike images that a finding names
SHOWN = 5  # of a finding's examples, in text
MOST_CLASSES = 40  # rows of the table
LONG = 3600  # seconds of evaluate
# On a machine that is free, `check` itself is at most one process on each core, and the timed steps
# of one thread have a core to themselves.
BUSY, OWN = 1.2, 0.85  # processes on each core; share of a core
UNNAMED = (
    "none named; copies that are cropped, moved, mirrored or turned are not found: name them in a"
    " groups.csv, or in a column of the table"
)
SMALL_SIDE = 32  # at which a step takes about as long as at smaller ones
WITH_PIXELS = 0.8  # a quarter of the pixels takes a third of the time (docs/training.md)
NAMED = "FILE SOURCE"  # in commands, where their names are not known
NO_COLOUR = "all images look grey"  # how the note about it begins; it stands beside the modes


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        kind: one of the words in docs/check.md, such as "unreadable".
        problem: whether it has to be mended before training; else it is worth a look.
        text: what was found and what to do, in a line.
        count: how many images (or pairs, or classes) it is about.
        examples: names of images or classes; of pairs and groups, "one = other".
    """

    kind: str
    problem: bool
    text: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClassCheck:
    """One class: its images, and what can be said about it after training.

    Attributes:
        name: of the class.
        train, test: images to train on and to judge on.
        gain: "yes", "weak" (fewer than 10 images, or groups, to judge on) or "no".
        diversity: "yes", "weak" (never OK, for want of images) or "no".
    """

    name: str
    train: int
    test: int
    gain: str
    diversity: str


@dataclass(frozen=True)
class Times:
    """Estimated seconds on this machine; None where it cannot be done.

    Attributes:
        fit, tune, evaluate: the three commands with their usual settings.
        device: "cpu" or "cuda[:N]".
        jobs: processes that `tune` and `evaluate` were assumed to run.
        load: processes at work on each core when they were estimated, the mean of a minute; None
            where the system does not tell.
        share: of a core that the timed steps of one thread got; None where they ran on a GPU.
        quick: `evaluate --quick`; None where it takes no less time than `evaluate`.
        two_arms: `evaluate --quick` with these `arms` alone, a free one and the generator's; None
            likewise.
    """

    fit: float
    tune: float | None
    evaluate: float | None
    device: str
    jobs: int
    load: float | None = None
    share: float | None = None
    quick: float | None = None
    two_arms: float | None = None
    arms: tuple[str, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether so much else was at work that the times swing."""
        crowded = self.load is not None and self.load > BUSY
        return crowded or (self.share is not None and self.share < OWN)


@dataclass(frozen=True)
class Outlook:
    """Whether a generator is likely to help a small network that is trained from scratch.

    Attributes:
        lift: what classes teach each other, in points; None where it cannot be measured.
        likely: True where it is; False where nobody can tell beforehand.
        reason: in a line.
    """

    lift: float | None
    likely: bool
    reason: str


@dataclass(frozen=True)
class CheckReport:
    """What `check` found; `print` shows it, `to_dict` gives JSON values.

    Attributes:
        source: what was checked.
        images, test_images: that can be read, of the training and of the test part.
        held_out: whether the test images are the fifth that `fit` holds out.
        groups: whether the source names groups.
        modes: images of each of Pillow's modes.
        sizes: smallest, median and largest (height, width), by number of pixels.
        training_size: (height, width) that `fit` trains at, or None where it refuses the images.
        classes: one record a class.
        findings: problems first.
        tuning: what `tune` can do with these images, in a line.
        never: whether it has nothing to measure on, so that it answers never.
        times: estimated durations, or None where they were not measured.
        outlook: whether a generator is likely to help, or None where it was not asked.
        next: the commands to go on with.
        notes: what the source says of itself.
        named: the file and the source, as the commands after `fit` take them.
    """

    source: str
    images: int
    test_images: int
    held_out: bool
    groups: bool
    modes: dict[str, int]
    sizes: dict[str, tuple[int, int]]
    training_size: tuple[int, int] | None
    classes: tuple[ClassCheck, ...]
    findings: tuple[Finding, ...]
    tuning: str
    never: bool
    times: Times | None
    outlook: Outlook | None
    next: tuple[str, ...]
    notes: tuple[str, ...] = ()
    named: str = NAMED

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that have to be mended before training."""
        return tuple(finding for finding in self.findings if finding.problem)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {name: _storable(value) for name, value in asdict(self).items()}

    def __str__(self) -> str:
        parts = [self._facts(), self._table(), self._findings(), self._times()]
        return "\n\n".join("\n".join(part) for part in parts if part)

    def _facts(self) -> list[str]:
        test = "held out by fit" if self.held_out else "of the test part"
        modes = ", ".join(f"{count} {mode}" for mode, count in self.modes.items())
        grey = [note for note in self.notes if note.startswith(NO_COLOUR)]
        sizes = ", ".join(f"{word} {_size(size)}" for word, size in self.sizes.items())
        trained = _size(self.training_size) if self.training_size else "none; see below"
        lines = [
            f"{printable(self.source)}: {counted(self.images, 'training image')},"
            f" {self.test_images} {test}, {counted(len(self.classes), 'class')}",
            f"sizes (height x width): {sizes}; training size: {trained}",
            "; ".join([f"modes: {modes}", *grey]),
            f"groups: {'yes' if self.groups else UNNAMED}",
        ]
        notes = [note for note in self.notes if note not in grey]
        return lines + [f"note: {printable(note)}" for note in notes]

    def _table(self) -> list[str]:
        shown = sorted(self.classes, key=lambda each: each.train)[:MOST_CLASSES]
        wide = max([len("class"), *(len(printable(each.name)) for each in shown)])
        test = "held out" if self.held_out else "test"
        lines = [f"{'class':<{wide}}  {'train':>6}  {test:>8}  judge gain  judge diversity"]
        lines += [
            f"{printable(each.name):<{wide}}  {each.train:>6}  {each.test:>8}"
            f"  {each.gain:<10}  {each.diversity}"
            for each in shown
        ]
        rest = len(self.classes) - len(shown)
        lines += [f"and {counted(rest, 'larger class')}"] if rest else []
        return [*lines, "judge: whether evaluate can judge this class; weak: few images for it"]

    def _findings(self) -> list[str]:
        lines = []
        for finding in self.findings:
            lines.append(f"{'problem' if finding.problem else 'look'}: {printable(finding.text)}")
            lines += [f"  {printable(each)}" for each in finding.examples[:SHOWN]]
            rest = finding.count - len(finding.examples[:SHOWN])
            if finding.examples and rest > 0:
                lines.append(f"  and {rest} more")
        return lines or ["nothing found that stands in the way"]

    def _times(self) -> list[str]:
        lines = [f"tune: {self.tuning}"]
        if self.times is not None:
            lines += self._durations(self.times)
        if self.outlook is not None:
            said = "likely helps a network from scratch" if self.outlook.likely else "cannot tell"
            then = "" if self.outlook.likely else ": tune and evaluate decide"
            lines.append(f"outlook: {said} ({self.outlook.reason}){then}")
        return lines + [f"next: {command}" for command in self.next]

    def _durations(self, times: Times) -> list[str]:
        known = times.tune is not None and times.evaluate is not None
        commands = {
            "fit": times.fit,
            "tune": times.tune,
            "evaluate": times.evaluate,
            "all three": sum((times.fit, times.tune or 0, times.evaluate or 0)) if known else None,
            "evaluate --quick": times.quick,
        }
        share = min(1.0, times.share or 1.0) if times.busy else 1.0
        each = [
            f"{name} {_range(share * took, took)}"
            for name, took in commands.items()
            if took is not None
        ]
        at = "" if self.training_size is None else f"at {_size(self.training_size)} "
        jobs = counted(times.jobs, "process")
        lines = [f"about, {at}on this machine ({times.device}, {jobs}): {', '.join(each)}"]
        if times.busy:
            load = [] if times.load is None else [f"{times.load:.1f} processes a core"]
            got = [] if times.share is None else [f"a step got {share:.0%} of one"]
            first = ": the first is for a free machine, the second for one as busy" * (share < 1)
            lines.append(f"the machine is busy ({', '.join(load + got)}), and times swing{first}")
        if (times.evaluate or 0) > LONG and times.two_arms is not None:
            look = _range(share * times.two_arms, times.two_arms)
            lines.append(
                f"too long? this look takes about {look}: ganaug evaluate"
                f" {self.named} --quick --arms {','.join(times.arms)}"
            )
        if (times.evaluate or 0) > LONG and min(self.training_size or (0,)) > SMALL_SIDE:
            height, width = self.training_size or (SMALL_SIDE, SMALL_SIDE)
            shorter = times.fit * (SMALL_SIDE**2 / (height * width)) ** WITH_PIXELS
            took = _range(share * shorter, shorter)
            lines.append(
                f"with --size {SMALL_SIDE} fit takes about {took}; evaluate takes as long, for its"
                " network halves large images first"
            )
        return lines


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _range(least: float, most: float) -> str:
    """Return two durations in words, or one where they are the same."""
    words = dict.fromkeys((_duration(least), _duration(most)))
    return " to ".join(words)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _storable(value: Any) -> Any:
    """Return a JSON value without what a file's name holds beside UTF-8."""
    if isinstance(value, str):
        return utf8(value)
    if isinstance(value, dict):
        return {_storable(name): _storable(each) for name, each in value.items()}
    return type(value)(map(_storable, value)) if isinstance(value, list | tuple) else value
