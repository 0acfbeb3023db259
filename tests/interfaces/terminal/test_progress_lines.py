"""Events as lines: alive on a terminal, plain elsewhere, harmless everywhere."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.drawn import console, text

from json2db_sync import SyncRunner, events
from json2db_sync.interfaces.terminal.console import Progress
from json2db_sync.interfaces.terminal.meter import Meter

FILE = "sync_session_2025-07-12_10-30-15/raw_json/2025-07-12_10-30-15/invoices[red].json"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LC_ALL", "LC_CTYPE", "LANG", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def terminal(width: int = 80, encoding: str = "utf-8") -> Console:
    return console(width, encoding, force_terminal=True, color_system="standard")


def kept(on: Console) -> list[str]:
    """The lines that remain on a terminal: what was not drawn over, without colours."""
    written = re.sub(r"\x1b\[[0-9;?]*[mhl]", "", text(on))
    lines: list[str] = [""]
    for piece in re.split(r"(\r|\n|\x1b\[2K|\x1b\[1A)", written):
        if piece == "\n":
            lines.append("")
        elif piece == "\x1b[1A":
            lines.pop()
        elif piece == "\x1b[2K":
            lines[-1] = ""
        elif piece != "\r":
            lines[-1] += piece
    return [line.rstrip() for line in lines if line.strip()]


def workflow(listener: Callable[[events.Event], None]) -> None:
    """The events of a full workflow, as the runner sends them."""
    for event in (
        events.RunStarted("full_workflow", "1"),
        events.Notice("2 sessions [old] are left out"),
        events.StepStarted("analyze", 7, 1_200_000),
        events.Progress("analyze", FILE, 4812, 1_200_000),
        events.StepFinished("analyze", "7 files, 4,812 records", 0.44),
        events.StepFinished("create_tables", "2 created", 0.01),
        events.Notice("2 sessions [old] are left out"),
        events.StepStarted("populate", 7, 1_200_000),
        events.Progress("populate", FILE, 4812, 1_200_000),
        events.StepFinished("populate", "4,812 read = 4,810 inserted + 2 rejected", 61.0),
        events.Progress("verify", FILE, 4812, 1_200_000),
        events.StepFinished("verify", "11 of 12 checks passed", 0.2, success=False),
        events.StepFinished("report", "2 tables, 4,810 records", 0.1),
        events.RunFinished("full_workflow", False, 62.0),
    ):
        listener(event)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_finished_steps_stay(width: int) -> None:
    """On a terminal a line of each step stays, with its mark, its figure and its seconds; nothing else does."""
    on = terminal(width)
    with Progress(on) as progress:
        workflow(progress)
    lines = kept(on)
    assert [line.split()[:2] for line in lines if line[0] in "✓✗"] == [
        ["✓", "Analyze"], ["✓", "Create"], ["✓", "Populate"], ["✗", "Verify"], ["✓", "Report"],
    ]  # fmt: skip
    assert lines[0] == "· 2 sessions [old] are left out"
    assert sum("left out" in line for line in lines) == 1
    assert re.fullmatch(r"✓ Analyze    7 files, 4,812 records +0\.4 s", lines[1])
    assert lines[3].endswith(" 1:01 min")
    assert max(map(len, lines)) < width


def test_plain_lines() -> None:
    """Elsewhere a line says when a step begins and one when it ends, without control characters, never broken."""
    on = console(40)
    with Progress(on) as progress:
        workflow(progress)
    assert text(on).splitlines() == [
        "note: 2 sessions [old] are left out",
        "Analyze: 7 files, 1.2 MB",
        "Analyze: done in 0.4 s: 7 files, 4,812 records",
        "Create: done in 0.0 s: 2 created",
        "Populate: 7 files, 1.2 MB",
        "Populate: done in 1:01 min: 4,812 read = 4,810 inserted + 2 rejected",
        "Verify: not passed in 0.2 s: 11 of 12 checks passed",
        "Report: done in 0.1 s: 2 tables, 4,810 records",
    ]


def test_plain_progress_is_rare() -> None:
    """Lines that stay come at most every ten seconds, with share, records, rate and time left."""
    on = console()
    progress = Progress(on)
    clock = iter_clock(progress)
    progress(events.StepStarted("populate", 1, 100_000))
    for second in range(1, 26):
        clock(second)
        progress(events.Progress("populate", FILE, second * 1000, second * 1000))
    lines = text(on).splitlines()[1:]
    assert lines == [
        "Populate: 10 %, 10,000 records, 1,000/s, 1:30 left",
        "Populate: 20 %, 20,000 records, 1,000/s, 1:20 left",
    ]


def iter_clock(progress: Any) -> Callable[[float], None]:
    """Time that passes when told to."""
    now = [0.0]
    progress._now = lambda: now[0]

    def set_to(seconds: float) -> None:
        now[0] = seconds

    return set_to


@pytest.mark.parametrize(("width", "line"), [
    (60, "Populate  invoices…  ━━━━───  61 %  1,000/s  0:39"),
    (80, "Populate  invoices[red].json  ━━━━━━━━━━───────  61 %  1,000/s  0:39"),
])  # fmt: skip
def test_living_line(width: int, line: str) -> None:
    """The running step shows the file at hand, a bar by bytes, the share, the rate and the time left."""
    on = terminal(width)
    progress = Progress(on)
    clock = iter_clock(progress)
    with progress:
        progress(events.StepStarted("populate", 1, 100_000))
        for second in range(1, 62):
            clock(second)
            progress(events.Progress("populate", FILE, second * 1000, second * 1000))
        drawn = console(width)
        drawn.print(progress._line())
    assert re.sub(r"  +", " ", text(drawn))[2:].strip() == re.sub(r"  +", " ", line)
    assert len(text(drawn).rstrip("\n")) < width


def test_steps_without_bytes_count_records() -> None:
    """Where nobody knows how much there is, the records are counted and no share is made up."""
    on = terminal()
    with Progress(on) as progress:
        progress(events.RunStarted("verify", "1"))
        progress(events.Progress("verify", FILE, 1500, 50_000))
        drawn = console()
        drawn.print(progress._line())
    assert "1,500 records" in text(drawn)
    assert "%" not in text(drawn)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_terminal_is_given_back(error: type[BaseException]) -> None:
    """After an exception the cursor is there again, nothing is redirected, and the step says where it ended."""
    on = terminal()
    streams = sys.stdout, sys.stderr
    with pytest.raises(error), Progress(on) as progress:
        progress(events.StepStarted("populate", 1, 100))
        progress(events.Progress("populate", FILE, 3, 50))
        raise error
    assert (sys.stdout, sys.stderr) == streams
    written = text(on)
    assert written.rfind("\x1b[?25h") > written.rfind("\x1b[?25l")
    assert re.match(r"✗ Populate   stopped at invoices\[red\]\.json after 3 records", kept(on)[-1])


def test_failed_run_marks_its_step() -> None:
    """A step that did not get to its end is marked; one that only might have come next is not."""
    on = console()
    with Progress(on) as progress:
        progress(events.RunStarted("full_workflow", "1"))
        progress(events.StepStarted("populate", 1, 100))
        progress(events.RunFinished("full_workflow", False, 1.0))
        progress(events.RunStarted("full_workflow", "2"))
        progress(events.StepFinished("populate", "3 read", 1.0))
        progress(events.RunFinished("full_workflow", False, 1.0))
    lines = text(on).splitlines()
    assert lines[1].startswith("Populate: not done in 0.")
    assert lines[2:] == ["Populate: done in 1.0 s: 3 read"]


class Broken(io.StringIO):
    """A terminal that went away."""

    encoding = "utf-8"

    def write(self, _text: str) -> int:
        raise OSError("gone")

    def isatty(self) -> bool:
        return True


class Closed(Broken):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [Broken, Closed])
@pytest.mark.parametrize("living", [True, False])
def test_drawing_never_ends_a_run(stream: type[io.StringIO], living: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen that cannot be written to is no reason to stop."""
    monkeypatch.setattr("os.dup2", lambda *_: 0)  # rich would send the tests' own output nowhere
    streams = sys.stdout, sys.stderr
    with Progress(Console(file=stream(), force_terminal=living)) as progress:
        workflow(progress)
    assert (sys.stdout, sys.stderr) == streams


def test_printing_elsewhere_goes_there(capsys: pytest.CaptureFixture[str]) -> None:
    """While a terminal shows progress, what is printed to a pipe arrives in the pipe."""
    on = terminal()
    with Progress(on) as progress:
        progress(events.StepStarted("analyze", 1, 1))
        print("data")
    assert capsys.readouterr().out == "data\n"
    assert "data" not in text(on)


def test_dumb_terminals_get_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that cannot move its cursor is not asked to."""
    monkeypatch.setenv("TERM", "dumb")
    on = console(force_terminal=True)
    with Progress(on) as progress:
        workflow(progress)
    assert "\x1b" not in text(on)


def test_ascii_terminal() -> None:
    """Where only ASCII can be drawn, the marks and the bar are ASCII."""
    on = terminal(encoding="ascii")
    with Progress(on) as progress:
        workflow(progress)
    assert [line[:8] for line in kept(on)][-2:] == ["x Verify", "+ Report"]


@pytest.fixture
def example(tmp_path: Path, example_source: Path) -> Callable[[Progress], SyncRunner]:
    return lambda progress: SyncRunner(tmp_path / "example.db", example_source, on_event=progress)


@pytest.mark.slow
@pytest.mark.parametrize("living", [True, False])
def test_real_run(example: Callable[[Progress], SyncRunner], living: bool) -> None:
    """A real workflow shows its five steps in order."""
    on = terminal(100) if living else console(100)
    with Progress(on) as progress:
        assert example(progress).full_workflow(cutoff_days="all", full_verification=True).success
    lines = kept(on) if living else text(on).splitlines()
    done = [line.replace(":", " ").split()[1 if living else 0] for line in lines if line[0] == "✓" or ": done" in line]
    assert done == ["Analyze", "Create", "Populate", "Verify", "Report"]


def test_other_operations_draw_nothing(example: Callable[[Progress], SyncRunner]) -> None:
    """Looking at runs or backups is over before a line could be read."""
    on = console()
    with Progress(on) as progress:
        runner = example(progress)
        runner.runs()
        runner.backups()
    assert text(on) == ""


def test_meter_forgets_the_distant_past() -> None:
    """The rate is that of the last seconds: a slow beginning does not spoil the time left for long."""
    meter = Meter("populate", 0.0, bytes=4_000)
    meter.advance(events.Progress("populate", "a", 10, 100), 100.0)
    for second in range(1, 21):
        meter.advance(events.Progress("populate", "a", 10 + second * 100, 100 + second * 100), 100.0 + second)
    assert meter.rate() == pytest.approx(100)
    assert meter.left(120.0) == pytest.approx(19)
    assert meter.left(125.0) == pytest.approx(14)


def transfer(listener: Callable[[events.Event], None]) -> None:
    """The events of a transfer that is broken off."""
    for event in (
        events.RunStarted("transfer", "1"),
        events.StepStarted("preflight", 2, 1_200_000),
        events.StepFinished("preflight", "2 tables, 4,812 rows", 0.4),
        events.StepStarted("transfer", 2, 1_200_000),
        events.Progress("transfer", "events", 2_000, 600_000),
        events.RunFinished("transfer", False, 2.0),
    ):
        listener(event)


def test_transfers_count_tables_and_rows() -> None:
    """Where lines stay, and on a terminal."""
    on = console(80)
    with Progress(on) as progress:
        transfer(progress)
    lines = text(on).splitlines()
    assert lines[0] == "Look: 2 tables, 1.2 MB"
    assert "stopped at events after 2,000 rows" in lines[-1]
    living = terminal(120)
    with Progress(living) as progress:
        transfer(progress)
    assert [line.split()[:2] for line in kept(living)] == [["✓", "Look"], ["✗", "Move"]]
