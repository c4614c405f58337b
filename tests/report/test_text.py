"""Metadata in the terminal."""

from __future__ import annotations

from dataclasses import replace

from helpers.records import metadata_record

from ganaug.artifact.format import Policy
from ganaug.report.text import metadata_lines, policy_text


def test_metadata_in_lines() -> None:
    lines = metadata_lines(metadata_record(), "c" * 64)
    text = "\n".join(lines)
    for words in ("variation", "8x8 grey", "120", "from a rule, not measured", "c" * 64):
        assert words in text
    assert lines[-1] == "warning: class 'x' has a single image"


def test_one_seed_has_no_interval() -> None:
    gain = {"verdict": "no evidence", "claim": "for this generator", "chosen": "ganaug",
            "baseline": "plain", "mean": 0.03, "low": -1.0, "high": 1.0}  # fmt: skip
    said = "no evidence, for this generator: ganaug against plain +3.0 points"
    for seeds, width in ((1, "(one seed: no interval)"), (2, "(95% interval -100.0 to +100.0), 2")):
        lines = metadata_lines(replace(metadata_record(), gain=gain | {"seeds": seeds}), "c" * 64)
        assert any(f"{said} {width}" in line for line in lines)


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
