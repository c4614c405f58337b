"""One is not many."""

import pytest

from ganaug.wording import counted


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
