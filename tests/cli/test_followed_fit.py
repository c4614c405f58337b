"""`ganaug fit --from` and `--tracker`, and `sample --keep-best`, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.photos import TINY, write_photos

from ganaug.cli import run


def test_a_warm_start_from_a_run_and_from_a_file(
    fitted: Path, artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = str(write_photos(tmp_path / "other", test=False, side=20))
    for origin, words in ((fitted, "random are: "), (artifact, "random are: all of the discrim")):
        out = tmp_path / origin.stem
        command = ["fit", other, "--out", str(out), "--from", str(origin), "--steps", "1", *TINY]
        assert run(command) == 0
        told = capsys.readouterr().err
        assert f"started from {origin} (3 steps on photos)" in told
        assert words in told or "all of it" in told
        assert (out / "samples" / "curves.png").is_file()
    assert run([*command[:-2], "--set", "latent_dim=5"]) == 2
    assert "has latent_dim 4, this training 5" in capsys.readouterr().err
    assert run([*command, "--seed", "5"]) == 2
    assert "holds another run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--from", "nowhere"], "nowhere: "),
        (["--from", "ARTIFACT", "--set", "width=5"], "has width 4, this training 5; allowed: the"),
        (["--set", "start_from=x"], "use --from instead"),
        (["--tracker", "wandb"], "choose one of tensorboard, mlflow"),
    ],
)
def test_what_cannot_be_is_refused_before_the_images_are_read(
    artifact: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    words: str,
) -> None:
    options = [str(artifact) if option == "ARTIFACT" else option for option in options]
    command = ["fit", "no source", "--out", str(tmp_path / "run"), *TINY, *options]
    assert run(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not (tmp_path / "run").exists()


def test_what_is_left_out_is_told(
    artifact: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "best"
    command = ["sample", str(artifact), "--count", "6", "--source", str(photos), "--out", str(out)]
    assert run([*command, "--keep-best", "0.5"]) == 0
    told = capsys.readouterr().err
    assert "kept 6 of 12 generated images; left out: " in told
    found = json.loads((out / "dropped.json").read_text())
    assert sum(row["kept"] for row in found.values()) == 6
    assert run([*command, "--keep-best", "2"]) == 2
    assert "--keep-best: 2.0; allowed: 0.02 to 0.98, the share" in capsys.readouterr().err
