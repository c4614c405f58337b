"""What the tests of the run time share: arrays, and the form of a refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ganaug.errors import GanaugError


def images_of(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(3).random(shape, np.float32)


def latents_of(count: int, size: int = 4) -> NDArray[np.float32]:
    return np.random.default_rng(4).standard_normal((count, size), np.float32)


def refused(
    kind: type[GanaugError], call: Callable[..., Any], *arguments: Any, **named: Any
) -> str:
    with pytest.raises(kind) as caught:
        call(*arguments, **named)
    text = str(caught.value)
    assert "allowed" in text
    assert "\n" not in text
    return text
