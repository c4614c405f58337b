"""Checkpoints of a run: safetensors files of all tensors, and a JSON file that points to them.

The JSON is written last and is the commit: after a crash at any point it names complete tensor
files, whose hashes it holds. It also says which of them are good (no alarm, nothing infinite), how
often the run went back to one, and why it ended where it failed for good.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from ganaug.errors import RunError
from ganaug.files import write_bytes, write_json
from ganaug.training.state import State

__all__ = ["Checkpoint", "Kept", "Record", "commit", "load", "read", "read_record", "save", "write"]

FORMAT = 1
POINTER = "checkpoint.json"
MOST_GOOD = 2  # the last good one, and one older


@dataclass(frozen=True)
class Kept:
    """A tensor file of a run, by its name in the folder; `step` = the number of steps done."""

    step: int
    file: str
    sha256: str


@dataclass(frozen=True)
class Record:
    """What the JSON file says.

    Attributes:
        last: where the run goes on.
        good: what a rollback goes back to: at most two, the newest first.
        rollbacks: what happened, a row of metrics.jsonl each.
        stopped: the row that says why the run failed for good, or None.
    """

    last: Kept
    good: tuple[Kept, ...] = ()
    rollbacks: tuple[dict[str, Any], ...] = ()
    stopped: dict[str, Any] | None = None


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
        start = f"{part}."
        return {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}


def save(run: Path, state: State, step: int, *, good: bool = True) -> None:
    """Write and commit the state after `step` steps.

    Args:
        run: the folder.
        state: all of it is finite.
        step: the number of steps done.
        good: no alarm was raised at it; a rollback may go back to it.
    """
    kept, before = write(run, state, step), read_record(run)
    record = Record(kept) if before is None else replace(before, last=kept)
    if good:
        record = replace(record, good=(kept, *record.good)[:MOST_GOOD])
    commit(run, record)


def write(run: Path, state: State, step: int) -> Kept:
    """Write the tensors of `state` to a file of their own, without a commit."""
    tensors: dict[str, Tensor] = {}
    for part, module in _modules(state).items():
        tensors |= {f"{part}.{name}": value for name, value in module.state_dict().items()}
    for part, optimizer in _optimizers(state).items():
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"{part}.{index}.{name}": value for name, value in values.items()}
    content = safetensors.torch.save({k: v.contiguous().cpu() for k, v in tensors.items()})
    # After a rollback a step comes again; the file that the commit names stays as it is.
    again = f"-{state.rollbacks}" if state.rollbacks else ""
    kept = Kept(
        step, f"checkpoint-{step:06d}{again}.safetensors", hashlib.sha256(content).hexdigest()
    )
    write_bytes(run / kept.file, content)
    return kept


def commit(run: Path, record: Record) -> None:
    """Write the JSON file; tensor files that it does not name go once it stands."""
    values = {"format": FORMAT} | asdict(record.last)
    values |= {"good": [asdict(kept) for kept in record.good]}
    values |= {"rollbacks": list(record.rollbacks), "stopped": record.stopped}
    write_json(run / POINTER, values)
    named = {kept.file for kept in (record.last, *record.good)}
    for old in run.glob("checkpoint-*.safetensors"):
        if old.name not in named:
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
        values = json.loads(pointer.read_text(encoding="utf-8"))
        version, last = int(values["format"]), _kept(values)
        # Older versions kept one checkpoint, and knew of no other.
        good = tuple(_kept(each) for each in values.get("good", [values]))
        rollbacks = tuple(_row(each) for each in values.get("rollbacks", ()))
        stopped = values.get("stopped")
        record = Record(last, good, rollbacks, None if stopped is None else _row(stopped))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{pointer}: not a readable checkpoint record ({error}); train again in another folder"
        ) from error
    if version != FORMAT:
        raise RunError(
            f"{pointer}: has checkpoint format {version}, this version reads {FORMAT}; train again"
            " in another folder"
        )
    return record


def _kept(values: dict[str, Any]) -> Kept:
    return Kept(int(values["step"]), Path(str(values["file"])).name, str(values["sha256"]))


def _row(values: dict[str, Any]) -> dict[str, Any]:
    """What a row of `rollbacks`, or `stopped`, has in any case."""
    seconds = float(values["seconds"])
    return {
        **values,
        "step": int(values["step"]),
        "alarm": str(values["alarm"]),
        "seconds": seconds,
    }


def read(run: Path) -> Checkpoint | None:
    """Return the committed checkpoint of `run`, or None where there is none yet.

    Raises:
        RunError: the files are damaged, or of another format version.
    """
    record = read_record(run)
    if record is None:
        return None
    path = run / record.last.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(
            f"{path}: cannot be read ({error.strerror}); train again in another folder"
        ) from error
    if hashlib.sha256(content).hexdigest() != record.last.sha256:
        raise RunError(
            f"{path}: is damaged (its hash is not the recorded one); train again in another folder"
        )
    return Checkpoint(record, safetensors.torch.load(content))


def load(state: State, checkpoint: Checkpoint) -> None:
    """Put the checkpoint's tensors into `state`, and how often the run went back."""
    for part, module in _modules(state).items():
        module.load_state_dict(checkpoint.weights(part))
    for part, optimizer in _optimizers(state).items():
        values: dict[int, dict[str, Tensor]] = {}
        for key, value in checkpoint.weights(part).items():
            index, name = key.split(".")
            values.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict({**optimizer.state_dict(), "state": values})
    state.rollbacks = len(checkpoint.record.rollbacks)


def _modules(state: State) -> dict[str, nn.Module]:
    return {
        "generator": state.generator,
        "discriminator": state.discriminator,
        "average": state.average,
    }


def _optimizers(state: State) -> dict[str, torch.optim.Optimizer]:
    return {"optimizer_g": state.optimizer_g, "optimizer_d": state.optimizer_d}
