"""Features in which images are compared: pixels through a PCA, a network, or several side by side.

`ganaug.metrics.encoder` has a small network that needs no download.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ganaug.errors import ConfigError, DataError, did_you_mean
from ganaug.wording import one_line

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "FeatureMap",
    "JointFeatures",
    "ModuleFeatures",
    "PixelPCA",
    "averaged",
    "fill_trunk",
    "flat_pixels",
    "take_off_last_layer",
    "torchvision_features",
]

LARGEST_SIDE = 32  # beyond it pixels are averaged in blocks; components are smooth anyway
BLOCK = 1024  # images at a time
IMAGENET_CLASSES = 1000
AS_SAVED = ("state_dict", "model")  # keys under which training programs keep the weights
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class FeatureMap(Protocol):
    """Anything that turns images into features."""

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 [N, D] of uint8 images [N, H, W, C]."""
        ...


class PixelPCA:
    """The first principal components of the pixels of real images.

    Distances between components are distances between images, less what the last components hold
    (mostly noise). Offline, without weights, and the same for all classes.

    Args:
        real: uint8 [N, H, W, C], N of 2 or more; what the components are fitted on.
        components: at most so many; fewer where there are fewer images or pixels.

    Attributes:
        explained: fraction of the variance of `real` that the components keep, in 0..1.

    Raises:
        DataError: fewer than 2 images.
    """

    def __init__(self, real: NDArray[np.uint8], components: int = 64) -> None:
        from sklearn.decomposition import PCA  # here: it takes a second to load

        if len(real) < 2:
            raise DataError(f"features: {len(real)} real images; allowed: 2 or more; give more")
        self.shape = real.shape[1:]
        pixels = flat_pixels(real)
        kept = min(components, len(pixels) - 1, pixels.shape[1])
        # The randomised solver needs far fewer components than there are; else the exact one.
        solver = "randomized" if 4 * kept <= min(pixels.shape) else "full"
        with np.errstate(divide="ignore", invalid="ignore"):  # where all images are equal
            self._pca = PCA(kept, svd_solver=solver, random_state=0).fit(pixels)
        ratio = float(self._pca.explained_variance_ratio_.sum())
        self.explained = 1.0 if np.isnan(ratio) else ratio

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 [N, components] of uint8 images [N, H, W, C] of the size of `real`.

        Raises:
            DataError: another size or number of channels.
        """
        if images.shape[1:] != self.shape:
            raise DataError(
                f"features: images {list(images.shape[1:])}; allowed: {list(self.shape)} (H, W, C),"
                " as the real ones; load both at one size"
            )
        # In float64: products of float32 matrices depend on how many rows there are, and an exact
        # copy would have other features than its original.
        mean, components = (x.astype(np.float64) for x in (self._pca.mean_, self._pca.components_))
        found = np.empty((len(images), len(components)), np.float32)
        for start in range(0, len(images), BLOCK):
            rows = slice(start, start + BLOCK)
            found[rows] = (flat_pixels(images[rows]) - mean) @ components.T
        return found


class JointFeatures:
    """Several features side by side, each scaled so that it has the same say in a distance.

    Args:
        maps: at least one.
        images: uint8 [N, H, W, C]; over them each map gets a mean squared length of 1.
    """

    def __init__(self, maps: Sequence[FeatureMap], images: NDArray[np.uint8]) -> None:
        self.maps = tuple(maps)
        self.scales = []
        for each in self.maps:
            found = np.asarray(each(images), np.float64)
            spread = float((found - found.mean(0)).var(0).sum())
            self.scales.append(np.float32(1 / np.sqrt(spread) if spread > 0 else 1))

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 [N, sum of D] of uint8 images [N, H, W, C]."""
        parts = zip(self.maps, self.scales, strict=True)
        return np.concatenate([np.asarray(m(images), np.float32) * s for m, s in parts], axis=1)


class ModuleFeatures:
    """What a torch module makes of images.

    Args:
        module: takes float32 [N, C, H, W] and returns [N, D], or [N, D, h, w], which is averaged
            over its places; used in evaluation mode, where it is.
        mean, std: by channel; images are in 0..1 and then (image - mean) / std. More values than
            channels: a grey image is repeated.
        size: side in pixels that images are resized to, or None for as they are.
        batch: images run at once.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        mean: Sequence[float] = (0.0,),
        std: Sequence[float] = (1.0,),
        size: int | None = None,
        batch: int = 64,
    ) -> None:
        self.module, self.mean, self.std = module, tuple(mean), tuple(std)
        self.size, self.batch = size, batch

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 [N, D] of uint8 images [N, H, W, C].

        Raises:
            DataError: the module does not return [N, D] or [N, D, h, w].
        """
        import torch

        first = next(iter(self.module.parameters()), torch.zeros(0))
        mean, std = (
            torch.tensor(values, device=first.device).view(1, -1, 1, 1)
            for values in (self.mean, self.std)
        )
        was_training, parts = self.module.training, []
        self.module.eval()
        try:
            with torch.no_grad():
                for start in range(0, max(len(images), 1), self.batch):
                    levels = np.ascontiguousarray(images[start : start + self.batch])
                    pixels = torch.from_numpy(levels).to(first.device).permute(0, 3, 1, 2)
                    pixels = (pixels.float() / 255 - mean) / std
                    if self.size is not None:
                        pixels = torch.nn.functional.interpolate(
                            pixels, (self.size, self.size), mode="bilinear", antialias=True
                        )
                    found = self.module(pixels)
                    if found.ndim not in (2, 4):
                        raise DataError(
                            f"features: {type(self.module).__name__} returned"
                            f" {list(found.shape)}; allowed: [N, D] or [N, D, h, w]; wrap it"
                        )
                    parts.append(found.mean((2, 3)) if found.ndim == 4 else found)
        finally:
            self.module.train(was_training)
        return np.asarray(torch.cat(parts).float().cpu().numpy())


def torchvision_features(name: str, weights: str | os.PathLike[str]) -> ModuleFeatures:
    """Return the features of a torchvision classifier before its last layer.

    Args:
        name: of the model, such as "resnet18"; it must end in a linear layer.
        weights: a state dict that `torch.load` can read without running code; its last layer is
            left out, and may have any number of classes.

    Raises:
        ConfigError: an unknown model, one without such a layer, or weights that do not fit it.
    """
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        raise ConfigError(
            f"features: {name!r} is no torchvision classifier{did_you_mean(name, known)}; name one,"
            " such as resnet18"
        )
    model = models.get_model(name, weights=None)
    entries = set(model.state_dict())
    if not take_off_last_layer(model):
        raise ConfigError(
            f"features: {name} does not end in a linear layer; allowed: models that do; give a"
            " module of your own"
        )
    try:
        fill_trunk(model, weights, entries - set(model.state_dict()))
    except ValueError as error:
        raise ConfigError(
            f"features: {os.fspath(weights)!r} cannot be loaded into {name} ({error}); allowed: a"
            " state dict of this model; save model.state_dict()"
        ) from error
    return ModuleFeatures(model, mean=IMAGENET[0], std=IMAGENET[1], size=224)


def take_off_last_layer(network: nn.Module) -> bool:
    """Replace the linear layer at the end of a torchvision classifier by nothing.

    False where another layer tells the `IMAGENET_CLASSES`; the network then stays as it is.
    """
    from torch import nn

    linear = [where for where, part in network.named_modules() if isinstance(part, nn.Linear)]
    if not linear or network.get_submodule(linear[-1]).out_features != IMAGENET_CLASSES:
        return False
    parent, _, last = linear[-1].rpartition(".")
    setattr(network.get_submodule(parent), last, nn.Identity())
    return True


def fill_trunk(trunk: nn.Module, path: str | os.PathLike[str], beside: set[str]) -> None:
    """Load the state dict in a file; it may also have the entries `beside` the trunk.

    Raises:
        ValueError: it is none, or that of another network.
    """
    import torch

    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"cannot be read ({type(error).__name__})") from error
    for key in AS_SAVED:
        found = found.get(key, found) if isinstance(found, dict) else found
    tensors = isinstance(found, dict) and all(isinstance(v, torch.Tensor) for v in found.values())
    if not tensors:
        raise ValueError("no state dict")
    state = {name.removeprefix("module."): each for name, each in found.items()}
    try:
        trunk.load_state_dict({name: each for name, each in state.items() if name not in beside})
    except RuntimeError as error:
        raise ValueError(f"do not fit the network ({one_line(error)})") from error


def averaged(images: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Return float32 [N, h, w, C] in 0..1, averaged in blocks where a side is over `side`."""
    n, height, width, channels = images.shape
    step = -(-max(height, width) // side)
    rows, columns = height // step, width // step
    if step == 1 or not rows or not columns:  # small enough, or a strip thinner than a block
        return images.astype(np.float32) / np.float32(255)
    cut = images[:, : rows * step, : columns * step].astype(np.float32) / np.float32(255)
    blocks = cut.reshape(n, rows, step, columns, step, channels)
    small: NDArray[np.float32] = blocks.mean((2, 4))
    return small


def flat_pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return float32 [N, values] in 0..1: what `averaged` gives, an image a row."""
    return averaged(images, LARGEST_SIDE).reshape(len(images), -1)
