"""What the tests of the evaluation share: small images, and a file that fits them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.small_images import bars
from helpers.small_models import write_class_model, write_variation_model

from ganaug.artifact.policy import Policy
from ganaug.images import ImageSet

MakeArtifact = Callable[..., Path]


@pytest.fixture
def images() -> ImageSet:
    """Training images of three classes, with a test part."""
    return replace(bars((24, 12, 6)), test=bars((8, 8, 8), seed=1))


@pytest.fixture
def artifact(tmp_path: Path, images: ImageSet) -> MakeArtifact:
    """Write an artifact for `images`; the arguments replace fields of its metadata."""

    def make(kind: str = "variation", **fields: Any) -> Path:
        write = write_variation_model if kind == "variation" else write_class_model
        defaults: dict[str, Any] = {
            "size": images.size,
            "classes": images.classes,
            "counts": [int(n) for n in images.counts],
            "fingerprint": images.fingerprint,
            "policy": Policy.rule(images.counts) if kind == "variation" else None,
        }
        return write(tmp_path / f"{kind}.onnx", **{**defaults, **fields})

    return make
