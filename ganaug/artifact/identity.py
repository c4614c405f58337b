"""What a generator is and does, whatever was measured about it since."""

from __future__ import annotations

import hashlib
import json
import os

from ganaug.artifact.format import REWRITABLE
from ganaug.artifact.reader import entry_of, parsed, read_artifact

__all__ = ["behaviour_hash", "made_hash"]


def behaviour_hash(path: str | os.PathLike[str]) -> str:
    """Return a SHA-256 (hex) of graph, weights, description and policy of the artifact at `path`.

    The hash of the whole file changes when measurements are written into it; this one does not, so
    that results kept under it are found again. Of the policy, probabilities and scale count, since
    they change what is drawn; its source and evidence do not.

    Raises:
        ArtifactError: the file cannot be used.
    """
    content, metadata, _ = read_artifact(path)
    return _hash(content, metadata.policy and [metadata.policy.p, metadata.policy.scale])


def made_hash(content: bytes) -> str:
    """Return a SHA-256 (hex) of graph, weights and description of an artifact that was read.

    It is that of all versions of a file which differ in no more than what was measured later and
    written into it, the policy included (`rewrite_metadata`).
    """
    return _hash(content, None)


def _hash(content: bytes, policy: object) -> str:
    model = parsed(content)
    metadata = json.loads(entry_of(model).value)
    described = {key: value for key, value in metadata.items() if key not in REWRITABLE}
    del model.metadata_props[:]
    digest = hashlib.sha256(model.SerializeToString(deterministic=True))
    digest.update(json.dumps([described, policy], sort_keys=True).encode())
    return digest.hexdigest()
