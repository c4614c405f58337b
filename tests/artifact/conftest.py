"""Generators in small files."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.small_models import (
    write_class_model,
    write_variation_model,
)

from ganaug.artifact.runtime import Generator


@pytest.fixture
def variation(tmp_path: Path) -> Generator:
    return Generator(write_variation_model(tmp_path / "v.onnx"), providers="cpu")


@pytest.fixture
def class_kind(tmp_path: Path) -> Generator:
    return Generator(write_class_model(tmp_path / "c.onnx"), providers="cpu")
