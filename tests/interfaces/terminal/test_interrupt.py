"""Ctrl-C during a run."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from json2db_sync import SyncRunner, events
from json2db_sync.errors import Cancelled
from json2db_sync.interfaces.terminal.console import Interrupt
from json2db_sync.interfaces.terminal.interrupt import EXPORT_HINT, hint_for


@pytest.fixture(autouse=True)
def _usual_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press() -> None:
    """Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def test_first_one_stops_at_the_next_progress(capsys: pytest.CaptureFixture[str]) -> None:
    """The first Ctrl-C says what it does and raises Cancelled with the next progress, which is still passed on."""
    seen: list[events.Event] = []
    with Interrupt(seen.append) as guarded:
        guarded(events.RunStarted("populate", "1"))
        press()
        progress = events.Progress("populate", "a.json", 1)
        with pytest.raises(Cancelled) as stopped:
            guarded(progress)
    assert seen[-1] == progress
    assert stopped.value.hint == "run the same again: it goes on from what was committed"
    assert capsys.readouterr().err == "Stopping at the next safe point; Ctrl-C again stops at once.\n"


def test_an_export_that_is_stopped_starts_over() -> None:
    """What is said of a stopped export is what holds: nothing of it is kept, and no file was touched."""
    with Interrupt(events.silent) as guarded:
        press()
        with pytest.raises(Cancelled) as stopped:
            guarded(events.Progress("export", "venues", 1))
    assert stopped.value.hint == EXPORT_HINT


def test_second_one_stops_at_once() -> None:
    """The second Ctrl-C is a KeyboardInterrupt."""
    with Interrupt(events.silent):
        press()
        with pytest.raises(KeyboardInterrupt):
            press()


def test_what_is_done_is_not_cancelled() -> None:
    """Events that report an end are passed on; and the next run starts afresh."""
    with Interrupt(events.silent) as guarded:
        press()
        guarded(events.StepFinished("populate", "", 1.0))
        guarded(events.Notice("x"))
        guarded(events.RunFinished("populate", True, 1.0))
        guarded(events.RunStarted("populate", "2"))
        guarded(events.Progress("populate", "a.json", 1))


def test_handler_before_is_restored() -> None:
    """Afterwards Ctrl-C means what it meant before, also after an exception."""
    with pytest.raises(ValueError, match="x"), Interrupt(events.silent):
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        raise ValueError("x")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        press()


def test_ignored_stays_ignored() -> None:
    """Under nohup, where SIGINT is ignored, it stays so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interrupt(events.silent) as guarded:
        press()
        guarded(events.Progress("populate", "a.json", 1))
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_other_threads_change_nothing() -> None:
    """Outside the main thread it listens and leaves signals alone."""
    seen: list[events.Event] = []

    def work() -> None:
        with Interrupt(seen.append) as guarded:
            guarded(events.Notice("x"))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [events.Notice("x")]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_listener_may_show_it_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """A screen that can show the wish to stop does; then nothing is printed beside it."""

    class Screen:
        said = ""

        def __call__(self, event: events.Event) -> None:
            pass

        def stopping(self, message: str) -> bool:
            self.said = message
            return True

    screen = Screen()
    with Interrupt(screen):
        press()
    assert screen.said.startswith("Stopping")
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_real_run_goes_on_where_it_stopped(tmp_path: Path, example_source: Path) -> None:
    """A load that is stopped keeps the files that were committed; the same call loads the rest, and all is verified."""
    files = 0

    def pressing(event: events.Event) -> None:
        nonlocal files
        if isinstance(event, events.Progress) and event.step == "populate":
            files += 1
            if files == 3:
                press()

    with Interrupt(pressing) as guarded:
        runner = SyncRunner(tmp_path / "example.db", example_source, on_event=guarded)
        stopped = runner.full_workflow(cutoff_days="all")
        assert not stopped.success
        assert stopped.error_type == "cancelled"
        assert stopped.hint == "run the same again: it goes on from what was committed"
        again = runner.full_workflow(cutoff_days="all", full_verification=True)
    assert again.success
    assert again.statistics["files_unchanged"] > 0


def test_what_to_do_after_a_stop_is_said_of_the_operation() -> None:
    """A transfer goes on from nothing unless it was to be resumed, and a look wrote nothing."""
    assert "--resume" in hint_for("transfer")
    assert "nothing was written" in hint_for("preflight") == hint_for("compare")
    assert "goes on" in hint_for("populate")
