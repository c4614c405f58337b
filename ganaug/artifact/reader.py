"""The only reader of untrusted models: everything is checked before a session exists.

What onnxruntime gets afterwards are the bytes that were checked, never a path, so that nothing in
the file can name another file. The order is that of the costs: bytes are counted before they are
parsed (`wire.py`), shapes before anything is computed (`shapes.py`).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganaug.artifact.format import (
    INPUTS,
    KEY,
    MAX_FILE_BYTES,
    MAX_NODES,
    MAX_OPSET,
    MIN_OPSET,
    Metadata,
)
from ganaug.artifact.operators import OPERATORS
from ganaug.artifact.shapes import check_graph
from ganaug.artifact.wire import no_onnx, scan
from ganaug.errors import ArtifactError, did_you_mean, named_path
from ganaug.values import path_name, shown

if TYPE_CHECKING:
    import onnx

__all__ = ["entry_of", "parsed", "read_artifact", "read_content"]

_STANDARD = ("", "ai.onnx")
_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_TYPE_NAMES = {_FLOAT: "float32", _INT64: "int64"}


def read_artifact(path: str | os.PathLike[str]) -> tuple[bytes, Metadata, str]:
    """Return the bytes of the artifact at `path`, its metadata and the SHA-256 of the bytes (hex).

    Raises:
        ArtifactError: the file is missing, no regular file, not readable, over 256 MiB, no ONNX
            model or not made by ganaug; its metadata does not fit; it refers to external data,
            holds functions, subgraphs, operators of another domain or operators that no generator
            needs; its declared inputs and outputs do not fit its metadata; or running it would
            take more than `ganaug.limits` allows.
    """
    content = read_content(path)
    digest = hashlib.sha256(content).hexdigest()
    try:
        model = _parse(content)
        metadata = _metadata(model)
        _check_messages(model)
        _check_opset(model)
        _check_interface(model.graph, metadata)
        check_graph(model.graph, metadata)
    except ArtifactError as error:
        raise ArtifactError(f"{path_name(path)}: {error}") from error
    return content, metadata, digest


def parsed(content: bytes) -> onnx.ModelProto:
    """Return the model that an artifact's bytes are; of `read_artifact`, which has checked them."""
    import onnx  # a third of a second, and workers that only open a session do without it

    model = onnx.ModelProto()
    model.ParseFromString(content)
    return model


def entry_of(model: onnx.ModelProto) -> onnx.StringStringEntryProto:
    """Return the entry with the metadata of an artifact that was read."""
    (entry,) = (entry for entry in model.metadata_props if entry.key == KEY)
    return entry


def read_content(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of the regular file at `path`, at most 256 MiB.

    Raises:
        ArtifactError: the file is missing, no regular file, not readable or too large.
    """
    file, name = named_path(path), path_name(path)
    try:
        mode = file.stat()
        if stat.S_ISDIR(mode.st_mode):
            made = file / "generator.onnx"  # in the folder of `ganaug run`
            step = "write one with: ganaug export RUN FILE.onnx"
            if os.path.isfile(made):
                step = f"of `ganaug run` it is {path_name(made)}"
            raise ArtifactError(f"{name}: is a folder; allowed: an ONNX file; {step}")
        if not stat.S_ISREG(mode.st_mode):
            raise ArtifactError(
                f"{name}: is no regular file; allowed: an ONNX file; copy it to a folder first"
            )
        if mode.st_size <= MAX_FILE_BYTES:
            with file.open("rb") as stream:
                content = stream.read(MAX_FILE_BYTES + 1)
            if len(content) <= MAX_FILE_BYTES:
                return content
        raise ArtifactError(
            f"{name}: {mode.st_size:,} bytes; allowed: {MAX_FILE_BYTES:,}; no generator of ganaug"
            " is that large, export the run again"
        )
    except FileNotFoundError as error:
        raise ArtifactError(
            f"{name}: no such file{_like(file)}; name an ONNX file of ganaug, or write one with:"
            " ganaug export RUN FILE.onnx"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or error
        raise ArtifactError(
            f"{name}: cannot be read ({reason}); name a file that you may read"
        ) from error


def _like(file: Path) -> str:
    """Return a question that names the file beside it that is called nearly so."""
    try:
        return did_you_mean(file.name, sorted(os.listdir(file.parent)))
    except OSError:
        return ""


def _parse(content: bytes) -> onnx.ModelProto:
    # onnxruntime takes bytes with this mark for its own format, which would not be what was checked
    if content[4:8] == b"ORTM":
        raise ArtifactError(
            "is in onnxruntime's own format; allowed: ONNX; write one with: ganaug export RUN"
            " FILE.onnx"
        )
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    scan(content, onnx.ModelProto.DESCRIPTOR)
    try:
        model = parsed(content)
    except (DecodeError, RecursionError) as error:
        raise no_onnx(content, "that do not parse") from error
    if not model.HasField("graph") or not model.ir_version:
        raise no_onnx(content, "without a graph")
    return model


def _metadata(model: onnx.ModelProto) -> Metadata:
    found = [entry.value for entry in model.metadata_props if entry.key == KEY]
    if not found:
        raise ArtifactError(
            f'was not made by ganaug (an ONNX file without metadata under "{KEY}"); allowed: a file'
            " that ganaug export wrote"
        )
    if len(found) > 1:
        raise ArtifactError(
            f'metadata: {len(found)} entries under "{KEY}"; allowed: 1; export the run again'
        )
    return Metadata.from_json(found[0])


def _check_messages(model: onnx.ModelProto) -> None:
    """Walk through every message of the file: tensors, nodes, attributes, wherever they stand.

    The walk follows the fields themselves and not a list of places, so that a place that a later
    ONNX adds for tensors or nodes is searched as well.
    """
    import onnx
    from google.protobuf.unknown_fields import UnknownFieldSet  # type: ignore[import-untyped]

    nodes: list[onnx.NodeProto] = []
    pending: list[Any] = [model]
    while pending:
        message = pending.pop()
        if len(UnknownFieldSet(message)):  # onnxruntime may know them, and was not checked for them
            raise ArtifactError(
                f"holds fields that onnx {onnx.__version__} does not know; allowed: fields that can"
                " be checked; upgrade with: pip install --upgrade onnx"
            )
        if isinstance(message, onnx.TensorProto):
            _check_tensor(message)
            continue
        if isinstance(message, onnx.NodeProto):
            nodes.append(message)
        elif isinstance(message, onnx.AttributeProto):
            _check_attribute(message)
        for field, value in message.ListFields():
            if field.message_type is not None:
                pending.extend(value if isinstance(value, Sequence) else [value])
    if model.functions:
        raise ArtifactError(
            f"holds {len(model.functions)} function(s), the first {shown(model.functions[0].name)};"
            " allowed: none; inline them before export"
        )
    if model.training_info:
        raise ArtifactError("holds training information; allowed: none; export the run again")
    if model.graph.sparse_initializer:
        raise ArtifactError("holds sparse weights; allowed: dense ones; export the run again")
    if len(nodes) > MAX_NODES:
        raise ArtifactError(
            f"holds more than {MAX_NODES:,} operators; no generator of ganaug has that many"
        )
    for node in nodes:
        _check_node(node)
    if not nodes:
        raise ArtifactError("holds a graph without nodes; export the run again")


def _check_tensor(tensor: onnx.TensorProto) -> None:
    if tensor.data_location != 0 or tensor.external_data:  # 0: DEFAULT, in the file itself
        raise ArtifactError(
            f"weights {shown(tensor.name)} are stored in another file (external data); allowed:"
            " one self-contained file; save the model with its weights inside"
        )


def _check_node(node: onnx.NodeProto) -> None:
    if node.domain not in _STANDARD:
        raise ArtifactError(
            f"operator {shown(node.op_type)} of the domain {shown(node.domain)}; allowed: standard"
            " ONNX operators; use a file that ganaug export wrote"
        )
    if node.op_type not in OPERATORS:
        raise ArtifactError(
            f"operator {shown(node.op_type)}; allowed: {', '.join(sorted(OPERATORS))}; use a file"
            " that ganaug export wrote"
        )


def _check_attribute(attribute: onnx.AttributeProto) -> None:
    if attribute.HasField("g") or attribute.graphs:
        raise ArtifactError(
            f"attribute {shown(attribute.name)} holds a graph of its own; allowed: one graph; use a"
            " file that ganaug export wrote"
        )


def _check_opset(model: onnx.ModelProto) -> None:
    for entry in model.opset_import:
        if entry.domain not in _STANDARD:
            raise ArtifactError(
                f"imports operators of the domain {shown(entry.domain)}; allowed: standard ONNX"
                " operators; use a file that ganaug export wrote"
            )
    versions = [entry.version for entry in model.opset_import]
    if len(versions) != 1 or not MIN_OPSET <= versions[0] <= MAX_OPSET:
        raise ArtifactError(
            f"operator set {shown(versions)}; allowed: one from {MIN_OPSET} to {MAX_OPSET}; export"
            " the run again with this ganaug"
        )


def _check_interface(graph: onnx.GraphProto, metadata: Metadata) -> None:
    """Compare the declared inputs and outputs with the metadata."""
    kind, channels = metadata.kind, metadata.channels
    height, width = metadata.size
    # None: has to be dynamic; a string: may be, since exporters leave it open in the output
    signature: dict[str, tuple[int, tuple[int | None, ...]]] = {
        "image": (_FLOAT, (None, channels, None, None)),
        "label": (_INT64, (None,)),
        "latent": (_FLOAT, (None, metadata.latent_dim)),
    }
    names = [value.name for value in graph.input]
    weights = {tensor.name for tensor in graph.initializer}
    if sorted(names) != sorted(INPUTS[kind]) or weights & set(names):
        raise ArtifactError(
            f"inputs {shown(names)}; allowed for a {kind} generator: {list(INPUTS[kind])}, none of"
            " them a weight; use a file that ganaug export wrote"
        )
    outputs = [value.name for value in graph.output]
    if outputs != list(metadata.outputs):
        raise ArtifactError(
            f"outputs {shown(outputs)}; allowed for a {kind} generator of schema"
            f" {metadata.schema}: {list(metadata.outputs)}; use a file that ganaug export wrote"
        )
    for value in graph.input:
        _check_value("input", value, *signature[value.name], exact=True)
    shape = (None, channels, height, width) if kind == "class" else (None, channels, None, None)
    for value in graph.output:
        sides = (None, None, None, 2) if value.name == "positions" else shape
        _check_value("output", value, _FLOAT, sides, exact=False)


def _check_value(
    role: str,
    value: onnx.ValueInfoProto,
    element: int,
    shape: tuple[int | None, ...],
    *,
    exact: bool,
) -> None:
    """Compare one declared type; `exact`: a size that is known has to be declared as well."""
    tensor = value.type.tensor_type
    dims: list[int | None] = [
        dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim
    ]
    fits = (
        value.type.HasField("tensor_type")
        and tensor.elem_type == element
        and tensor.HasField("shape")
        and len(dims) == len(shape)
        and all(
            found == wanted or (found is None and not exact)
            for found, wanted in zip(dims, shape, strict=True)
        )
    )
    if not fits:

        def written(sizes: Sequence[int | None]) -> str:
            return "[" + ", ".join("any" if n is None else str(n) for n in sizes) + "]"

        found_type = _TYPE_NAMES.get(tensor.elem_type, f"type {tensor.elem_type}")
        raise ArtifactError(
            f"{role} {shown(value.name)} is {found_type} {written(dims[:8])}; allowed:"
            f" {_TYPE_NAMES[element]} {written(shape)}, as its metadata tells; export the run again"
        )
