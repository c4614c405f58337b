"""`behaviour_hash`: what a generator does, whatever was measured about it since."""

from __future__ import annotations

import hashlib
import json
import os

from ganaug.artifact.format import KEY
from ganaug.artifact.reader import read_artifact

__all__ = ["behaviour_hash"]

_MEASURED = ("gain", "diversity", "warnings", "policy")


def behaviour_hash(path: str | os.PathLike[str]) -> str:
    """Return a SHA-256 (hex) of graph, weights, description and policy of the artifact at `path`.

    The hash of the whole file changes when measurements are written into it; this one does not, so
    that results kept under it are found again. Of the policy, probabilities and scale count, since
    they change what is drawn; its source and evidence do not.

    Raises:
        ArtifactError: the file cannot be used.
    """
    content, metadata, _ = read_artifact(path)
    import onnx  # as in the reader: programs that only run a file do without it

    model = onnx.ModelProto()
    model.ParseFromString(content)
    (entry,) = (entry for entry in model.metadata_props if entry.key == KEY)
    described = {key: v for key, v in json.loads(entry.value).items() if key not in _MEASURED}
    del model.metadata_props[:]
    policy = metadata.policy and [metadata.policy.p, metadata.policy.scale]
    digest = hashlib.sha256(model.SerializeToString(deterministic=True))
    digest.update(json.dumps([described, policy], sort_keys=True).encode())
    return digest.hexdigest()
