"""Graphs of allowed operators that would crash onnxruntime, or take all memory or time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from helpers.hostile import model_of, refused
from helpers.small_models import metadata_of, write_model
from onnx import TensorProto, helper, numpy_helper

from ganaug.artifact.format import KEY
from ganaug.artifact.operators import OPERATORS
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.shapes import check_graph
from ganaug.artifact.wire import MAX_FIELDS
from ganaug.errors import ConfigError
from ganaug.limits import LIMITS
from ganaug.training.graph import variation_graph
from ganaug.training.networks import VariationGenerator


@cache
def _exported(channels: int) -> bytes:
    torch.manual_seed(0)
    model = variation_graph(VariationGenerator(channels, (12, 16), 4, 4))
    metadata = metadata_of("variation", channels=channels, size=(12, 16))
    helper.set_model_props(model, {KEY: metadata.to_json()})
    content: bytes = model.SerializeToString()
    return content


def exported(channels: int = 1) -> onnx.ModelProto:
    """What export writes for an untrained variation generator of 12x16 pixels, with metadata."""
    return onnx.ModelProto.FromString(_exported(channels))


def nodes_of(model: onnx.ModelProto, kind: str) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == kind]


def attribute_of(node: onnx.NodeProto, name: str) -> onnx.AttributeProto:
    (found,) = (each for each in node.attribute if each.name == name)
    return found


def before(
    model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], **weights: Sequence[Any]
) -> onnx.ModelProto:
    """Put nodes and weights before those that are there; what they make is not used."""
    for at, node in enumerate(nodes):
        model.graph.node.insert(at, node)
    for name, value in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return model


@pytest.mark.parametrize("channels", [1, 3])
def test_what_export_writes_is_read(tmp_path: Path, channels: int) -> None:
    model = exported(channels)
    _, metadata, _ = read_artifact(write_model(tmp_path / "g.onnx", model))
    cost = check_graph(model.graph, metadata)
    assert 2**14 < cost.memory < 2**20
    assert {node.op_type for node in model.graph.node} <= set(OPERATORS)


# --- what ended the process ---


def _split(node: onnx.NodeProto, **attributes: int) -> None:
    del node.input[1:]
    node.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())


@pytest.mark.parametrize("parts", [1, 3, 2**31, 2**62, -1, 0])
def test_a_split_into_another_number_of_parts_is_refused(tmp_path: Path, parts: int) -> None:
    model = exported()
    _split(nodes_of(model, "Split")[-1], num_outputs=parts)
    assert "operator Split with" in refused(tmp_path, model)


@pytest.mark.parametrize("sizes", [[1, 2], [2, 0], [3, -1], [1, 1, 1], [2**62, 2**62], [2]])
def test_a_split_into_other_sizes_is_refused(tmp_path: Path, sizes: list[int]) -> None:
    model = exported()
    name = nodes_of(model, "Split")[0].input[1]
    (weights,) = (each for each in model.graph.initializer if each.name == name)
    weights.CopyFrom(numpy_helper.from_array(np.array(sizes, np.int64), name))
    assert "operator Split with" in refused(tmp_path, model)


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("Div", {}),
        ("Mod", {}),
        ("ConvTranspose", {"group": 0}),
        ("DepthToSpace", {"blocksize": 2**31}),
        ("Pad", {}),
        ("Tile", {}),
        ("Expand", {}),
        ("ConstantOfShape", {}),
        ("Range", {}),
        ("Einsum", {"equation": "i,j->ij"}),
    ],
)
def test_an_operator_that_export_never_writes_is_refused(
    tmp_path: Path, kind: str, attributes: dict[str, Any]
) -> None:
    node = helper.make_node(kind, ["least", "minus"], ["x"], **attributes)
    model = before(exported(), [node], least=[-(2**63)], minus=[-1])
    assert f"operator '{kind}'; allowed: Add, " in refused(tmp_path, model)


def _set(kind: str, name: str, value: Any) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        node = nodes_of(model, kind)[0]
        left = [each for each in node.attribute if each.name != name]
        del node.attribute[:]
        node.attribute.extend([*left, helper.make_attribute(name, value)])

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("Conv", "group", 0),
        _set("Conv", "group", 2),
        _set("Conv", "dilations", [2**31, 2**31]),
        _set("Conv", "pads", [2**31] * 4),
        _set("Conv", "pads", [-1] * 4),
        _set("Conv", "pads", [1]),
        _set("Conv", "strides", [0, 0]),
        _set("Conv", "strides", [2**40, 1]),
        _set("Conv", "kernel_shape", [5, 5]),
        _set("Conv", "auto_pad", "SAME_UPPER"),
        _set("Concat", "axis", -1),
        _set("Concat", "axis", 2**40),
        _set("Concat", "axis", 0.5),
        _set("Gemm", "transA", 1),
        _set("Gemm", "alpha", float("nan")),
        _set("Gemm", "nonsense", 1),
        _set("GridSample", "mode", "cubic"),
        _set("GridSample", "padding_mode", "\x1b[31m"),
        _set("LeakyRelu", "alpha", 1),
        _set("Resize", "axes", [0, 1]),
        _set("Resize", "axes", [2, 2]),
        _set("Resize", "axes", [-1]),
        _set("Resize", "mode", "cubic"),
        _set("Resize", "antialias", 2),
        _set("Shape", "end", 5),
        _set("Shape", "start", -5),
        _set("Split", "axis", 7),
        _set("Transpose", "perm", [0, 1, 2, 3, 4, 9]),
        _set("Transpose", "perm", [0, 0, 0, 0, 0, 0]),
        _set("ReduceMean", "noop_with_empty_axes", 1),
        _set("Cast", "to", TensorProto.STRING),
    ],
)
def test_an_attribute_that_export_never_writes_is_refused(
    tmp_path: Path, change: Callable[[onnx.ModelProto], None]
) -> None:
    model = exported()
    change(model)
    assert "operator " in refused(tmp_path, model)


def test_antialias_along_one_axis_is_refused(tmp_path: Path) -> None:
    """torch has none, and would give other results than onnxruntime."""
    model = exported()
    ramps = [
        node for node in nodes_of(model, "Resize") if len(attribute_of(node, "axes").ints) == 1
    ]
    ramps[0].attribute.append(helper.make_attribute("antialias", 1))
    assert "operator Resize with antialias along the axis" in refused(tmp_path, model)


def test_a_missing_attribute_is_refused(tmp_path: Path) -> None:
    model = exported()
    del nodes_of(model, "Conv")[0].attribute[:]
    assert "operator Conv without the attribute kernel_shape" in refused(tmp_path, model)


def test_an_attribute_of_two_values_is_refused(tmp_path: Path) -> None:
    model = exported()
    attribute_of(nodes_of(model, "Concat")[0], "axis").f = 1.0
    assert "operator Concat with the attribute 'axis' = None" in refused(tmp_path, model)


def test_an_attribute_that_stands_twice_is_refused(tmp_path: Path) -> None:
    model = exported()
    node = nodes_of(model, "Concat")[0]
    node.attribute.append(node.attribute[0])
    assert "operator Concat with the attribute 'axis'" in refused(tmp_path, model)


def test_an_input_that_nothing_makes_is_refused(tmp_path: Path) -> None:
    model = exported()
    model.graph.node[0].input[0] = "nothing"
    assert "the input 'nothing', which nothing before it makes" in refused(tmp_path, model)


ONE_INPUT = (
    *("Concat", "Exp", "LeakyRelu", "Neg", "Reciprocal"),
    *("Shape", "Sigmoid", "Tanh", "Transpose"),
)


@pytest.mark.parametrize("kind", sorted(OPERATORS))
@pytest.mark.parametrize("count", [0, 1, 7])
def test_another_number_of_inputs_is_refused(tmp_path: Path, kind: str, count: int) -> None:
    row = OPERATORS[kind]
    values = {"axis": 0, "to": 1, "alpha": 0.2, "start": 0, "end": 1, "perm": [0, 1, 2, 3]}
    others = {"kernel_shape": [1, 1], "pads": [0] * 4, "strides": [1, 1]}
    given = {
        name: allowed[0] if isinstance(allowed, tuple) else (values | others)[name]
        for name, allowed in row.always.items()
    }
    node = helper.make_node(kind, ["image"] * count, ["x"], **given)
    model = before(exported(), [node])
    if (kind, count) in [("Concat", 7), *((name, 1) for name in ONE_INPUT)]:
        read_artifact(write_model(tmp_path / "g.onnx", model))
    else:
        assert f"operator {kind} with" in refused(tmp_path, model)


def test_two_values_of_one_name_are_refused(tmp_path: Path) -> None:
    model = before(exported(), [helper.make_node("Neg", ["image"], ["image"])])
    assert "the output 'image', which is there already" in refused(tmp_path, model)
    model = exported()
    model.graph.initializer.append(model.graph.initializer[0])
    assert "two weights have the same name" in refused(tmp_path, model)


@pytest.mark.parametrize("dims", [[-1], [0], [2**40], [1] * 9, [2]])
def test_weights_that_are_not_what_they_declare_are_refused(
    tmp_path: Path, dims: list[int]
) -> None:
    model = exported()
    tensor = model.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=dims)
    tensor.raw_data = b"\0" * 4
    assert "weights 'w' of the type 1 and the shape" in refused(tmp_path, model)


@pytest.mark.parametrize("kind", [TensorProto.STRING, TensorProto.DOUBLE, TensorProto.INT4, 99])
def test_weights_of_another_type_are_refused(tmp_path: Path, kind: int) -> None:
    model = exported()
    model.graph.initializer.add(name="w", data_type=kind, dims=[1], raw_data=b"\0" * 4)
    assert f"weights 'w' of the type {kind}" in refused(tmp_path, model)


def test_a_declared_shape_that_is_not_the_values_is_refused(tmp_path: Path) -> None:
    model = exported()
    name = nodes_of(model, "GridSample")[0].input[1]
    declared = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 1, 2])
    model.graph.value_info.append(declared)
    assert "the declared shape of" in refused(tmp_path, model)


def test_an_output_of_another_shape_is_refused(tmp_path: Path) -> None:
    model = model_of()
    model.graph.node[2].input[0] = "change_4d"  # in place of the image
    assert "output 'variation' would have the shape [1, 1, 1, 1]" in refused(tmp_path, model)


# --- time and memory ---


def _outer_product() -> onnx.ModelProto:
    """Every pixel times every pixel: harmless at 12x16."""
    nodes = [
        helper.make_node("Reshape", ["image", "column"], ["flat"]),
        helper.make_node("Reshape", ["image", "row"], ["lying"]),
        helper.make_node("MatMul", ["flat", "lying"], ["x"]),
    ]
    return before(exported(), nodes, column=[-1, 1], row=[-1, 1])


def test_a_cost_that_grows_with_the_square_of_the_pixels_is_refused(tmp_path: Path) -> None:
    model = _outer_product()
    model.graph.node[1].CopyFrom(
        helper.make_node("Transpose", ["flat"], ["lying"], perm=[1, 0]),
    )
    text = refused(tmp_path, model)
    assert "allowed: a cost in proportion to images and pixels" in text


def _large() -> onnx.ModelProto:
    node = helper.make_node("Resize", ["weight", "", "", "sides"], ["x"], mode="linear",
        coordinate_transformation_mode="half_pixel")  # fmt: skip
    weight = np.zeros((1, 1, 2, 2), np.float32)
    return before(exported(), [node], weight=weight, sides=[1, 1, 2**14, 2**14])  # type: ignore[arg-type]


def test_a_result_of_a_gigabyte_is_refused_unless_the_user_allows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = refused(tmp_path, _large())
    assert "one image of 12x16 needs 1,025; allowed: 512 (MiB" in text
    assert "if you trust the file, set GANAUG_MAX_IMAGE_MIB=1025" in text
    monkeypatch.setenv("GANAUG_MAX_IMAGE_MIB", "1025")
    assert read_artifact(tmp_path / "attack.onnx")[1].size == (12, 16)


def test_operations_without_end_are_refused(tmp_path: Path) -> None:
    names = ["wide", *(f"x{at}" for at in range(20))]
    nodes = [helper.make_node("MatMul", [a, "wide"], [b]) for a, b in pairwise(names)]
    model = before(exported(), nodes, wide=np.zeros((2000, 2000), np.float32))  # type: ignore[arg-type]
    assert "one image of 12x16 needs 321; allowed: 100 (thousand million" in refused(
        tmp_path, model
    )


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e3", "\u0662", "9" * 16])
def test_a_limit_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    for limit in LIMITS:
        monkeypatch.setenv(limit.variable, text)
        with pytest.raises(ConfigError, match=f"{limit.variable}: "):
            _ = limit.value


# --- a small file that is large in memory ---


def _field(number: int, content: bytes) -> bytes:
    length, size = len(content), b""
    while length > 127:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


@pytest.mark.parametrize("number", [7, 20])
def test_empty_messages_are_counted_before_they_are_parsed(tmp_path: Path, number: int) -> None:
    tag = number << 3 | 2
    empty = bytes([tag, 0]) if tag < 128 else bytes([tag & 0x7F | 0x80, tag >> 7, 0])
    content = exported().SerializeToString() + empty * (2**24 // len(empty))
    assert f"holds more than {MAX_FIELDS:,} fields" in refused(tmp_path, content)


def test_empty_messages_deep_inside_are_counted(tmp_path: Path) -> None:
    graph = _field(1, b"\x0a\x00" * 2**18)  # a node with inputs without names
    content = exported().SerializeToString() + _field(7, graph)
    assert f"holds more than {MAX_FIELDS:,} fields" in refused(tmp_path, content)


def test_numbers_one_by_one_are_refused(tmp_path: Path) -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.INT64, dims=[2**17])
    tensor.int64_data.extend([0] * 2**17)
    model = exported()
    model.graph.initializer.append(tensor)
    assert "int64_data: 131,072 bytes of single numbers" in refused(tmp_path, model)


def test_a_text_of_megabytes_is_refused(tmp_path: Path) -> None:
    model = exported()
    model.graph.node[0].name = "x" * (4 * 2**20 + 1)
    assert "name: 4,194,305 bytes of text" in refused(tmp_path, model)


@pytest.mark.parametrize("name", [b"variation", b"constant_1", b"LeakyRelu", b"ganaug", b"batch"])
def test_text_that_is_not_utf8_is_refused_wherever_it_stands(tmp_path: Path, name: bytes) -> None:
    content = exported().SerializeToString()
    assert name in content
    spoiled = content.replace(name, b"\xff" * len(name))
    assert "text that is not UTF-8" in refused(tmp_path, spoiled)
