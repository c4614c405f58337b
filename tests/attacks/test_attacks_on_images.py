"""Image files that are something else than their name says."""

from __future__ import annotations

import ast
import os
import struct
import zlib
from pathlib import Path

import pytest
from helpers.imports import sources
from PIL import EpsImagePlugin, Image

from ganaug.errors import DataError
from ganaug.images import load_images

EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 16 16
%%EndComments
showpage
%%EOF
"""


def folder_with(root: Path, name: str) -> Path:
    """A data set of two classes, and where to put a file of that name in it."""
    for label, value in (("a", 20), ("b", 200)):
        (root / label).mkdir(parents=True)
        for at in range(6):
            Image.new("L", (16, 16), value + at).save(root / label / f"{at}.png")
    return root / "a" / name


@pytest.mark.parametrize("skip", [False, True])
def test_no_image_file_starts_ghostscript(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip: bool
) -> None:
    started = tmp_path / "started"
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "gs").write_text(f"#!/bin/sh\necho started >> {started}\n")
    (programs / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # Pillow searches once a process
    folder_with(tmp_path / "photos", "x.png").write_bytes(EPS)
    if skip:
        images = load_images(tmp_path / "photos", skip_corrupt=True)
        assert "skipped a/x.png: not recognised as an image" in images.notes
    else:
        with pytest.raises(DataError, match=r"x\.png: cannot be read \(not recognised"):
            load_images(tmp_path / "photos")
    assert not started.exists()


@pytest.mark.parametrize("kind", ["ICNS", "DDS", "SGI", "TGA", "PCX", "GIF"])
def test_formats_without_an_extension_of_ours_are_not_parsed(tmp_path: Path, kind: str) -> None:
    path = folder_with(tmp_path, "x.png")
    Image.new("RGB", (16, 16)).save(path, format=kind)
    with pytest.raises(DataError, match=r"x\.png: cannot be read \(not recognised"):
        load_images(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_link_to_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = folder_with(tmp_path / "photos", "x.png")
    os.mkfifo(tmp_path / "pipe")
    path.symlink_to(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"x\.png: cannot be read \(it is no regular file\)"):
        load_images(tmp_path / "photos")


@pytest.mark.parametrize("target", ["x.png", "/dev/zero", "missing.png"])
def test_a_link_that_leads_to_no_file_is_refused(tmp_path: Path, target: str) -> None:
    path = folder_with(tmp_path, "x.png")
    path.symlink_to(target)
    with pytest.raises(DataError, match=r"x\.png: cannot be read"):
        load_images(tmp_path)


@pytest.mark.parametrize("skip", [False, True])
def test_a_header_of_gigapixels_is_no_image(tmp_path: Path, skip: bool) -> None:
    """2.5 gigapixels in 60 bytes."""
    folder = tmp_path / "photos" / "a"
    folder.mkdir(parents=True)
    for at in range(2):
        Image.new("L", (9, 9), at).save(folder / f"{at}.png")

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + check

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    (folder / "bomb.png").write_bytes(start + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    if skip:
        assert len(load_images(tmp_path / "photos", skip_corrupt=True)) == 2
    else:
        with pytest.raises(DataError, match=r"bomb\.png: cannot be read"):
            load_images(tmp_path / "photos")


def test_images_are_opened_in_one_place() -> None:
    found = {
        name
        for name, source in sources().items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Image.open", "PIL.Image.open")
    }
    assert found == {"ganaug.images._open"}
