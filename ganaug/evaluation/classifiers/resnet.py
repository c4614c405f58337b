"""The default classifier of the comparison: a small residual network."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["ResNet", "ThreeChannels"]


class ResNet(nn.Module):
    """A residual network of about 80,000 weights (He et al., arXiv 1512.03385).

    A 3x3 stem, three residual blocks of width w, 2w and 4w (16, 32 and 64, as theirs for CIFAR),
    global average, one linear layer. Each block halves the image, where that leaves two pixels or
    more; for images of 48 pixels and more the stem does so too, so that a step costs about the same
    at any size from 28 upwards.

    Args:
        channels: of the image, 1 or 3.
        num_classes: number of outputs.
        image_size: height and width in pixels.
        width: w, the channels of the stem.
    """

    def __init__(
        self, channels: int, num_classes: int, image_size: tuple[int, int], width: int = 16
    ) -> None:
        super().__init__()
        side = max(min(image_size), 2)
        in_blocks = min(3, int(math.log2(side / 2)))
        in_stem = max(0, int(math.log2(side / 3)) - 3)
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 3, 2 if in_stem else 1, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            *(nn.MaxPool2d(2) for _ in range(in_stem - 1)),
        )
        widths = (width, width, 2 * width, 4 * width)
        self.blocks = nn.Sequential(
            *(
                _Block(widths[i], widths[i + 1], stride=2 if i >= 3 - in_blocks else 1)
                for i in range(3)
            )
        )
        self.head = nn.Linear(4 * width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, num_classes] of normalised images [N, C, H, W]."""
        return self.head(self.blocks(self.stem(images)).mean((2, 3)))


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.shortcut(x))


class ThreeChannels(nn.Module):
    """Show a grey image to a network that wants RGB."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images.expand(-1, 3, -1, -1))
