"""An earlier file where a run is exported to: of the same run, and what was measured stays."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx

from ganaug.artifact.format import Metadata
from ganaug.artifact.reader import parsed, read_artifact
from ganaug.errors import ArtifactError, RunError
from ganaug.files import written_path
from ganaug.outputs import Kind
from ganaug.training.config import saved_fields
from ganaug.training.run_folder import SavedRun

__all__ = ["ARTIFACT", "Earlier", "find_earlier"]

ANOTHER = "which would be lost; allowed: any other file; name another, or say --force (force=True)"


@dataclass(frozen=True)
class Earlier:
    """An artifact of the same run, which an export replaces.

    Attributes:
        path: as the user named it.
        metadata: what it says of itself.
        graph: its graph with the weights, in bytes.
    """

    path: str
    metadata: Metadata
    graph: bytes

    @property
    def measured(self) -> dict[str, Any]:
        """The fields of the metadata that were measured after its export, with their values."""
        found = self.metadata
        fields: dict[str, Any] = {"gain": found.gain, "diversity": found.diversity}
        if found.policy is not None and found.policy.source == "tune":
            fields["policy"] = found.policy
        return {name: value for name, value in fields.items() if value is not None}

    def check(self, model: onnx.ModelProto) -> None:
        """Refuse another generator in the place of one with measurements.

        Raises:
            RunError: the graph or the weights of `model` are others, and something was measured.
        """
        if self.measured and _graph(model) != self.graph:
            raise RunError(
                f"{self.path}: holds what was measured of another generator of this run"
                f" ({', '.join(self.measured)}; after {self.metadata.steps} steps), {ANOTHER}"
            )

    def carried(self, metadata: Metadata) -> Metadata:
        """Return `metadata`, of the same generator, with what was measured of it."""
        return replace(metadata, **self.measured)


def _is_artifact(path: Path) -> bool:
    try:
        read_artifact(path)
    except ArtifactError:
        return False
    return True


ARTIFACT = Kind("an ONNX file of ganaug", _is_artifact)


def find_earlier(path: str | os.PathLike[str], run: SavedRun) -> Earlier | None:
    """Return the artifact at `path`, or None where nothing is there.

    Raises:
        RunError: it is that of another run.
    """
    target = written_path(path)
    if not target.exists() or not target.stat().st_size:
        return None
    content, found, _ = read_artifact(target)
    config, data = saved_fields(found.config), run.data
    here = (run.config.to_dict(), run.seed, data["fingerprint"], data.get("started_from"))
    if (config, found.seed, found.fingerprint, found.data.get("started_from")) != here:
        raise RunError(
            f"{os.fspath(path)}: holds the generator of another run (seed {found.seed}, images"
            f" {found.fingerprint[:12]}, {found.steps} steps), {ANOTHER}"
        )
    return Earlier(os.fspath(path), found, _graph(parsed(content)))


def _graph(model: onnx.ModelProto) -> bytes:
    content: bytes = model.graph.SerializeToString(deterministic=True)
    return content
