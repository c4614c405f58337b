"""Checkpoints of a run: one safetensors file of all tensors, and a JSON file that points to it.

The JSON is written last and is the commit: after a crash at any point it names a complete tensor
file, whose hash it holds.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from ganaug.artifact.checks import first_line
from ganaug.errors import RunError
from ganaug.files import open_regular, write_bytes, write_json
from ganaug.records import COUNT, WHOLE, Form, check_fields, load_json
from ganaug.training.state import State

__all__ = ["Checkpoint", "load", "read", "save"]

FORMAT = 1
POINTER = "checkpoint.json"


def _matching(pattern: str, words: str) -> Form:
    return words, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


RECORD: dict[str, Form] = {
    "step": COUNT,
    "file": _matching(r"checkpoint-[0-9]{6,16}\.safetensors", "the name of a file beside it"),
    "sha256": _matching(r"[0-9a-f]{64}", "a hash"),
}


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk: `step` = the number of steps done, and all tensors by name."""

    step: int
    tensors: dict[str, Tensor]

    def weights(self, part: str) -> dict[str, Tensor]:
        """Return the state dict of `part`: "generator", "discriminator" or "average"."""
        start = f"{part}."
        return {k.removeprefix(start): v for k, v in self.tensors.items() if k.startswith(start)}


def save(run: Path, state: State, step: int) -> None:
    """Write the state after `step` steps; older tensor files go once the new one is committed."""
    tensors: dict[str, Tensor] = {}
    for part, module in _modules(state).items():
        tensors |= {f"{part}.{name}": value for name, value in module.state_dict().items()}
    for part, optimizer in _optimizers(state).items():
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"{part}.{index}.{name}": value for name, value in values.items()}
    content = safetensors.torch.save({k: v.contiguous().cpu() for k, v in tensors.items()})
    name = f"checkpoint-{step:06d}.safetensors"
    write_bytes(run / name, content)
    digest = hashlib.sha256(content).hexdigest()
    write_json(run / POINTER, {"format": FORMAT, "step": step, "file": name, "sha256": digest})
    for old in run.glob("checkpoint-*.safetensors"):
        if old.name != name:
            old.unlink()


def read(run: Path) -> Checkpoint | None:
    """Return the committed checkpoint of `run`, or None where there is none yet.

    Raises:
        RunError: the files are damaged, or of another format version.
    """
    pointer = run / POINTER
    if not pointer.exists():
        return None
    try:
        record = load_json(pointer)
    except (OSError, ValueError) as error:
        raise RunError(
            f"{pointer}: not a readable checkpoint record ({error}); train again in another folder"
        ) from error
    version = check_fields(pointer, record, {"format": WHOLE})["format"]
    if version != FORMAT:
        raise RunError(
            f"{pointer}: has checkpoint format {version}, this version reads {FORMAT}; train again"
            " in another folder"
        )
    check_fields(pointer, record, RECORD)
    path = run / record["file"]
    try:
        with open_regular(path) as stream:
            content = stream.read()
    except OSError as error:
        raise RunError(
            f"{path}: cannot be read ({error.strerror}); train again in another folder"
        ) from error
    if hashlib.sha256(content).hexdigest() != record["sha256"]:
        raise RunError(
            f"{path}: is damaged (its hash is not the recorded one); train again in another folder"
        )
    try:
        return Checkpoint(record["step"], safetensors.torch.load(content))
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise RunError(
            f"{path}: is damaged ({first_line(error)}); train again in another folder"
        ) from error


def load(state: State, checkpoint: Checkpoint, run: Path) -> None:
    """Put the tensors of the checkpoint of `run` into `state`.

    Raises:
        RunError: they are not those of these networks and optimisers.
    """
    try:
        for part, module in _modules(state).items():
            module.load_state_dict(checkpoint.weights(part))
        for part, optimizer in _optimizers(state).items():
            values = _optimizer_values(optimizer, checkpoint.weights(part))
            optimizer.load_state_dict({**optimizer.state_dict(), "state": values})
    except (KeyError, ValueError, RuntimeError) as error:
        raise RunError(
            f"{run}: its checkpoint is not that of its config.json ({first_line(error)}); train"
            " again in another folder"
        ) from error


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
    return values


def _modules(state: State) -> dict[str, nn.Module]:
    return {
        "generator": state.generator,
        "discriminator": state.discriminator,
        "average": state.average,
    }


def _optimizers(state: State) -> dict[str, torch.optim.Optimizer]:
    return {"optimizer_g": state.optimizer_g, "optimizer_d": state.optimizer_d}
