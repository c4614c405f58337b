"""Checkpoints of a run: safetensors files of all tensors, and a JSON file that points to them.

The JSON is written last and is the commit: after a crash at any point it names complete tensor
files, whose hashes it holds. It also says which of them are good (no alarm, nothing infinite), how
often the run went back to one, and why it ended where it failed for good.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ganaug.errors import RunError
from ganaug.files import open_regular, write_bytes, write_json
from ganaug.records import (
    COUNT,
    NUMBER,
    NUMBERS,
    OBJECT,
    TEXT,
    TEXT_OR_NONE,
    WHOLE,
    Form,
    check_fields,
    list_of,
    load_json,
)
from ganaug.training.state import State
from ganaug.wording import one_line

__all__ = [
    "CHANGED",
    "Checkpoint",
    "Kept",
    "Record",
    "commit",
    "load",
    "put",
    "read",
    "read_record",
    "refuse_other_run",
    "run_hash",
    "save",
    "tensors_of",
    "write",
]

FORMAT = 1
POINTER = "checkpoint.json"
TRIES = 10  # of a checkpoint that is replaced while it is read
OURS = r"checkpoint-[0-9]{6,16}(-[0-9]{1,4})?\.safetensors"  # the names of tensor files
MOST_GOOD = 2  # the last good one, and one older


@dataclass(frozen=True)
class Kept:
    """A tensor file of a run, by its name in the folder; `step` = the number of steps done."""

    step: int
    file: str
    sha256: str

    @property
    def rollbacks(self) -> int:
        """How often the run had gone back when it was written."""
        return int(Path(self.file).stem.split("-")[2]) if self.file.count("-") > 1 else 0


@dataclass(frozen=True)
class Record:
    """What the JSON file says.

    Attributes:
        last: where the run goes on.
        good: what a rollback goes back to: at most two, the newest first.
        rollbacks: what happened, a row of metrics.jsonl each.
        stopped: the row that says why the run failed for good, or None.
        run: hash of what makes the run this one, see `run_hash`; None in older versions.
    """

    last: Kept
    good: tuple[Kept, ...] = ()
    rollbacks: tuple[dict[str, Any], ...] = ()
    stopped: dict[str, Any] | None = None
    run: str | None = None


def _matching(pattern: str, words: str) -> Form:
    return words, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


KEPT: dict[str, Form] = {
    "step": COUNT,
    "file": _matching(OURS, "the name of a file beside it"),
    "sha256": _matching(r"[0-9a-f]{64}", "a hash"),
}
STOPPED: dict[str, Form] = {"step": COUNT, "alarm": TEXT, "seconds": NUMBER, "cause": TEXT}
CHANGED = ("learning_rate", "r1", "r2")


def _are_settings(value: Any) -> bool:
    return NUMBERS[1](value) and all(k in CHANGED and v >= 0 for k, v in value.items())


ROLLBACK: dict[str, Form] = STOPPED | {
    "settings": (f"an object of {', '.join(CHANGED)}, each 0 or more", _are_settings),
}
# What older versions did not write.
LATER: dict[str, Form] = {
    "good": list_of(OBJECT),
    "rollbacks": list_of(OBJECT),
    "stopped": ("an object or null", lambda value: value is None or isinstance(value, dict)),
    "run": TEXT_OR_NONE,
}
# What data.json says of the images of the run.
IMAGES = ("classes", "counts", "channels", "fingerprint", "held_out", "held_out_fingerprint")


@dataclass(frozen=True)
class Checkpoint:
    """The last checkpoint: all tensors by name, and what the JSON file says."""

    record: Record
    tensors: dict[str, Tensor]

    @property
    def step(self) -> int:
        """The number of steps done."""
        return self.record.last.step

    def weights(self, part: str) -> dict[str, Tensor]:
        """Return the state dict of `part`: "generator", "discriminator" or "average"."""
        return part_of(self.tensors, part)


def part_of(tensors: dict[str, Tensor], part: str) -> dict[str, Tensor]:
    """Return those of `part`, by their names in it."""
    start = f"{part}."
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def save(
    run: Path, state: State, step: int, *, good: bool = True, signed: str | None = None
) -> None:
    """Write and commit the state after `step` steps.

    Args:
        run: the folder.
        state: all of it is finite.
        step: the number of steps done.
        good: no alarm was raised at it; a rollback may go back to it.
        signed: the hash of the run when its training began, see `run_hash`.
    """
    kept, before = write(run, state, step), read_record(run)
    record = replace(Record(kept) if before is None else before, last=kept, run=signed)
    if good:
        record = replace(record, good=(kept, *record.good)[:MOST_GOOD])
    commit(run, record)


def tensors_of(state: State) -> dict[str, Tensor]:
    """Return all tensors of `state` by name, on the CPU."""
    tensors: dict[str, Tensor] = {}
    for part, module in state.modules.items():
        tensors |= {f"{part}.{name}": value for name, value in module.state_dict().items()}
    tensors |= {f"sums.{name}": torch.stack(values) for name, values in state.sums.items()}
    for part, optimizer in state.optimizers.items():
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"{part}.{index}.{name}": value for name, value in values.items()}
    return {name: value.contiguous().cpu() for name, value in tensors.items()}


def write(run: Path, state: State, step: int) -> Kept:
    """Write the tensors of `state` to a file of their own, without a commit."""
    content = safetensors.torch.save(tensors_of(state))
    # After a rollback a step comes again; the file that the commit names stays as it is.
    again = f"-{state.rollbacks}" if state.rollbacks else ""
    kept = Kept(
        step, f"checkpoint-{step:06d}{again}.safetensors", hashlib.sha256(content).hexdigest()
    )
    write_bytes(run / kept.file, content)
    return kept


def commit(run: Path, record: Record) -> None:
    """Write the JSON file; those of our tensor files that it does not name go once it stands."""
    values = {"format": FORMAT} | asdict(record.last)
    values |= {"good": [asdict(kept) for kept in record.good]}
    values |= {"rollbacks": list(record.rollbacks), "stopped": record.stopped}
    values |= {"run": record.run}
    write_json(run / POINTER, values)
    named = {kept.file for kept in (record.last, *record.good)}
    for old in run.glob("checkpoint-*.safetensors"):
        if old.name not in named and re.fullmatch(OURS, old.name):  # not a copy of the user's
            old.unlink()


def read_record(run: Path) -> Record | None:
    """Return what the JSON file of `run` says, or None where there is none yet.

    Raises:
        RunError: it is damaged, or of another format version.
    """
    pointer = run / POINTER
    if not pointer.exists():
        return None
    try:
        values = load_json(pointer)
    except (OSError, ValueError) as error:
        raise RunError(
            f"{pointer}: not a readable checkpoint record ({error}); train again in another folder"
        ) from error
    version = check_fields(pointer, values, {"format": WHOLE})["format"]
    if version != FORMAT:
        raise RunError(
            f"{pointer}: has checkpoint format {version}, this version reads {FORMAT}; train again"
            " in another folder"
        )
    check_fields(pointer, values, KEPT)
    check_fields(pointer, values, {name: LATER[name] for name in LATER if name in values})
    # Older versions kept one checkpoint, and knew of no other.
    good = values.get("good", [{name: values[name] for name in KEPT}])
    for form, parts in ((KEPT, good), (ROLLBACK, values.get("rollbacks", []))):
        for part in parts:
            check_fields(pointer, part, form)
    for part in (values, *good):
        name = f"checkpoint-{part['step']:06d}"
        if re.split(r"-|\.", part["file"])[1] != name.partition("-")[2]:
            raise RunError(
                f"{pointer}: step {part['step']} in the file {part['file']}; allowed: {name} and so"
                " on; train again in another folder"
            )
    stopped = values.get("stopped")
    if stopped is not None:
        check_fields(pointer, stopped, STOPPED)
    rollbacks = tuple(values.get("rollbacks", ()))
    return Record(_kept(values), tuple(map(_kept, good)), rollbacks, stopped, values.get("run"))


def run_hash(run: Path) -> str | None:
    """Return a hash of the run's settings and images; None where no files say what these are."""
    try:
        config, data = load_json(run / "config.json"), load_json(run / "data.json")
    except (OSError, ValueError):
        return None
    facts = {name: data.get(name) for name in IMAGES} if isinstance(data, dict) else None
    return hashlib.sha256(json.dumps([config, facts], sort_keys=True).encode()).hexdigest()


def refuse_other_run(run: Path, record: Record) -> None:
    """Raise `RunError` where the checkpoint was written by another run than the folder is of."""
    if record.run not in (None, run_hash(run)):
        raise RunError(
            f"{run / POINTER}: was not written by the run that config.json and data.json beside it"
            " are of, or one of these was changed; put back what belongs together, or train again"
            " in another folder"
        )


def _kept(values: dict[str, Any]) -> Kept:
    return Kept(**{name: values[name] for name in KEPT})


def read(run: Path) -> Checkpoint | None:
    """Return the committed checkpoint of `run`, or None where there is none yet.

    Raises:
        RunError: the files are damaged, or of another format version.
    """
    record = read_record(run)
    if record is None:
        return None
    record, content = _content(run, record)
    path = run / record.last.file
    if hashlib.sha256(content).hexdigest() != record.last.sha256:
        raise RunError(
            f"{path}: is damaged (its hash is not the recorded one); train again in another folder"
        )
    try:
        return Checkpoint(record, safetensors.torch.load(content))
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunError(
            f"{path}: is damaged ({one_line(error)}); train again in another folder"
        ) from error


def _content(run: Path, record: Record) -> tuple[Record, bytes]:
    """Return the last checkpoint as it lies there, and the record that names it.

    A `fit` that goes on may have replaced both since `record` was read.
    """
    for _ in range(TRIES):
        path = run / record.last.file
        try:
            with open_regular(path) as stream:
                return record, stream.read()
        except OSError as error:
            latest = read_record(run) if isinstance(error, FileNotFoundError) else None
            if latest is None or latest.last.file == record.last.file:
                raise RunError(
                    f"{path}: cannot be read ({error.strerror}); train again in another folder"
                ) from error
            record = latest
    raise RunError(
        f"{run}: its checkpoint was replaced {TRIES} times while it was read; allowed: one that"
        " stays for a moment; try again, or wait for the end of the training"
    )


def load(state: State, checkpoint: Checkpoint, run: Path) -> None:
    """Put the tensors of the checkpoint of `run` into `state`, and how often the run went back.

    Raises:
        RunError: they are not those of these networks and optimisers.
    """
    try:
        put(state, checkpoint.tensors)
    except (KeyError, ValueError, RuntimeError) as error:
        raise RunError(
            f"{run}: its checkpoint is not that of its config.json ({one_line(error)}); train"
            " again in another folder"
        ) from error
    state.rollbacks = len(checkpoint.record.rollbacks)


def put(state: State, tensors: dict[str, Tensor]) -> None:
    """Put what `tensors_of` gave into `state`.

    Raises:
        KeyError, ValueError, RuntimeError: they are not those of these networks and optimisers.
    """
    for part, module in state.modules.items():
        module.load_state_dict(part_of(tensors, part))
    for part, optimizer in state.optimizers.items():
        values = _optimizer_values(optimizer, part_of(tensors, part))
        optimizer.load_state_dict({**optimizer.state_dict(), "state": values})
    device = state.device
    state.sums.clear()
    for name, value in part_of(tensors, "sums").items():
        if value.ndim != 1:
            raise ValueError("metrics of another form")
        state.sums[name] = list(value.to(device).unbind())


def _optimizer_values(
    optimizer: torch.optim.Optimizer, weights: dict[str, Tensor]
) -> dict[int, dict[str, Tensor]]:
    """Return what Adam keeps of each parameter that has had a gradient."""
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    values: dict[int, dict[str, Tensor]] = {}
    for key, value in weights.items():
        number, _, name = key.partition(".")
        values.setdefault(int(number), {})[name] = value
    for index, kept in values.items():
        shapes = {name: tuple(value.shape) for name, value in kept.items()}
        shape = tuple(parameters[index].shape) if 0 <= index < len(parameters) else None
        if shapes != {"step": (), "exp_avg": shape, "exp_avg_sq": shape}:
            raise ValueError("an optimiser of other parameters")
        for name in ("exp_avg", "exp_avg_sq"):  # in the memory format of a run without a stop
            alike = torch.empty_like(parameters[index], device="cpu", requires_grad=False)
            kept[name] = alike.copy_(kept[name])
    return values
