"""Metadata in the terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.records import gain_record, metadata_record

from ganaug.artifact.policy import Policy
from ganaug.report.advice import Named
from ganaug.report.card import model_card
from ganaug.report.page import write_report
from ganaug.report.text import metadata_lines, policy_text


def test_metadata_in_lines() -> None:
    lines = metadata_lines(metadata_record(), "c" * 64)
    text = "\n".join(lines)
    for words in ("variation", "8x8 grey", "120", "from a rule, not measured", "c" * 64):
        assert words in text
    assert lines[-1] == "warning: class 'x' has a single image"


def test_a_long_name_of_a_class_moves_no_other_value() -> None:
    short = replace(metadata_record(), classes=("a", "b", "c"))
    lines, usual = (metadata_lines(each, "c" * 64) for each in (metadata_record(), short))
    assert [line for line in lines if line[0] != " "] == [line for line in usual if line[0] != " "]
    of_classes = lines[
        lines.index(next(line for line in lines if line.startswith("classes"))) + 1 :
    ]
    assert [line.split()[-1] for line in of_classes[:3]] == ["120", "30", "4"]
    assert len({len(line.rstrip("0123456789")) for line in of_classes[:3]}) == 1


def test_one_seed_has_no_interval() -> None:
    gain = {"verdict": "no evidence", "claim": "for this generator", "chosen": "ganaug",
            "baseline": "plain", "mean": 0.03, "low": -1.0, "high": 1.0}  # fmt: skip
    said = "no evidence, for this generator: ganaug against plain +3.0 points"
    for seeds, width in ((1, "(one seed: no interval)"), (2, "(95% interval -100.0 to +100.0), 2")):
        lines = metadata_lines(replace(metadata_record(), gain=gain | {"seeds": seeds}), "c" * 64)
        assert any(f"{said} {width}" in line for line in lines)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"held_out": "one fifth"}, "one fifth"),
        ({"has_test": True}, "nothing; the data have a test part"),
        ({"has_test": False}, "nothing; all images were trained on"),
        ({"has_test": ["a list"]}, "nothing"),
        ({}, "nothing"),
    ],
)
def test_what_was_held_out_is_told_alike_everywhere(
    data: dict[str, object], words: str, tmp_path: Path
) -> None:
    metadata = metadata_record()
    known = {key: value for key, value in metadata.data.items() if key != "has_test"}
    metadata = replace(metadata, data={**known, "held_out": None, **data})
    lines = [line.split("  ") for line in metadata_lines(metadata, "c" * 64)]
    assert [line[-1].strip() for line in lines if line[0] == "held out"] == [words]
    assert f"\n- held out: {words}\n" in model_card(metadata, "c" * 64)
    write_report(tmp_path / "report.html", metadata=metadata)
    assert f"<dt>held out</dt><dd>{words}</dd>" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"training_size": 1e-5}, "at the training size"),
        ({"training_size": 1e-5, "other_size": 1e-4}, "at the training size, 0.0001 at others"),
    ],
)
def test_the_parity_of_either_kind_is_told_in_words(bounds: dict[str, float], words: str) -> None:
    parity = {"batches": [1, 2], "largest_difference_below": bounds}
    lines = metadata_lines(replace(metadata_record(), parity=parity), "c" * 64)
    (told,) = (line for line in lines if line.startswith("parity"))
    assert told.endswith(f"within 1e-05 of the trained network {words}")


def test_control_characters_of_a_file_do_not_reach_the_terminal() -> None:
    metadata = metadata_record()
    hostile = replace(
        metadata,
        classes=("ok\x1b[2J\nkind  class", *metadata.classes[1:]),
        warnings=("\x07bell",),
        data={**metadata.data, "source": "a\u202eb"},
    )
    lines = metadata_lines(hostile, "c" * 64)
    assert all(line.isprintable() for line in lines)


def test_policies_in_words() -> None:
    assert policy_text(None) == "none"
    measured = Policy(((10, 0.5),), scale=0.8, source="tune")
    assert policy_text(measured) == "p 0.5 for every class, latents times 0.8; learnt by tune"


def test_classes_that_differ_in_what_is_not_printed_have_a_line_each() -> None:
    names = ("cat\u00a0x", "cat\u3000x")
    metadata = replace(metadata_record(), classes=names, counts=(120, 30))
    lines = [line.split() for line in metadata_lines(metadata, "c" * 64)]
    assert ["cat\\xa0x", "120"] in lines
    assert ["cat\\u3000x", "30"] in lines


def test_a_report_is_written_whatever_its_files_are_called(tmp_path: Path) -> None:
    gain = gain_record("no evidence", seeds=2)
    path = tmp_path / "report.html"
    write_report(
        path, metadata=metadata_record(), gain=gain, named=Named("m\udcfcll.onnx m\udcfcll")
    )
    assert "m\\udcfcll.onnx" in path.read_text(encoding="utf-8")
