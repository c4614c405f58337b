"""`benchmarks.fuzz`: a thousand changed files, and workers that count what ends them."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import _fuzz_workers as workers
from benchmarks._fuzz_targets import TARGETS
from benchmarks._fuzz_workers import Result, tried
from benchmarks.fuzz import QUICK, ROOT, _plain, attempt, main, target_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")


def test_a_thousand_changed_files_end_in_success_or_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "fuzz.json"
    options = ["--cases", str(QUICK), "--first", "8", "--json", str(path)]
    done = CliRunner().invoke(main, options)
    assert done.exit_code == 0, done.output
    assert path.read_text() == done.output
    found = json.loads(done.output)
    assert found["finds"] == []
    assert (found["cases"], found["first_case"]) == (QUICK, 8)
    assert found["past_first_check"] > 0.3 * QUICK
    assert found["successes"] > 0.05 * QUICK
    for name, counts in found["by_target"].items():
        assert counts["success"] > 0, name
        assert counts["past"] > 0.03 * counts["cases"], name
    assert {found[key] for key in ("crashes", "hangs", "tracebacks", "stray_writes")} == {0}


def _ends(case: int) -> Result:
    if case == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if case == 4:
        time.sleep(60)
    if case == 5:
        raise RecursionError("deep")
    return Result(case, "success", past=True)


def test_what_ends_a_worker_is_counted_and_the_next_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "MOST_SECONDS", 0.3)
    found = list(tried(_ends, range(1, 8)))
    assert [result.case for result in found] == [1, 2, 3, 4, 5, 6, 7]
    outcomes = [result.outcome for result in found]
    assert outcomes == ["success", "crash", "success", "hang", "traceback", "success", "success"]
    assert "RecursionError: deep" in found[4].detail


def test_a_file_outside_the_output_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def use(case: Path, out: Path) -> None:
        (out / "mine").write_text("")
        (case / "stray").write_text("")

    target = target_of(0)
    row = replace(TARGETS[target], make=lambda *_: True, use=use)
    monkeypatch.setitem(TARGETS, target, row)
    for name in ("HOME", "XDG_CACHE_HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "work").mkdir()
    result = attempt(0, tmp_path / "seeds", tmp_path / "work")
    assert result.outcome == "success"
    assert "stray" in result.stray
    assert "mine" not in result.stray


def test_a_find_has_no_path_of_this_machine(tmp_path: Path) -> None:
    told = f'File "{ROOT}/ganaug/training/fit.py": {tmp_path}/case-1: gone'
    assert _plain(told, str(tmp_path)) == 'File "ganaug/training/fit.py": FOLDER/case-1: gone'
