"""Rejected records: a list to search, each of them whole, and a second try as they are or corrected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.text import Text

from json2db_sync.interfaces.menu import glyphs
from json2db_sync.interfaces.menu.plans import same_as
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.terminal.canvas import Canvas
from json2db_sync.interfaces.terminal.console import show
from json2db_sync.interfaces.terminal.records import rejected_facts
from json2db_sync.results import RejectedRecord, RejectedResult
from json2db_sync.text import counted
from json2db_sync.user_paths import expanded

_MOST = 500
"""Records listed; the command line shows all."""
_SCREENFUL = 10
"""Lines of a record that leave its reason in sight."""
_LONGEST = 20_000
"""Characters of a record that are shown."""
_EXPORT, _AGAIN, _CORRECTED, _DISMISS = "export", "again", "corrected", "dismiss"
_FILE = "rejected.ndjson"


class Records:
    """Looks at records that could not be loaded, and tries them again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._file = ""
        """Where they were written to last."""

    def browse(self) -> None:
        """List them, and do what is chosen, until the user goes back or none is left."""
        at: object = None
        seen = False
        while True:
            result = self._session.ask(RejectedResult, "rejected", most=_MOST)
            if result is None:
                return
            if not result.records:
                self._session.prompts.say("  No rejected record is left." if seen else "  No record was rejected.")
                return
            if not seen:
                same_as(self._session, ["rejected"])
            seen = True
            try:
                at = self._choose(result, at)
            except Back:
                return
            self._do(at, result)

    def _choose(self, result: RejectedResult, at: object) -> object:
        known = f"the newest {_MOST} of {result.total:,}" if result.total > _MOST else f"{result.total:,}"
        options = [
            Option(_AGAIN, "Try all again", "after a setting or a schema has changed"),
            Option(_EXPORT, "Write all into a file", "to correct them there"),
            Option(_CORRECTED, "Load a corrected file"),
            *(Option(place, _label(record), record.reason) for place, record in enumerate(result.records)),
            BACK,
        ]
        default = 0 if at is None or (isinstance(at, int) and at >= len(result.records)) else at
        return self._session.prompts.choose(f"Rejected records ({known})", options, default=default)

    def _do(self, chosen: object, result: RejectedResult) -> None:
        """What was chosen from the list; going back from there leads to the list again."""
        try:
            if chosen == _AGAIN:
                self._try_all(result)
            elif chosen == _EXPORT:
                self._export()
            elif chosen == _CORRECTED:
                self._load_corrected()
            elif isinstance(chosen, int):
                self._look_at(result.records[chosen])
        except Back:
            return

    def _look_at(self, record: RejectedRecord) -> None:
        self._show(record)
        if record.number is None:
            return
        options = [
            Option(_AGAIN, "Try it again", "after a setting or a schema has changed"),
            Option(_EXPORT, "Write it into a file", "to correct it there"),
            Option(_DISMISS, "Dismiss it", "kept with your reason; it asks for no look any more"),
            BACK,
        ]
        chosen = self._session.prompts.choose("What about it?", options, default=Back)
        if chosen == _AGAIN:
            self._replay(["rejected", "replay", str(record.number)], numbers=[record.number])
        elif chosen == _DISMISS:
            self._dismiss(record.number)
        else:
            self._export([record.number])

    def _show(self, record: RejectedRecord) -> None:
        console, say = self._session.console, self._session.prompts.say
        say()
        Canvas(console).pairs(rejected_facts(record))
        say()
        text = _pretty(record.raw)
        console.print(Text("\n".join(map(glyphs.plain, text[:_LONGEST].split("\n")))))
        if len(text) > _LONGEST:
            say(f"  (the first {_LONGEST:,} of {counted(len(text), 'character')})")
        if text.count("\n") > _SCREENFUL:  # what it is about has scrolled away
            say(f"  {record.path or ''} {record.reason}".rstrip())
        say()

    def _try_all(self, result: RejectedResult) -> None:
        same_as(self._session, ["rejected", "replay"])
        for options in filter(None, result.replays):
            self._session.prompts.say(f"  Under the rules that rejected them: json2db-sync rejected replay {options}")
        if self._session.prompts.confirm(f"Try {counted(result.total, 'record')} again?", default=True):
            self._replay(None)

    def _dismiss(self, number: int) -> None:
        def check(text: str) -> str | None:
            return None if text.strip() else "say why: it is kept with the record"

        reason = self._session.prompts.text("Why does it need no look?", check=check)
        same_as(self._session, ["rejected", "dismiss", str(number), "--reason", reason])
        result = self._session.call("dismiss_rejected", reason, numbers=[number], quiet=True)
        show(result, self._session.console)

    def _load_corrected(self) -> None:
        def check(text: str) -> str | None:
            if not text:
                return "name the file that rejected records were written into"
            return None if expanded(text).is_file() else f"there is no file {text}"

        file = self._session.prompts.text("Which file of corrected records?", self._file, check=check, paths=True)
        file = str(expanded(file))
        self._replay(["rejected", "replay", "--corrected", file], corrected=file)

    def _replay(self, words: Sequence[str] | None, **which: Any) -> None:
        if words is not None:
            same_as(self._session, words)
        self._session.show(self._session.call("replay", **which))

    def _export(self, numbers: Sequence[int] | None = None) -> None:
        prompts, console = self._session.prompts, self._session.console
        question = "Write them into which file?" if numbers is None else "Into which file?"
        file = prompts.text(question, self._file or _FILE, paths=True)
        overwrite = expanded(file).exists()
        if overwrite and not prompts.confirm(f"{file} is there already. Replace it?", default=False):
            prompts.say("  Nothing was written.")
            return
        file = str(expanded(file))
        words = ["rejected", "export", *map(str, numbers or ()), "--output", file]
        same_as(self._session, [*words, "--overwrite"] if overwrite else words)
        result = self._session.call("export_rejected", file, numbers=numbers, overwrite=overwrite, quiet=True)
        show(result, console)
        console.print()
        if result.success:
            self._file = file


def _label(record: RejectedRecord) -> str:
    where = f"  {record.path}" if record.path else ""
    return f"{record.entity}  record {record.record:,}{where}"


def _pretty(raw: str) -> str:
    """The record, indented where it is JSON at all. Nothing in it can steer the terminal."""
    try:
        text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = raw
    return glyphs.plain(text)
