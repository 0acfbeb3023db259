"""What was answered in the menu, remembered for next time: a small file in the user's state directory, by folder."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from json2db_sync.atomic_files.disk import PRIVATE, make_folder, write
from json2db_sync.atomic_files.reading import read_own
from json2db_sync.errors import FileError
from json2db_sync.masking import MASK, masked, masked_address

MOST_FOLDERS = 50
"""Folders remembered; those left alone for longest are forgotten first."""


@dataclass(frozen=True)
class Answers:
    """The answers of one session. None is: as configured."""

    database: str | None = field(default=None, repr=False)
    source: str | None = None
    days: str | None = None
    """A number as text, or ``all``."""
    entities: tuple[str, ...] | None = None
    """None: all."""
    backup: bool | None = None
    full: bool = False
    """Verify by reading all loaded files again."""
    skip_records: bool = False
    """Verify the tables only, also after a workflow."""
    skip_tables: bool = False
    """Leave out the separate step that creates tables."""
    last: str | None = None
    """The task that ran last, so that it can be repeated."""
    password_left_out: bool = False
    """The database's URL had a password, which is never remembered."""


def state_file() -> Path:
    """Where answers lie."""
    base = os.environ.get("XDG_STATE_HOME", "")
    folder = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    return folder / "json2db_sync" / "answers.json"


def load(folder: Path) -> Answers:
    """What was answered in this folder before; nothing where that cannot be read or makes no sense."""
    stored = _stored().get(str(folder))
    return Answers(**_understood(stored)) if isinstance(stored, Mapping) else Answers()


def save(folder: Path, answers: Answers) -> None:
    """Remember answers for this folder, passwords left out. Where that is not possible, nothing happens."""
    everything = {name: value for name, value in _stored().items() if name != str(folder)}
    everything[str(folder)] = asdict(_without_password(answers))
    newest = dict(list(everything.items())[-MOST_FOLDERS:])
    path = state_file()
    with contextlib.suppress(OSError):
        make_folder(path.parent)
        write(path, json.dumps({"folders": newest}, indent=1, ensure_ascii=False), mode=PRIVATE)


def _stored() -> dict[str, object]:
    try:
        everything = json.loads(read_own(state_file()))
        folders = everything["folders"]
    except (OSError, FileError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return dict(folders) if isinstance(folders, dict) else {}


def _understood(stored: Mapping[str, object]) -> dict[str, Any]:
    """The remembered values that are of the kind they should be."""
    found: dict[str, Any] = {}
    for name in ("database", "source", "days", "last"):
        value = stored.get(name)
        if isinstance(value, str) and value.isprintable():
            found[name] = value
    for name in ("backup", "full", "skip_records", "skip_tables", "password_left_out"):
        if isinstance(stored.get(name), bool):
            found[name] = stored[name]
    entities = stored.get("entities")
    if isinstance(entities, list) and entities and all(isinstance(name, str) for name in entities):
        found["entities"] = tuple(entities)
    return found


def _without_password(answers: Answers) -> Answers:
    database = answers.database
    if database is None or masked_address(database) == database:
        return answers
    return replace(answers, database=strip_password(database), password_left_out=True)


def strip_password(url: str) -> str | None:
    """A database URL without its password; None where it cannot be read well enough to be sure."""
    import sqlalchemy as sa

    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        return None
    bare = parsed.difference_update_query([name for name in parsed.query if masked(f"?{name}=x") != f"?{name}=x"])
    text = sa.URL.create(
        bare.drivername, bare.username, None, bare.host, bare.port, bare.database, bare.query
    ).render_as_string()
    is_sure = not any("@" in (part or "") for part in (parsed.username, parsed.host, parsed.database))
    return text if is_sure and masked_address(text) == text else None


def add_password(url: str, password: str) -> str:
    """The URL with a password put in."""
    import sqlalchemy as sa

    return sa.make_url(url).set(password=password).render_as_string(hide_password=False)


def with_passwords_of(known: str, text: str) -> str:
    """A URL that was edited as it is shown, with the passwords of the known one where a mask stands for them."""
    import sqlalchemy as sa

    try:
        old, url = sa.make_url(known), sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        return text
    filled = url if url.password != MASK or old.password is None else url.set(password=old.password)
    query = {name: old.query.get(name, MASK) if value == MASK else value for name, value in url.query.items()}
    filled = filled.set(query=query)
    return text if filled == url else filled.render_as_string(hide_password=False)
