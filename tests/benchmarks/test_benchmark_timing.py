"""`benchmarks._timing`: a module in a process of its own, with the processor held back or not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks._timing import HELD, KINDS, ROOT, in_a_process

MODULE = """
import json, os, sys
print(json.dumps({"options": sys.argv[1:], "process": os.getpid(), "folder": os.getcwd(),
                  "held": {name: os.environ.get(name) for name in %s}}))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_module_has_a_process_of_its_own_and_its_environment(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "told.py").write_text(MODULE % sorted(HELD))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")  # of the user: no kind has that
    found = in_a_process("told", ["--steps", 8, tmp_path], kind)
    assert found["options"] == ["--steps", "8", str(tmp_path)]
    assert found["process"] != os.getpid()
    assert found["folder"] == str(ROOT)
    assert found["held"] == dict.fromkeys(HELD) | KINDS[kind]
