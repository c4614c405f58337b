"""Which steps of `ganaug run` are done, and how long those to come take."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ganaug.cli.console import Settings, say
from ganaug.errors import RunError

__all__ = ["CHECKED", "QUICK_STEPS", "STEPS", "Ledger"]

STEPS = ("check", "fit", "export", "tune", "evaluate")
QUICK_STEPS = (*STEPS[:3], "look")  # a quick one, after which all can go on with `tune`
IN_ORDER = (*QUICK_STEPS, *STEPS[3:])
OF_WHOLE = ("seeds", "classifier_steps")  # and the same with "look_" before, of a quick look
CHECKED = "check.json"  # in the folder of the run, with the estimates


class Ledger:
    """Which of the `steps` are done, in a file; the same settings have to be asked for again.

    A quick look has seeds and steps of its own: a call does not ask for those that it leaves out.
    """

    def __init__(
        self, path: Path, asked: dict[str, Any], command: str, steps: Sequence[str] = STEPS
    ) -> None:
        from ganaug.records import OBJECT, TEXT, check_fields, list_of, load_json, parse_json

        asked = parse_json(json.dumps(asked).encode())  # as it is read again
        self.path, self.asked, self.done = path, asked, list[str]()
        self.command, self.steps = command, steps
        self.estimated = self.took = 0.0  # seconds of the steps done here that have an estimate
        self.begun_before = path.exists()  # the next step
        if not path.exists():
            return
        try:
            found = load_json(path)
        except (OSError, ValueError) as error:
            raise RunError(f"{path}: cannot be read ({error}); choose another folder") from error
        forms = {"asked": OBJECT, "done": list_of(TEXT), "command": TEXT}
        record = check_fields(path, found, forms, advice="choose another folder")
        there, self.done = record["asked"], record["done"]
        steps_of_look = there.get("look_classifier_steps"), asked.get("classifier_steps")
        if "classifier_steps" not in there and len({*steps_of_look}) > 1:  # other estimates
            self.done = [each for each in self.done if each != "check"]
        for key in (*OF_WHOLE, *(f"look_{each}" for each in OF_WHOLE)):
            if (key in there) != (key in asked):
                there[key] = asked[key] = {**there, **asked}[key]
        others = _others(there, asked)
        if others == ["files"]:
            raise RunError(
                f"{path.parent}: holds the run of other images ({asked.get('source')} had"
                f" {_counted(there)}, and has {_counted(asked)} now); allowed: the same ones;"
                " choose another folder, or put back what was there"
            )
        if others:
            told = ", ".join(
                f"{key} is {there.get(key)} there, {asked.get(key)} here" for key in others
            )
            raise RunError(
                f"{path.parent}: holds another run ({told}); go on with: {self._kept(record)}; or"
                " choose another folder"
            )

    def _kept(self, record: dict[str, Any]) -> str:
        """Return the command that was kept, without --quick where this call has none."""
        command: str = record["command"]
        return command if "look" in self.steps else command.replace(" --quick", "")

    def do(
        self, console: Settings, name: str, work: Callable[[], None], results: Sequence[Path] = ()
    ) -> None:
        """Do the step `name`, unless it is done and its `results` are still there."""
        from ganaug.files import write_json

        number = f"step {self.steps.index(name) + 1} of {len(self.steps)}"
        gone = [str(each) for each in results if not each.exists()]
        if name in self.done and not gone:
            say(console, f"{number}: {name}: done before")
            return
        again = ""
        if name in self.done:  # and what is made of it; nothing is made of what `check` says
            again = f" again, for {gone[0]} is not there any longer"
            after = IN_ORDER[IN_ORDER.index(name) :] if name not in ("check", "look") else (name,)
            self.done = [each for each in self.done if each not in after]
        say(console, f"{number}: {name}{again}")
        if console.whole is not None:
            console.whole.step = number
            console.whole.own, console.whole.later = self.estimates(name)
        begun = time.monotonic()
        work()
        self.learn(name, time.monotonic() - begun)
        self.done = [each for each in IN_ORDER if each in (*self.done, name)]
        record = {"asked": self.asked, "done": self.done, "command": self.command}
        write_json(self.path, record)

    def estimates(self, name: str) -> tuple[float | None, float | None]:
        """Return the seconds of step `name`, and of those after it.

        `check` estimated them; they take as many times as long as the steps before did.
        """
        times = _estimated(self.path.parent, name, self.steps)
        slower = self.took / self.estimated if self.estimated else 1.0
        own, later = (None if each is None else slower * each for each in times)
        return own, later

    def learn(self, name: str, seconds: float) -> None:
        """Note what a step took, unless a part of it was done before this command."""
        own = _estimated(self.path.parent, name, self.steps)[0]
        if own and not self.begun_before:
            self.estimated += own
            self.took += seconds
        self.begun_before = False


def _estimated(folder: Path, name: str, steps: Sequence[str]) -> tuple[float | None, float | None]:
    """Return the seconds of step `name`, and of those after it, as `check` estimated them."""
    from ganaug.records import load_json  # here: --help loads click alone

    try:
        times = load_json(folder / CHECKED)["times"]
        seconds = {each: times.get("quick" if each == "look" else each) for each in steps}
        later = [seconds[each] or 0.0 for each in steps[steps.index(name) + 1 :]]
        return seconds[name], float(sum(later))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, None  # not checked yet


def _others(there: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """Return the settings that are others than those of an earlier call.

    A path may be spelled in another way; equal files are the same images, wherever they lie.
    """
    same = {key for key in ("source", "root") if _real(there.get(key)) == _real(asked.get(key))}
    if asked["files"] is not None and there.get("files") == asked["files"]:
        same.add("source")
    named = dict.fromkeys([*asked, *there])  # an option that is not named any more is another one
    return [key for key in named if key not in same and there.get(key) != asked.get(key)]


def _counted(asked: dict[str, Any]) -> str:
    """Return how many files there were, and of how many bytes, without their hash."""
    return str(asked.get("files")).partition(",")[0].replace(" of ", " files of ")


def _real(path: object) -> object:
    """Return where a path leads, whatever its spelling; one with "hf:" keeps that."""
    if not isinstance(path, str):
        return path
    prefix = "hf:" if path.startswith("hf:") else ""
    return prefix + os.path.realpath(path.removeprefix(prefix))
