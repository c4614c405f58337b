"""Where a run begins: with random weights, or with those that it took from another training.

What was taken lies in the run's own folder, so that a run that goes on, or goes back to its start,
does not need the other training any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from ganaug.errors import RunError
from ganaug.files import open_regular, write_bytes
from ganaug.images import ImageSet
from ganaug.records import COUNT, TEXT, Form, check_fields, list_of, load_json, one_of
from ganaug.training.checkpoint import part_of
from ganaug.training.config import FitConfig
from ganaug.training.state import State
from ganaug.wording import one_line

__all__ = ["FACTS", "FILE", "Start", "is_start", "load_start", "save_start"]

FILE = "start.safetensors"
PARTS = ("generator.", "discriminator.", "average.")  # how the names of its tensors begin
# What data.json and the metadata of the file say under "started_from".
FACTS: dict[str, Form] = {
    "name": TEXT,
    "kind": one_of("run", "file"),
    "steps": COUNT,
    "source": TEXT,
    "fingerprint": TEXT,
    "fresh": list_of(TEXT),
    "earlier": list_of(TEXT),
    "hashes": list_of(TEXT),
}


@dataclass(frozen=True)
class Start:
    """Another training to begin with.

    Attributes:
        name: of its run or file, without folders.
        take: puts its weights into the state of a run, and returns the `FACTS` about it.
        facts: those of them that are known before; None where it is gone.
    """

    name: str
    take: Callable[[State, FitConfig, ImageSet], dict[str, Any]]
    facts: dict[str, Any] | None = None


def save_start(run: Path, state: State) -> str:
    """Write the weights of `state`, before the first step, into the folder; return their hash."""
    tensors: dict[str, Tensor] = {}
    for part, module in state.modules.items():
        tensors |= {f"{part}.{name}": value for name, value in module.state_dict().items()}
    content = safetensors.torch.save({k: v.contiguous().cpu() for k, v in tensors.items()})
    write_bytes(run / FILE, content)
    return hashlib.sha256(content).hexdigest()


def is_start(path: Path) -> bool:
    """Whether a file is one that `save_start` writes, by the names of its tensors."""
    try:
        with safetensors.safe_open(path, "pt") as tensors:
            return all(name.startswith(PARTS) for name in tensors.keys())  # noqa: SIM118 # no mapping
    except (OSError, safetensors.SafetensorError):
        return False


def load_start(run: Path, state: State) -> None:
    """Put the weights that the run of a folder began with into `state`; leave random ones.

    Raises:
        RunError: they are missing or damaged.
    """
    try:
        start = load_json(run / "config.json").get("start")
        if start is None:
            return
        digest = check_fields(run / "config.json", start, {"sha256": TEXT})["sha256"]
        with open_regular(run / FILE) as stream:
            content = stream.read()
        if hashlib.sha256(content).hexdigest() != digest:
            raise ValueError("its hash is not the recorded one")
        tensors = safetensors.torch.load(content)
        for part, module in state.modules.items():
            module.load_state_dict(part_of(tensors, part))
    except (OSError, AttributeError, safetensors.SafetensorError, ValueError, RuntimeError) as e:
        raise RunError(
            f"{run / FILE}: is missing or damaged ({one_line(e)}); train again in another folder"
        ) from e
