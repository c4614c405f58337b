"""A command of the benchmarks that starts itself again, run in this process instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import click
import torch
from click.testing import CliRunner

__all__ = ["call_here"]


def call_here(command: click.Command) -> Callable[..., dict[str, Any]]:
    """Return a function that stands where `benchmarks._timing.in_a_process` does."""

    def call(module: str, options: Sequence[object], kind: str = "as it is") -> dict[str, Any]:
        threads = torch.get_num_threads()
        done = CliRunner().invoke(command, [*map(str, options)], catch_exceptions=False)
        torch.set_num_threads(threads)  # which the command sets for a process of its own
        assert done.exit_code == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    return call
