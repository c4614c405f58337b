"""`start_from`: another training's weights, what fits of them, and runs that need it no more."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from helpers.short_runs import SHORT, weights
from helpers.small_images import bars

from ganaug.artifact.reader import read_artifact
from ganaug.errors import ConfigError, GanaugError, RunError
from ganaug.images import ImageSet
from ganaug.report.card import model_card
from ganaug.report.text import metadata_lines
from ganaug.training import checkpoint, export, fit
from ganaug.training.config import make_config
from ganaug.training.graph import variation_graph
from ganaug.training.graph_weights import graph_weights
from ganaug.training.networks import (
    VariationGenerator,
    build_discriminator,
    build_generator,
)
from ganaug.training.warm_start import BY_PLACE

OTHER = replace(bars((10, 8, 6), seed=3), source="new images")


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run and a file of each kind; of the class kind with two of the classes."""
    folder = tmp_path_factory.mktemp("origins")
    fit(replace(bars(), source="old images"), folder / "variation", **SHORT)
    swapped = replace(bars((20, 10)), classes=("bar 1", "bar 9"))
    fit(swapped, folder / "class", kind="class", **SHORT)
    for kind in ("variation", "class"):
        export(folder / kind, folder / f"{kind}.onnx", force=True)
    return folder


def begun(images: ImageSet, out: Path, origin: Path, **options: Any) -> dict[str, torch.Tensor]:
    """Train a step from `origin`; return the weights that the run began with."""
    run = fit(images, out, start_from=origin, **SHORT | {"steps": 1} | options)
    return safetensors.torch.load_file(run / "start.safetensors")


def facts(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "data.json").read_text())["started_from"]
    return found


def generator_of(name: str) -> str:
    """The average begins as the generator."""
    return name.replace("average", "generator", 1)


def test_a_run_gives_generator_and_discriminator(
    origins: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ganaug")
    start = begun(OTHER, tmp_path / "run", origins / "variation")
    assert "(6 steps on old images), all of it" in caplog.text
    there = weights(origins / "variation")
    assert start.keys() == {name for name in there if not name.startswith("optimizer")}
    for name, value in start.items():
        torch.testing.assert_close(value, there[generator_of(name)], rtol=0, atol=0)
    found = facts(tmp_path / "run")
    assert found["fresh"] == found["earlier"] == []
    assert (found["name"], found["kind"], found["steps"]) == ("variation", "run", 6)


@pytest.mark.parametrize("kind", ["variation", "class"])
def test_a_file_gives_the_exported_generator(origins: Path, tmp_path: Path, kind: str) -> None:
    images = OTHER if kind == "variation" else replace(OTHER, classes=("bar 9", "x", "bar 1"))
    start = begun(images, tmp_path / "run", origins / f"{kind}.onnx", kind=kind)
    there = weights(origins / kind)
    for part in ("generator", "average"):
        for name, value in start.items():
            if name.startswith(part) and "embedding" not in name:
                exported = there[name.replace("generator", "average", 1)]
                torch.testing.assert_close(value, exported, rtol=0, atol=1e-6)
    fresh = facts(tmp_path / "run")["fresh"]
    assert fresh[-1] == "all of the discriminator"
    assert not torch.equal(
        start["discriminator.trunk.layers.0.weight"], there["discriminator.trunk.layers.0.weight"]
    )


def test_the_random_numbers_of_the_caller_stay(origins: Path, tmp_path: Path) -> None:
    state = torch.default_generator.get_state()
    begun(OTHER, tmp_path / "run", origins / "variation.onnx")
    assert torch.equal(torch.default_generator.get_state(), state)


def test_rows_of_classes_go_by_name(origins: Path, tmp_path: Path) -> None:
    images = replace(OTHER, classes=("bar 9", "new", "bar 1"))
    start = begun(images, tmp_path / "run", origins / "class", kind="class")
    there = weights(origins / "class")
    for name in ("generator.embedding.weight", "discriminator.projection.weight"):
        torch.testing.assert_close(start[name][[2, 0]], there[name][:2], rtol=0, atol=0)
        assert not (start[name][1] == there[name]).all(1).any()
    assert facts(tmp_path / "run")["fresh"] == [
        "generator.embedding.weight of 1 classes",
        "discriminator.projection.weight of 1 classes",
    ]


def test_another_size_or_another_discriminator_starts_in_part_with_random_weights(
    origins: Path, tmp_path: Path
) -> None:
    larger = bars((10, 8), (24, 24), seed=3)
    begun(larger, tmp_path / "larger", origins / "variation")
    fresh = facts(tmp_path / "larger")["fresh"]
    assert fresh == [f"discriminator.{head}.weight" for head in ("logit", "class_match")]
    begun(OTHER, tmp_path / "strided", origins / "variation", strided=True)
    assert facts(tmp_path / "strided")["fresh"] == ["all of the discriminator"]
    begun(
        replace(larger, classes=("bar 1", "bar 9")),
        tmp_path / "class",
        origins / "class",
        kind="class",
    )
    assert "generator.start.weight" in facts(tmp_path / "class")["fresh"]


@pytest.mark.parametrize("kind", ["variation", "class"])
def test_a_map_of_as_many_cells_in_other_places_is_not_taken(tmp_path: Path, kind: str) -> None:
    wide, high = bars((6, 6), (8, 16)), bars((6, 6), (16, 8))
    fit(wide, tmp_path / "wide", kind=kind, **SHORT | {"steps": 1})
    begun(high, tmp_path / "high", tmp_path / "wide", kind=kind)
    expected = {
        "variation": ["discriminator.logit.weight", "discriminator.class_match.weight"],
        "class": [
            *("generator.start.weight", "generator.start.bias"),
            *("discriminator.logit.weight", "discriminator.projection.weight"),
        ],
    }
    assert facts(tmp_path / "high")["fresh"] == expected[kind]


@pytest.mark.parametrize("chosen", [("tiny", {}), ("tiny", {"kind": "class"}), ("classic", {})])
def test_all_tensors_whose_shape_follows_the_size_are_known(
    chosen: tuple[str, dict[str, Any]],
) -> None:
    preset, options = chosen
    for build in (build_generator, build_discriminator):
        shapes = []
        for side in (16, 24):
            network = build(make_config(preset, size=side, **options), 1, 2)
            shapes.append({name: value.shape for name, value in network.state_dict().items()})
        first, second = shapes
        changed = {name for name in first if first[name] != second[name]}
        assert changed == set(BY_PLACE) & first.keys()


@pytest.mark.parametrize("kind", ["variation", "class"])
def test_resumed_without_the_origin_equals_uninterrupted(
    origins: Path, tmp_path: Path, kind: str
) -> None:
    origin = tmp_path / "origin"
    shutil.copytree(origins / kind, origin)
    options = SHORT | {"kind": kind, "start_from": origin}
    whole = fit(OTHER, tmp_path / "whole", **options)

    def interrupt(step: int, total: int, row: dict[str, Any]) -> None:
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(OTHER, tmp_path / "part", progress=interrupt, **options)
    shutil.copytree(tmp_path / "part", tmp_path / "early")
    for path in (tmp_path / "early").glob("*checkpoint*"):
        path.unlink()  # as if it had been killed before the first one
    shutil.rmtree(origin)
    for name in ("part", "early"):
        run = fit(OTHER, tmp_path / name, **options)
        torch.testing.assert_close(weights(run), weights(whole), rtol=0, atol=0)
        assert (run / "diversity.jsonl").read_bytes() == (whole / "diversity.jsonl").read_bytes()
    cold = fit(OTHER, tmp_path / "cold", **SHORT | {"kind": kind})
    name = next(name for name in weights(whole) if name.startswith("average"))
    assert not torch.equal(weights(cold)[name], weights(whole)[name])


def test_a_run_that_goes_back_to_its_start_goes_back_to_the_weights_it_took(
    origins: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(GanaugError, match="after 3 rollbacks"):
        fit(
            OTHER,
            tmp_path / "run",
            start_from=origins / "variation",
            **SHORT | {"r1": 1e40},
        )
    there, kept = weights(origins / "variation"), weights(tmp_path / "run")
    for name, value in kept.items():
        if not name.startswith("optimizer"):
            torch.testing.assert_close(value, there[generator_of(name)], rtol=0, atol=0)
    (tmp_path / "run" / "start.safetensors").write_bytes(b"damaged")
    (tmp_path / "run" / "checkpoint.json").unlink()
    with pytest.raises(RunError, match=r"start\.safetensors: is missing or damaged \(its hash"):
        fit(
            OTHER,
            tmp_path / "run",
            start_from=origins / "variation",
            **SHORT | {"r1": 1e40},
        )


def test_a_run_with_another_start_is_another_run(origins: Path, tmp_path: Path) -> None:
    run = fit(OTHER, tmp_path / "warm", start_from=origins / "variation", **SHORT)
    with pytest.raises(RunError, match="start_from is variation there, None here"):
        fit(OTHER, run, **SHORT)
    with pytest.raises(RunError, match=r"start_from is variation there, other\.onnx here"):
        fit(OTHER, run, start_from="other.onnx", **SHORT)
    cold = fit(OTHER, tmp_path / "cold", **SHORT)
    with pytest.raises(RunError, match="start_from is None there, variation here"):
        fit(OTHER, cold, start_from=origins / "variation", **SHORT)


def test_another_start_of_the_same_name_is_another_run(origins: Path, tmp_path: Path) -> None:
    run = fit(OTHER, tmp_path / "warm", start_from=origins / "variation", **SHORT)
    same = tmp_path / "elsewhere" / "variation"
    shutil.copytree(origins / "variation", same)
    fit(OTHER, run, start_from=same, **SHORT)
    shutil.rmtree(same)
    fit(bars(seed=5), same, **SHORT)
    with pytest.raises(RunError, match="another variation there, trained on other images"):
        fit(OTHER, run, start_from=same, **SHORT)
    shutil.rmtree(same)
    fit(bars(), same, **SHORT | {"steps": 3})
    with pytest.raises(RunError, match="start_from has 6 steps there, 3 here"):
        fit(OTHER, run, start_from=same, **SHORT)


def test_a_start_that_was_trained_on_is_the_same(tmp_path: Path) -> None:
    def stop(step: int) -> None:
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    origin = tmp_path / "origin"
    with pytest.raises(KeyboardInterrupt):
        fit(bars(), origin, tick=stop, **SHORT)
    with pytest.raises(KeyboardInterrupt):
        fit(OTHER, tmp_path / "warm", start_from=origin, tick=stop, **SHORT)
    fit(bars(), origin, **SHORT)
    run = fit(OTHER, tmp_path / "warm", start_from=origin, **SHORT)
    assert json.loads((run / "data.json").read_text())["started_from"]["steps"] == 4
    assert json.loads((run / "checkpoint.json").read_text())["step"] == 6


def test_a_start_that_was_exported_by_force_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run, file = fit(bars(), tmp_path / "origin", **SHORT), tmp_path / "origin.onnx"
    record = checkpoint.read_record(run)
    assert record is not None
    stopped = {"step": 6, "alarm": "collapsed since step 6", "seconds": 1.0, "cause": "collapsed"}
    checkpoint.commit(run, replace(record, good=(), stopped=stopped))
    with pytest.raises(RunError, match=r"is broken \(collapsed since step 6\)"):
        fit(OTHER, tmp_path / "warm", start_from=run, **SHORT)
    with pytest.raises(GanaugError, match="step 6 is not exported: collapsed since step 6"):
        export(run, file)
    told = export(run, file, force=True).warnings
    assert "the training was stopped: collapsed since step 6" in told
    fit(OTHER, tmp_path / "warm", start_from=file, **SHORT)
    assert "origin.onnx was exported by force: collapsed since step 6" in caplog.text


@pytest.mark.parametrize(
    ("origin", "options", "words"),
    [
        ("variation", {"kind": "class"}, "has kind variation, this training class"),
        ("variation.onnx", {"kind": "class"}, "has kind variation, this training class"),
        ("variation", {"width": 12}, "add --set width=8"),
        ("class", {"kind": "class", "latent_dim": 9}, "has latent_dim 64, this training 9"),
        ("variation", {"colour": True}, "makes grey images, these are rgb"),
        ("variation.onnx", {"colour": True}, "load the images with --mode grey"),
    ],
)
def test_what_does_not_fit_is_refused(
    origins: Path, tmp_path: Path, origin: str, options: dict[str, Any], words: str
) -> None:
    images = bars((8, 6), channels=3) if options.pop("colour", False) else OTHER
    with pytest.raises(ConfigError, match=words) as caught:
        fit(images, tmp_path / "run", start_from=origins / origin, **SHORT | options)
    assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.rglob("*")} <= {"run", ".lock"}


def test_what_is_no_sound_training_is_refused(origins: Path, tmp_path: Path) -> None:
    def message(origin: Path) -> str:
        with pytest.raises(GanaugError) as caught:
            fit(OTHER, tmp_path / "run", start_from=origin, **SHORT)
        assert caught.value.exit_code in (1, 2)
        assert not (tmp_path / "run" / "config.json").exists()
        return str(caught.value)

    assert "no such file" in message(tmp_path / "missing").lower()
    (tmp_path / "empty").mkdir()
    assert "is not a run folder" in message(tmp_path / "empty")
    failed = tmp_path / "failed"
    with pytest.raises(GanaugError):
        fit(OTHER, failed, **SHORT | {"r1": 1e40})
    assert "has no trained generator yet" in message(failed)
    poisoned = tmp_path / "poisoned"
    shutil.copytree(origins / "variation", poisoned)
    tensors = next(poisoned.glob("checkpoint-000006*"))
    values = safetensors.torch.load_file(tensors)
    values["discriminator.logit.weight"].fill_(np.nan)
    content = safetensors.torch.save(values)
    tensors.write_bytes(content)
    pointer = json.loads((poisoned / "checkpoint.json").read_text())
    pointer["sha256"] = hashlib.sha256(content).hexdigest()
    (poisoned / "checkpoint.json").write_text(json.dumps(pointer))
    assert "discriminator.logit.weight is not finite" in message(poisoned)


def test_the_file_says_what_it_started_from(origins: Path, tmp_path: Path) -> None:
    first = fit(OTHER, tmp_path / "first", start_from=origins / "variation", **SHORT)
    file = tmp_path / "first.onnx"
    export(first, file, force=True)
    newest = replace(OTHER, source="newest images")
    second = fit(newest, tmp_path / "second", start_from=file, **SHORT)
    export(second, tmp_path / "second.onnx", force=True)
    _, metadata, digest = read_artifact(tmp_path / "second.onnx")
    start = metadata.data["started_from"]
    assert (start["kind"], start["name"], start["earlier"]) == (
        "file",
        "first.onnx",
        ["old images"],
    )
    assert any("(new images, old images): it carries information" in w for w in metadata.warnings)
    words = "the file first.onnx, 6 steps on new images, before that on old images"
    assert any(words in line for line in metadata_lines(metadata, digest))
    assert words in model_card(metadata, digest).replace("\\", "")
    cold = fit(OTHER, tmp_path / "cold", **SHORT)
    with pytest.raises(RunError, match="holds the generator of another run"):
        export(cold, file)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(8, 8), (13, 20)])
def test_weights_come_back_from_the_graph(channels: int, size: tuple[int, int]) -> None:
    config = make_config("tiny", width=8, size=size)
    generator, other = (build_generator(config, channels, 2) for _ in range(2))
    assert isinstance(generator, VariationGenerator)
    model = variation_graph(generator)
    found = graph_weights(model, other)
    assert found.keys() == dict(generator.named_parameters()).keys()
    for name, weight in generator.named_parameters():
        torch.testing.assert_close(found[name], weight.detach(), rtol=0, atol=1e-6)
    wider = VariationGenerator(channels, size, 9)
    with pytest.raises(ValueError, match="another form"):
        graph_weights(model, wider)
    del model.graph.node[-1]
    with pytest.raises(ValueError, match="another form"):
        graph_weights(model, other)
