"""Pretrained networks by name: `torchvision:NAME` and `timm:NAME`, without their last layer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ganaug.errors import ConfigError, did_you_mean

__all__ = ["Backbone", "backbone_by_name"]

SOURCES = ("torchvision", "timm")
DEFAULT, NONE = "DEFAULT", "none"


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
        weights: "DEFAULT" (the library's own), "none" (untrained), or the path of a state dict.
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
    if path is not None and not path.is_file():
        raise ConfigError(
            f"weights {weights!r}: no such file; allowed: a file of weights, DEFAULT or none; check"
            " the path"
        )
    shown = name if weights == DEFAULT else f"{name} ({_told(path)})"
    find = _of_torchvision if source == "torchvision" else _of_timm
    load, mean, std, size = find(architecture, weights == DEFAULT, download)
    return Backbone(shown, partial(_loaded, load, path), tuple(mean), tuple(std), size)


def _told(path: Path | None) -> str:
    """Return what stands for the weights in a name: files go by their content."""
    if path is None:
        return "untrained"
    return f"weights {hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"


def _loaded(load: Callable[[], nn.Module], path: Path | None) -> nn.Module:
    """Make a network, with the weights of a file, and take its last layer off."""
    network = load()
    if path is not None:
        try:
            found: Any = torch.load(path, map_location="cpu", weights_only=True)
            network.load_state_dict(found.get("state_dict", found))
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"weights {str(path)!r}: do not fit the network ({reason}); allowed: a state dict"
                " of it; choose the network that they belong to"
            ) from error
    return without_last_layer(network)


def without_last_layer(network: nn.Module) -> nn.Module:
    """Put an identity in the place of the last linear layer of a classifier.

    Raises:
        ConfigError: there is none.
    """
    linear = [name for name, part in network.named_modules() if isinstance(part, nn.Linear)]
    if not linear:
        raise ConfigError(
            f"classifier {type(network).__name__}: has no linear layer at its end; allowed:"
            " networks of images with one; choose another, or give ganaug.Pretrained(load=...)"
        )
    parent, _, last = linear[-1].rpartition(".")
    setattr(network.get_submodule(parent), last, nn.Identity())
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
        file = Path(torch.hub.get_dir(), "checkpoints", weights.url.rpartition("/")[2])
        _refuse_missing(f"torchvision:{architecture}", file.is_file(), weights.url)
    shown = weights.transforms()
    load = partial(models.get_model, architecture, weights=weights if default else None)
    return load, shown.mean, shown.std, (shown.crop_size[0], shown.crop_size[0])


def _of_timm(architecture: str, default: bool, download: bool) -> Found:
    try:
        import timm
    except ImportError as error:
        raise ConfigError(
            f"classifier timm:{architecture}: timm is not installed; allowed with it alone; install"
            " it with pip install 'ganaug[timm]'"
        ) from error
    if not timm.is_model(architecture):
        names = timm.list_models()
        raise ConfigError(
            f"classifier {architecture!r} is not in timm{did_you_mean(architecture, names)}; give a"
            " name from timm.list_models(pretrained=True)"
        )
    config = timm.get_pretrained_cfg(architecture)
    if config is None:
        raise ConfigError(
            f"classifier timm:{architecture}: timm has no weights of that name; allowed: a name"
            " from timm.list_models(pretrained=True); choose one"
        )
    if default and not download:
        _refuse_missing(f"timm:{architecture}", _is_cached(config), f"hub {config.hf_hub_id}")
    load = partial(timm.create_model, architecture, pretrained=default)
    height, width = config.input_size[1:]
    return load, config.mean, config.std, (height, width)


def _is_cached(config: Any) -> bool:
    """Whether the weights of a timm model lie in the hub's cache on this machine."""
    from huggingface_hub import try_to_load_from_cache  # timm needs it

    if not config.hf_hub_id:
        return False
    names = (config.hf_hub_filename, "model.safetensors", "pytorch_model.bin")
    found = (try_to_load_from_cache(config.hf_hub_id, name) for name in names if name)
    return any(isinstance(path, str) for path in found)


def _refuse_missing(name: str, there: bool, where: str) -> None:
    if not there:
        raise ConfigError(
            f"weights of {name}: not on this machine ({where}); allowed: --download to fetch them,"
            " --weights FILE, or --weights none; choose one"
        )
