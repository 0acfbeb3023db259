"""Backups: the list, making one, restoring one after a confirmation."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from json2db_sync.interfaces.menu import glyphs
from json2db_sync.interfaces.menu.plans import same_as
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.menu.tasks import BACKUP
from json2db_sync.interfaces.terminal.console import ago, show, size_text
from json2db_sync.results import BackupReport, BackupResult
from json2db_sync.text import counted

_MAKE = "make"


def browse(session: Session) -> None:
    """Make, list and restore backups, until the user goes back."""
    while True:
        result = session.ask(BackupResult, "backups")
        if result is None:
            return
        found = [backup for backup in result.backups if isinstance(backup, BackupReport)]
        options = [Option(_MAKE, "Make a backup now")]
        options += [Option(b, Path(b.name).name, f"{ago(b.created_at)}  {size_text(b.size)}".rstrip()) for b in found]
        title = f"Backups of {session.shown_database} ({len(found)}): make one, or restore one"
        try:
            chosen = session.prompts.choose(title, [*options, BACK])
            if chosen == _MAKE:
                same_as(session, BACKUP)
                show(session.call("backup"), session.console)
                session.console.print()
            else:
                _restore(session, chosen)
        except Back:
            return


def _restore(session: Session, backup: BackupReport) -> None:
    state = session.inspect(counts=True).stored
    held = counted(sum(entity.record_count or 0 for entity in state.entities), "record")
    for line in (
        f"Restoring replaces the tables of json2db-sync in {state.path} ({held})",
        f"by its state of {ago(backup.created_at)} ({Path(backup.name).name}).",
        "The state now is backed up first, so that this can be undone.",
    ):
        session.console.print(Text(glyphs.plain(line)))
    session.console.print()
    same_as(session, ["restore", backup.name])
    try:
        sure = session.prompts.confirm(f"Replace {held}?", default=False)
    except Back:
        return
    if sure:
        show(session.call("restore", backup.name), session.console)
    else:
        session.prompts.say("  Nothing was changed.")
    session.console.print()
