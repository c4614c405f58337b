"""Killed at any file operation, a file holds the old or the new content, and nothing is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_each_operation_of_each_kind_of_file(tmp_path: Path) -> None:
    paths = os.pathsep.join([str(HERE.parent), str(HERE)])
    done = subprocess.run(
        [sys.executable, "-m", "helpers.killing", str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    killed = json.loads(done.stdout)
    assert killed.pop("log") == 1  # opened, and written with one call
    kinds = {"record", "link", "checkpoint", "artifact", "picture", "cache", "result", "shard"}
    assert killed.keys() == kinds
    # opened, locked, written, flushed, given its permissions, renamed, folder flushed, ...
    assert min(killed.values()) >= 7, killed
