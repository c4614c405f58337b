"""The folder of an evaluation."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.records import diversity_record, gain_record
from helpers.small_images import bars
from helpers.small_models import write_variation_model
from PIL import Image

from ganaug import Generator
from ganaug.errors import RunError
from ganaug.evaluation.diversity.inspection import inspect_samples
from ganaug.evaluation.diversity.samples import draw_samples
from ganaug.report.folder import replaced_comparison, write_evaluation, write_records


def test_the_folder_of_an_evaluation(tmp_path: Path) -> None:
    generator = Generator(write_variation_model(tmp_path / "m.onnx", classes=("bar 0", "bar 1")))
    images, folder = bars((3, 2)), tmp_path / "new" / "evaluation"
    samples = draw_samples(generator, images)
    gain, diversity = gain_record(), diversity_record()
    report = write_evaluation(
        folder,
        generator.info,
        samples,
        inspection=inspect_samples(generator, images),
        gain=gain,
        diversity=diversity,
    )
    assert report == folder / "report.html"
    assert json.loads((folder / "gain.json").read_text()) == gain.to_dict()
    assert json.loads((folder / "diversity.json").read_text()) == diversity.to_dict()
    with Image.open(folder / "grid.png") as picture:
        assert picture.format == "PNG"
        side = 12 * 5 + 2
        assert picture.size == (9 * side + 2, 2 * side + 2)
    page = report.read_text(encoding="utf-8")
    # two classes, the suspects, what changes in either class, eight images at each strength
    assert page.count("<img ") == 2 + 4 + 2 + 8
    assert "Map of the images" in page
    bare = write_evaluation(tmp_path / "bare", generator.info, samples)
    assert "Map of the images" not in bare.read_text(encoding="utf-8")
    names = sorted(path.name for path in (tmp_path / "bare").iterdir())
    assert names == ["grid.png", "report.html"]


def test_what_is_not_measured_again_goes_and_files_of_the_user_stay(tmp_path: Path) -> None:
    gain, diversity = gain_record(), diversity_record()
    write_records(tmp_path, gain, diversity, diversity)
    for name in ("report.html", "grid.png", "notes.txt"):
        (tmp_path / name).write_text("<header><p>ganaug report</p>")

    def there() -> set[str]:
        return {path.name for path in tmp_path.iterdir()}

    records, pictures = {"gain.json", "diversity.json", "judged.json"}, {"report.html", "grid.png"}
    assert there() == records | pictures | {"notes.txt"}
    write_records(tmp_path, gain, diversity)  # those pictures would show the earlier records
    assert there() == {"gain.json", "diversity.json", "notes.txt"}
    write_records(tmp_path, gain, None)
    assert there() == {"gain.json", "notes.txt"}
    write_records(tmp_path, None, diversity, diversity)
    assert there() == {"diversity.json", "judged.json", "notes.txt"}
    for name in ("gain.json", "judged.json", "report.html"):
        (tmp_path / name).write_text("{}")
    write_records(tmp_path, None, diversity)
    assert there() == {"diversity.json", "notes.txt", "gain.json", "judged.json", "report.html"}


def test_which_comparison_is_replaced_is_told(tmp_path: Path) -> None:
    gain = gain_record()
    assert replaced_comparison(tmp_path, gain) == []
    write_records(tmp_path, gain, None)
    assert replaced_comparison(tmp_path, gain) == []
    told = "of plain, balanced, ganaug on parts with 6 seeds, baseline balanced; its trainings"
    over_plain = replace(gain, baseline="plain")
    for other in (gain_record(seeds=2), gain_record(generator=False), over_plain, None):
        assert told in replaced_comparison(tmp_path, other)[0]
    longer = replace(gain, settings=replace(gain.settings, steps=601))
    assert told in replaced_comparison(tmp_path, longer)[0]
    refitted = replace(gain, claim="for the method", settings=replace(gain.settings, refit={}))
    assert told in replaced_comparison(tmp_path, refitted)[0]
    newer = replace(gain, settings=replace(gain.settings, artifact="0" * 16))
    assert told in replaced_comparison(tmp_path, newer)[0]
    changed = json.loads((tmp_path / "gain.json").read_text())
    for values in (changed | {"seeds": 6}, changed | {"arms": {"plain": {}}}):
        (tmp_path / "gain.json").write_text(json.dumps(values))
        (line,) = replaced_comparison(tmp_path, gain)
        assert line.endswith(": replaced the report of an earlier evaluation")
    (tmp_path / "gain.json").write_text("{}")
    assert replaced_comparison(tmp_path, gain) == []  # the user's own


def test_a_picture_beside_no_evaluation_stays(tmp_path: Path) -> None:
    (tmp_path / "grid.png").write_bytes(b"mine")
    write_records(tmp_path, gain_record(), None)
    assert (tmp_path / "grid.png").read_bytes() == b"mine"


def test_nothing_goes_where_the_new_records_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_records(tmp_path, gain_record(), diversity_record())
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def full(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RunError, match="No space left"):
        write_records(tmp_path, gain_record("hurts"), None)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
