"""The networks of both kinds: a generator that varies an image, one that makes an image of a class.

Images are float32 [N, C, H, W] in 0..1, latents float32 [N, Z] from N(0, 1), labels int64 [N].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, leaky_relu, pad

from ganaug.training.config import FitConfig

__all__ = [
    "AnyGenerator",
    "ClassDiscriminator",
    "ClassGenerator",
    "DenseGenerator",
    "PairDiscriminator",
    "VariationGenerator",
    "build_discriminator",
    "build_generator",
]

MAPPED = 64  # length of the mapped latent
AFFINE = 0.4  # largest change of an affine parameter
FLOW = 0.35  # largest local displacement, where the image spans -1..1
RESIDUAL = 0.5  # largest residual


def _act(values: Tensor) -> Tensor:
    return leaky_relu(values, 0.2)


class Modulation(nn.Module):
    """Scale and shift channels by a linear map of the mapped latent (FiLM, Perez et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(MAPPED, 2 * channels)

    def forward(self, values: Tensor, mapped: Tensor) -> Tensor:
        scale, shift = self.linear(mapped)[:, :, None, None].chunk(2, 1)
        return values * (1 + scale) + shift


def _mapping(inputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, MAPPED), nn.LeakyReLU(0.2), nn.Linear(MAPPED, MAPPED), nn.LeakyReLU(0.2)
    )


class VariationGenerator(nn.Module):
    """(image, latent) -> another image of its class: warp, blur, recolour, then a residual.

    The network reads the image at the training size and predicts maps; the maps are applied to the
    image at its own resolution, so that a generator trained at 32 px keeps a 200 px photograph
    sharp. The heads start near zero: training starts near the identity.

    What enters a head is multiplied by a linear map of the latent, and a head has no bias: a latent
    of zeros leaves the image as it is, and opposite latents change it in about opposite ways.
    Without that, an image's variations resemble one other image, whatever the latent.
    """

    def __init__(
        self, channels: int, size: tuple[int, int], width: int = 24, latent_dim: int = 32
    ) -> None:
        super().__init__()
        self.channels, self.size, self.latent_dim = channels, size, latent_dim
        self.mapping = _mapping(latent_dim)
        self.to_half = nn.Conv2d(channels, width, 3, 2, 1)
        self.to_quarter = nn.Conv2d(width, 2 * width, 3, 2, 1)
        self.blocks = nn.ModuleList(nn.Conv2d(2 * width, 2 * width, 3, 1, 1) for _ in range(2))
        self.modulations = nn.ModuleList(Modulation(c) for c in (width, *[2 * width] * 3))
        self.whole_in = nn.Linear(2 * width + MAPPED, MAPPED)
        self.whole_out = nn.Linear(MAPPED, 6 + 2 * channels + 1, bias=False)
        self.local = nn.Conv2d(2 * width, 2 + 2 * channels, 3, 1, 1, bias=False)
        self.residual_in = nn.Conv2d(2 * width, width, 3, 1, 1)
        self.residual_out = nn.Conv2d(width, channels, 3, 1, 1, bias=False)
        self.gated = [MAPPED, 2 * width, width]  # channels that enter the three heads
        self.gates = nn.Linear(latent_dim, sum(self.gated), bias=False)
        nn.init.normal_(self.gates.weight, 0, latent_dim**-0.5)
        for head in (self.whole_out, self.local, self.residual_out):
            nn.init.normal_(head.weight, 0, 0.02)

    def maps(self, image: Tensor, latent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Predict from an image at the training size.

        Returns:
            whole [N, 6 + 2C + 1]: affine parameters, gain and bias of each channel, blur;
            local [N, 2 + 2C, h, w]: flow, gain, bias at a quarter of the size;
            residual [N, C, 2h, 2w].
        """
        mapped = self.mapping(latent)
        of_whole, of_local, of_residual = self.gates(latent).split(self.gated, 1)
        first, second, *inner = self.modulations
        hidden = _act(first(self.to_half(image * 2 - 1), mapped))
        hidden = _act(second(self.to_quarter(hidden), mapped))
        for block, modulation in zip(self.blocks, inner, strict=True):
            hidden = hidden + _act(modulation(block(hidden), mapped))
        pooled = torch.cat([hidden.mean((2, 3)), mapped], 1)
        whole = self.whole_out(_act(self.whole_in(pooled)) * of_whole)
        local = self.local(hidden * of_local[:, :, None, None])
        # Resized, not pixel-shuffled: a shuffle leaves checkerboards and loses more classes.
        detail = _act(self.residual_in(hidden)) * of_residual[:, :, None, None]
        detail = interpolate(detail, scale_factor=2, mode="bilinear", align_corners=False)
        return whole, local, self.residual_out(detail)

    def apply_maps(
        self, image: Tensor, whole: Tensor, local: Tensor, residual: Tensor, *, scaled: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Apply `maps`' result to an image of any size; `scaled` = not at the training size.

        Returns:
            the image, not clamped; where its pixels were read from, as `vary_parts`; by which
            factor, and with which offset, they were recoloured.
        """
        channels = self.channels
        grid = self._grid(image, whole[:, :6], local[:, :2])
        if not scaled:  # a NaN position, in a run that diverges, crashes torch's backward pass
            grid = torch.nan_to_num(grid)
        warped = grid_sample(
            image, grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
        amount = torch.tanh(whole[:, -1])[:, None, None, None]  # below 0 it sharpens
        warped = warped + amount * (self._blurred(warped, scaled) - warped)
        tint = whole[:, 6:-1, None, None]
        gain = torch.tanh(_resized(local[:, 2 : 2 + channels], image) + tint[:, :channels])
        bias = torch.tanh(_resized(local[:, 2 + channels :], image) + tint[:, channels:])
        detail = torch.tanh(_resized(residual, image))
        factor = torch.exp(gain)
        return warped * factor + bias / 2 + RESIDUAL * detail, grid, factor, bias

    def forward(self, image: Tensor, latent: Tensor) -> Tensor:
        """Vary images at the training size; the result is not clamped, so gradients never die."""
        return self.apply_maps(image, *self.maps(image, latent), scaled=False)[0]

    def vary(self, image: Tensor, latent: Tensor) -> Tensor:
        """Vary images of any size; in 0..1."""
        return self.vary_parts(image, latent)[0]

    def vary_parts(self, image: Tensor, latent: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return what the exported graph computes, in the order of its outputs.

        Returns:
            variation [N, C, H, W] in 0..1;
            positions [N, H, W, 2], (x, y) where each pixel was read from, as grid_sample counts
            with align_corners=False; beyond -1..1 the image is mirrored;
            factor and offset [N, C, H, W]: what was read, times the factor plus half the offset,
            is the image without blur and residual.
        """
        small = interpolate(image, self.size, mode="bilinear", antialias=True, align_corners=False)
        made = self.apply_maps(image, *self.maps(small, latent), scaled=True)
        varied, positions, factor, offset = made
        return varied.clamp(0, 1), positions, factor, offset

    def _grid(self, image: Tensor, affine: Tensor, flow: Tensor) -> Tensor:
        """Sampling positions [N, H, W, 2]; from arange, because affine_grid freezes H and W."""
        height, width = image.shape[2:]
        identity = torch.zeros(6, device=image.device)
        identity[::4] = 1.0  # [1, 0, 0, 0, 1, 0], without a copy from the host
        a = (identity + AFFINE * torch.tanh(affine)).unsqueeze(2).unsqueeze(3)
        y = ((2 * torch.arange(height, device=image.device) + 1) / height - 1)[None, :, None]
        x = ((2 * torch.arange(width, device=image.device) + 1) / width - 1)[None, None, :]
        moved = FLOW * torch.tanh(_resized(flow, image))
        across = a[:, 0] * x + a[:, 1] * y + a[:, 2] + moved[:, 0]
        down = a[:, 3] * x + a[:, 4] * y + a[:, 5] + moved[:, 1]
        return torch.stack([across, down], 3)

    def _blurred(self, image: Tensor, scaled: bool) -> Tensor:
        """Blur as wide as two 3x3 means at the training size, whatever the image's size."""
        small = image
        if scaled:
            small = interpolate(
                image, self.size, mode="bilinear", antialias=True, align_corners=False
            )
        for _ in range(2):
            small = avg_pool2d(pad(small, (1, 1, 1, 1), mode="replicate"), 3, 1)
        return _resized(small, image) if scaled else small


def _resized(values: Tensor, like: Tensor) -> Tensor:
    return interpolate(values, like.shape[2:], mode="bilinear", align_corners=False)


class ClassGenerator(nn.Module):
    """(label, latent) -> image: modulated convolutions from an eighth of the size upwards."""

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        num_classes: int,
        width: int = 24,
        latent_dim: int = 64,
    ) -> None:
        super().__init__()
        self.channels, self.size, self.latent_dim = channels, size, latent_dim
        self.sizes = [tuple(-(-side // scale) for side in size) for scale in (8, 4, 2, 1)]
        self.widths = widths = [4 * width, 4 * width, 2 * width, width]
        self.embedding = nn.Embedding(num_classes, MAPPED)
        self.mapping = _mapping(latent_dim + MAPPED)
        self.start = nn.Linear(MAPPED, widths[0] * self.sizes[0][0] * self.sizes[0][1])
        self.convolutions = nn.ModuleList(
            nn.Conv2d(i, o, 3, 1, 1) for i, o in zip(widths, [*widths[1:], width], strict=True)
        )
        self.modulations = nn.ModuleList(Modulation(c) for c in (*widths[1:], width))
        self.image = nn.Conv2d(width, channels, 3, 1, 1)

    def forward(self, label: Tensor, latent: Tensor) -> Tensor:
        """Generate images at the training size, in 0..1."""
        mapped = self.mapping(torch.cat([latent, self.embedding(label)], 1))
        hidden = _act(self.start(mapped)).unflatten(1, (-1, *self.sizes[0]))
        for size, convolution, modulation in zip(
            self.sizes, self.convolutions, self.modulations, strict=True
        ):
            if size != self.sizes[0]:
                hidden = interpolate(hidden, size, mode="bilinear", align_corners=False)
            hidden = _act(modulation(convolution(hidden), mapped))
        return torch.sigmoid(self.image(hidden))


class DenseGenerator(nn.Module):
    """(label, latent) -> image through three hidden layers of 128; the label is not used."""

    def __init__(self, channels: int, size: tuple[int, int], latent_dim: int = 100) -> None:
        super().__init__()
        self.channels, self.size, self.latent_dim = channels, size, latent_dim
        layers: list[nn.Module] = []
        for inputs in (latent_dim, 128, 128):
            layers += [nn.Linear(inputs, 128), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Linear(128, channels * size[0] * size[1]))
        for name, parameter in self.layers.named_parameters():
            # torch's own start shrinks each layer's output, so that all latents give one image.
            if name.endswith("weight"):
                nn.init.kaiming_normal_(parameter, 0.2)
            else:
                nn.init.zeros_(parameter)

    def forward(self, label: Tensor, latent: Tensor) -> Tensor:
        """Generate images at the training size, in 0..1; `label` [N] only gives the count."""
        image = torch.sigmoid(self.layers(latent))
        return image.unflatten(1, (self.channels, *self.size))


AnyGenerator = VariationGenerator | ClassGenerator | DenseGenerator


class _Convolutions(nn.Module):
    """The discriminators' shared trunk: [N, C, H, W] -> features [N, F]."""

    def __init__(
        self, channels: int, size: tuple[int, int], width: int, *, strided: bool, kernel: int
    ) -> None:
        super().__init__()
        if kernel == 5:  # the original: 64, 128, 256, 512 at stride 2
            shape = [(channels, width, 5, 2, 2)]
            shape += [(width * m, width * m * 2, 5, 2, 2) for m in (1, 2, 4)]
        else:
            first = [(channels, width, 4, 2, 1)] if strided else [(channels, width, 3, 1, 1)]
            shape = [*first, (width, 2 * width, 4, 2, 1), (2 * width, 4 * width, 4, 2, 1)]
            if not strided:
                shape.append((4 * width, 4 * width, 4, 2, 1))
        self.layers = nn.ModuleList(nn.Conv2d(*s) for s in shape)
        with torch.no_grad():
            for name, parameter in self.layers.named_parameters():
                if not name.endswith("weight"):
                    nn.init.zeros_(parameter)
                elif kernel == 5:
                    nn.init.normal_(parameter, 0, 0.02)
                else:
                    nn.init.kaiming_normal_(parameter, 0.2).mul_(0.8)
            self.features = self(torch.zeros(1, channels, *size)).shape[1]

    def forward(self, images: Tensor) -> Tensor:
        for layer in self.layers:
            images = _act(_convolved(layer, images))
        return images.flatten(1)


def _convolved(layer: nn.Module, images: Tensor) -> Tensor:
    # In bfloat16, channels last, torch 2.12 (oneDNN, AVX512-BF16) never writes gradients of taps
    # beside maps of width 1: they are whatever lay in memory, where 0 is right.
    if images.device.type == "cpu" and images.shape[3] == 1:
        with torch.autocast("cpu", enabled=False):
            exact: Tensor = layer(images.float())
            return exact
    convolved: Tensor = layer(images)
    return convolved


class PairDiscriminator(nn.Module):
    """Judges pairs: source and candidate stacked on the channel axis, [N, 2C, H, W].

    Returns two logits [N] of each pair: whether the candidate is a real partner, and whether the
    two are of one class.
    """

    def __init__(
        self, channels: int, size: tuple[int, int], width: int = 24, *, strided: bool = False
    ) -> None:
        super().__init__()
        self.trunk = _Convolutions(2 * channels, size, width, strided=strided, kernel=4)
        self.logit = nn.Linear(self.trunk.features, 1)
        self.class_match = nn.Linear(self.trunk.features, 1)

    def forward(self, pair: Tensor, label: Tensor | None = None) -> tuple[Tensor, Tensor]:
        features = self.trunk(pair)
        return self.logit(features).squeeze(1), self.class_match(features).squeeze(1)


class ClassDiscriminator(nn.Module):
    """Judges images by their labels: a projection discriminator (Miyato and Koyama 2018).

    Returns two logits [N] of each image: whether it is a real one of its class, and how well it
    fits its class, which is the part of the first that reads the label.
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        num_classes: int,
        width: int = 24,
        *,
        strided: bool = False,
        kernel: int = 4,
    ) -> None:
        super().__init__()
        self.trunk = _Convolutions(channels, size, width, strided=strided, kernel=kernel)
        self.logit = nn.Linear(self.trunk.features, 1)
        self.projection: nn.Embedding | None = None
        if num_classes > 1:
            self.projection = nn.Embedding(num_classes, self.trunk.features)
            nn.init.normal_(self.projection.weight, 0, 0.02)

    def forward(self, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        features = self.trunk(image)
        logits = self.logit(features).squeeze(1)
        if self.projection is None:
            return logits, torch.zeros_like(logits)
        class_match = (features * self.projection(label)).sum(1)
        return logits + class_match, class_match


def build_generator(config: FitConfig, channels: int, num_classes: int) -> AnyGenerator:
    """Return an untrained generator for `config`, whose size is set."""
    size = _size(config)
    if config.kind == "variation":
        return VariationGenerator(channels, size, config.width, config.latent_dim)
    if config.architecture == "dense":
        return DenseGenerator(channels, size, config.latent_dim)
    return ClassGenerator(channels, size, num_classes, config.width, config.latent_dim)


def build_discriminator(config: FitConfig, channels: int, num_classes: int) -> nn.Module:
    """Return an untrained discriminator for `config`, whose size is set."""
    size, width, strided = _size(config), config.width, config.strided
    if config.kind == "variation":
        return PairDiscriminator(channels, size, width, strided=strided)
    kernel = 5 if config.architecture == "dense" else 4
    return ClassDiscriminator(channels, size, num_classes, width, strided=strided, kernel=kernel)


def _size(config: FitConfig) -> tuple[int, int]:
    if config.size is None:
        raise ValueError("the size of a run's config is set before its networks are built")
    return config.size
