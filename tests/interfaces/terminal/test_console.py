"""The console itself: streams, encodings, colours, pipes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from json2db_sync.interfaces.terminal.console import make_console

_SHOW = r"""
from json2db_sync.interfaces.terminal.console import make_console, show, Progress
from json2db_sync.results import BackupResult, RejectedRecord, RejectedResult
from json2db_sync import events
with Progress(make_console(stderr=True)) as progress:
    progress(events.RunStarted("analyze", "x"))
    progress(events.Notice("na\xefve \u2713 \u611f\u8c22"))
    progress(events.StepFinished("analyze", "na\xefve \u2713 \u611f\u8c22 \u2026", 1.0))
console = make_console()
show(BackupResult(backup="na\xefve \u2713 \u611f\u8c22", size=1), console)
console.print("[bold]\u2713 \u611f\u8c22[/bold] " + "\u2026" * 100, overflow="ellipsis", no_wrap=True)
"""


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    return subprocess.run([sys.executable, "-c", code], env=clean | environment, capture_output=True, check=False)


@pytest.mark.mostly_slow
@pytest.mark.parametrize("environment", [
    {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"LANG": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "cp1252"},
])  # fmt: skip
def test_no_encoding_is_too_small(environment: dict[str, str]) -> None:
    """Whatever the locale says, printing never fails, on neither stream."""
    done = _run(_SHOW, **environment)
    assert done.returncode == 0, done.stderr
    assert b"Backup made" in done.stdout
    assert b"Error" not in done.stderr


def test_ascii_stays_readable() -> None:
    """In ASCII the signs have plain stand-ins, one character each, and data is escaped."""
    done = _run(_SHOW, PYTHONIOENCODING="ascii")
    assert done.stdout.splitlines()[0] == rb"+ Backup made: na\xefve + \u611f\u8c22  1 B"


@pytest.mark.parametrize("stderr", [False, True])
def test_not_a_terminal(capsys: pytest.CaptureFixture[str], stderr: bool) -> None:
    """Into a pipe go text and no colours, to the stream asked for, as it is when it is written to."""
    console = make_console(stderr=stderr, width=60)
    console.print("[red]plain[/red]")
    captured = capsys.readouterr()
    assert (captured.err if stderr else captured.out) == "plain\n"
    assert not (captured.out if stderr else captured.err)
    assert console.width == 60


def test_no_color(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """NO_COLOR leaves no colour even where colours are forced."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    make_console().print("text", style="red")
    assert "\x1b[31m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    make_console().print("text", style="red")
    assert capsys.readouterr().out == "text\n"


@pytest.mark.slow
def test_reader_that_leaves() -> None:
    """Whoever reads only the beginning (``| head``) ends nothing: no traceback, no failure."""
    code = "from json2db_sync.interfaces.terminal.console import make_console\nc = make_console()\nfor n in range(99999): c.print(n)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), errors) == (0, b"")


def test_no_stream_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a standard output (pythonw) printing does nothing."""
    monkeypatch.setattr(sys, "stdout", None)
    make_console().print("text")
