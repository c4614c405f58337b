"""Writing what was measured back into an artifact."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.small_models import write_variation_model

from ganaug.artifact.format import KEY
from ganaug.artifact.policy import Policy
from ganaug.artifact.reader import read_artifact
from ganaug.artifact.rewrite import rewrite_metadata
from ganaug.artifact.runtime import Generator
from ganaug.errors import ArtifactError, ConfigError, RunError

TUNED = Policy(p=((2, 0.35), (8, 0.0)), scale=0.7, source="tune", evidence={"gain": {"low": 0.01}})


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    return write_variation_model(tmp_path / "a.onnx", warnings=("few images",))


def test_only_the_named_fields_change(artifact: Path) -> None:
    before = onnx.load(artifact)
    old = read_artifact(artifact)[1]
    gain = {"verdict": "helps", "mean": 0.03}

    written = rewrite_metadata(artifact, policy=TUNED, gain=gain)

    _, new, _ = read_artifact(artifact)
    assert new == written
    assert new.policy == TUNED
    assert new.gain == gain
    assert (new.diversity, new.warnings, new.counts) == (None, ("few images",), old.counts)
    after = onnx.load(artifact)
    for model in (before, after):
        del model.metadata_props[:]
    assert after.SerializeToString(deterministic=True) == before.SerializeToString(
        deterministic=True
    )
    assert [file.name for file in artifact.parent.iterdir()] == ["a.onnx"]


def test_the_same_values_give_the_same_bytes_and_none_removes(artifact: Path) -> None:
    rewrite_metadata(artifact, policy=TUNED, gain={"mean": 0})
    first = artifact.read_bytes()
    rewrite_metadata(artifact, policy=TUNED)
    assert artifact.read_bytes() == first
    assert rewrite_metadata(artifact, policy=None, gain=None).policy is None
    assert read_artifact(artifact)[1].gain is None


def test_the_generator_gives_the_same_images(artifact: Path) -> None:
    images = np.random.default_rng(0).random((3, 1, 8, 8), np.float32)
    latents = np.zeros((3, 4), np.float32)
    before = Generator(artifact, providers="cpu").vary(images, latents)
    rewrite_metadata(artifact, policy=TUNED)
    after = Generator(artifact, providers="cpu").vary(images, latents)
    assert np.array_equal(before, after)


def test_fields_of_a_newer_minor_version_stay(artifact: Path) -> None:
    model = onnx.load(artifact)
    (entry,) = (entry for entry in model.metadata_props if entry.key == KEY)
    entry.value = json.dumps(json.loads(entry.value) | {"schema": "2.9", "later": [1, 2]})
    onnx.helper.set_model_props(model, {KEY: entry.value, "other": "kept"})
    artifact.write_bytes(model.SerializeToString())

    rewrite_metadata(artifact, policy=TUNED)

    props = {entry.key: entry.value for entry in onnx.load(artifact).metadata_props}
    values = json.loads(props[KEY])
    assert (values["schema"], values["later"], props["other"]) == ("2.9", [1, 2], "kept")
    assert values["policy"] == TUNED.to_dict()


def test_a_copy_leaves_the_file_as_it_is(artifact: Path, tmp_path: Path) -> None:
    before = artifact.read_bytes()
    rewrite_metadata(artifact, target=tmp_path / "b.onnx", policy=TUNED)
    assert artifact.read_bytes() == before
    assert read_artifact(tmp_path / "b.onnx")[1].policy == TUNED


def test_a_link_keeps_pointing_to_the_file(artifact: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.onnx"
    link.symlink_to(artifact)
    rewrite_metadata(link, policy=TUNED)
    assert link.is_symlink()
    assert read_artifact(artifact)[1].policy == TUNED


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"counts": (1, 2)}, ConfigError, "counts: cannot be rewritten; allowed: policy, gain"),
        ({"gain": {"mean": float("nan")}}, ArtifactError, "allowed: text, finite numbers"),
        ({"gain": {"mean": np.float32(1)}}, ArtifactError, "float32 is not JSON"),
        ({"gain": [1]}, ArtifactError, "gain: .* allowed an object or null"),
        ({"policy": {"p": [[3, 2.0]]}}, ArtifactError, "the probability from 0 to 1"),
        ({"diversity": {"text": "x" * 2**20}}, ArtifactError, "allowed: 1,048,576 bytes"),
    ],
)
def test_a_value_that_does_not_fit_writes_nothing(
    artifact: Path, fields: dict[str, object], error: type[Exception], message: str
) -> None:
    before = artifact.read_bytes()
    with pytest.raises(error, match=message) as raised:
        rewrite_metadata(artifact, **fields)
    assert "\n" not in str(raised.value)
    assert artifact.read_bytes() == before
    assert [file.name for file in artifact.parent.iterdir()] == ["a.onnx"]


def test_a_target_that_cannot_be_written_is_named(artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no-folder"):
        rewrite_metadata(artifact, target=tmp_path / "no-folder" / "b.onnx", policy=TUNED)
