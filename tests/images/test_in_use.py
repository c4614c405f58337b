"""What becomes of images and caches that go while they are used."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from helpers.photos import write_photos
from helpers.short_runs import SHORT
from PIL import Image

from ganaug.errors import DataError
from ganaug.images import load_images
from ganaug.training import fit


def test_an_image_that_is_removed_while_others_are_read_is_named_or_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = write_photos(tmp_path / "photos", test=False)
    last = max(photos.rglob("*.jpg"))
    content, opened, open_image = last.read_bytes(), 0, Image.open

    def removing(*arguments: Any, **options: Any) -> Image.Image:
        nonlocal opened
        opened += 1
        if opened == 3:
            last.unlink()
        return open_image(*arguments, **options)

    monkeypatch.setattr(Image, "open", removing)
    with pytest.raises(DataError, match=rf"{last.name}: cannot be read \(No such file"):
        load_images(photos, size=16)
    last.write_bytes(content)
    opened = 0
    images = load_images(photos, size=16, skip_corrupt=True)
    assert images.notes == (f"skipped ok/{last.name}: No such file or directory",)
    assert len(images) == 21


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_cache_that_goes_while_a_training_reads_it_changes_nothing(
    how: str, tmp_path: Path
) -> None:
    photos = write_photos(tmp_path / "photos", test=True)
    whole = fit(load_images(photos, size=16), tmp_path / "whole", **SHORT)

    images = load_images(photos, size=16, cache=tmp_path / "cache")
    (path,) = (tmp_path / "cache").glob("*.pixels")

    def going(step: int) -> None:
        if step == 2 and how == "removed":
            path.unlink()
        elif step == 2:
            path.with_suffix(".new").write_bytes(bytes(path.stat().st_size))
            os.replace(path.with_suffix(".new"), path)

    run = fit(images, tmp_path / "run", tick=going, **SHORT)
    found = [
        hashlib.sha256((each / "checkpoint-000006.safetensors").read_bytes()).hexdigest()
        for each in (whole, run)
    ]
    assert found[0] == found[1]
