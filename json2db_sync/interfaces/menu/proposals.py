"""Settings that a result proposes: offered one by one, and written into the configuration when the user says so."""

from __future__ import annotations

from collections.abc import Iterator

from json2db_sync.config.writing import parsed, write_setting
from json2db_sync.errors import ConfigurationError
from json2db_sync.interfaces.menu.prompts import BACK, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.terminal.console import show_error
from json2db_sync.operations.context import failed
from json2db_sync.results import Note, Result, WorkflowResult


def proposed(session: Session, result: Result) -> list[Note]:
    """Notes whose setting is a whole line that could be written, one of each that was not declined yet."""
    lines = {note.setting: note for note in _notes(result) if parsed(note.setting) is not None}
    return [note for line, note in lines.items() if line not in session.declined]


def offer(session: Session, result: Result) -> bool:
    """Ask for each proposal; was anything written?

    :raises Back: when the user goes back.
    """
    is_written = False
    for note in proposed(session, result):
        assert note.setting is not None
        session.prompts.say(f"  {note}\n")
        options = [
            Option("write", "Write it into the configuration", note.setting),
            Option("leave", "Leave it as it is", "nothing is written"),
            BACK,
        ]
        if session.prompts.choose("What is it?", options) == "write":
            is_written = _write(session, note.setting) or is_written
        else:
            session.declined.add(note.setting)
    return is_written


def _write(session: Session, line: str) -> bool:
    try:
        path = write_setting(line, session.config_file)
    except ConfigurationError as error:
        show_error(failed("config", error), session.console)
        session.declined.add(line)
        return False
    session.configure()
    session.prompts.say(f"  {path} has it now: {line}\n")
    return True


def _notes(result: Result) -> Iterator[Note]:
    parts = result.steps.values() if isinstance(result, WorkflowResult) else ()
    for part in (result, *parts):
        yield from part.notes
