"""Validation: which JSON Schemas records are checked by, and writing some to start from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from json2db_sync.interfaces.menu.plans import same_as
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.terminal.canvas import Canvas, Part
from json2db_sync.interfaces.terminal.console import show
from json2db_sync.text import counted

_SUFFIX = ".schema.json"
_MODES = {"reject": "is rejected, with its reason", "warn": "is loaded, and counted"}


class Validation:
    """Says how records are checked, and makes schemas."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def browse(self) -> None:
        """Until the user goes back."""
        self._say_what_is_set()
        options = [Option("infer", "Write schemas to start from", "that all records here satisfy"), BACK]
        while True:
            try:
                self._session.prompts.choose("Validation", options, quiet=True)
            except Back:
                return
            try:
                self._infer()
            except Back:
                continue

    def _say_what_is_set(self) -> None:
        self._session.prompts.lines += 1
        self._session.console.print()
        Canvas(self._session.console).pairs(self._facts(), indent=0)
        self._session.console.print()

    def _facts(self) -> Iterable[tuple[Part, Part]]:
        settings = self._session.config.validation
        folder = settings.schema_directory
        if folder is None:
            yield ("schemas", "dim"), "none: JSON2DB_SCHEMA_DIRECTORY names the folder they lie in"
        else:
            found = len(list(folder.expanduser().glob(f"*{_SUFFIX}")))
            yield ("schemas", "dim"), f"{folder} ({counted(found, 'schema')})"
        yield ("mode", "dim"), f"{settings.mode}: a record that does not satisfy its schema {_MODES[settings.mode]}"
        for field, entity in settings.relations.items():
            yield ("relation", "dim"), f"{field} holds keys of {entity}"

    def _infer(self) -> None:
        session, prompts = self._session, self._session.prompts
        before = str(session.config.validation.schema_directory or "schemas")
        text = prompts.text("Write them into which folder?", before, check=_problem, paths=True)
        folder = Path(text).expanduser()
        present = len(list(folder.glob(f"*{_SUFFIX}")))
        overwrite = False
        if present:
            overwrite = prompts.confirm(f"{folder} holds {counted(present, 'schema')}. Replace them?", default=False)
            if not overwrite:
                prompts.say("  Nothing was written.")
                return
        words = ["schema", "infer", "--output", str(folder), *(["--overwrite"] if overwrite else [])]
        source = session.answers.source
        same_as(session, [*words, "--data-source", source] if source is not None else words)
        result = session.call("infer_schemas", str(folder), overwrite=overwrite)
        session.console.print()
        show(result, session.console)
        session.console.print()


def _problem(text: str) -> str | None:
    path = Path(text).expanduser()
    return f"{text} is a file: name a folder, which may be a new one" if path.is_file() else None
