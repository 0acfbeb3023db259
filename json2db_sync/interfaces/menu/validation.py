"""Validation: which JSON Schemas records are checked by, and writing some to start from."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from json2db_sync.interfaces.menu.plans import same_as
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.terminal.canvas import Canvas, Part
from json2db_sync.text import counted
from json2db_sync.user_paths import expanded

_SUFFIX = ".schema.json"
_MODES = {"reject": "is rejected, with its reason", "warn": "is loaded, and counted"}


def browse(session: Session) -> None:
    """Say how records are checked, and make schemas, until the user goes back."""
    session.prompts.lines += 1
    session.console.print()
    Canvas(session.console).pairs(_facts(session), indent=0)
    session.console.print()
    options = [Option("infer", "Write schemas to start from", "that all records here satisfy"), BACK]
    while True:
        try:
            session.prompts.choose("Validation", options)
        except Back:
            return
        with contextlib.suppress(Back):
            _infer(session)


def _facts(session: Session) -> Iterable[tuple[Part, Part]]:
    settings = session.config.validation
    folder = settings.schema_directory
    if folder is None:
        yield ("schemas", "dim"), "none: JSON2DB_SCHEMA_DIRECTORY names the folder they lie in"
    else:
        found = sum(path.name.lower().endswith(".json") for path in Path(os.path.expanduser(folder)).glob("*"))
        yield ("schemas", "dim"), f"{folder} ({counted(found, 'schema')})"
    yield ("mode", "dim"), f"{settings.mode}: a record that does not satisfy its schema {_MODES[settings.mode]}"
    for field, entity in settings.relations.items():
        yield ("relation", "dim"), f"{field} holds keys of {entity}"


def _infer(session: Session) -> None:
    prompts = session.prompts
    before = str(session.config.validation.schema_directory or "schemas")
    folder = expanded(prompts.text("Write them into which folder?", before, check=_problem, paths=True))
    present = len(list(folder.glob(f"*{_SUFFIX}")))
    replaced = f"{folder} holds {counted(present, 'schema')}. Replace them?"
    if present and not prompts.confirm(replaced, default=False):
        prompts.say("  Nothing was written.")
        return
    words = ["schema", "infer", "--output", str(folder), *(["--overwrite"] if present else [])]
    source = session.answers.source
    same_as(session, [*words, "--data-source", source] if source is not None else words)
    session.show(session.call("infer_schemas", str(folder), overwrite=bool(present)))


def _problem(text: str) -> str | None:
    path = expanded(text)
    return f"{text} is a file: name a folder, which may be a new one" if path.is_file() else None
