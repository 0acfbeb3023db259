"""Words for sizes, times and places."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from json2db_sync.interfaces.terminal.canvas import share
from json2db_sync.interfaces.terminal.wording import (
    ago,
    clock,
    file_and_time,
    seconds_text,
    short_paths,
    size_text,
    stamp_text,
)
from json2db_sync.text import safe

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("size", "text"), [
    (None, ""), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_940, "9.9 kB"), (9_960, "10 kB"),
    (999_499, "999 kB"), (999_600, "1.0 MB"), (3_506_176, "3.5 MB"), (34_000_000, "34 MB"), (5 * 10**18, "5,000 PB"),
])  # fmt: skip
def test_size_text(size: int | None, text: str) -> None:
    """Sizes have two or three figures and a unit; an unknown one is not a text."""
    assert size_text(size) == text


@pytest.mark.parametrize(("before", "text"), [
    (timedelta(seconds=5), "just now"), (timedelta(seconds=-30), "just now"), (timedelta(seconds=50), "1 minute ago"),
    (timedelta(minutes=5), "5 minutes ago"), (timedelta(minutes=55), "1 hour ago"), (timedelta(hours=3), "3 hours ago"),
    (timedelta(days=12), "12 days ago"),
])  # fmt: skip
def test_ago(before: timedelta, text: str) -> None:
    """The recent past is told as people tell it."""
    assert ago((NOW - before).isoformat(), now=NOW) == text


def test_ago_further_away() -> None:
    """Yesterday has its time; what is long ago, or to come, has its date."""
    assert ago((NOW - timedelta(hours=26)).isoformat(), now=NOW).startswith("yesterday ")
    assert ago("2025-01-02T12:00:00Z", now=NOW) == "2025-01-02"
    assert ago("2027-01-02T12:00:00Z", now=NOW).startswith("2027-01-02 ")
    assert ago(None) == "never"
    assert ago("no time") == "no time"
    assert ago("2026-11-20T09:00:00", now=NOW) == "3 hours ago"


@pytest.mark.parametrize(("seconds", "text"), [
    (0, "0.0 s"), (0.44, "0.4 s"), (59.94, "59.9 s"), (59.96, "1:00 min"), (3725, "1:02:05 h"),
])  # fmt: skip
def test_seconds_text(seconds: float, text: str) -> None:
    """Seconds up to a minute, then a clock."""
    assert seconds_text(seconds) == text


def test_clock() -> None:
    """Time left is a clock without leading zeros."""
    assert [clock(2.2), clock(61), clock(3661)] == ["0:02", "1:01", "1:01:01"]


def test_places() -> None:
    """A file of a session is known by its name and the time of its stamp."""
    path = "sync_session_2025-07-12_10-30-15/raw_json/2025-07-12_14-05-40/bills.json"
    assert file_and_time(path) == ("bills.json", "of 2025-07-12 14:05")
    assert file_and_time("a/b.json") == ("b.json", "in a")
    assert file_and_time("b.json") == ("b.json", "")
    assert short_paths(f"{path} holds 3, x {path}") == (
        "bills.json (2025-07-12 14:05) holds 3, x bills.json (2025-07-12 14:05)"
    )
    assert stamp_text("sync_session_2025-07-12_10-30-15") == "2025-07-12 10:30"
    assert stamp_text("elsewhere") == "elsewhere"
    assert stamp_text(None) == ""


def test_share_never_rounds_up() -> None:
    """100 % is all of it and 0 % is none of it."""
    assert [share(9999, 10000), share(1, 10000), share(0, 3), share(3, 3), share(0, 0)] == [
        "99 %", "<1 %", "0 %", "100 %", "",
    ]  # fmt: skip


def test_safe() -> None:
    """Control characters become escapes; letters of all languages and joined emoji stay."""
    assert safe("a\x1b[0m\x9b\n\u2028\u202e\ud800") == r"a\x1b[0m\x9b\n\u2028\u202e\ud800"
    assert safe("é 感谢 \u0645\u06cc\u200c 👩\u200d💻") == "é 感谢 \u0645\u06cc\u200c 👩\u200d💻"
