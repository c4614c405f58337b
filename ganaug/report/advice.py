"""What to do next, from what was measured: the lines under the first screen of the report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

import numpy as np

from ganaug.artifact.format import Metadata
from ganaug.evaluation.arms import Arm, parse_arm
from ganaug.evaluation.diversity.report import DiversityReport
from ganaug.evaluation.diversity.words import COPYING, FAILURES
from ganaug.evaluation.gain.intervals import FEWEST_SEEDS
from ganaug.evaluation.gain.judge import overtaken
from ganaug.evaluation.gain.notes import enough_steps, of_other_images, too_few_of, too_short
from ganaug.evaluation.gain.report import (
    GainReport,
    chosen_gain,
    other_free_arms,
    stronger_free_arm,
)
from ganaug.evaluation.tuning.rarity import is_measurable
from ganaug.report.class_changes import class_changes
from ganaug.report.text import unused
from ganaug.training.config import PRESETS, FitConfig
from ganaug.wording import counted, first_names, points

__all__ = ["NAMED", "Named", "advice", "advice_list", "in_short", "next_step"]

MOST_NAMED = 5  # classes
CODE = re.compile("`([^`]+)`")
OF_FIT = re.compile(r"--steps (\d+)(?=\b.* a new)")
TUNE, JUDGE = "ganaug tune FILE SOURCE", "ganaug evaluate FILE SOURCE --seeds"
OF_WHOLE = re.compile(rf"{TUNE}|{JUDGE} \d+")
TICK = "\0"  # a backtick of a name, while code stands between backticks; no name has it
FEW = 10  # times fewer steps than a preset takes
TOO_SHORT = "Train a longer one first"
SHORT_WORDS = ("COLLAPSED", "UNFAITHFUL")  # of what a longer training may mend


class Named(NamedTuple):
    """What the commands of the advice take.

    Attributes:
        what: file and source, with the options that say how both are used.
        compared: further options of `evaluate`, with a space before.
        steps: its option --steps, the same way; left out where a command has another number.
        run: whether `ganaug run` was called, which stands for `fit`, too.
        whole: the command that has a policy and a verdict, where `run` had a quick look.
    """

    what: str = "FILE SOURCE"
    compared: str = ""
    steps: str = ""
    run: bool = False
    whole: str = ""

    def escaped(self) -> Named:
        """Return the same for HTML."""
        what, compared, steps, run, whole = self
        return Named(escape(what), escape(compared), escape(steps), run, escape(whole))

    def put_into(self, line: str) -> str:
        """Return the line with these in the place of FILE SOURCE."""
        judging = "ganaug evaluate FILE SOURCE"
        if self.run:
            line = OF_FIT.sub(r"--set steps=\1", line.replace("ganaug fit", "ganaug run"))
        if self.whole:
            line = OF_WHOLE.sub(lambda _: self.whole, line)
        steps = "" if f"{judging} --steps" in line else self.steps
        line = line.replace(judging, f"ganaug evaluate {self.what}{self.compared}{steps}")
        return line.replace(" FILE SOURCE", f" {self.what}")


NAMED = Named()


def in_short(
    gain: GainReport | None, diversity: DiversityReport | None, info: Metadata | None = None
) -> list[str]:
    """Return in a line what was found: the tables may have scrolled away."""
    found = []
    record = chosen_gain(gain)
    if gain is not None and record is not None:
        look = "a quick look: " if gain.settings.quick else ""
        text = f"{look}{record.verdict}, {points(record.mean)} points of balanced accuracy"
        if len(gain.seeds) > 1:
            text += f" (95% interval {points(record.low)} to {points(record.high)})"
        found.append(text)
        found += filter(None, [other_free_arms(gain)])
    if diversity is not None:
        words = [each.word for each in diversity.classes]
        counts = {word: words.count(word) for word in FAILURES if word in words}
        about = unused(info.policy) if info is not None else ""
        end = counted(len(words), "class") + (f", {about}" if about else "")
        found += [f"{word} in {count} of {end}" for word, count in counts.items()]
    return [f"in short: {'; '.join(found)}"] if found else []


def advice_list(
    gain: GainReport | None,
    diversity: DiversityReport | None,
    info: Metadata | None = None,
    named: Named = NAMED,
) -> str:
    """Return the advice as HTML, or nothing where there is none."""
    quoted, lines = named.escaped(), _lines(gain, diversity, info, named)
    marked = [CODE.sub(r"<code>\1</code>", escape(line)) for line in lines]
    marked = [line.replace(TICK, "`") for line in marked]
    items = "".join(f"<li>{quoted.put_into(line)}</li>" for line in marked)
    return f"<h3>What to do next</h3><ul>{items}</ul>" if items else ""


def next_step(
    gain: GainReport | None, diversity: DiversityReport | None, info: Metadata, named: Named
) -> list[str]:
    """Return the first of the advice, for the terminal; none where there is none."""
    return advice(gain, diversity, info, named)[:1]


def advice(
    gain: GainReport | None,
    diversity: DiversityReport | None,
    info: Metadata | None = None,
    named: Named = NAMED,
) -> list[str]:
    """Return what to do next, a line each: about the verdict, single classes, and copies.

    Args:
        gain, diversity: what was measured.
        info: of the generator that was judged, where it is known.
        named: what its commands take.
    """
    plain = [CODE.sub(r"\1", line) for line in _lines(gain, diversity, info, named)]
    return [named.put_into(line.replace(TICK, "`")) for line in plain]


def _name(text: object) -> str:
    """Return a name as it stands in lines whose code is between backticks."""
    return str(text).replace("`", TICK)


def _lines(
    gain: GainReport | None,
    diversity: DiversityReport | None,
    info: Metadata | None,
    named: Named,
) -> list[str]:
    """Return the advice about FILE and SOURCE, its code between backticks."""
    lines = [*_of_verdict(gain, diversity, info), *_of_few(gain), *_of_classes(gain)]
    if named.whole and any(JUDGE in line for line in lines):  # by a command that tunes, too
        lines = [line for line in lines if TUNE not in line]
    if not any(TOO_SHORT in line for line in lines):
        lines += _of_failures(diversity, info)
    return [*lines, *_of_copies(diversity)]


def _of_verdict(
    gain: GainReport | None, diversity: DiversityReport | None, info: Metadata | None
) -> Iterator[str]:
    record = chosen_gain(gain)
    if gain is None or record is None:
        return
    if info is not None and (gain.settings.quick or record.verdict != "helps"):
        yield from _left_out(gain, info)
    arm = parse_arm(str(gain.chosen))
    folder, below = arm.folder is not None, gain.baseline_of(arm.name)
    free = _without(gain, "folder" if folder else "generator")
    few = len(gain.seeds) < FEWEST_SEEDS
    if gain.settings.quick and record.verdict in ("helps", "hurts"):
        yield (
            "This was a quick look, with no verdict to rely on. For one, without `--quick`:"
            f" {_for_a_verdict(gain)}"
        )
    if short := too_short(gain.notes):
        more = _enough_steps(gain)
        yield (
            "The classifiers were trained so briefly that longer trainings can turn the answer."
            f" Compare with more steps, with `ganaug run` by `--classifier-steps {more}` and a new"
            f" `--out`, else: `ganaug evaluate FILE SOURCE --steps {more}`"
        )
        free = "Which training is best is open, too."
    if record.verdict == "helps":
        yield _as_judged(gain, arm)
    elif record.verdict == "hurts":
        yield f"Do not use it. {free} A longer training or a pretrained network may gain more."
    elif record.verdict == "no change":
        judged = "The policy" if _of_file(gain) else f"The policy of {_name(gain.chosen)}"
        yield f"{judged} is never to vary, so nothing changes. {free}"
    elif gain.chosen in (gain.settings.spoiled or ()):
        yield "Judge on images that the generator was not trained on."
    elif record.few_units:
        yield "Judge on more test images, of more objects where they are in groups."
    elif gain.settings.quick or few:
        looked = f"No verdict rests on {counted(len(gain.seeds), 'seed')}. For a verdict:"
        if gain.settings.quick:
            looked = "This was a quick look. For a verdict, without `--quick`:"
        yield f"{looked} {_for_a_verdict(gain)}"
    elif short:
        return
    elif overtaken(len(gain.seeds), record):
        name = "" if below == gain.baseline else " without its longer-N"
        yield f"Train as the stronger free arm does, and compare with it{name}: `--baseline NAME`"
    elif _failed(diversity) and not folder:
        yield (
            f"{free} Or train the generator longer (`fit --steps`, in a new folder), and ask again."
        )
    else:
        yield f"{free} More test images would tell a smaller gain."


def _without(gain: GainReport, what: str) -> str:
    """Return how to train without the generator or folder, as far as it was compared."""
    below = _name(gain.baseline_of(str(gain.chosen)))
    if stronger := stronger_free_arm(gain):
        return (
            f"Train without a {what}: with {below}, or with {_name(stronger)}, which had more on"
            " these test images."
        )
    return f"Train with {below}, which needs no {what}."


def _for_a_verdict(gain: GainReport) -> str:
    """Return the same command with seeds enough."""
    return f"`{JUDGE} {max(FEWEST_SEEDS, len(gain.seeds))}`"


def _left_out(gain: GainReport, info: Metadata) -> Iterator[str]:
    """Yield what may be missing before this file is judged."""
    if not parse_arm(str(gain.chosen)).needs_generator or gain.settings.refit is not None:
        return
    usual = min(preset.steps for preset in PRESETS.values())
    if info.steps < usual / FEW:
        yield (
            f"The generator was trained for {counted(info.steps, 'step')} alone; the presets take"
            f" {usual:,} or more. {TOO_SHORT}: `ganaug fit` without `--steps`, with a new `--out`."
        )
    measurable = is_measurable(np.asarray(info.counts))
    rule = info.policy is not None and info.policy.source == "rule"
    if rule and measurable and _of_file(gain) and not of_other_images(gain.notes):
        yield (
            f"How often to vary comes from a rule and was not measured. Measure it first: `{TUNE}`"
        )


def _enough_steps(gain: GainReport) -> int | str:
    """Return how many steps of a classifier are not too few, as far as the record tells."""
    if gain.settings.batch is None:
        return "N"
    return enough_steps(int(np.sum(gain.counts[0])), gain.settings.batch)


def _of_file(gain: GainReport) -> bool:
    """Whether the policy that was judged is that of the file."""
    return gain.settings.refit is None and not parse_arm(str(gain.chosen)).options


def _as_judged(gain: GainReport, arm: Arm) -> str:
    """Return how to train as `arm`, which helps, was trained."""
    if gain.settings.refit is not None and arm.learned:
        return (
            "The verdict is about new generators, trained as this one was, and not about this file"
            " and its policy. For the file leave `--refit` out."
        )
    if arm.folder is not None:
        what = "alone" if arm.use == "folder-only" else "too"
        return f"Train on the images of the folder, {what}; the rest is as in {_name(arm.name)}."
    if arm.use == "mixed":
        what = (
            "train on `MixedDataset(real, SyntheticDataset(FILE, source=real))`, with"
            ' `counts="balance"` where the file holds no policy'
        )
    elif arm.use == "synthetic":
        what = (
            "train on `SyntheticDataset(FILE, source=real, counts={CLASS: number, ...})` alone, as"
            " many of each class as the largest has"
        )
    else:
        what = f"put `{_transform(arm)}` first in the transforms of your training"
    if (until := arm.option("until")) is not None:
        what += f", for the first {100 * until:g}% of it"
    return f"Use the file: {what}; the rest is as in {_name(arm.name)}."


def _transform(arm: Arm) -> str:
    """Return the call of `GANAugment` that varies as `arm` does."""
    p, scale = arm.option("p"), arm.option("scale")
    given = ["FILE"]
    if p is not None:
        given.append(f"p={p:.12g}")
    elif arm.option("top") is not None or arm.option("from") is not None:
        given.append("p={CLASS: p, ...}")  # by the counts of the classes
    if scale is not None:
        given.append(f"scale={scale:.12g}")
    return f"GANAugment({', '.join(given)})"


def _of_classes(gain: GainReport | None) -> Iterator[str]:
    """Name classes that lose."""
    if gain is None:
        return
    lost = [each.name for each in class_changes(gain) if each.sure and each.change < 0]
    if lost and gain.gain[str(gain.chosen)].verdict == "helps":
        classes = "Class" if len(lost) == 1 else "Classes"
        yield (
            f"{classes} {first_names(lost, MOST_NAMED, _name)}: fewer images are found. Where such"
            f" a class matters, leave it as it is{_others(parse_arm(str(gain.chosen)))}."
        )


def _of_few(gain: GainReport | None) -> Iterator[str]:
    """Ask for images of classes of which hardly anything can be said."""
    if gain is not None and (few := too_few_of(gain.notes)):
        yield f"Add test images: {_name(few)}. What is said of such a class may be chance."


def _others(arm: Arm) -> str:
    """Return how to leave a class of `arm` as it is, as the end of a sentence."""
    if arm.use == "transform":
        return ': `GANAugment(FILE, p={"NAME": 0.5, ...})` varies only the classes that it names'
    if arm.folder is not None:
        return ", without images of the folder"
    call = 'SyntheticDataset(FILE, source=real, counts={"NAME": 100, ...})'
    return f": `{call}` makes images only of the classes that it names"


def _of_failures(diversity: DiversityReport | None, info: Metadata | None) -> Iterator[str]:
    """Say to train longer where classes fail after fewer steps than usual."""
    if diversity is None or info is None:
        return
    found = [word for word in SHORT_WORDS if any(word == each.word for each in diversity.classes)]
    like, usual = _preset_of(info)
    if found and info.steps < usual:
        yield (
            f"{' and '.join(found)} after {counted(info.steps, 'step')}; the usual number is"
            f" {usual:,}. Train longer: `ganaug fit` as before, with `--steps {usual}` and a new"
            " `--out`."
        )
    elif found and like in ("tiny", "small"):
        yield (
            f"{' and '.join(found)} with a network like that of the preset {like}. Train a larger"
            " one: `ganaug fit` as before, with `--preset base` and a new `--out`."
        )


def _preset_of(info: Metadata) -> tuple[str, int]:
    """Return the preset that the generator is most like, and the steps that it takes."""
    names = ("architecture", "width", "strided")

    def alike(preset: FitConfig) -> int:
        return sum(info.config.get(name) == getattr(preset, name) for name in names)

    like = max(("base", "small", "tiny", "classic"), key=lambda name: alike(PRESETS[name]))
    return like, PRESETS[like].steps


def _of_copies(diversity: DiversityReport | None) -> Iterator[str]:
    if diversity is None:
        return
    copied = [each.name for each in diversity.classes if COPYING in (each.word, *each.words)]
    if copied:
        yield (
            f"Images of {first_names(copied, MOST_NAMED, _name)} repeat training images: look at"
            " the suspicious samples before you share the file."
        )


def _failed(diversity: DiversityReport | None) -> bool:
    return diversity is not None and any(each.word in FAILURES for each in diversity.classes)
