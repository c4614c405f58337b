"""Every help text has an example that parses, and shells complete commands and options."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ganaug.cli import command, run


@pytest.mark.parametrize("name", sorted(command.commands))
def test_every_help_has_an_example_that_parses(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([name, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    example = shown.partition("Example: ")[2]
    program, called, *arguments = shlex.split(example.partition(">")[0], comments=True)
    assert (program, called) == ("ganaug", name)
    context = command.commands[name].make_context(name, arguments)
    assert isinstance(context, click.Context)


def test_the_help_of_the_program_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert "Example: ganaug run photos/ --out defects" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "size", "fetched"),
    [
        ("fit", "at most 64 a side", "data sets"),
        ("run", "at most 64 a side", "data sets"),
        ("tune", "that of a pretrained network, else of FILE", "data sets and weights"),
        (
            "evaluate",
            "that of a pretrained network, else of FILE, else at most 64 a side",
            "data sets and weights",
        ),
    ],
)
def test_options_of_the_images_say_what_this_command_does(
    name: str, size: str, fetched: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([name, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"[default: {size}]" in shown
    assert f"Let {fetched} be fetched by name." in shown


def test_the_help_of_the_demo_says_how_long_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads((Path(__file__).parents[2] / "results" / "demo.json").read_text())
    slowest = max(record["seconds"], *record["seconds_elsewhere"])
    assert run(["demo", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    minutes = {1: "a minute", 2: "two minutes", 3: "three minutes", 4: "four minutes"}
    assert f"in about {minutes[round(slowest / 60)]}." in shown


def complete(**variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from ganaug.cli import main; main()"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_shells_complete_commands_and_options() -> None:
    asked = {"_GANAUG_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
    assert complete(**asked, COMP_WORDS="ganaug ev") == "plain,evaluate\n"
    asked["COMP_CWORD"] = "2"
    assert "plain,--no-times\n" in complete(**asked, COMP_WORDS="ganaug check --no")
    for line in (
        "check ph",
        "fit photos --out ru",
        "evaluate photos.onnx ph",
        "vary a.onnx b.png c",
    ):
        words = f"ganaug {line}"
        asked["COMP_CWORD"] = str(words.count(" "))
        assert complete(**asked, COMP_WORDS=words) == f"file,{words.split()[-1]}\n"
    asked["COMP_CWORD"] = "4"
    assert complete(**asked, COMP_WORDS="ganaug evaluate a.onnx --arms ba").strip() == ""
    assert "_ganaug_completion" in complete(_GANAUG_COMPLETE="zsh_source")


def test_every_file_and_folder_is_completed_and_no_name() -> None:
    found = {
        f"{name} {parameter.opts[0]}"
        for name, each in command.commands.items()
        for parameter in each.params
        if parameter.shell_complete(click.Context(each), "a")
    }
    for named in ("info file", "sample --source", "fit --from", "tune --weights", "run --root"):
        assert named in found
    others = ("--arms", "--set", "--classifier", "--device", "--label-column", "--keep-best")
    assert not [each for each in found if each.endswith(others)]


def test_the_commands_are_listed_in_the_order_of_use_and_in_whole_sentences(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert [line.split()[0] for line in listed[:5]] == ["run", "check", "fit", "export", "vary"]
    assert len(listed) == len(command.commands)
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)
