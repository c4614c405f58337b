"""Pretrained networks by name: `torchvision:NAME` and `timm:NAME`, without their last layer."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganaug.errors import ConfigError, did_you_mean
from ganaug.metrics.features import fill_trunk, take_off_last_layer
from ganaug.wording import one_line

__all__ = ["Backbone", "backbone_by_name"]

SOURCES = ("torchvision", "timm")
DEFAULT, NONE = "DEFAULT", "none"
BESIDE_THE_TRUNK = ("AuxLogits", "aux1", "aux2")  # of Inception and GoogLeNet


@dataclass(frozen=True)
class Backbone:
    """A network that maps normalised images to features.

    Attributes:
        name: for result files, with the weights where these are not the default ones.
        load: makes it: nn.Module of float32 [N, 3, H, W] -> [N, F]. Picklable.
        mean, std: of each channel of pixels in 0..1, that its images are normalised with.
        size: (height, width) that its weights were trained at.
    """

    name: str
    load: Callable[[], nn.Module]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: tuple[int, int]


def backbone_by_name(name: str, weights: str = DEFAULT, *, download: bool = False) -> Backbone:
    """Return the network `torchvision:NAME` or `timm:NAME`.

    Args:
        name: such as "torchvision:resnet18" or "timm:convnext_tiny.fb_in1k".
        weights: "DEFAULT" (the library's own), "none" (untrained), or the path of a state dict;
            its last layer is left out, and may have any number of classes.
        download: the default weights may be fetched; else they must be on this machine already.

    Raises:
        ConfigError: an unknown name, timm is not installed, or weights that are not there.
    """
    source, _, architecture = name.partition(":")
    if source not in SOURCES or not architecture:
        raise ConfigError(
            f"classifier {name!r}: {source!r} is no library of networks"
            f"{did_you_mean(source, SOURCES)}; allowed: torchvision:NAME, timm:NAME; for example"
            " torchvision:resnet18"
        )
    path = None if weights in (DEFAULT, NONE) else Path(weights)
    if path is not None and not os.path.isfile(path):
        raise ConfigError(
            f"weights {weights!r}: no such file; allowed: a file of weights, DEFAULT or none; check"
            " the path"
        )
    shown = name if weights == DEFAULT else f"{name} ({_told(path)})"
    find = _of_torchvision if source == "torchvision" else _of_timm
    make, mean, std, size = find(architecture, weights == DEFAULT, download)
    return Backbone(shown, partial(_loaded, make, name, path), tuple(mean), tuple(std), size)


def _told(path: Path | None) -> str:
    """Return what stands for the weights in a name: files go by their content."""
    if path is None:
        return "untrained"
    return f"weights {hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"


def _loaded(make: Callable[[], nn.Module], name: str, path: Path | None) -> nn.Module:
    """Make a network, take its last layer off, and fill it with the weights of a file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # about how weights will be drawn
            network = make()
    except Exception as error:
        raise ConfigError(
            f"classifier {name}: cannot be made ({one_line(error)}); allowed: a network and weights"
            " that its library can load; choose another, remove damaged weights from its cache, or"
            " give --weights FILE"
        ) from error
    known = set(network.state_dict())
    trunk = _without_last_layer(network, name)
    if path is not None:
        try:
            fill_trunk(trunk, path, known - set(trunk.state_dict()))
        except ValueError as error:
            raise ConfigError(
                f"weights {str(path)!r}: {error}; allowed: a state dict of the network, as"
                " torch.save writes it; give that"
            ) from error
    return trunk


def _without_last_layer(network: nn.Module, name: str) -> nn.Module:
    """Take the layer that tells classes off a network of torchvision or timm.

    Raises:
        ConfigError: it has another end than a linear layer.
    """
    reset: Any = getattr(network, "reset_classifier", None)
    if reset is not None:  # timm's own way
        reset(0)
        return network
    for part in BESIDE_THE_TRUNK:
        if getattr(network, part, None) is not None:
            setattr(network, part, None)
            network.aux_logits = False  # type: ignore[assignment] # no module
    if not take_off_last_layer(network):
        raise ConfigError(
            f"classifier {name}: has no linear layer at its end; allowed: networks with one; choose"
            " another, or give ganaug.Pretrained(load=...)"
        )
    return network


Found = tuple[Callable[[], nn.Module], Any, Any, tuple[int, int]]


def _of_torchvision(architecture: str, default: bool, download: bool) -> Found:
    import torchvision.models as models  # here: its registry takes a while to load

    names = models.list_models(module=models)
    if architecture not in names:
        raise ConfigError(
            f"classifier {architecture!r} is not in torchvision{did_you_mean(architecture, names)};"
            " give a name from torchvision.models.list_models()"
        )
    weights = models.get_model_weights(architecture).DEFAULT
    if default and not download:
        _refuse_missing(f"torchvision:{architecture}", _fetched(weights.url), weights.url)
    shown = weights.transforms()
    make = partial(models.get_model, architecture, weights=weights if default else None)
    return make, shown.mean, shown.std, (shown.crop_size[0], shown.crop_size[0])


def _of_timm(architecture: str, default: bool, download: bool) -> Found:
    try:
        import timm
    except ImportError as error:
        raise ConfigError(
            f"classifier timm:{architecture}: timm is not installed; allowed with it alone; install"
            " it with pip install 'ganaug[timm]'"
        ) from error
    names = timm.list_models()
    if architecture.partition(".")[0] not in names:
        raise ConfigError(
            f"classifier {architecture!r} is not in timm{did_you_mean(architecture, names)}; give a"
            " name from timm.list_models(pretrained=True)"
        )
    try:
        config = timm.get_pretrained_cfg(architecture)
    except RuntimeError:  # an unknown tag after the dot
        config = None
    if config is None or (default and not (config.hf_hub_id or config.url)):
        raise ConfigError(
            f"classifier timm:{architecture}: timm has no weights of that name; allowed: a name"
            " from timm.list_models(pretrained=True), or --weights FILE or none; choose one"
        )
    if default and not download:
        where = f"hub {config.hf_hub_id}" if config.hf_hub_id else str(config.url)
        _refuse_missing(f"timm:{architecture}", _is_cached(config), where)
    make = partial(timm.create_model, architecture, pretrained=default)
    height, width = config.input_size[1:]
    return make, config.mean, config.std, (height, width)


def _is_cached(config: Any) -> bool:
    """Whether the weights of a timm model lie in a cache on this machine."""
    from huggingface_hub import try_to_load_from_cache  # timm needs it

    if isinstance(config.url, str) and _fetched(config.url):
        return True
    names = (config.hf_hub_filename, "model.safetensors", "pytorch_model.bin")
    found = (
        try_to_load_from_cache(config.hf_hub_id, name)
        for name in names
        if name and config.hf_hub_id
    )
    return any(isinstance(path, str) for path in found)


def _fetched(url: str) -> bool:
    """Whether torch has fetched a file before."""
    return Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2]).is_file()


def _refuse_missing(name: str, there: bool, where: str) -> None:
    if not there:
        raise ConfigError(
            f"weights of {name}: not on this machine ({where}); allowed: --download to fetch them,"
            " --weights FILE, or --weights none; choose one"
        )
