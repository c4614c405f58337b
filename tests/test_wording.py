"""One is not many."""

import pickle

import numpy as np
import pytest

from ganaug.errors import ConfigError, GanaugError, ToldElsewhereError
from ganaug.wording import (
    as_options,
    as_settings,
    counted,
    fact_lines,
    first_names,
    one_line,
    points,
    sentence,
    table_lines,
)


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (1, "class", "1 class"),
        (2, "class", "2 classes"),
        (0, "image", "0 images"),
        (1, "paired seed", "1 paired seed"),
        (1234, "test image", "1,234 test images"),
    ],
)
def test_counts_are_in_words(number: int, noun: str, words: str) -> None:
    assert counted(number, noun) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.031, "+3.1"), (-0.2, "-20.0"), (0.0, "0.0"), (-0.0004, "0.0"), (0.0004, "0.0")],
)
def test_points_of_zero_have_no_sign(value: float, words: str) -> None:
    assert points(value) == words


def test_settings_are_as_the_command_line_takes_them() -> None:
    assert as_settings({"learning_rate": 1e-3 / 4, "r1": 1.0}) == "learning_rate=0.00025, r1=1"
    assert as_settings({}) == "the same settings"


def test_options_are_as_a_command_takes_them() -> None:
    given = as_options(size=(32, 40), root=None, download=False, no_exif=True, image_column="scan")
    assert given == ["--size", "32x40", "--no-exif", "--image-column", "scan"]
    assert as_options(size=(32, 32)) == ["--size", "32"]


def test_a_text_becomes_a_sentence() -> None:
    assert (sentence("no gain, p is 0"), sentence("GPU")) == ("No gain, p is 0.", "GPU.")


def test_a_text_of_lines_is_put_on_one() -> None:
    assert one_line(ValueError("a\n  table\tof\nwords\n")) == "a table of words"
    assert one_line(KeyError()) == "KeyError"
    assert one_line("") == ""
    assert one_line("x" * 301) == "x" * 297 + "..."
    assert one_line("x" * 301, None) == "x" * 301
    assert one_line("abcdefgh", 8) == "abcdefgh"
    assert one_line("abcdefghi", 8) == "abcde..."


def test_of_many_names_the_first_are_told() -> None:
    assert first_names(["a", "b"], 2) == "a, b"
    assert first_names(["a", "b", "c"], 2, repr) == "'a', 'b' and 1 more"
    assert first_names([]) == ""


def test_facts_are_below_one_another() -> None:
    assert fact_lines({"kind": "class", "batch exact": "yes"}) == [
        "kind         class",
        "batch exact  yes",
    ]


def test_a_table_that_is_too_wide_has_names_on_lines_of_their_own() -> None:
    rows = [("arm", "thirds", "gain"), ("plain", "1 / 2 / 3", ""), ("a longer one", "4", "+1.0")]
    wide = table_lines(rows)
    assert wide == table_lines(rows, len(wide[0]))
    assert wide[0] == "arm           thirds     gain"
    assert [line.rstrip() for line in table_lines(rows, len(wide[0]) - 1)] == [
        "arm",
        "  thirds  gain",
        "  ------  ----",
        "plain",
        "  1/2/3",
        "a longer one",
        "  4       +1.0",
    ]


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("a path/one.png; allowed", "a path/one.png; allowed"),
        (repr(np.eye(2)), "array([[1., 0.], [0., 1.]])"),
        ("0    1\n1    2\ndtype: int64", "0    1\\n1    2\\ndtype: int64"),
        ("new\nline.png", "new\\nline.png"),
        ("p: 2;\nchoose 0 to 1", "p: 2; choose 0 to 1"),
        ("two\n\n  three", "two\\n three"),
        ("", ""),
    ],
)
def test_a_message_is_one_line(message: str, line: str) -> None:
    for error in (GanaugError(message), ConfigError(message), ToldElsewhereError(message, 2)):
        assert str(error) == line
        assert str(type(error)(str(error))) == line
        sent = pickle.loads(pickle.dumps(error))
        assert (type(sent), str(sent), sent.exit_code) == (type(error), line, error.exit_code)


def test_an_error_without_a_message_has_none() -> None:
    assert str(GanaugError()) == ""
