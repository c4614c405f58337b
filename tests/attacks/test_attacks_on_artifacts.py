"""Hostile ONNX files, each refused by the reader before onnxruntime sees a byte of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from helpers.hostile import Change, external, graph_with, model_of, refused
from onnx import TensorProto, helper, numpy_helper

from ganaug.artifact import sessions
from ganaug.artifact.format import KEY, MAX_METADATA_BYTES, MAX_NODES, OUTPUTS

# --- external data, wherever a tensor can stand (CVE-2026-27489, -34446, -34447) ---


def _in_initializer(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(external())


def _without_location_flag(model: onnx.ModelProto) -> None:
    tensor = external()
    tensor.data_location = TensorProto.DEFAULT
    model.graph.initializer.append(tensor)


def _without_a_location(model: onnx.ModelProto) -> None:
    tensor = external()
    del tensor.external_data[:]
    model.graph.initializer.append(tensor)


def _in_sparse_values(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add(dims=[4]).values.CopyFrom(external())


def _in_sparse_indices(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add(dims=[4]).indices.CopyFrom(external())


def _in_constant(model: onnx.ModelProto) -> None:
    model.graph.node.insert(0, helper.make_node("Constant", [], ["weights"], value=external()))


def _in_tensor_list(model: onnx.ModelProto) -> None:
    attribute = model.graph.node[0].attribute.add(name="all")
    attribute.type = onnx.AttributeProto.TENSORS
    attribute.tensors.append(external())


def _in_sparse_attribute(model: onnx.ModelProto) -> None:
    attribute = model.graph.node[0].attribute.add(name="sparse_value")
    attribute.type = onnx.AttributeProto.SPARSE_TENSOR
    attribute.sparse_tensor.values.CopyFrom(external())


def _in_subgraph(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("body", graph_with(external())))


def _in_subgraph_of_subgraph(model: onnx.ModelProto) -> None:
    outer = graph_with(numpy_helper.from_array(np.zeros(4, np.float32), "weights"))
    outer.node[0].attribute.append(helper.make_attribute("body", graph_with(external())))
    model.graph.node[0].attribute.append(helper.make_attribute("body", outer))


def _in_list_of_graphs(model: onnx.ModelProto) -> None:
    attribute = helper.make_attribute("bodies", [graph_with(external())])
    model.graph.node[0].attribute.append(attribute)


def _in_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Constant", [], ["y"], value=external())
    opset = [helper.make_opsetid("", 20)]
    model.functions.append(helper.make_function("own", "F", [], ["y"], [node], opset))


def _in_default_of_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    function = helper.make_function("own", "F", ["x"], ["y"], [node], [helper.make_opsetid("", 20)])
    function.attribute_proto.append(helper.make_attribute("value", external()))
    model.functions.append(function)


def _in_training(model: onnx.ModelProto) -> None:
    model.training_info.add().initialization.CopyFrom(graph_with(external()))


def _in_training_algorithm(model: onnx.ModelProto) -> None:
    model.training_info.add().algorithm.CopyFrom(graph_with(external()))


@pytest.mark.parametrize(
    "hide",
    [
        _in_initializer,
        _without_location_flag,
        _without_a_location,
        _in_sparse_values,
        _in_sparse_indices,
        _in_constant,
        _in_tensor_list,
        _in_sparse_attribute,
        _in_function,
        _in_default_of_function,
        _in_training,
        _in_training_algorithm,
    ],
)
@pytest.mark.parametrize("kind", ["variation", "class"])
def test_external_data_is_refused(tmp_path: Path, kind: str, hide: Change) -> None:
    model = model_of(kind)
    hide(model)
    assert "external data" in refused(tmp_path, model)


@pytest.mark.parametrize("hide", [_in_subgraph, _in_subgraph_of_subgraph, _in_list_of_graphs])
def test_a_subgraph_is_refused_with_what_it_hides(tmp_path: Path, hide: Change) -> None:
    model = model_of()
    hide(model)
    assert "holds a graph of its own" in refused(tmp_path, model)


# --- operators ---


@pytest.mark.parametrize("domain", ["com.microsoft", "ai.onnx.ml", "own", "\x1b[31m\n"])
def test_an_operator_of_another_domain_is_refused(tmp_path: Path, domain: str) -> None:
    model = model_of()
    model.graph.node.append(helper.make_node("Add", ["image", "image"], ["x"], domain=domain))
    assert "operator 'Add' of the domain" in refused(tmp_path, model)


def test_an_import_of_another_domain_is_refused(tmp_path: Path) -> None:
    model = model_of()
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    assert "com.microsoft" in refused(tmp_path, model)


@pytest.mark.parametrize(
    "operator", ["If", "Loop", "Scan", "RandomNormal", "Dropout", "StringConcat", "EPContext", ""]
)
def test_an_operator_that_no_generator_needs_is_refused(tmp_path: Path, operator: str) -> None:
    model = model_of()
    model.graph.node.append(helper.make_node(operator, ["image"], ["x"]))
    assert f"operator '{operator}'; allowed" in refused(tmp_path, model)


def test_a_function_that_replaces_a_standard_operator_is_refused(tmp_path: Path) -> None:
    model = model_of()
    node = helper.make_node("Neg", ["x"], ["y"])
    opset = [helper.make_opsetid("", 20)]
    model.functions.append(helper.make_function("", "Clip", ["x"], ["y"], [node], opset))
    assert "function" in refused(tmp_path, model)


def test_training_information_is_refused(tmp_path: Path) -> None:
    model = model_of()
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "weights")
    model.training_info.add().algorithm.CopyFrom(graph_with(tensor))
    assert "training" in refused(tmp_path, model)


def test_sparse_weights_are_refused(tmp_path: Path) -> None:
    model = model_of()
    values = numpy_helper.from_array(np.ones(1, np.float32), "weights")
    sparse = model.graph.sparse_initializer.add(dims=[4])
    sparse.values.CopyFrom(values)
    sparse.indices.CopyFrom(numpy_helper.from_array(np.zeros(1, np.int64), "where"))
    assert "sparse" in refused(tmp_path, model)


def test_a_flood_of_operators_is_refused(tmp_path: Path) -> None:
    model = model_of()
    node = helper.make_node("Neg", ["image"], ["x"])
    model.graph.node.extend([node] * (MAX_NODES + 1))
    assert f"more than {MAX_NODES:,} operators" in refused(tmp_path, model)


@pytest.mark.parametrize("version", [0, 1, 19, 99, 2**62])
def test_an_operator_set_out_of_range_is_refused(tmp_path: Path, version: int) -> None:
    model = model_of()
    model.opset_import[0].version = version
    assert str(version) in refused(tmp_path, model)


@pytest.mark.parametrize("second", ["", "ai.onnx"])
def test_two_operator_sets_are_refused(tmp_path: Path, second: str) -> None:
    model = model_of()
    model.opset_import.append(helper.make_opsetid(second, 21))
    assert "operator set" in refused(tmp_path, model)
    del model.opset_import[:]
    assert "operator set" in refused(tmp_path, model)


# --- a file that is read as one thing here and as another by onnxruntime ---


def test_onnxruntimes_own_format_is_refused(tmp_path: Path) -> None:
    # A producer name that starts with the mark of that format: valid ONNX and more than that.
    model = model_of()
    ordinary = model.SerializeToString()
    name = b"ORTM" + b"x" * 300
    polyglot = b"\x12" + bytes([len(name) & 0x7F | 0x80, len(name) >> 7 | 0x80, 0]) + name
    assert (polyglot + ordinary)[4:8] == b"ORTM"
    parsed = onnx.ModelProto.FromString(polyglot + ordinary)
    assert parsed.graph.node  # onnx takes it
    with pytest.raises(Exception, match="ORT model verification failed"):
        onnxruntime.InferenceSession(polyglot + ordinary, providers=["CPUExecutionProvider"])
    assert "onnxruntime's own format" in refused(tmp_path, polyglot + ordinary)
    # and should one get through, the session reads it as what was checked
    session = sessions.open_session(lambda: polyglot + ordinary, "polyglot", "cpu", 1).session
    assert [value.name for value in session.get_outputs()] == list(OUTPUTS["variation"])


def test_fields_that_cannot_be_checked_are_refused(tmp_path: Path) -> None:
    content = model_of().SerializeToString()
    unknown = b"\xfa\x3e\x04abcd"  # field 1007, four bytes
    assert "does not know" in refused(tmp_path, content + unknown)


def test_unknown_fields_deep_inside_are_refused(tmp_path: Path) -> None:
    model = model_of()
    node = model.graph.node[0]
    node.MergeFromString(b"\xfa\x3e\x04abcd")
    assert "does not know" in refused(tmp_path, model)
    model = model_of()
    model.graph.initializer[0].MergeFromString(b"\xfa\x3e\x04abcd")
    assert "does not know" in refused(tmp_path, model)


def test_deeply_nested_messages_are_refused(tmp_path: Path) -> None:
    def field(number: int, content: bytes) -> bytes:
        length, size = len(content), b""
        while length > 127:
            size += bytes([length & 0x7F | 0x80])
            length >>= 7
        tag = number << 3 | 2
        head = bytes([tag]) if tag < 128 else bytes([tag & 0x7F | 0x80, tag >> 7])
        return head + size + bytes([length]) + content

    nested = b""
    for _ in range(2000):  # graph -> node -> attribute -> graph
        nested = field(1, field(5, field(6, nested)))
    content = model_of().SerializeToString() + field(7, nested)
    assert "not an ONNX file" in refused(tmp_path, content)


# --- metadata ---


def test_another_makers_file_is_refused(tmp_path: Path) -> None:
    model = model_of()
    model.metadata_props[0].key = "author"
    assert "not made by ganaug" in refused(tmp_path, model)


def test_two_entries_are_refused(tmp_path: Path) -> None:
    model = model_of()
    model.metadata_props.add(key=KEY, value=model.metadata_props[0].value)
    assert "2 entries" in refused(tmp_path, model)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("{", "JSON"),
        ("[" * 100_000, "JSON"),
        ('{"a":' * 100 + "1" + "}" * 100, "levels"),
        ('{"schema": "1.0", "seed": ' + "9" * 100_000 + "}", "JSON"),
        ('{"schema": "1.0", "steps": 1e999}', "JSON"),
        ('{"schema": "1.0", "steps": NaN}', "JSON"),
        ('{"schema": "1.0", "kind": "\\ud800"}', "JSON"),
        ('{"schema": "7.0"}', "7.0"),
        ("x" * (MAX_METADATA_BYTES + 1), "1,048,576"),
    ],
)
def test_hostile_metadata_is_refused(tmp_path: Path, value: str, word: str) -> None:
    model = model_of()
    model.metadata_props[0].value = value
    assert word in refused(tmp_path, model)


def test_metadata_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    content = model_of().SerializeToString()
    assert b'"kind": "variation"' in content
    content = content.replace(b'"kind": "variation"', b'"kind": "\xff\xfe\xfdation"')
    text = refused(tmp_path, content)
    assert "UTF-8" in text or "not an ONNX file" in text
