"""The menu as a whole program in a pseudo-terminal."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

pexpect = pytest.importorskip("pexpect")

PROGRAM = ["-m", "json2db_sync.main_json2db_sync"]
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>()][0-9A-B]?")
UP, DOWN, ESC = "\x1b[A", "\x1b[B", "\x1b"
WAIT = 30


class Terminal:
    """A terminal with the menu in it."""

    def __init__(self, environment: dict[str, str], columns: int = 80) -> None:
        variables = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PROMPT_TOOLKIT_NO_CPR": "1"}
        variables.update(environment)
        self.child = pexpect.spawn(
            sys.executable, PROGRAM, env=variables, dimensions=(40, columns), encoding="utf-8", timeout=WAIT
        )
        self.child.delaybeforesend = 0.15

    def sees(self, text: str) -> None:
        self.child.expect(re.escape(text))

    def types(self, *keys: str) -> None:
        for key in keys:
            self.child.send(key)

    def ends(self) -> int:
        """The exit code."""
        self.child.expect(pexpect.EOF)
        self.child.wait()
        return int(self.child.exitstatus)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(environment: dict[str, str] | None = None, columns: int = 80) -> Terminal:
        opened.append(Terminal(environment or {}, columns))
        return opened[-1]

    yield start
    for one in opened:
        one.child.close(force=True)
        one.child.ptyproc.fileobj.close()


@pytest.fixture
def places(example_source: Path) -> dict[str, str]:
    return {"JSON2DB_API_SYNC_PATH": str(example_source), "JSON2DB_DATABASE_PATH": "shop.db"}


def read(before: str) -> str:
    return CONTROL.sub("", before)


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 80])
def test_a_whole_sitting(terminal: Callable[..., Terminal], places: dict[str, str], columns: int) -> None:
    """From the first screen to a verified database and out again, by Enter and one yes."""
    seen = terminal(places, columns)
    seen.sees("What would you like to do?")
    seen.types("\r")
    seen.sees("Go on to the plan")
    seen.types("\r")
    seen.sees("Nothing is dropped.")
    seen.sees("Go on?")
    seen.types("y")
    seen.sees("88 read = 77 inserted + 7 updated + 4 unchanged")
    seen.sees("What now?")
    seen.types("h", "\r")
    seen.sees("all loaded")
    seen.sees("What would you like to do?")
    seen.types("0", "\r")
    assert seen.ends() == 0
    with closing(sqlite3.connect("shop.db")) as connection:
        assert connection.execute("SELECT count(*) FROM json_invoices").fetchone() == (30,)


@pytest.mark.slow
def test_esc_alone_is_quick(terminal: Callable[..., Terminal], places: dict[str, str]) -> None:
    """Esc alone goes back, and arrow keys, which begin with Esc, still move."""
    seen = terminal(places)
    seen.sees("ctrl-c leave safely")
    seen.types("6", "\r")
    seen.sees("esc back")
    seen.types(ESC)
    seen.sees("ctrl-c leave safely")
    seen.types("9", DOWN, "\r")
    assert seen.ends() == 0


@pytest.mark.slow
@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 0)], ids=["ctrl-c", "ctrl-d"])
def test_leaving_without_a_traceback(
    terminal: Callable[..., Terminal], places: dict[str, str], key: str, code: int
) -> None:
    """Ctrl-C and Ctrl-D go back in a prompt and leave at home, never with a traceback."""
    seen = terminal(places)
    seen.sees("ctrl-c leave safely")
    seen.types("7", "\r")
    seen.sees("Advanced options")
    seen.sees("esc back")
    seen.types(key)
    seen.sees("ctrl-c leave safely")
    seen.types(key)
    assert seen.ends() == code
    assert "Traceback" not in seen.child.before


@pytest.fixture
def much() -> dict[str, str]:
    """A source that takes seconds to load."""
    folder = Path("much")
    folder.mkdir()
    records = [{"id": place, "text": "x" * 50} for place in range(120_000)]
    (folder / "things.json").write_text(json.dumps(records))
    return {"JSON2DB_API_SYNC_PATH": "much", "JSON2DB_DATABASE_PATH": "shop.db"}


def loading(seen: Terminal) -> None:
    """Go on to where the records are being loaded."""
    seen.sees("What would you like to do?")
    seen.types("3", "\r", "\r")
    seen.sees("Go on?")
    seen.types("y")
    seen.sees("Populate")


@pytest.mark.slow
def test_keys_typed_during_a_run_are_no_answers(terminal: Callable[..., Terminal], much: dict[str, str]) -> None:
    """What is typed while a run goes on is neither shown nor taken as answers to what is asked after it."""
    seen = terminal(much)
    loading(seen)
    assert not seen.child.getecho()
    seen.types("run\r", "ywyw\r", "y")
    seen.sees("What now?")
    assert "yw" not in seen.child.before
    time.sleep(0.5)
    seen.types("h", "\r")
    seen.sees("all loaded")
    seen.types("0", "\r")
    assert seen.ends() == 0
    with closing(sqlite3.connect("shop.db")) as connection:
        assert connection.execute("SELECT count(*) FROM json2db_runs").fetchone() == (1,)


@pytest.mark.slow
def test_the_terminal_is_restored_after_a_kill(terminal: Callable[..., Terminal], much: dict[str, str]) -> None:
    """A program that is told to end during a run leaves the terminal as it found it."""
    seen = terminal(much)
    loading(seen)
    seen.child.kill(signal.SIGTERM)
    assert seen.ends() == 130
    assert seen.child.getecho()


@pytest.mark.slow
def test_sigterm_at_a_question_leaves_the_menu(terminal: Callable[..., Terminal], places: dict[str, str]) -> None:
    """Wherever it is: at home, and at a question that Ctrl-C would only leave for home."""
    for keys in ([], ["7", "\r"]):
        seen = terminal(places)
        seen.sees("What would you like to do?")
        if keys:
            seen.types(*keys)
            seen.sees("back")
        seen.child.kill(signal.SIGTERM)
        assert seen.ends() == 130
        assert seen.child.getecho()


@pytest.mark.slow
def test_ctrl_c_in_a_run_stops_at_a_safe_point(terminal: Callable[..., Terminal], places: dict[str, str]) -> None:
    """Ctrl-C while loading stops there, says what stays, and going on from there ends with everything loaded."""
    folder = Path("many")
    folder.mkdir()
    for number in range(3):
        records = [{"id": number * 60_000 + place, "text": "x" * 50} for place in range(60_000)]
        (folder / f"part{number}.json").write_text(json.dumps(records))
    seen = terminal({**places, "JSON2DB_API_SYNC_PATH": "many"})
    seen.sees("What would you like to do?")
    seen.types("3", "\r", "\r")
    seen.sees("Go on?")
    seen.types("y")
    seen.sees("Populate")
    seen.child.sendintr()
    seen.sees("Go on from there")
    seen.types("\r")
    seen.sees("Go on?")
    seen.types("y")
    seen.sees("Run again")
    seen.types("h", "\r")
    seen.sees("all loaded")
    seen.types("0", "\r")
    assert seen.ends() == 0
    with closing(sqlite3.connect("shop.db")) as connection:
        counts = [connection.execute(f"SELECT count(*) FROM json_part{n}").fetchone()[0] for n in range(3)]
    assert counts == [60_000] * 3


def test_no_color(terminal: Callable[..., Terminal], places: dict[str, str]) -> None:
    """Under NO_COLOR no colour is sent, by prompts or by anything else."""
    seen = terminal({**places, "NO_COLOR": "1"})
    seen.sees("ctrl-c leave safely")
    colours = re.findall(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;[\d;]+)m", seen.child.before)
    assert colours == []
    seen.types("\x04")
    assert seen.ends() == 0


@pytest.mark.mostly_slow
@pytest.mark.parametrize("variables", [{"LANG": "C"}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}], ids=str)
def test_ascii_only(terminal: Callable[..., Terminal], places: dict[str, str], variables: dict[str, str]) -> None:
    """Where the terminal draws ASCII only, nothing else is sent."""
    seen = terminal({**places, "LC_ALL": "", "LC_CTYPE": "", **variables})
    seen.sees("ctrl-c leave safely")
    first = read(seen.child.before)
    assert first.isascii()
    assert "> 6  Full workflow *" in first
    seen.types("\x04")
    assert seen.ends() == 0


@pytest.mark.slow
def test_without_a_terminal() -> None:
    """With its input from a pipe the program asks nothing, and ends with 2."""
    done = subprocess.run(
        [sys.executable, *PROGRAM], input="6\n", capture_output=True, text=True, check=False, timeout=WAIT
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "needs a terminal" in done.stderr
