from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from helpers.small_models import metadata_of, write_class_model, write_variation_model

from ganaug.artifact.format import MAX_FILE_BYTES
from ganaug.artifact.policy import Policy
from ganaug.artifact.reader import read_artifact
from ganaug.errors import ArtifactError


def message(path: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        read_artifact(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    assert caught.value.exit_code == 2
    return text


@pytest.mark.parametrize("write", [write_variation_model, write_class_model])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_good_file_is_read(tmp_path: Path, write, channels: int) -> None:  # type: ignore[no-untyped-def]
    policy = Policy.rule([10, 2])
    path = write(tmp_path / "g.onnx", channels=channels, size=(28, 36), policy=policy, steps=7)
    content, metadata, digest = read_artifact(str(path))
    assert content == path.read_bytes()
    assert digest == hashlib.sha256(content).hexdigest()
    kind = "variation" if write is write_variation_model else "class"
    assert metadata == metadata_of(kind, channels=channels, size=(28, 36), policy=policy, steps=7)


def test_missing_file(tmp_path: Path) -> None:
    assert "no such file; name" in message(tmp_path / "none.onnx")
    (tmp_path / "photos.onnx").touch()
    told = message(tmp_path / "photos.onx")
    assert "photos.onx: no such file (did you mean 'photos.onnx'?); name an ONNX file" in told


def test_folder(tmp_path: Path) -> None:
    assert "is a folder" in message(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    assert "no regular file" in message(tmp_path / "pipe.onnx")


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "g.onnx")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    assert "cannot be read" in message(path)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file here that fails to read")
def test_a_file_that_fails_to_read() -> None:
    assert "cannot be read" in message(Path("/proc/self/mem"))


def test_a_file_inside_a_file(tmp_path: Path) -> None:
    path = write_variation_model(tmp_path / "g.onnx")
    assert "cannot be read" in message(path / "inner.onnx")


@pytest.mark.skipif(os.name == "nt", reason="file names hold no line breaks here")
def test_a_line_break_in_a_file_name_does_not_break_the_message(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        read_artifact(tmp_path / "a\nb.onnx")
    assert "a\\nb.onnx: no such file" in str(caught.value)


def test_a_path_that_cannot_be() -> None:
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_artifact("a\0b.onnx")


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    with path.open("wb") as stream:
        stream.truncate(MAX_FILE_BYTES + 1)  # sparse: takes no room
    text = message(path)
    assert f"{MAX_FILE_BYTES + 1:,}" in text
    assert f"{MAX_FILE_BYTES:,}" in text


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"PK\x03\x04" + b"\x00" * 64, b"\x89PNG"])
def test_what_is_no_onnx_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "g.onnx"
    path.write_bytes(content)
    assert "not an ONNX file" in message(path)


def test_every_cut_off_file_is_refused(tmp_path: Path) -> None:
    whole = write_class_model(tmp_path / "whole.onnx").read_bytes()
    path = tmp_path / "cut.onnx"
    for length in range(0, len(whole), 13):
        path.write_bytes(whole[:length])
        assert message(path)
