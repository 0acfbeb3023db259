"""Shows the place an error speaks of: the bytes of a file around it, or a setting and where its value comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.text import Text

from json2db_sync.atomic_files.reading import open_regular
from json2db_sync.errors import FileError
from json2db_sync.interfaces.menu import glyphs
from json2db_sync.interfaces.menu.session import Session

_BEFORE, _AFTER = 160, 80
"""Bytes shown before and after the place."""


def show_place(session: Session, context: Mapping[str, object], source: str | None) -> None:
    """Show it."""
    say = session.prompts.say
    if "file" in context:
        path = _find(str(context["file"]), source)
        say(f"  file    {path}")
        for name in ("record", "byte", "path"):
            if name in context:
                value = context[name]
                say(f"  {name:<7} {value:,}" if isinstance(value, int) else f"  {name:<7} {value}")
        byte = context.get("byte")
        if isinstance(byte, int):
            _excerpt(session, path, byte)
    if "table" in context:
        say(f"  table   {context['table']}")
    if "setting" in context:
        _setting(session, str(context["setting"]))
    say()


def _find(name: str, source: str | None) -> Path:
    """The file, also where the error names it relative to its source."""
    for folder in (source, "."):
        if folder is not None and (Path(folder) / name).exists():
            return (Path(folder) / name).absolute()
    return Path(name)


def _excerpt(session: Session, path: Path, byte: int) -> None:
    try:
        with open_regular(path) as stream:
            start = max(0, byte - _BEFORE)
            stream.seek(start)
            raw = stream.read(byte - start + _AFTER)
    except (OSError, FileError) as error:
        session.prompts.say(f"  {error.strerror if isinstance(error, OSError) else error.message}")
        return
    if path.suffix in (".gz", ".xz"):
        return  # the byte counts in what is inside
    before, after = (_text(part) for part in (raw[: byte - start], raw[byte - start :]))
    text = Text("  ...", style="dim")
    text.append(before)
    text.append(glyphs.plain(glyphs.POINTER) + " here " + (after or "the file ends"), style="bold red")
    session.console.print()
    session.console.print(text, width=min(session.console.width, 100))


def _text(raw: bytes) -> str:
    return glyphs.plain(" ".join(raw.decode("utf-8", "replace").split()))


def _setting(session: Session, name: str) -> None:
    session.prompts.say(f"  setting {name}")
    if session.problem is not None:
        session.prompts.say("  where   the environment, .env, or the configuration file: see the message above")
        return
    for setting in session.config.settings():
        if name in (setting.name, setting.name.rpartition(".")[2]):
            session.prompts.say(f"  value   {setting.value or 'not set'} (from: {setting.origin})")
            session.prompts.say(f"  change  {setting.variable} in the environment or in .env")
