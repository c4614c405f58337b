"""For tests: small, real ONNX generators that stand where a trained one would.

They run in real onnxruntime sessions, are written within milliseconds, and can be computed in
numpy (`expected_variation`, `expected_class`), so that a test can compare by value:

    variation: clip(image + latent @ projection, 0, 1), one offset for each channel
    class:     clip(table[label] + latent @ projection, 0, 1)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ganaug.artifact.format import KEY, Metadata, Policy

__all__ = [
    "class_model",
    "expected_class",
    "expected_variation",
    "metadata_of",
    "projection",
    "table",
    "variation_model",
    "write_class_model",
    "write_model",
    "write_variation_model",
]

OPSET = 20


def projection(latent_dim: int, channels: int) -> NDArray[np.float32]:
    """float32 [Z, C]: what a latent adds to each channel."""
    draws = np.random.default_rng(1).standard_normal((latent_dim, channels))
    return (0.1 * draws).astype(np.float32)


def table(classes: int, channels: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """float32 [K, C, H, W] in 0..1: the image of each class."""
    return np.random.default_rng(2).random((classes, channels, *size), np.float32)


def expected_variation(
    images: NDArray[np.float32], latents: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What the variation model returns for float32 [N, C, H, W] and [N, Z]."""
    offset = latents @ projection(latents.shape[1], images.shape[1])
    return np.clip(images + offset[:, :, None, None], 0, 1)


def expected_class(
    labels: NDArray[np.int64],
    latents: NDArray[np.float32],
    *,
    classes: int = 2,
    channels: int = 1,
    size: tuple[int, int] = (8, 8),
) -> NDArray[np.float32]:
    """What the class model returns for int64 [N] and float32 [N, Z]."""
    offset = latents @ projection(latents.shape[1], channels)
    return np.clip(table(classes, channels, size)[labels] + offset[:, :, None, None], 0, 1)


def metadata_of(kind: str, **values: Any) -> Metadata:
    """Metadata of a small model, with `values` in place of the defaults."""
    defaults: dict[str, Any] = {
        "kind": kind,
        "classes": ("a", "b"),
        "channels": 1,
        "size": (8, 8),
        "latent_dim": 4,
        "counts": (10, 2),
        "fingerprint": "0" * 64,
        "data": {
            "source": "small",
            "held_out": None,
            "held_out_fingerprint": None,
            "groups": False,
        },
        "config": {"preset": "tiny"},
        "steps": 10,
        "seed": 0,
        "versions": {"ganaug": "0"},
        "parity": {},
        "batch_exact": True,
    }
    return Metadata(**{**defaults, **values})


def _model(
    metadata: Metadata,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    output: onnx.ValueInfoProto,
    weights: dict[str, NDArray[Any]],
) -> onnx.ModelProto:
    weights["low"] = np.array(0, np.float32)
    weights["high"] = np.array(1, np.float32)
    graph = helper.make_graph(
        nodes,
        "generator",
        inputs,
        [output],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    helper.set_model_props(model, {KEY: metadata.to_json()})
    return model


def variation_model(metadata: Metadata) -> onnx.ModelProto:
    """The variation model that fits `metadata`, with it inside."""
    channels, latent = metadata.channels, metadata.latent_dim
    shape: list[str | int | None] = ["N", channels, "H", "W"]
    nodes = [
        helper.make_node("MatMul", ["latent", "projection"], ["offset"]),
        helper.make_node("Unsqueeze", ["offset", "axes"], ["offset_4d"]),
        helper.make_node("Add", ["image", "offset_4d"], ["moved"]),
        helper.make_node("Clip", ["moved", "low", "high"], ["variation"]),
    ]
    return _model(
        metadata,
        nodes,
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["N", latent]),
        ],
        helper.make_tensor_value_info("variation", TensorProto.FLOAT, shape),
        {"projection": projection(latent, channels), "axes": np.array([2, 3], np.int64)},
    )


def class_model(metadata: Metadata) -> onnx.ModelProto:
    """The class model that fits `metadata`, with it inside."""
    channels, latent, size = metadata.channels, metadata.latent_dim, metadata.size
    nodes = [
        helper.make_node("MatMul", ["latent", "projection"], ["offset"]),
        helper.make_node("Unsqueeze", ["offset", "axes"], ["offset_4d"]),
        helper.make_node("Gather", ["table", "label"], ["chosen"], axis=0),
        helper.make_node("Add", ["chosen", "offset_4d"], ["moved"]),
        helper.make_node("Clip", ["moved", "low", "high"], ["image"]),
    ]
    return _model(
        metadata,
        nodes,
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]),
            helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["N", latent]),
        ],
        helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", channels, *size]),
        {
            "projection": projection(latent, channels),
            "table": table(len(metadata.classes), channels, size),
            "axes": np.array([2, 3], np.int64),
        },
    )


def write_model(path: str | os.PathLike[str], model: onnx.ModelProto) -> Path:
    """Write `model` and return its path."""
    file = Path(path)
    file.write_bytes(model.SerializeToString(deterministic=True))
    return file


def write_variation_model(
    path: str | os.PathLike[str],
    channels: int = 1,
    size: tuple[int, int] = (8, 8),
    latent_dim: int = 4,
    classes: Sequence[str] = ("a", "b"),
    counts: Sequence[int] = (10, 2),
    policy: Policy | None = None,
    **metadata: Any,
) -> Path:
    """Write a variation artifact; `metadata` are further fields of `Metadata`."""
    known = {"channels": channels, "size": size, "latent_dim": latent_dim, "policy": policy}
    values = {**known, "classes": tuple(classes), "counts": tuple(counts), **metadata}
    return write_model(path, variation_model(metadata_of("variation", **values)))


def write_class_model(
    path: str | os.PathLike[str],
    channels: int = 1,
    size: tuple[int, int] = (8, 8),
    latent_dim: int = 4,
    classes: Sequence[str] = ("a", "b"),
    counts: Sequence[int] = (10, 2),
    policy: Policy | None = None,
    **metadata: Any,
) -> Path:
    """Write a class artifact; `metadata` are further fields of `Metadata`."""
    known = {"channels": channels, "size": size, "latent_dim": latent_dim, "policy": policy}
    values = {**known, "classes": tuple(classes), "counts": tuple(counts), **metadata}
    return write_model(path, class_model(metadata_of("class", **values)))
