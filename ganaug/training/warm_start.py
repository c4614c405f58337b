"""A warm start: the weights of another data set's generator in place of random ones.

What fits is taken, tensor by tensor: one of the same name and shape, and the rows of classes of the
same name. The rest starts with random numbers, and the log says what. Networks of another form, or
for images of another mode, are refused.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganaug.artifact.reader import parsed, read_artifact
from ganaug.errors import ArtifactError, ConfigError, RunError, named_path
from ganaug.images import ImageSet
from ganaug.training import checkpoint
from ganaug.training.config import FitConfig
from ganaug.training.graph_weights import graph_weights
from ganaug.training.networks import build_generator
from ganaug.training.run_folder import read_run
from ganaug.training.soundness import BY_FORCE, broken
from ganaug.training.start import Start
from ganaug.training.state import State
from ganaug.wording import one_line

__all__ = ["warm_start"]

log = logging.getLogger("ganaug")

Weights = Mapping[str, Tensor]

# What decides the form of the networks; a generator of another form cannot be taken.
FORM = ("kind", "architecture", "width", "latent_dim")
BY_CLASS = ("embedding.weight", "projection.weight")  # a row a class
# What makes or reads a flattened map: of another size each number has another place, also where
# there are as many.
BY_PLACE = (
    *("start.weight", "start.bias", "layers.6.weight", "layers.6.bias"),  # of generators
    *("logit.weight", "class_match.weight", "projection.weight"),  # of discriminators
)
COLOURS = {1: "grey", 3: "rgb"}


@dataclass(frozen=True)
class _Origin:
    """Another training, as far as it is taken."""

    path: str
    config: FitConfig
    channels: int
    classes: tuple[str, ...]
    facts: dict[str, Any]
    generator: Weights
    discriminator: Weights


def warm_start(
    path: str | os.PathLike[str], out: str | os.PathLike[str], config: FitConfig
) -> Start:
    """Return the start of the run `out` from a run or an exported file.

    Where `out` holds a run already, it holds its start, too, and nothing of `path` is taken; it may
    be gone, but be no other training.

    Args:
        path: the folder of a run (generator, discriminator), or an ONNX file (generator).
        out: the new run.
        config: its settings; the size is not looked at.

    Raises:
        ArtifactError, RunError: there is no run or file, or it cannot be used.
        ConfigError: its networks are of another form than those of `config`.
    """
    name = Path(os.path.abspath(named_path(path))).name
    read = _of_run if Path(path).is_dir() else _of_file
    if Path(out, "config.json").exists():
        facts = None
        with suppress(ArtifactError, RunError):
            facts = read(Path(path), name, config).facts
        return Start(name, _not_read, facts)
    origin = read(Path(path), name, config)
    return Start(name, partial(_take, origin), origin.facts)


def _not_read(state: State, config: FitConfig, images: ImageSet) -> dict[str, Any]:
    raise RunError("config.json was deleted while the run was opened; start again")


def _check_form(path: Path, there: FitConfig, here: FitConfig) -> None:
    for field in FORM:
        found, wanted = getattr(there, field), getattr(here, field)
        if found != wanted:
            raise ConfigError(
                f"start_from: {path} has {field} {found}, this training {wanted}; allowed: the same"
                f" {', '.join(FORM)}; add --set {field}={found}, or start anew"
            )


def _of_run(folder: Path, name: str, config: FitConfig) -> _Origin:
    run, saved = read_run(folder), checkpoint.read(folder)
    _check_form(folder, run.config, config)
    if run.step == 0 or saved is None:
        raise RunError(
            f"start_from: {folder} has no trained generator yet; allowed: a run with a checkpoint;"
            " let `ganaug fit` reach one first"
        )
    wrong = broken(run)
    if wrong:
        raise RunError(
            f"start_from: the generator of {folder} is broken ({one_line(wrong)}); allowed: one"
            " without an alarm; name another run"
        )
    return _Origin(
        str(folder),
        run.config,
        run.data["channels"],
        tuple(run.data["classes"]),
        _facts(name, "run", saved.step, run.data["source"], run.data),
        saved.weights("generator"),
        saved.weights("discriminator"),
    )


def _of_file(path: Path, name: str, config: FitConfig) -> _Origin:
    content, metadata, _ = read_artifact(path)
    try:
        found = FitConfig.from_dict(metadata.config)
        found = replace(found, size=metadata.size)
    except ConfigError as error:
        raise _useless(path, error) from error
    _check_form(path, found, config)  # before a network of any width is built
    for told in metadata.warnings:
        if told.startswith(BY_FORCE):
            log.warning("start_from: %s was %s", path, told)
    try:
        with torch.random.fork_rng(devices=[]):  # the weights that it begins with are not used
            network = build_generator(found, metadata.channels, len(metadata.classes))
        weights = graph_weights(parsed(content), network)
    except (RuntimeError, TypeError, ValueError) as error:
        raise _useless(path, error) from error
    data = {"fingerprint": metadata.fingerprint} | metadata.data
    return _Origin(
        str(path),
        found,
        metadata.channels,
        metadata.classes,
        _facts(name, "file", metadata.steps, data["source"], data),
        weights,
        {},
    )


def _useless(path: Path, error: Exception) -> RunError:
    return RunError(
        f"start_from: {path} does not give its weights back ({one_line(error)}); allowed: a file"
        " that this version exported; name the folder of its run"
    )


def _facts(
    name: str, kind: str, steps: int, source: str, data: Mapping[str, Any]
) -> dict[str, Any]:
    before = data.get("started_from") or {}
    earlier = [*before["earlier"], before["source"]] if before else []
    hashes = [data["fingerprint"], data.get("pixels"), *(before["hashes"] if before else [])]
    return {
        "name": name,
        "kind": kind,
        "steps": steps,
        "source": source,
        "fingerprint": data["fingerprint"],
        "earlier": earlier,
        "hashes": [each for each in dict.fromkeys(hashes) if each is not None],
    }


def _take(origin: _Origin, state: State, config: FitConfig, images: ImageSet) -> dict[str, Any]:
    """Put the weights of `origin` into `state`; return what the run says of it, and log it.

    Raises:
        ConfigError: images of another mode.
    """
    if origin.channels != images.channels:
        there, here = COLOURS[origin.channels], COLOURS[images.channels]
        raise ConfigError(
            f"start_from: {origin.path} makes {there} images, these are {here}; allowed: the same"
            f" mode; load the images with --mode {there} (mode={there!r}), or start anew"
        )
    rows = _same_classes(origin.classes, images.classes)
    given = rows, len(origin.classes), () if origin.config.size == config.size else BY_PLACE
    fresh = _taken("generator", state.generator, origin.generator, *given)
    # The first step makes it the generator's weights in any case, see `average_decay`.
    state.average.load_state_dict(state.generator.state_dict())
    judge = origin.discriminator
    if origin.config.strided != config.strided or origin.config.conditional != config.conditional:
        judge = {}  # its layers have another meaning
    fresh += _taken("discriminator", state.discriminator, judge, *given)
    facts = origin.facts | {"fresh": fresh}
    log.info(
        "started from %s (%d steps on %s)%s",
        origin.path,
        facts["steps"],
        facts["source"],
        f"; random are: {', '.join(fresh)}" if fresh else ", all of it",
    )
    return facts


def _same_classes(there: tuple[str, ...], here: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return (label there, label here) of the classes of one name."""
    return [(there.index(name), label) for label, name in enumerate(here) if name in there]


def _taken(
    part: str,
    network: nn.Module,
    weights: Weights,
    rows: list[tuple[int, int]],
    classes: int,
    unlike: Collection[str],
) -> list[str]:
    """Put what fits of `weights` into `network`; return the names of what does not.

    Raises:
        RunError: a weight is not finite, or of another type.
    """
    fresh = []
    for name, own in network.state_dict().items():
        given = weights.get(name)
        if given is not None and not (
            given.dtype == torch.float32 and bool(torch.isfinite(given).all())
        ):
            raise RunError(
                f"start_from: the weight {part}.{name} is not finite float32; allowed: a sound run;"
                " name another one"
            )
        if given is None or name in unlike or given.shape[1:] != own.shape[1:]:
            fresh.append(f"{part}.{name}")
        elif name in BY_CLASS and len(given) == classes:
            for there, here in rows:
                own[here].copy_(given[there])
            if len(rows) < len(own):
                fresh.append(f"{part}.{name} of {len(own) - len(rows)} classes")
        elif given.shape == own.shape and name not in BY_CLASS:
            own.copy_(given)
        else:
            fresh.append(f"{part}.{name}")
    whole = len(fresh) == len(network.state_dict())
    return [f"all of the {part}"] if whole else fresh
