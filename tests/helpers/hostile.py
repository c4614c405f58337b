"""What the attacks share: a model to spoil, and the form of a refusal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from helpers.small_models import class_model, metadata_of, variation_model, write_model
from onnx import TensorProto, helper

from ganaug.artifact.reader import read_artifact
from ganaug.errors import ArtifactError

Change = Callable[[onnx.ModelProto], None]


def model_of(kind: str = "variation") -> onnx.ModelProto:
    build = {"variation": variation_model, "class": class_model}[kind]
    return build(metadata_of(kind))


def refused(folder: Path, model: onnx.ModelProto | bytes) -> str:
    """Write the model, return the message with which the reader refuses it."""
    path = folder / "attack.onnx"
    if isinstance(model, bytes):
        path.write_bytes(model)
    else:
        write_model(path, model)
    with pytest.raises(ArtifactError) as caught:
        read_artifact(path)
    text = str(caught.value)
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) < 800
    return text.removeprefix(str(path))


def external(name: str = "weights") -> TensorProto:
    """A tensor whose values would come from /etc/passwd."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return tensor


def graph_with(tensor: TensorProto) -> onnx.GraphProto:
    output = helper.make_tensor_value_info("inner", TensorProto.FLOAT, [4])
    node = helper.make_node("Identity", ["weights"], ["inner"])
    return helper.make_graph([node], "inner", [], [output], [tensor])
