"""ResNet-32 for CIFAR, the network of the long-tail literature."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ResNet32", "resnet32"]


class ResNet32(nn.Module):
    """He et al., "Deep residual learning for image recognition", arXiv 1512.03385, section 4.2.

    Three stages of five blocks with 16, 32 and 64 channels; shortcuts without weights (option A:
    every second pixel, channels filled up with zeros). 0.46 million weights for ten classes.
    """

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(channels, 16), nn.BatchNorm2d(16), nn.ReLU())
        widths = [16] * 6 + [32] * 5 + [64] * 5
        self.blocks = nn.Sequential(*(_Block(widths[i], widths[i + 1]) for i in range(15)))
        self.head = nn.Linear(64, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, num_classes] of images [N, C, H, W]."""
        return self.head(self.blocks(self.stem(images)).mean((2, 3)))


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.stride, self.added = (2 if outputs > inputs else 1), outputs - inputs
        self.body = nn.Sequential(
            _convolution(inputs, outputs, self.stride),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            _convolution(outputs, outputs),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x[..., :: self.stride, :: self.stride]
        shortcut = F.pad(shortcut, (0, 0, 0, 0, self.added // 2, self.added // 2))
        return F.relu(self.body(x) + shortcut)


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    nn.init.kaiming_normal_(layer.weight)
    return layer


def resnet32(channels: int, num_classes: int, image_size: tuple[int, int]) -> nn.Module:
    """Return an untrained ResNet-32; a factory for `evaluate_gain`."""
    return ResNet32(channels, num_classes)
