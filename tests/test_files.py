"""Files are there as a whole or not at all, and a folder has one writer."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ganaug.errors import RunError, did_you_mean
from ganaug.files import atomic_path, locked, make_folder, write_json, write_text


def test_a_failed_write_leaves_the_old_content(tmp_path: Path) -> None:
    target = tmp_path / "record.json"
    write_json(target, {"a": 1})
    before = target.read_bytes()
    with pytest.raises(UnicodeEncodeError), atomic_path(target) as temporary:
        temporary.write_text("half, then " + "\ud800", encoding="utf-8")
    assert target.read_bytes() == before
    assert os.listdir(tmp_path) == ["record.json"]


def test_json_without_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "record.json", {"a": float("nan")})
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_files_get_the_permissions_of_the_user(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "words")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        write_text(tmp_path / "no" / "a.txt", "words")
    with pytest.raises(RunError, match="cannot be created"):
        make_folder(Path(__file__) / "inside")


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ganaug.files import locked;"
        " from ganaug.errors import RunError\n"
        "try:\n"
        "    with locked(Path(sys.argv[1])): print('entered')\n"
        "except RunError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with locked(tmp_path):
        other = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "another process is writing" in other.stdout
    after = subprocess.run(command, capture_output=True, text=True, check=True)
    assert after.stdout == "entered\n"


def test_did_you_mean() -> None:
    assert did_you_mean("stesp", ["steps", "size"]) == " (did you mean 'steps'?)"
    assert did_you_mean("qqq", ["steps", "size"]) == ""
