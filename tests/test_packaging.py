"""Wheel and sdist are small, complete, and install into a clean environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

from ganaug import __version__

ROOT = Path(__file__).parent.parent
MOST_BYTES = 2_000_000


def run(*command: object, cwd: Path, **variables: str) -> str:
    """Run a program that must succeed, without the paths of this process; return its output."""
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [str(each) for each in command],
        cwd=cwd,
        env=clean | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(source: Path, target: Path) -> tuple[Path, Path]:
    """Build wheel and sdist of the project in `source`."""
    run(
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "-d",
        target,
        cwd=source,
        PYTHONPATH=os.environ.get("PYTHONPATH", ""),
    )
    return next(target.glob("*.whl")), next(target.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    pytest.importorskip("hatchling", reason="comes with the extra dev")
    return build(ROOT, tmp_path_factory.mktemp("dist"))


def names(archive: Path) -> set[str]:
    if archive.suffix == ".whl":
        return set(zipfile.ZipFile(archive).namelist())
    with tarfile.open(archive) as content:
        return {name.partition("/")[2] for name in content.getnames()}


def test_wheel_and_sdist_are_small_and_hold_the_package(built: tuple[Path, Path]) -> None:
    wheel, sdist = built
    assert max(wheel.stat().st_size, sdist.stat().st_size) < MOST_BYTES
    assert f"-{__version__}" in wheel.name
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "ganaug").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    inside = {name for name in names(wheel) if ".dist-info/" not in name}
    assert inside == files
    assert files <= names(sdist)
    assert {"README.md", "LICENSE", "CITATION.cff", "docs/api.md"} <= names(sdist)
    folders = {name.partition("/")[0] for name in names(sdist)}
    assert not folders & {"results", "benchmarks", "tests", ".github"}


def test_the_sdist_builds_the_same_wheel(built: tuple[Path, Path], tmp_path: Path) -> None:
    wheel, sdist = built
    with tarfile.open(sdist) as content:
        content.extractall(tmp_path / "source", filter="data")
    again, _ = build(next((tmp_path / "source").iterdir()), tmp_path / "dist")
    assert names(again) == names(wheel)


def test_the_wheel_works_in_a_clean_environment(built: tuple[Path, Path], tmp_path: Path) -> None:
    place = tmp_path / "clean"
    venv.create(place, with_pip=False)
    scripts = place / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--no-deps",
        "--no-index",
        built[0],
        cwd=tmp_path,
    )
    where = Path(run(python, "-c", "import ganaug; print(ganaug.__file__)", cwd=tmp_path).strip())
    assert where.is_relative_to(place)
    # What it depends on is too large to install for a test: it is taken from where it is.
    site = where.parent.parent
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    assert run(scripts / "ganaug", "--version", cwd=tmp_path).strip().endswith(__version__)
    checked = run(scripts / "ganaug", "-q", "check", "digits", "--no-times", cwd=tmp_path)
    assert "1,078 training images" in checked


def test_the_citation_names_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == __version__
    assert {"message", "title", "authors", "license"} <= set(citation)


def test_the_issue_forms_ask_for_something() -> None:
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert len(forms) == 4
    for path in forms:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.name == "config.yml":
            continue
        assert {"name", "description", "body"} <= set(form)
        assert all(each["attributes"]["label"] for each in form["body"])


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_a_dockerfile_copies_what_is_there(name: str) -> None:
    text = (ROOT / "docker" / f"{name}.Dockerfile").read_text(encoding="utf-8")
    shown = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [
        source for line in re.findall(r"^COPY (.*)", text, re.M) for source in line.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in shown
    assert re.search(r"^USER (?!root)", text, re.M)
    assert f"-f docker/{name}.Dockerfile" in text


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_release_script_finds_versions_that_do_not_agree(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for each in ("tools/release.sh", "ganaug/_version.py", "CITATION.cff"):
        (project / each).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / each, project / each)

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "tools/release.sh", "check"], cwd=project, capture_output=True, text=True
        )

    (project / "CHANGELOG.md").write_text(f"## [{__version__}] - unreleased\n")
    assert "give the version its date" in check().stderr
    (project / "CHANGELOG.md").write_text(f"## [{__version__}] - 2026-01-31\n")
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=project, check=True)
    assert "not committed" in check().stderr
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *name, "commit", "-q", "-m", "a"], cwd=project, check=True)
    done = check()
    assert (done.returncode, done.stdout) == (
        0,
        f"release: the versions agree: {__version__}\n",
    )
    (project / "CITATION.cff").write_text("version: 0.0.1\n")
    assert "another version" in check().stderr
