"""Wrong use, wrong input and defects: exit codes and one line on stderr."""

from __future__ import annotations

import warnings
from pathlib import Path

import click
import pytest

import ganaug
from ganaug import cli
from ganaug.cli import run
from ganaug.errors import ConfigError, GanaugError


def failed(
    arguments: list[str], code: int, words: list[str], capsys: pytest.CaptureFixture[str]
) -> str:
    """Run, check the exit code, and that stderr is one line with `words`; return the line."""
    assert run(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("ganaug: error: ")
    for word in words:
        assert word in err
    return err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fitt"], ["'fitt'", "'fit'", "ganaug --help"]),
        (["fit"], ["SOURCE", "ganaug fit --help"]),
        (["fit", "digits", "--out", "x", "--presett", "tiny"], ["--presett", "--preset"]),
        (["fit", "digits", "--out", "x", "--size", "8x8x8"], ["'8x8x8'", "32x40"]),
        (["fit", "digits", "--out", "x", "--size", "9" * 5000], ["is no size", "32x40"]),
        (["fit", "digits", "--out", "x", "--size", "x"], ["'x' is no size"]),
        (["fit", "digits", "--out", "x", "--set", "r1"], ["'r1'", "KEY=VALUE"]),
        (["sample", "f", "--out", "x", "--count", "9" * 5000], ["is no count"]),
        (["sample", "f", "--out", "x", "--count", "1", "--shard", "1/" + "9" * 5000], ["no part"]),
        (["fit", "digits", "--out", "x", "--steps", "many"], ["'many'"]),
        (["evaluate", "f", "x", "--arms", "plain\nganaug"], ["more than one line"]),
        (
            ["fit", "digits", "--out", "x", "--steps", "600", "--set", "steps=5"],
            ["steps: --set steps=5 and 600; allowed: one of them"],
        ),
        (
            ["run", "digits", "--out", "x", "--kind", "class", "--set", "kind=variation"],
            ["kind: --set kind=variation and class; allowed: one of them"],
        ),
        (
            ["check", "digits", "--kind", "class", "--set", "kind=variation"],
            ["kind: --set kind=variation and class; allowed: one of them"],
        ),
        (["evaluate", "a.onnx"], ["SOURCE"]),
        (
            ["run", "digits", "--out", "x", "--steps", "300"],
            ["--steps", "--set steps=N for the generator, --classifier-steps N", "run --help"],
        ),
        (["check", "digits", "--steps", "300"], ["--steps", "of check: --set steps=N of the"]),
        (["run", "digits", "--out", "x", "--sed", "3"], ["--sed", "--set"]),
        (["--debugg"], ["--debugg", "--debug"]),
        (["evaluate", "a.onnx", "b", "-q"], ["put it before the command: ganaug -q evaluate;"]),
        (["tune", "a", "--debug"], ["put it before the command: ganaug --debug tune;"]),
        (["help"], ["No such command 'help'; try: ganaug --help"]),
    ],
)
def test_wrong_use(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    failed(arguments, 2, words, capsys)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["check", ""], "SOURCE"),
        (["fit", "", "--out", "x"], "SOURCE"),
        (["fit", "digits", "--out", ""], "--out"),
        (["fit", "digits", "--out", "x", "--from="], "--from"),
        (["fit", "digits", "--out", "x", "--cache", ""], "--cache"),
        (["export", "", "y.onnx"], "RUN"),
        (["export", "x", ""], "FILE"),
        (["info", ""], "FILE"),
        (["card", "f", "--out", ""], "--out"),
        (["vary", "f", "", "--out", "x.png"], "IMAGE"),
        (["evaluate", "f", "digits", "--judge", ""], "--judge"),
        (["evaluate", "f", "digits", "--json", ""], "--json"),
        (["tune", "f", "x.csv", "--label-column", ""], "--label-column"),
        (["sample", "f", "--count", "1", "--out", "x", "--source", ""], "--source"),
        (["run", "", "--out", "x"], "SOURCE"),
    ],
)
def test_an_empty_value_is_refused(
    arguments: list[str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be the current folder, where a variable of the shell is not set."""
    failed(arguments, 2, [name, "'' is empty; give a value", "--help"], capsys)


def test_a_path_in_the_place_of_a_command_is_told_what_takes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, file, picture = tmp_path / "my photos", tmp_path / "a.onnx", tmp_path / "a.PNG"
    photos.mkdir()
    file.touch()
    picture.touch()
    failed([str(photos), "--out", "x"], 2, [f"; try: ganaug check '{photos}'; see"], capsys)
    failed([str(file)], 2, [f"; try: ganaug info {file}; see"], capsys)
    failed(["check", str(picture)], 2, ["; name the folder in which the folders of"], capsys)
    failed(["check", str(file)], 2, [f"; to look at a generator: ganaug info {file}\n"], capsys)


def test_the_folder_of_a_whole_run_names_its_file_and_its_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, new = tmp_path / "defects", str(tmp_path / "new.onnx")
    (whole / "run").mkdir(parents=True)
    failed(["info", str(whole)], 2, ["is a folder", "write one with: ganaug export"], capsys)
    failed(["export", str(whole), new], 2, ["that `ganaug fit --out` wrote\n"], capsys)
    (whole / "generator.onnx").touch()
    (whole / "run" / "config.json").touch()
    failed(["info", str(whole)], 2, [f"`ganaug run` it is {whole / 'generator.onnx'}\n"], capsys)
    failed(["export", str(whole), new], 2, [f"wrote, here {whole / 'run'}\n"], capsys)


def test_a_source_that_is_not_there_leaves_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for source, words in (("fotos", "no such folder or file"), ("hf:fotos", "fotos")):
        failed(["run", str(source), "--out", str(out)], 2, [words], capsys)
        assert not out.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--preset", "tinny"], ["'tinny'", "'tiny'", "base"]),
        (["--kind", "classs"], ["'classs'", "'class'"]),
        (["--loss", "wasserstein"], ["'wasserstein'", "relativistic"]),
        (["--set", "r3=1"], ["r3", "r1"]),
        (["--set", "r1=high"], ["r1", "'high'"]),
        (["--set", "r1=null"], ["'r1=null'", "leave it out"]),
        (["--set", "latent_dim=65537"], ["latent_dim: 65537 is not allowed; choose 1 to 65536"]),
        (["--set", "class_power=17"], ["class_power: 17.0 is not allowed; choose 0 to 16"]),
        (["--size", "4097"], ["allowed: a side", "from 8 to 4096"]),
        (["--seed", str(2**64)], ["seed: 18446744073709551616; allowed", "up to 64 bits"]),
        (["--set", "r1=1e309"], ["r1: inf is not allowed; give a finite number"]),
        (["--set", "r1=NaN"], ["r1: nan is not allowed; give a finite number"]),
        (["--set", "r1=1" + "0" * 400], ["r1: 1000", "nearer to 0"]),
        (["--set", "width=" + "9" * 5000], ["width: '999"]),
        (["--set", "width=" + "9" * 400], ["width: 999", "nearer to 0"]),
        (["--set", "augment=" + "[" * 5000], ["augment: '[[["]),
        (["--steps", "9" * 400], ["steps: 999", "nearer to 0"]),
        (["--set", "strided=True"], ["strided: 'True' is not allowed; give true or false"]),
        (["--set", "seed=1"], ["'seed=1'", "--seed"]),
        (["--set", "size=[16,16]"], ["size", "--size"]),
        (["--set", "mode=rgb"], ["mode", "--mode"]),
        (["--size", "4"], ["4"]),
        (["--mode", "blue"], ["'blue'", "grey"]),
        (["--steps", "0"], ["steps", "0"]),
        (["--device", "gpu"], ["'gpu'", "cuda"]),
    ],
)
def test_wrong_settings_of_fit(
    options: list[str], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    failed(["fit", "digits", "--out", str(out), *options], 2, words, capsys)
    assert not out.exists()


@pytest.mark.parametrize("options", [["--steps", "0"], ["--device", "gpu"]])
def test_wrong_settings_are_found_before_the_images_are_read(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["fit", str(tmp_path / "nothing"), "--out", str(tmp_path / "run"), *options]
    failed(command, 2, [options[0].strip("-"), options[1]], capsys)


def test_an_interruption_without_words_still_says_how_to_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second Ctrl-C, or one before the training loop, carries no message of its own."""

    def stop(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ganaug, "fit", stop)
    assert run(["fit", "digits", "--out", str(tmp_path / "run")]) == 130
    assert "interrupted; the same command resumes: ganaug fit digits" in capsys.readouterr().err


def test_wrong_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for source in ("empty", "nothing", "torchvision:MNISST"):
        path = source if ":" in source else str(tmp_path / source)
        failed(["fit", path, "--out", str(tmp_path / "run")], 2, [source], capsys)
    assert not (tmp_path / "run").exists()


def test_wrong_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = tmp_path / "foreign.onnx"
    foreign.write_bytes(b"not a model")
    failed(["info", str(foreign)], 2, ["foreign.onnx"], capsys)
    failed(["info", str(tmp_path / "none.onnx")], 2, ["none.onnx"], capsys)
    failed(["evaluate", str(foreign), "digits"], 2, ["foreign.onnx"], capsys)
    failed(["export", str(tmp_path), str(tmp_path / "x.onnx")], 2, [str(tmp_path)], capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign.onnx"]


@pytest.fixture
def failing() -> click.Command:
    """A command of the group, for this test, that fails as its argument says."""
    errors = {
        "wrong": ConfigError("p: 2 is not allowed;\nchoose 0 to 1"),
        "failed": GanaugError("training diverged"),
        "defect": ZeroDivisionError("division by zero"),
        "memory": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
        "interrupt": KeyboardInterrupt(),
    }

    @click.command("failing")
    @click.argument("how")
    def command(how: str) -> None:
        raise errors[how]

    cli.command.add_command(command)
    yield command
    del cli.command.commands["failing"]


@pytest.mark.usefixtures("failing")
def test_each_cause_has_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    failed(["failing", "wrong"], 2, ["p: 2 is not allowed; choose 0 to 1"], capsys)
    failed(["failing", "failed"], 1, ["training diverged"], capsys)
    failed(["failing", "defect"], 1, ["ZeroDivisionError", "--debug"], capsys)
    failed(["failing", "memory"], 1, ["out of memory; ", "use a smaller --size"], capsys)
    assert run(["failing", "interrupt"]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize(("how", "code"), [("wrong", 2), ("failed", 1), ("defect", 1)])
def test_debug_shows_the_traceback(how: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--debug", "failing", how]) == code
    assert "Traceback" in capsys.readouterr().err


def test_warnings_are_single_lines_without_paths(capsys: pytest.CaptureFixture[str]) -> None:
    @click.command("warning")
    def command() -> None:
        warnings.simplefilter("always")
        for _ in range(2):
            warnings.warn("few\nimages", stacklevel=1)

    cli.command.add_command(command)
    try:
        assert run(["warning"]) == 0
        assert capsys.readouterr().err == "ganaug: warning: few images\n"
        assert run(["--debug", "warning"]) == 0
        assert __file__ in capsys.readouterr().err
    finally:
        del cli.command.commands["warning"]


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"ganaug, version {ganaug.__version__}\n"
    for arguments in ([], ["-h"], ["fit", "--help"]):
        assert run(arguments) == (0 if arguments else 2)
    out, err = capsys.readouterr()
    assert "Usage: ganaug [OPTIONS] COMMAND" in out + err
