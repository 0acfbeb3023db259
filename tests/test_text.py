"""Figures in words."""

from __future__ import annotations

from json2db_sync.text import counted


def test_figures_agree_with_their_words() -> None:
    """One of a thing is singular, everything else plural, nothing too."""
    assert [counted(1, "file"), counted(2, "entity"), counted(4812, "record"), counted(0, "index")] == [
        "1 file",
        "2 entities",
        "4,812 records",
        "0 indexes",
    ]
    assert counted(2, "more key", "more keys") == "2 more keys"
