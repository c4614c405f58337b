"""For tests: small, real ONNX generators that stand where a trained one would.

They run in real onnxruntime sessions, are written within milliseconds, and can be computed in
numpy (`expected_variation`, `expected_class`), so that a test can compare by value:

    variation: clip(image + latent @ projection, 0, 1), one offset for each channel
    class:     clip(table[label] + latent @ projection, 0, 1)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ganaug.artifact.format import KEY, Metadata
from ganaug.artifact.policy import Policy

__all__ = [
    "Planted",
    "class_model",
    "expected_class",
    "expected_variation",
    "metadata_of",
    "projection",
    "table",
    "variation_model",
    "write_bent",
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


@dataclass(frozen=True)
class Planted:
    """A map that is known: where a result's pixel is read, from where it is (both -1..1).

    Attributes:
        affine: 2 x 3; position = affine @ (x, y, 1).
        bend: float32 [2, h, w], added to it, resized to the image (bilinear); None for none.
        drift: shift to the right by this times the first value of the latent.
    """

    affine: tuple[tuple[float, float, float], ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    bend: NDArray[np.float32] | None = None
    drift: float = 0.0


def _map_nodes(
    planted: Planted, latent_dim: int
) -> tuple[list[onnx.NodeProto], dict[str, NDArray[Any]]]:
    """Nodes that compute `positions` from `image` and `latent`, and their weights."""
    node = helper.make_node
    linear = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    ramp = {"mode": "linear", "coordinate_transformation_mode": "align_corners"}
    bend = np.zeros((2, 1, 1), np.float32) if planted.bend is None else planted.bend
    by_x, by_y, shift = np.array(planted.affine, np.float32).T.reshape(3, 1, 2, 1, 1)
    drift = np.zeros((latent_dim, 2), np.float32)
    drift[0, 0] = planted.drift
    nodes = [
        node("Shape", ["image"], ["sides"], start=2, end=4),
        node("Split", ["sides", "halves"], ["height", "width"], axis=0),
        node("Cast", ["sides"], ["counts"], to=TensorProto.FLOAT),
        node("Reciprocal", ["counts"], ["steps"]),
        node("Sub", ["high", "steps"], ["last"]),
        node("Split", ["last", "halves"], ["last_y", "last_x"], axis=0),
        node("Resize", ["ends_x", "", "", "width"], ["ramp_x"], axes=[3], **ramp),
        node("Resize", ["ends_y", "", "", "height"], ["ramp_y"], axes=[2], **ramp),
        node("Mul", ["ramp_x", "last_x"], ["centre_x"]),
        node("Mul", ["ramp_y", "last_y"], ["centre_y"]),
        node("Mul", ["centre_x", "by_x"], ["across"]),
        node("Mul", ["centre_y", "by_y"], ["down"]),
        node("Add", ["across", "down"], ["turned"]),
        node("Resize", ["bend", "", "", "sides"], ["bent"], axes=[2, 3], **linear),
        node("Add", ["turned", "bent"], ["local"]),
        node("MatMul", ["latent", "drift"], ["drifts"]),
        node("Unsqueeze", ["drifts", "axes"], ["drifts_4d"]),
        node("Add", ["drifts_4d", "shift"], ["shifted"]),
        node("Add", ["local", "shifted"], ["grid"]),
        node("Transpose", ["grid"], ["positions"], perm=[0, 2, 3, 1]),
    ]
    return nodes, {
        "halves": np.array([1, 1], np.int64),
        "ends_x": np.array([-1, 1], np.float32).reshape(1, 1, 1, 2),
        "ends_y": np.array([-1, 1], np.float32).reshape(1, 1, 2, 1),
        "by_x": by_x,
        "by_y": by_y,
        "shift": shift,
        "bend": bend[None],
        "drift": drift,
    }


def _model(
    metadata: Metadata,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: dict[str, NDArray[Any]],
) -> onnx.ModelProto:
    weights["low"] = np.array(0, np.float32)
    weights["high"] = np.array(1, np.float32)
    graph = helper.make_graph(
        nodes,
        "generator",
        inputs,
        outputs,
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    helper.set_model_props(model, {KEY: metadata.to_json()})
    return model


def variation_model(metadata: Metadata, planted: Planted | None = None) -> onnx.ModelProto:
    """The variation model that fits `metadata`, with it inside."""
    channels, latent = metadata.channels, metadata.latent_dim
    shape: list[str | int | None] = ["N", channels, "H", "W"]
    weights = {
        "projection": projection(latent, channels),
        "axes": np.array([2, 3], np.int64),
        "low": np.array(0, np.float32),
        "high": np.array(1, np.float32),
        "lowest": np.array(-1, np.float32),
        "two": np.array(2, np.float32),
    }
    further, of_map = [], []
    if len(metadata.outputs) > 1:
        of_map, of_weights = _map_nodes(planted or Planted(), latent)
        weights |= of_weights
        further = [  # the whole change of a small model is light
            helper.make_node("Mul", ["image", "low"], ["zeros"]),
            helper.make_node("Exp", ["zeros"], ["factor"]),
            helper.make_node("Mul", ["change_4d", "two"], ["twice"]),
            helper.make_node("Clip", ["twice", "lowest", "high"], ["within"]),
            helper.make_node("Add", ["zeros", "within"], ["offset"]),
        ]
    reading, read = [], "image"
    if planted is not None and of_map:
        node = helper.make_node
        how = {"align_corners": 0, "mode": "linear", "padding_mode": "zeros"}
        read = "read"
        reading = [
            *of_map,
            # mirrored at the edges, and no farther out than the centres of the last pixels
            node("Clip", ["positions", "lowest", "high"], ["within_image"]),
            node("Add", ["within_image", "within_image"], ["doubled"]),
            node("Sub", ["doubled", "positions"], ["mirrored"]),
            node("Concat", ["last_x", "last_y"], ["ends"], axis=0),
            node("Neg", ["ends"], ["starts"]),
            node("Min", ["mirrored", "ends"], ["not_after"]),
            node("Max", ["not_after", "starts"], ["centred"]),
            node("GridSample", ["image", "centred"], [read], **how),
        ]
        of_map = []
    nodes = [
        helper.make_node("MatMul", ["latent", "projection"], ["change"]),
        helper.make_node("Unsqueeze", ["change", "axes"], ["change_4d"]),
        *reading,
        helper.make_node("Add", [read, "change_4d"], ["moved"]),
        *of_map,
        *further,
        helper.make_node("Clip", ["moved", "low", "high"], ["variation"]),
    ]
    sizes: dict[str, list[str | int | None]] = {"positions": ["N", "H", "W", 2]}
    return _model(
        metadata,
        nodes,
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["N", latent]),
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes.get(name, shape))
            for name in metadata.outputs
        ],
        weights,
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
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", channels, *size])],
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
    planted: Planted | None = None,
    **metadata: Any,
) -> Path:
    """Write a variation artifact; `metadata` are further fields of `Metadata`."""
    known = {"channels": channels, "size": size, "latent_dim": latent_dim, "policy": policy}
    values = {**known, "classes": tuple(classes), "counts": tuple(counts), **metadata}
    return write_model(path, variation_model(metadata_of("variation", **values), planted))


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


def write_bent(path: Path) -> Path:
    """Write an RGB generator that bends and shifts."""
    bend = np.random.default_rng(5).normal(0, 0.2, (2, 3, 4)).astype(np.float32)
    return write_variation_model(path, channels=3, planted=Planted(bend=bend, drift=0.1))
