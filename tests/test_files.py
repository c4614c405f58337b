"""Files are there as a whole or not at all, and a folder has one writer."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganaug import Generator, export, fit, load_images
from ganaug.errors import ConfigError, RunError, did_you_mean
from ganaug.files import (
    append_text,
    atomic_path,
    check_folder,
    check_writable,
    make_folder,
    scratch_folder,
    write_json,
    write_text,
)
from ganaug.images.grid import save_png
from ganaug.locks import locked


@pytest.mark.parametrize(
    "write",
    [
        check_folder,
        make_folder,
        check_writable,
        lambda path: write_text(path, "x"),
        lambda path: append_text(path, "x"),
        Generator,
        lambda path: export(path, "x.onnx"),
        lambda path: fit(load_images("digits"), path, steps=1),
    ],
)
def test_an_empty_name_is_not_the_current_folder(
    write: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"^'': names no file or folder"):
        write("")
    assert list(tmp_path.iterdir()) == []


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
        "import sys; from pathlib import Path; from ganaug.locks import locked;"
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


def test_the_rules_of_other_systems_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows flushes no file that is open for reading alone; some file systems flush no folder."""
    flush, flushed = os.fsync, []

    def strict(handle: int) -> None:
        flushed.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        if flushed[-1]:
            raise OSError(errno.EINVAL, "Invalid argument")
        if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        flush(handle)

    monkeypatch.setattr(os, "fsync", strict)
    write_text(tmp_path / "file.txt", "new")
    assert (tmp_path / "file.txt").read_text() == "new"
    assert flushed == [False, True]


def test_did_you_mean() -> None:
    assert did_you_mean("stesp", ["steps", "size"]) == " (did you mean 'steps'?)"
    assert did_you_mean("qqq", ["steps", "size"]) == ""


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    target, link, lost = tmp_path / "a.txt", tmp_path / "link", tmp_path / "lost"
    target.write_text("old")
    link.symlink_to("a.txt")
    lost.symlink_to(tmp_path / "b.txt")
    write_text(link, "new")
    write_text(lost, "words")
    assert (link.is_symlink(), lost.is_symlink()) == (True, True)
    assert (target.read_text(), (tmp_path / "b.txt").read_text()) == ("new", "words")


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_folder_there(path: Path) -> None:
    path.mkdir()


def make_link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def make_link_to_a_fifo(path: Path) -> None:
    os.mkfifo(path.with_name("fifo"))
    path.symlink_to("fifo")


def make_device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # as the null device
    except PermissionError:
        pytest.skip("only root makes devices")


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.skipif(os.name == "nt", reason="Windows has none of these")
@pytest.mark.parametrize(
    "make",
    [
        make_fifo,
        make_folder_there,
        make_link_to_itself,
        make_link_to_a_fifo,
        make_device,
        make_socket,
    ],
)
def test_what_is_no_regular_file_is_refused_and_stays(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "out"
    make(path)
    before, names = path.lstat(), sorted(os.listdir(tmp_path))
    for write in (write_text, append_text):
        with pytest.raises(RunError, match="cannot be written"):
            write(path, "words")
    assert (path.lstat().st_mode, path.lstat().st_ino) == (before.st_mode, before.st_ino)
    assert sorted(os.listdir(tmp_path)) == names


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_a_replaced_file_keeps_its_permissions_and_a_protected_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)
    write_text(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o440)
    with pytest.raises(RunError, match="write-protected"):
        write_text(path, "newer")
    assert path.read_text() == "new"


def test_the_longest_name_that_a_folder_takes(tmp_path: Path) -> None:
    write_text(tmp_path / ("n" * 251 + ".txt"), "words")
    assert len(os.listdir(tmp_path)) == 1
    with pytest.raises(RunError, match=r"cannot be written \(File name too long\)"):
        write_text(tmp_path / ("n" * 252 + ".txt"), "words")
    with pytest.raises(RunError, match=r"cannot be written \(embedded null byte\)"):
        write_text(tmp_path / "a\0b", "words")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_json(path, 1)
    with (
        pytest.raises(RunError, match=r"record\.json: cannot be written \(No space left") as caught,
        atomic_path(path),
        open("/dev/full", "w") as full,
    ):
        full.write("words")
    assert "free some space" in str(caught.value)
    assert json.loads(path.read_text()) == 1
    assert os.listdir(tmp_path) == ["record.json"]


def write_picture(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    save_png(path, Image.fromarray(noise))


def write_arrays(path: Path) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, noise=np.random.default_rng(0).random(1000))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_text(path, "words" * 1000),
        lambda path: append_text(path, "words" * 1000),
        write_picture,
        write_arrays,
    ],
    ids=["text", "log", "picture", "arrays"],
)
def test_a_limit_that_is_reached_while_writing_names_the_file(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    """A limit on the size of files is a full disk for this process alone."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    path = tmp_path / "a.out"
    path.write_text("old\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(RunError, match=r"a\.out: cannot be written \(File too large\)"):
            write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes().startswith(b"old\n")
    assert os.listdir(tmp_path) == ["a.out"]


# Writes a half, says so, and waits for a line.
HALF = """
import sys
from ganaug.files import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("half", flush=True)
    sys.stdin.readline()
"""


def start_writing(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HALF, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    return process


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps what a killed writer left")
def test_the_next_write_removes_what_a_killed_writer_left_and_nothing_of_a_living_one(
    tmp_path: Path,
) -> None:
    mine = tmp_path / ".vimrc.settings"  # hidden, and named nearly like a temporary file
    mine.write_text("mine")
    killed, living = start_writing(tmp_path / "a.txt"), start_writing(tmp_path / "b.txt")
    killed.kill()
    killed.communicate()
    left = sorted(path.name for path in tmp_path.iterdir() if path != mine)
    assert [name[:7] for name in left] == [".a.txt.", ".b.txt."]
    write_text(tmp_path / "c.txt", "words")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [left[1], ".vimrc.settings", "c.txt"]
    living.communicate("\n")
    assert living.returncode == 0
    assert (tmp_path / "b.txt").read_text() == "half"
    assert sorted(os.listdir(tmp_path)) == [".vimrc.settings", "b.txt", "c.txt"]


# Says where its folder is, and waits for a line.
SCRATCH = """
import sys
from ganaug.files import scratch_folder
with scratch_folder() as folder:
    (folder / "below").mkdir()
    (folder / "below" / "file").write_text("half")
    print(folder, flush=True)
    sys.stdin.readline()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps what a killed process left")
def test_the_next_scratch_folder_removes_that_of_a_killed_process_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # which is asked for once
    mine = [tmp_path / name for name in ("ganaug-demo", "notes.ganaug-tmp")]
    mine[0].mkdir()
    mine[1].write_text("mine")
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SCRATCH],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    killed, living = (Path(each.stdout.readline().strip()) for each in started if each.stdout)
    started[0].kill()
    started[0].communicate()
    assert (killed / "below" / "file").exists()
    with scratch_folder() as folder:
        assert sorted(tmp_path.iterdir()) == sorted([*mine, living, folder])
    assert (living / "below" / "file").read_text() == "half"
    started[1].communicate("\n")
    assert sorted(tmp_path.iterdir()) == sorted(mine)


COUNT = """
import json, sys
from pathlib import Path
from ganaug.files import write_json
from ganaug.locks import updating
path = Path(sys.argv[1])
for _ in range(40):
    with updating(path), updating(path):
        write_json(path, json.loads(path.read_text()) + 1)
"""


@pytest.mark.skipif(os.name == "nt", reason="updates do not wait there")
def test_of_two_updates_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "count.json"
    write_json(path, 0)
    command = [sys.executable, "-c", COUNT, str(path)]
    writers = [subprocess.Popen(command) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert json.loads(path.read_text()) == 120
    assert os.listdir(tmp_path) == ["count.json"]


def test_what_cannot_be_written_is_found_before_and_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("words")
    (tmp_path / "nowhere").symlink_to(tmp_path / "none")
    for inside in ("file/a.json", "none/a.json"):
        with pytest.raises(RunError, match="cannot be written"):
            check_writable(tmp_path / inside)
    for inside in ("file", "file/a/b", "nowhere", "n" * 300 + "/a"):
        with pytest.raises(RunError, match="cannot be created"):
            check_folder(tmp_path / inside)
    check_writable(tmp_path / "a.json")
    check_writable(tmp_path / "file")
    check_folder(tmp_path / "a" / "b")
    assert sorted(os.listdir(tmp_path)) == ["file", "nowhere"]


@pytest.mark.skipif(sys.platform != "linux", reason="no folder that nobody may write to")
def test_a_folder_that_is_there_is_not_to_be_created() -> None:
    with pytest.raises(RunError, match=r"^/proc: cannot be written to "):
        check_folder("/proc")
