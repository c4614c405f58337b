"""What `ganaug run` keeps of its steps: how long they take, and with what they were asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from ganaug.cli.changed import told_files
from ganaug.cli.console import Settings
from ganaug.cli.pipeline import CHECKED, LEDGER, STEPS, Ledger
from ganaug.errors import RunError

ASKED = {"preset": "tiny", "seeds": 1, "files": None}
COMMAND = "ganaug run 'my photos/' --out out --preset tiny --seeds 1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run that was checked."""
    times = {"fit": 10.0, "tune": 30.0, "evaluate": 60.0, "device": "cpu", "jobs": 2}
    (tmp_path / CHECKED).write_text(json.dumps({"times": times}))
    return tmp_path


def test_steps_to_come_are_as_much_slower_as_those_before(folder: Path) -> None:
    ledger = Ledger(folder / LEDGER, ASKED, COMMAND)
    assert ledger.estimates("fit") == (10, 90)
    ledger.learn("check", 500)  # no time was estimated for it
    assert ledger.estimates("fit") == (10, 90)
    ledger.learn("fit", 70)
    assert ledger.estimates("tune") == (210, 420)
    ledger.learn("export", 9)
    ledger.learn("tune", 50)
    assert ledger.estimates("evaluate") == (180, 0)


def test_a_step_that_was_begun_before_tells_nothing_of_the_time(folder: Path) -> None:
    record = {"asked": ASKED, "done": ["check"], "command": COMMAND}
    (folder / LEDGER).write_text(json.dumps(record))
    ledger = Ledger(folder / LEDGER, ASKED, COMMAND)
    ledger.learn("fit", 1)
    assert ledger.estimates("tune") == (30, 60)
    ledger.learn("tune", 15)
    assert ledger.estimates("evaluate") == (30, 0)


def test_another_run_is_refused_with_all_differences_and_its_command(folder: Path) -> None:
    record = {"asked": ASKED, "done": ["check"], "command": COMMAND}
    other = ASKED | {"preset": "base", "seeds": 6}
    (folder / LEDGER).write_text(json.dumps(record))
    with pytest.raises(RunError) as caught:
        Ledger(folder / LEDGER, other, "ganaug run")
    assert "(preset is tiny there, base here, seeds is 1 there, 6 here)" in str(caught.value)
    assert str(caught.value).endswith(f"; go on with: {COMMAND}; or choose another folder")


def test_seeds_of_a_look_are_not_those_of_the_whole(tmp_path: Path) -> None:
    quiet = Settings(quiet=True)
    ask(tmp_path, look_seeds=2, look_classifier_steps=9).do(quiet, "check", lambda: None)
    ask(tmp_path, seeds=6, classifier_steps=None).do(quiet, "fit", lambda: None)
    done = ask(tmp_path, look_seeds=2, look_classifier_steps=9).done
    assert done == ["fit"]  # the whole, of other steps, is estimated anew
    with pytest.raises(RunError, match=r"\(seeds is 6 there, 8 here\)"):
        ask(tmp_path, seeds=8, classifier_steps=None)
    with pytest.raises(RunError, match=r"\(classifier_steps is None there, 4 here\)"):
        ask(tmp_path, seeds=6, classifier_steps=4)
    with pytest.raises(RunError, match=r"\(look_seeds is 2 there, None here\)"):
        ask(tmp_path, look_seeds=None, look_classifier_steps=9)


def test_images_of_one_size_that_change_places_are_other_files(tmp_path: Path) -> None:
    a, b = (tmp_path / name / "0.bmp" for name in ("a", "b"))
    for value, path in enumerate((a, b)):
        path.parent.mkdir()
        Image.new("L", (16, 16), value).save(path)
    before = told_files(str(tmp_path), list)
    content = a.read_bytes()
    assert len(content) == len(b.read_bytes())
    a.write_bytes(b.read_bytes())
    b.write_bytes(content)
    assert told_files(str(tmp_path), list) != before
    b.write_bytes(a.read_bytes())
    a.write_bytes(content)
    assert told_files(str(tmp_path), list) == before


def ask(folder: Path, **values: object) -> Ledger:
    asked = {"source": "photos", "root": None, "files": "2 of 9 bytes, 0a"} | values
    return Ledger(folder / LEDGER, asked, COMMAND)


def test_a_source_may_be_spelled_in_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    ask(tmp_path).do(Settings(quiet=True), "check", lambda: None)
    for spelled in ("photos/", "./photos", str(tmp_path / "photos"), "../elsewhere/photos"):
        assert ask(tmp_path, source=spelled).done == ["check"]
    with pytest.raises(RunError, match=r"\(source is photos there, others here, files is 2 of "):
        ask(tmp_path, source="others", files="3 of 9 bytes, 0b")
    words = "of other images .photos had 2 files of 9 bytes, and has 3 files of 12 bytes now."
    with pytest.raises(RunError, match=words):
        ask(tmp_path, files="3 of 12 bytes, 0b")
    for first, again in (("photos", "photos/"), ("hf:photos", "hf:./photos")):
        (tmp_path / LEDGER).unlink()
        ask(tmp_path, source=first, files=None, root="photos").do(
            Settings(quiet=True), "check", lambda: None
        )
        assert ask(tmp_path, source=again, files=None, root="photos/").done == ["check"]
        with pytest.raises(RunError, match="holds another run"):
            ask(tmp_path, source="digits", files=None, root="photos")


def test_a_step_without_its_result_is_done_again_and_what_follows_from_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = [(tmp_path / name,) for name in ("check.json", "run", "file.onnx", "tuned", "report")]
    did: list[str] = []

    def all_steps() -> list[str]:
        did.clear()
        ledger = Ledger(tmp_path / LEDGER, ASKED, COMMAND)
        for name, (path,) in zip(STEPS, results, strict=True):

            def work(name: str = name, path: Path = path) -> None:
                path.touch()
                did.append(name)

            ledger.do(Settings(), name, work, (path,))
        assert ledger.done == list(STEPS)
        return did

    assert all_steps() == list(STEPS)
    assert all_steps() == []
    (tmp_path / "report").unlink()
    capsys.readouterr()
    assert all_steps() == ["evaluate"]
    again = f"step 5 of 5: evaluate again, for {tmp_path / 'report'} is not there any longer\n"
    assert capsys.readouterr().err.endswith(again)
    (tmp_path / "file.onnx").unlink()
    assert all_steps() == ["export", "tune", "evaluate"]
    (tmp_path / "check.json").unlink()
    assert all_steps() == ["check"]


def test_a_record_of_another_form_is_no_training(tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_text("[]")
    with pytest.raises(RunError, match="does not hold a JSON object; choose another folder"):
        Ledger(tmp_path / LEDGER, ASKED, COMMAND)


def told_of(source: Path, *named: Path) -> str | None:
    return told_files(str(source), lambda: [*named])


def test_files_that_are_read_through_links_count(tmp_path: Path) -> None:
    """Folders of classes, and images, may be links; a table names its images."""
    lying, source = tmp_path / "lying", tmp_path / "photos"
    (source / "crack").mkdir(parents=True)
    lying.mkdir()
    for name in ("1.png", "2.png"):
        (lying / name).write_bytes(b"1")
    (source / "ok").symlink_to(lying)
    (source / "crack" / "3.png").symlink_to(lying / "2.png")
    (source / "crack" / "round").symlink_to(source)
    before = told_of(source)
    assert before is not None
    assert before.startswith("3 of 3 bytes")
    (lying / "2.png").write_bytes(b"22")
    assert str(told_of(source)).startswith("3 of 5 bytes")
    (lying / "4.png").write_bytes(b"1")
    assert str(told_of(source)).startswith("4 of 6 bytes")
    (lying / "2.png").unlink()
    assert told_of(source) != before
    table = tmp_path / "table.csv"
    table.write_text("file,label")
    first = told_of(table, lying / "1.png")
    assert str(first).startswith("2 of 11 bytes")
    (lying / "1.png").write_bytes(b"1234")
    assert told_of(table, lying / "1.png") != first


def test_files_that_are_not_read_do_not_count(tmp_path: Path) -> None:
    for part in ("train/ok", "train/crack", "test/ok"):
        (tmp_path / part).mkdir(parents=True)
        (tmp_path / part / "1.png").write_bytes(b"1")
    before = told_of(tmp_path)
    assert before is not None
    assert before.startswith("3 of 3 bytes")
    (tmp_path / "out" / "run").mkdir(parents=True)
    (tmp_path / "out" / "run" / "config.json").write_text("{}")
    (tmp_path / "README.md").write_text("mine")
    assert told_files(f"{tmp_path}/", list) == told_of(tmp_path) == before
    (tmp_path / "groups.csv").write_text("file,group")
    assert str(told_of(tmp_path)).startswith("4 of 13 bytes")


def test_an_option_that_is_not_named_any_more_is_another_one(tmp_path: Path) -> None:
    ask(tmp_path, split_column="part").do(Settings(quiet=True), "check", lambda: None)
    with pytest.raises(RunError, match=r"\(split_column is part there, None here\)"):
        ask(tmp_path)


def test_corrected_labels_count_though_they_take_as_many_bytes(tmp_path: Path) -> None:
    table, groups = tmp_path / "t.csv", tmp_path / "photos" / "groups.csv"
    (tmp_path / "photos" / "a").mkdir(parents=True)
    for file, source in ((table, table), (groups, groups.parent)):
        file.write_text("file,label\na/1.png,cat\na/2.png,dog\n")
        before = told_files(str(source), list)
        file.write_text("file,label\na/1.png,dog\na/2.png,cat\n")
        assert told_files(str(source), list) != before
    assert told_files(f"hf:{groups.parent}", list) == told_files(str(groups.parent), list)


def test_a_path_that_is_not_utf_8_is_the_same_the_next_time(tmp_path: Path) -> None:
    ask(tmp_path, root="m\udcfcll").do(Settings(quiet=True), "check", lambda: None)
    assert ask(tmp_path, root="m\udcfcll").done == ["check"]
