"""Text of strangers on its way to a person: the card, the terminal, the report."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers.imports import sources
from helpers.records import metadata_record
from helpers.small_models import class_model, metadata_of, write_model
from PIL import Image

from ganaug.artifact.format import Metadata
from ganaug.artifact.policy import Policy
from ganaug.cli import run
from ganaug.errors import ArtifactError
from ganaug.report.card import model_card
from ganaug.report.markdown import Markdown, bullets, code, fill, strong, table

HOSTILE = (
    "\x1b]0;owned\x07<script>alert(1)</script>\n\n# heading [x](http://a.b) | ![i](c) `d` www.e"
)
GAIN: dict[str, Any] = {
    **dict.fromkeys(("dataset", "claim", "classifier", "baseline", "verdict"), HOSTILE),
    "chosen": HOSTILE,
    "seeds": 2,
    "test_images": 3,
    "steps": 4,
    "arms": {
        HOSTILE: dict.fromkeys(
            ("balanced_accuracy", "rarer_half", "macro_f1", "calibration_error"), 0.5
        )
    },
    "recall": {HOSTILE: [0.5, 0.5]},
    "notes": [HOSTILE],
    **dict.fromkeys(("mean", "low", "high"), 0.1),
    "seeds_to_settle": 5,
}
DIVERSITY: dict[str, Any] = {
    "words": {HOSTILE: [HOSTILE], "OK": [HOSTILE]},
    "macro": {"coverage": [0.5, 0.5], "copied": [0.5, 0.5]},
    "classes": [{"name": HOSTILE, "word": HOSTILE, "words": [HOSTILE], "copied": [0.9, 0.1]}],
}


def hostile(**fields: Any) -> Metadata:
    """Metadata with the hostile text wherever text may stand."""
    return metadata_of(
        "class",
        **{
            "classes": (HOSTILE, "b"),
            "fingerprint": HOSTILE,
            "data": {
                "source": HOSTILE,
                "held_out": HOSTILE,
                "held_out_fingerprint": HOSTILE,
                "groups": False,
            },
            "config": {HOSTILE: HOSTILE},
            "versions": {HOSTILE: HOSTILE},
            "parity": {HOSTILE: HOSTILE},
            "policy": Policy(((0, 0.5),), source=HOSTILE, evidence={HOSTILE: [HOSTILE]}),
            "gain": GAIN,
            "diversity": DIVERSITY,
            "warnings": (HOSTILE,),
            "intended_use": (HOSTILE,),
            **fields,
        },
    )


def harmless(text: str) -> None:
    """No control character; no markup of Markdown or HTML that is not escaped."""
    assert all(c.isprintable() or c == "\n" for c in text)
    for mark in ("<script", "](", "![", "://", "www.e"):
        at = text.find(mark)
        while at >= 0:
            assert text[at - 1] == "\\", text[at - 30 : at + 30]
            at = text.find(mark, at + 1)
    assert not any(line.startswith("# heading") for line in text.splitlines())


def test_no_field_of_a_file_is_markdown_in_its_card() -> None:
    card = model_card(hostile(), "a" * 64)
    assert card.count("script") > 20
    # code is shown as it is, whatever stands in it
    harmless("\n".join(line for line in card.splitlines() if "fingerprint of" not in line))
    headings = [line for line in card.splitlines() if line.startswith("#")]
    assert len(headings) == 9
    rows = [line for line in card.splitlines() if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} <= {4, 5, 6}


@pytest.mark.parametrize("command", ["info", "card"])
def test_no_field_of_a_file_reaches_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    path = write_model(tmp_path / "\x1b[31mg\n.onnx", class_model(hostile()))
    assert run([command, str(path)]) == 0
    assert run([command, str(path) + "x"]) == 2
    shown = capsys.readouterr()
    assert "script" in shown.out
    assert "\\x1b[31mg" in shown.err
    assert all(c.isprintable() or c == "\n" for c in shown.out + shown.err)
    assert shown.err.count("\n") == 1


def test_no_file_name_reaches_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for at in range(6):
            Image.new("L", (16, 16), at).save(tmp_path / label / f"{at}.png")
    (tmp_path / "a" / "\x1b]0;x\x07.png").write_bytes(b"x")
    assert run(["fit", str(tmp_path), "--out", str(tmp_path.parent / "run")]) == 2
    shown = capsys.readouterr().err
    assert "\\x1b]0;x\\x07.png: cannot be read" in shown
    assert "\x1b" not in shown


def test_all_that_a_command_prints_goes_through_one_function() -> None:
    found = {
        name
        for name, source in sources().items()
        for node in ast.walk(ast.parse(source))
        if name.startswith("ganaug.cli")
        and isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("click.echo", "click.secho", "print", "sys.stdout.write")
    }
    assert found == {"ganaug.cli.console"}


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("gain", "claim", ["<b>"]),
        ("gain", "verdict", {"a": 1}),
        ("gain", "seeds", "<b>"),
        ("gain", "seeds", 10**30),
        ("gain", "seeds_to_settle", "<b>"),
        ("gain", "mean", "0"),
        ("gain", "arms", {"a": {"b": "<b>"}}),
        ("gain", "recall", {"a": ["<b>"]}),
        ("gain", "classes", "<b>"),
        ("gain", "classes", [["<b>"]]),
        ("gain", "notes", "<b>"),
        ("diversity", "words", {"OK": "<b>"}),
        ("diversity", "macro", {"coverage": [0.5]}),
        ("diversity", "classes", [{"name": "a"}]),
        ("diversity", "classes", [{"name": ["a"], "word": "OK"}]),
    ],
)
def test_a_record_of_another_form_is_refused_when_it_is_read(
    name: str, field: str, value: Any
) -> None:
    record = {**(GAIN if name == "gain" else DIVERSITY), field: value}
    with pytest.raises(ArtifactError, match=rf"{name} in another form \({field}: ") as caught:
        Metadata.from_json(replace_record(name, record))
    assert "\n" not in str(caught.value)


def replace_record(name: str, record: dict[str, Any]) -> str:
    """The JSON of metadata in which the record `name` is another one, unchecked."""
    text = replace(metadata_record(), **{name: {"at": "place"}}).to_json()
    return text.replace('{"at": "place"}', json.dumps(record))


def test_what_is_markdown_already_is_put_in_as_it_is() -> None:
    assert fill("**a** {} {}", "*b*", strong("*c*")) == "**a** \\*b\\* **\\*c\\***"
    assert bullets(["- a", Markdown("**b**"), "1 = 2"]) == "- \\- a\n- **b**\n- 1 = 2"
    assert table(["a|b"], [[code("`x`\n|")]]) == "| a\\|b |\n| --- |\n| `'x''|` |"
    assert fill("{}", "a\n# b\x1b[0m https://c.d me@e") == "a \\# b \\[0m https:\\//c.d me\\@e"
