"""`export`: from a run folder to one ONNX file that needs no code of ours.

The file is checked against torch before it is written: same inputs, several batches and sizes, real
images among them. What it says of itself is in its metadata (`ganaug.artifact.format`).
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from ganaug._version import __version__
from ganaug.artifact.engine import onnxruntime
from ganaug.artifact.format import KEY, OUTPUTS, PRIVACY, Metadata
from ganaug.artifact.policy import Policy
from ganaug.artifact.reader import read_artifact
from ganaug.devices import usual_settings
from ganaug.errors import GanaugError, named_path
from ganaug.files import atomic_path
from ganaug.images.columns import columns_in
from ganaug.images.image_set import utf8
from ganaug.images.places import folders_of_classes
from ganaug.locks import updating
from ganaug.outputs import Inputs, check_output_file
from ganaug.randomness import stream
from ganaug.training.class_graph import class_graph
from ganaug.training.earlier import ARTIFACT, find_earlier
from ganaug.training.graph import variation_graph
from ganaug.training.networks import VariationGenerator
from ganaug.training.run_folder import SavedRun, read_examples, read_run
from ganaug.training.soundness import state_notes

__all__ = ["export"]

log = logging.getLogger("ganaug")

TOLERANCE = {"training size": 1e-4, "other size": 1e-3}
# Of a position, for each pixel of the longer side: a rounding error moves an image of hard edges by
# as much, and its values by what the edge has.
ROUNDING = 1e-6
BATCHES = (1, 2, 7, 64)


@usual_settings()
def export(
    run: str | os.PathLike[str], path: str | os.PathLike[str], *, force: bool = False
) -> Metadata:
    """Write the averaged generator of the run folder `run` as one ONNX file; return its metadata.

    The same weights and versions give the same bytes, but for what the metadata says of the check
    on this machine (parity, batch_exact).

    An earlier file of the same run is replaced. Where the generator is the same, what was measured
    of it (policy, gain, diversity) stays. A file with measurements of another generator is refused.

    Args:
        run: the folder that `fit` wrote.
        path: the ONNX file; a link stays, and what it leads to is replaced.
        force: replace any other regular file, with all that was measured, but none inside `run`;
            and write a generator that the run's own record calls broken: the metadata says so.

    Raises:
        RunError: `run` is not a run folder, has no checkpoint yet, or `path` cannot be written or
            holds something else.
        GanaugError: the generator is broken, or onnxruntime's results differ from torch's; nothing
            is written.

    Examples:
        >>> export("runs/digits", "digits.onnx")  # doctest: +SKIP
    """
    folder = named_path(run)
    check_output_file(path, ARTIFACT, Inputs((folder,)), force=force)
    loaded = read_run(folder)
    among = folders_of_classes(path, loaded.data["classes"])
    check_output_file(path, ARTIFACT, Inputs((folder,), among), force=force)
    notes = state_notes(folder, loaded, force=force)
    earlier = None if force else find_earlier(path, loaded)
    # first: weights say nothing of the size, and a graph for a made-up one may be of any size
    images = read_examples(folder, loaded.config, loaded.data["channels"])
    model = _to_onnx(loaded)
    if earlier is not None:
        earlier.check(model)
    log.info("comparing the file with the trained network")  # seconds, so it is said
    parity, batch_exact = _compare(model, loaded, images)
    metadata = _metadata(loaded, notes, parity, batch_exact)
    with updating(path):
        if not force:  # once more: `tune` or `evaluate` may have written into it meanwhile
            earlier = find_earlier(path, loaded)
        if earlier is not None:
            earlier.check(model)
        if earlier is not None and earlier.measured:
            metadata = earlier.carried(metadata)
            log.info("%s: the same generator; it keeps its %s", path, ", ".join(earlier.measured))
        onnx.helper.set_model_props(model, {KEY: metadata.to_json()})
        with atomic_path(path) as temporary:
            temporary.write_bytes(model.SerializeToString(deterministic=True))
            read_artifact(temporary)  # what we write, our own reader accepts
    return metadata


def _to_onnx(run: SavedRun) -> onnx.ModelProto:
    if isinstance(run.generator, VariationGenerator):
        model = variation_graph(run.generator)
    else:
        model = class_graph(run.generator)
    _without_docs(model)
    return model


def _without_docs(model: onnx.ModelProto) -> None:
    """Say at each part that it has no doc string, as all earlier files do: the same bytes."""
    model.doc_string = model.graph.doc_string = ""
    graph = model.graph
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info):
        part.doc_string = ""


def _compare(
    model: onnx.ModelProto, run: SavedRun, images: NDArray[np.float32]
) -> tuple[dict[str, Any], bool]:
    """Compare torch and onnxruntime by value; return the figures, and whether batches are exact.

    Raises:
        GanaugError: a difference is over its tolerance.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = OUTPUTS[run.config.kind]
    worst: dict[str, float] = {}
    batch_exact = True
    for where, inputs in _cases(run, images):
        found = session.run(names, inputs)
        for name, expected, values in zip(names, _expected(run, inputs), found, strict=True):
            difference = float(np.abs(values - expected).max())
            worst[where] = max(worst.get(where, 0.0), difference)
            allowed = max(TOLERANCE[where], ROUNDING * max(values.shape[2:], default=0))
            if not difference <= allowed:
                raise GanaugError(
                    f"export: onnxruntime and torch differ by {difference:.2g} in {name}"
                    f" {list(values.shape)}, allowed is {allowed:.0e}; nothing was"
                    " written: install the versions in constraints.txt, and if it stays report it"
                    " with this line"
                )
        for row in range(len(found[0])):
            alone = session.run(names, {k: v[row : row + 1] for k, v in inputs.items()})
            batch_exact &= all(
                bool((one[0] == values[row]).all())
                for one, values in zip(alone, found, strict=True)
            )
    # Rounded up to a power of ten from 1e-6 on: the last digits differ between machines.
    figures = {
        where.replace(" ", "_"): 10.0 ** math.ceil(math.log10(max(value, 1e-6)))
        for where, value in worst.items()
    }
    return {"batches": list(BATCHES), "largest_difference_below": figures}, batch_exact


def _expected(run: SavedRun, inputs: dict[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
    """Return what torch makes of `inputs`, in the order of the graph's outputs."""
    values = [torch.from_numpy(value) for value in inputs.values()]
    if isinstance(run.generator, VariationGenerator):
        return [part.numpy() for part in run.generator.vary_parts(*values)]
    return [run.generator(*values).numpy()]


def _cases(
    run: SavedRun, images: NDArray[np.float32]
) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
    """Yield (which tolerance, inputs) for all batches, and for sizes that were not trained."""
    rng = stream(run.seed, "export check")
    dim = run.config.latent_dim
    for count in BATCHES:
        latent = rng.standard_normal((count, dim), dtype=np.float32)
        if run.config.kind == "class":
            label = rng.integers(0, len(run.data["classes"]), count)
            yield "training size", {"label": label, "latent": latent}
            continue
        batch = images[rng.integers(0, len(images), count)]
        yield "training size", {"image": batch, "latent": latent}
    if run.config.kind == "variation":
        height, width = images.shape[2:]
        for size in ((height + 5, width + 12), (200, 200), (max(8, height // 2), width)):
            resized = torch.nn.functional.interpolate(
                torch.from_numpy(images[:2]), size, mode="bicubic", antialias=True
            )
            latent = rng.standard_normal((len(resized), dim), dtype=np.float32)
            yield "other size", {"image": resized.clamp(0, 1).numpy(), "latent": latent}


def _metadata(
    run: SavedRun, notes: list[str], parity: dict[str, Any], batch_exact: bool
) -> Metadata:
    config, data = run.config, run.data
    versions = {"ganaug": __version__} | {name: version(name) for name in ("torch", "onnx")}
    columns = columns_in(data)
    variation = config.kind == "variation"
    if config.size is None:
        raise ValueError("the config of a run has a size")
    return Metadata(
        kind=config.kind,
        classes=tuple(data["classes"]),
        channels=data["channels"],
        size=config.size,
        latent_dim=config.latent_dim,
        counts=tuple(data["counts"]),
        fingerprint=data["fingerprint"],
        data={
            key: _written(data[key])
            for key in ("source", "held_out", "held_out_fingerprint", "has_test", "groups")
        }
        # not in every run
        | {key: _written(data[key]) for key in ("pixels", "started_from") if key in data}
        | ({"columns": columns} if any(columns.values()) else {})
        | ({"unnamed": True} if data.get("unnamed") else {}),
        config=config.to_dict(),
        steps=run.step,
        seed=run.seed,
        versions=versions | {"onnxruntime": onnxruntime.__version__},
        parity=parity,
        batch_exact=batch_exact,
        policy=Policy.rule(data["counts"]) if variation else None,
        # notes of older runs hold names as they were read
        warnings=(*map(utf8, data["notes"]), *notes, *_start_note(data), PRIVACY),
    )


def _written(value: Any) -> Any:
    """Return a value of a record with all its text as it can be written."""
    if isinstance(value, str):
        return utf8(value)
    if isinstance(value, list):
        return [_written(each) for each in value]
    return {k: _written(v) for k, v in value.items()} if isinstance(value, dict) else value


def _start_note(data: dict[str, Any]) -> list[str]:
    start = data.get("started_from")
    if start is None:
        return []
    sources = ", ".join(map(utf8, dict.fromkeys([start["source"], *start["earlier"]])))
    return [
        f"the training began with a generator of other images ({sources}): it carries information"
        " about them, too, and where some of them are test images here, gain and copying look"
        " better than they are"
    ]
