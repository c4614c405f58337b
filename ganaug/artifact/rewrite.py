"""What was measured after export: put into an artifact, or left out; weights untouched."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganaug.artifact.format import REWRITABLE, Metadata, as_json
from ganaug.artifact.policy import Policy
from ganaug.artifact.reader import entry_of, parsed, read_artifact
from ganaug.artifact.runtime import Generator
from ganaug.errors import ConfigError
from ganaug.files import atomic_path, naming_full, scratch_folder
from ganaug.locks import updating

__all__ = ["as_opened", "rewrite_metadata"]


def rewrite_metadata(
    path: str | os.PathLike[str],
    *,
    target: str | os.PathLike[str] | None = None,
    **fields: Any,
) -> Metadata:
    """Replace `fields` of the metadata in the artifact at `path`; return the new metadata.

    Weights, graph and all other fields stay as they are, also fields that only a newer minor
    version of the format knows. The file is replaced as a whole or not at all; a link keeps
    pointing to it; of two writers, one waits for the other. Its content hash changes. A `Generator`
    that was opened before goes on, with the policy of that time.

    Args:
        path: the ONNX file.
        target: write the result there and leave `path` as it is.
        fields: any of policy (a `Policy` or None), gain, diversity (JSON objects or None) and
            warnings (lines).

    Raises:
        ConfigError: another field is named; those say how the generator was made.
        ArtifactError: `path` cannot be used, or a value does not fit.
        RunError: the file cannot be written.

    Examples:
        >>> rewrite_metadata("photos.onnx", policy=Policy(p=((0, 0.0),)))  # doctest: +SKIP
    """
    for name in fields:
        if name not in REWRITABLE:
            raise ConfigError(
                f"{name}: cannot be rewritten; allowed: {', '.join(REWRITABLE)}; export a run again"
                " to change what it says of its training"
            )
    with updating(path):
        return _rewrite(path, path if target is None else target, fields)


def _rewrite(
    path: str | os.PathLike[str],
    target: str | os.PathLike[str],
    fields: dict[str, Any],
) -> Metadata:
    content, _, _ = read_artifact(path)
    model = parsed(content)
    entry = entry_of(model)
    values = json.loads(entry.value)
    for name, value in fields.items():
        values[name] = value.to_dict() if isinstance(value, Policy) else value
    text = as_json(values)
    metadata = Metadata.from_json(text)
    entry.value = text
    with atomic_path(target) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))
        read_artifact(temporary)  # what we write, our own reader accepts
    return metadata


@contextmanager
def as_opened(generator: Generator) -> Iterator[Path]:
    """Yield the path of a copy of the file as it was when `generator` was opened.

    Its policy is that of then, whatever is written into the file meanwhile. The copy goes with the
    block.

    Raises:
        ArtifactError: the file was replaced by another generator, or removed.
    """
    with scratch_folder() as folder:
        copy = Path(folder, generator.path.name)
        with naming_full(copy):
            copy.write_bytes(generator._content())
        if read_artifact(copy)[1].policy != generator.info.policy:
            rewrite_metadata(copy, policy=generator.info.policy)
        yield copy
