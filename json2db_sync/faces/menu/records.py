"""Rejected records: a list to search, and each of them whole."""

from __future__ import annotations

import json

from rich.text import Text

from json2db_sync.faces.console import show_error
from json2db_sync.faces.menu import glyphs
from json2db_sync.faces.menu.home import plural
from json2db_sync.faces.menu.plans import same_as
from json2db_sync.faces.menu.prompts import BACK, Back, Option
from json2db_sync.faces.menu.session import Session
from json2db_sync.results import RejectedRecord, RejectedResult

_MOST = 500
"""Records listed; the command line shows all."""
_LONGEST = 20_000
"""Characters of a record that are shown."""


class Records:
    """Looks at records that could not be loaded."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def browse(self) -> None:
        """List them, and show whichever is chosen, until the user goes back."""
        result = self._session.call("rejected", most=_MOST, quiet=True)
        if not isinstance(result, RejectedResult) or not result.success:
            show_error(result, self._session.console)
            return
        if not result.records:
            self._session.prompts.say("  No record was rejected.")
            return
        same_as(self._session, ["rejected"])
        known = f"the newest {_MOST} of {result.total:,}" if result.total > _MOST else f"{result.total:,}"
        at = 0
        options = [Option(place, _label(record), record.reason) for place, record in enumerate(result.records)]
        while True:
            try:
                at = self._session.prompts.choose(
                    f"Rejected records ({known})", [*options, BACK], default=at, quiet=True
                )
            except Back:
                return
            self._show(result.records[at])

    def _show(self, record: RejectedRecord) -> None:
        console, say = self._session.console, self._session.prompts.say
        say(f"  file    {record.file}")
        say(f"  record  {record.record:,} of {record.entity}, at byte {record.byte:,}")
        if record.path:
            say(f"  path    {record.path}")
        console.print(Text(glyphs.plain(f"  reason  {record.reason}"), style="yellow"))
        say()
        text = _pretty(record.raw)
        console.print(Text(text[:_LONGEST]))
        if len(text) > _LONGEST:
            say(f"  (the first {_LONGEST:,} of {plural(len(text), 'character')})")
        say()


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
