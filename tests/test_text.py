"""Figures in words."""

from __future__ import annotations

import re

import pytest

from json2db_sync.text import counted, repeated


def test_figures_agree_with_their_words() -> None:
    """One of a thing is singular, everything else plural, nothing too."""
    assert [counted(1, "file"), counted(2, "entity"), counted(4812, "record"), counted(0, "index")] == [
        "1 file",
        "2 entities",
        "4,812 records",
        "0 indexes",
    ]
    assert counted(2, "more key", "more keys") == "2 more keys"


@pytest.mark.parametrize("text", ["1.5", "1.", "1.5\n2.", "1.5\n22", "1\n.", "x", "1.5\n2"])
def test_what_is_repeated_ends_with_the_last_whole_one(text: str) -> None:
    """With a choice in it, and ended in its middle: nothing of that one is taken."""
    one = r"[0-9](?:\.[0-9])?\n"
    found, at = re.match(repeated(one), f"{text}\n"), 0
    while more := re.compile(one).match(f"{text}\n", at):
        at = more.end()
    assert found is not None
    assert found.end() == at
