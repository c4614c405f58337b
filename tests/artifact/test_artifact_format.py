from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from helpers.small_models import metadata_of

from ganaug.artifact.format import MAX_METADATA_BYTES, SCHEMA, Metadata
from ganaug.artifact.policy import Policy
from ganaug.errors import ArtifactError, ConfigError


def changed(**values: object) -> str:
    return json.dumps({**json.loads(metadata_of("variation").to_json()), **values})


def message(text: str) -> str:
    with pytest.raises(ArtifactError) as caught:
        Metadata.from_json(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["variation", "class"])
def test_metadata_survives_json(kind: str) -> None:
    policy = Policy(p=((10, 0.7), (120, 0.0)), scale=0.8, source="rule", evidence={"n": 6})
    metadata = metadata_of(
        kind,
        classes=("kratzer", "割れ", "line\nbreak"),
        counts=(200, 10, 0),
        channels=3,
        size=(28, 36),
        policy=policy,
        gain={"verdict": "helps", "interval": [0.01, 0.05]},
        warnings=("one class has a single image",),
    )
    again = Metadata.from_json(metadata.to_json())
    assert again == metadata
    assert again.to_json() == metadata.to_json()
    assert pickle.loads(pickle.dumps(again)) == copy.deepcopy(again) == metadata
    assert isinstance(again.classes, tuple)
    assert isinstance(again.size, tuple)


def test_json_names_the_schema_first_and_holds_every_field() -> None:
    values = json.loads(metadata_of("variation", policy=Policy(p=((1, 0.5),))).to_json())
    assert next(iter(values)) == "schema"
    assert values["schema"] == SCHEMA
    assert values["policy"] == {
        "p": [[1, 0.5]],
        "scale": 1.0,
        "filter": None,
        "source": "user",
        "evidence": None,
    }
    assert values["size"] == [8, 8]
    assert values["batch_exact"] is True


def test_unknown_fields_and_minor_versions_are_read() -> None:
    text = changed(schema="1.9", colour="blue", policy={"p": [[1, 0.5]], "mood": 3})
    metadata = Metadata.from_json(text)
    assert metadata.schema == "1.9"
    assert metadata.policy == Policy(p=((1, 0.5),))


def test_optional_fields_may_be_missing() -> None:
    values = json.loads(changed())
    for name in ("policy", "gain", "diversity", "warnings"):
        del values[name]
    metadata = Metadata.from_json(json.dumps(values))
    assert (metadata.policy, metadata.gain, metadata.diversity) == (None, None, None)
    assert metadata.warnings == ()


def test_another_major_version_is_refused_with_both_named() -> None:
    text = message(changed(schema="3.0", kind="future"))
    assert "schema version 3.0; this ganaug reads 1.x and 2.x (it writes 2.0)" in text


def test_what_a_file_returns_depends_on_its_major_version() -> None:
    for schema, names in (
        ("1.0", ("variation",)),
        ("1.9", ("variation",)),
        ("2.0", ("variation", "positions", "factor", "offset")),
    ):
        assert metadata_of("variation", schema=schema).outputs == names
        assert metadata_of("class", schema=schema).outputs == ("image",)


@pytest.mark.parametrize("schema", [None, 1, 1.0, "1", "one.zero", "1.0\n", ["1.0"], "-1.0"])
def test_a_schema_that_is_no_version_is_refused(schema: object) -> None:
    assert "schema" in message(changed(schema=schema))


def test_each_missing_field_is_named() -> None:
    text = message(json.dumps({"schema": "1.0", "kind": "class", "seed": 0}))
    assert text.startswith("metadata: missing fields: classes, channels, size, latent_dim, counts,")
    assert "batch_exact" in text
    assert "kind" not in text
    assert "policy" not in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "diffusion"),
        ("kind", ["class"]),
        ("classes", []),
        ("classes", "ab"),
        ("classes", ["a", "a"]),
        ("classes", ["a", ""]),
        ("classes", ["a", ["b"]]),
        ("channels", 2),
        ("channels", True),
        ("channels", 1.0),
        ("size", 8),
        ("size", [8]),
        ("size", [8, 0]),
        ("size", [8, 5000]),
        ("latent_dim", 0),
        ("latent_dim", 10**6),
        ("counts", [10]),
        ("counts", [10, -1]),
        ("counts", [10, 2**60]),
        ("counts", {"a": 10, "b": 2}),
        ("fingerprint", None),
        ("data", {"source": "x"}),
        ("data", {"source": 1, "held_out": None, "held_out_fingerprint": None, "groups": False}),
        ("data", {"source": "", "held_out": None, "held_out_fingerprint": None, "groups": 0}),
        ("config", []),
        ("steps", -1),
        ("steps", "10"),
        ("seed", 0.5),
        ("versions", None),
        ("parity", 1e-4),
        ("batch_exact", 1),
        ("policy", 0.5),
        ("policy", {"scale": 1.0}),
        ("policy", {"p": [[10, 2.0]]}),
        ("policy", {"p": [[1, 0.5]], "filter": {"kind": "margin"}}),
        ("gain", []),
        ("diversity", "OK"),
        ("warnings", "one"),
        ("warnings", [1]),
    ],
)
def test_a_wrong_field_is_named(name: str, value: object) -> None:
    text = message(changed(**{name: value}))
    assert name in text
    assert "allowed" in text


def test_every_wrong_field_is_named_at_once() -> None:
    text = message(changed(kind="?", channels=7, seed="a"))
    assert all(part in text for part in ("kind: '?'", "channels: 7", "seed: 'a'"))


def test_a_wrong_value_cannot_break_the_line_or_flood_it() -> None:
    text = message(changed(kind="\x1b[31m\n" + "x" * 10_000))
    assert "\x1b" not in text
    assert len(text) < 300


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '{"schema": "1.0",}'])
def test_no_json_object_is_refused(text: str) -> None:
    assert "JSON" in message(text)


def test_metadata_over_the_limit_is_neither_read_nor_written() -> None:
    assert "1,048,576" in message(changed(config={"x": "x" * MAX_METADATA_BYTES}))
    # fewer characters than the limit, more bytes
    assert "1,048,576" in message('"' + "é" * (MAX_METADATA_BYTES // 2) + '"')
    with pytest.raises(ArtifactError, match="1,048,576"):
        metadata_of("class", config={"x": "x" * MAX_METADATA_BYTES}).to_json()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), np.float32(1)])
def test_what_is_no_json_is_not_written(value: object) -> None:
    with pytest.raises(ArtifactError, match="metadata"):
        metadata_of("class", gain={"x": value}).to_json()


def test_policy_is_linear_between_its_points_and_constant_beyond() -> None:
    policy = Policy(p=((10, 0.7), (120, 0.0)))
    counts = np.array([[0, 1, 10], [65, 120, 200]])
    expected = [[0.7, 0.7, 0.7], [0.35, 0.0, 0.0]]
    np.testing.assert_allclose(policy.probability(counts), expected)
    assert policy.probability([]).shape == (0,)
    assert Policy(p=((5, 0.3),)).probability([1, 5, 9]).tolist() == [0.3, 0.3, 0.3]


def test_policy_survives_a_dict() -> None:
    policy = Policy(p=((1, 0.5), (2.5, 0.25)), scale=0.5, source="tune", evidence={"seeds": 3})
    assert Policy.from_dict(policy.to_dict()) == policy
    assert Policy.from_dict(json.loads(json.dumps(policy.to_dict()))) == policy


@pytest.mark.parametrize(
    "points",
    [
        (),
        0.5,
        ((1,),),
        ((1, 1.5),),
        ((1, -0.1),),
        ((1, float("nan")),),
        ((float("inf"), 0.5),),
        ((-1, 0.5),),
        ((1, True),),
        ((2, 0.5), (1, 0.5)),
        ((1, 0.5), (1, 0.4)),
        ("ab",),
    ],
)
def test_policy_points_are_checked(points: object) -> None:
    with pytest.raises(ConfigError, match=r"policy p: .*allowed"):
        Policy(p=points)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scale", 0),
        ("scale", -1.0),
        ("scale", float("inf")),
        ("scale", "1"),
        ("filter", "margin"),
        ("source", None),
        ("evidence", [1]),
    ],
)
def test_policy_fields_are_checked(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"policy {name}: .*allowed"):
        Policy(p=((1, 0.5),), **{name: value})  # type: ignore[arg-type]


def test_falling_goes_from_the_smallest_class_to_60_percent_of_the_largest() -> None:
    policy = Policy.falling([200, 120, 65, 10])
    assert list(policy.p) == [(10, 0.7), (120.0, 0.0)]
    np.testing.assert_allclose(policy.probability([200, 120, 65, 10]), [0, 0, 0.35, 0.7])
    assert Policy.from_dict(policy.to_dict()) == policy
    assert Policy.falling([100, 10], 0.4, 0.5).p == ((10, 0.4), (50.0, 0.0))


@pytest.mark.parametrize("counts", [[50, 50], [50], [100, 60], [0, 50], [0, 0], []])
def test_falling_without_a_rare_class_is_the_same_for_all(counts: list[int]) -> None:
    policy = Policy.falling(counts, 0.4)
    assert policy.probability([1, 50, 1000]).tolist() == [0.4, 0.4, 0.4]


@pytest.mark.parametrize("counts", [[200, 120, 65, 10], [50, 50], [0, 50], [0, 0], []])
def test_rule_is_one_half_for_all(counts: list[int]) -> None:
    policy = Policy.rule(counts)
    assert (policy.source, policy.evidence, policy.scale) == ("rule", None, 0.7)
    assert policy.probability([1, 50, 1000]).tolist() == [0.5, 0.5, 0.5]


def test_classes_without_images_do_not_count() -> None:
    assert Policy.rule([100, 10, 0]) == Policy.rule([100, 10])
    assert Policy.falling([100, 10, 0]) == Policy.falling([100, 10])
