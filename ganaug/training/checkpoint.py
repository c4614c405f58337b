"""Checkpoints of a run: one safetensors file of all tensors, and a JSON file that points to it.

The JSON is written last and is the commit: after a crash at any point it names a complete tensor
file, whose hash it holds.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from ganaug.errors import RunError
from ganaug.files import write_bytes, write_json
from ganaug.training.state import State

__all__ = ["Checkpoint", "load", "read", "save"]

FORMAT = 1
POINTER = "checkpoint.json"


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
        record = json.loads(pointer.read_text())
        version, step = int(record["format"]), int(record["step"])
        name, digest = str(record["file"]), str(record["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{pointer}: not a readable checkpoint record ({error}); train again in another folder"
        ) from error
    if version != FORMAT:
        raise RunError(
            f"{pointer}: has checkpoint format {version}, this version reads {FORMAT}; train again"
            " in another folder"
        )
    path = run / Path(name).name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(
            f"{path}: cannot be read ({error.strerror}); train again in another folder"
        ) from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise RunError(
            f"{path}: is damaged (its hash is not the recorded one); train again in another folder"
        )
    return Checkpoint(step, safetensors.torch.load(content))


def load(state: State, checkpoint: Checkpoint) -> None:
    """Put the checkpoint's tensors into `state`."""
    for part, module in _modules(state).items():
        module.load_state_dict(checkpoint.weights(part))
    for part, optimizer in _optimizers(state).items():
        values: dict[int, dict[str, Tensor]] = {}
        for key, value in checkpoint.weights(part).items():
            index, name = key.split(".")
            values.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict({**optimizer.state_dict(), "state": values})


def _modules(state: State) -> dict[str, nn.Module]:
    return {
        "generator": state.generator,
        "discriminator": state.discriminator,
        "average": state.average,
    }


def _optimizers(state: State) -> dict[str, torch.optim.Optimizer]:
    return {"optimizer_g": state.optimizer_g, "optimizer_d": state.optimizer_d}
