"""`export`: from a run folder to one ONNX file that needs no code of ours.

The file is checked against torch before it is written: same inputs, several batches and sizes, real
images among them. What it says of itself is in its metadata (`ganaug.artifact.format`).
"""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from ganaug._version import __version__
from ganaug.artifact.format import KEY, PRIVACY, Metadata, Policy
from ganaug.artifact.reader import read_artifact
from ganaug.errors import GanaugError, RunError
from ganaug.files import atomic_path
from ganaug.randomness import stream
from ganaug.training.graph import OPSET, variation_graph
from ganaug.training.networks import VariationGenerator
from ganaug.training.run_folder import SavedRun, read_examples, read_run
from ganaug.training.verdict import state_notes

__all__ = ["export"]

log = logging.getLogger("ganaug")

TOLERANCE = {"training size": 1e-4, "other size": 1e-3}
BATCHES = (1, 2, 7, 64)


def export(
    run: str | os.PathLike[str], path: str | os.PathLike[str], *, force: bool = False
) -> Metadata:
    """Write the averaged generator of the run folder `run` as one ONNX file; return its metadata.

    The same weights give the same bytes with the same versions, but for what the metadata says of
    the check on this machine (parity, batch_exact).

    Args:
        run: the folder that `fit` wrote.
        path: of the file.
        force: write a generator that the run's own record calls broken; the metadata says so.

    Raises:
        RunError: `run` is not a run folder, has no checkpoint yet, or `path` cannot be written.
        GanaugError: the generator is broken, or onnxruntime's results differ from torch's; nothing
            is written.

    Example:
        >>> export("runs/digits", "digits.onnx")  # doctest: +SKIP
    """
    folder, target = Path(run), Path(path)
    _check_target(target)
    loaded = read_run(folder)
    notes = state_notes(folder, loaded, force=force)
    model = _to_onnx(loaded)
    images = read_examples(folder)
    parity, batch_exact = _compare(model, loaded, images)
    metadata = _metadata(loaded, notes, parity, batch_exact)
    onnx.helper.set_model_props(model, {KEY: metadata.to_json()})
    with atomic_path(target) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))
        read_artifact(temporary)  # what we write, our own reader accepts
    return metadata


def _check_target(target: Path) -> None:
    """Refuse a target that cannot be written before any work is done."""
    if target.is_dir():
        raise RunError(f"{target}: cannot be written (it is a folder); name a file, FILE.onnx")
    if not os.access(target.parent, os.W_OK):
        raise RunError(
            f"{target}: cannot be written (no folder {target.parent} that you may write to);"
            " create it or choose another"
        )


def _to_onnx(run: SavedRun) -> onnx.ModelProto:
    if isinstance(run.generator, VariationGenerator):
        model = variation_graph(run.generator)
    else:
        model = _traced(run)
    _strip(model)
    return model


def _traced(run: SavedRun) -> onnx.ModelProto:
    """Trace a class generator."""
    batch = torch.export.Dim("batch")
    with _quiet():
        program = torch.onnx.export(
            run.generator,
            (torch.zeros(3, dtype=torch.int64), torch.zeros(3, run.config.latent_dim)),
            dynamo=True,
            opset_version=OPSET,
            input_names=["label", "latent"],
            output_names=["image"],
            dynamic_shapes=({0: batch}, {0: batch}),
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise GanaugError("torch.onnx.export returned nothing; install the pinned torch version")
    model: onnx.ModelProto = program.model_proto
    return model


def _strip(model: onnx.ModelProto) -> None:
    """Remove what the exporter leaves of this machine: paths, stack traces, doc strings."""
    model.producer_name, model.producer_version = "ganaug", __version__
    model.doc_string = ""
    del model.metadata_props[:]
    graph = model.graph
    graph.name, graph.doc_string = "generator", ""
    del graph.metadata_props[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info):
        part.doc_string = ""
        del part.metadata_props[:]
    for function in model.functions:
        function.doc_string = ""
        del function.metadata_props[:]
        for node in function.node:
            node.doc_string = ""
            del node.metadata_props[:]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's own deprecation warnings and log lines from the user."""
    names = ("torch.onnx", "onnxscript", "onnx_ir")
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


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
    generator = run.generator
    compute = generator.vary if isinstance(generator, VariationGenerator) else generator
    worst: dict[str, float] = {}
    batch_exact = True
    for where, inputs in _cases(run, images):
        expected = compute(*(torch.from_numpy(value) for value in inputs.values())).numpy()
        (found,) = session.run(None, inputs)
        difference = float(np.abs(found - expected).max())
        worst[where] = max(worst.get(where, 0.0), difference)
        if not difference <= TOLERANCE[where]:
            shape = list(found.shape)
            raise GanaugError(
                f"export: onnxruntime and torch differ by {difference:.2g} at {shape}, allowed is"
                f" {TOLERANCE[where]:.0e}; nothing was written: install the versions in"
                " constraints.txt, and if it stays report it with this line"
            )
        for row in range(len(found)):
            (alone,) = session.run(None, {k: v[row : row + 1] for k, v in inputs.items()})
            batch_exact &= bool((alone[0] == found[row]).all())
    # Rounded up to a power of ten from 1e-6 on: the last digits differ between machines.
    figures = {
        where.replace(" ", "_"): 10.0 ** math.ceil(math.log10(max(value, 1e-6)))
        for where, value in worst.items()
    }
    return {"batches": list(BATCHES), "largest_difference_below": figures}, batch_exact


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
            key: data[key]
            for key in ("source", "held_out", "held_out_fingerprint", "has_test", "groups")
        },
        config=config.to_dict(),
        steps=run.step,
        seed=run.seed,
        versions=versions | {"onnxruntime": onnxruntime.__version__},
        parity=parity,
        batch_exact=batch_exact,
        policy=Policy.rule(data["counts"]) if variation else None,
        warnings=(*data["notes"], *notes, PRIVACY),
    )
