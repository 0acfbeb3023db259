"""Tables as files: what an export would write, writing it, and holding what is there against the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from json2db_sync.faces.console import ago, show, show_error, size_text
from json2db_sync.faces.menu.plans import same_as
from json2db_sync.faces.menu.prompts import BACK, Back, Option
from json2db_sync.faces.menu.session import Session
from json2db_sync.model.words import counted
from json2db_sync.results import ExportResult, JsonBackupsResult, Result


class Exports:
    """Exports to a folder."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._folder: str | None = None
        """As named here; None for the configured one."""

    def browse(self) -> None:
        """Look at what would change, then do what the user chooses, until the user goes back."""
        doing: dict[str, Callable[[], object]] = {
            "write": self._run,
            "verify": lambda: self._run("--verify-only", verify_only=True),
            "backups": self._restore,
            "folder": self._ask_folder,
        }
        outdated = self._look()
        while True:
            write = f"Write {counted(outdated, 'file')}" if outdated else "Write what changed"
            options = [
                Option("write", write, "what they replace is backed up" if outdated else "all files are current"),
                Option("verify", "Verify", "compare the files with the database, record by record"),
                Option("backups", "Backups", "go back to what a file held"),
                Option("folder", "Another folder", self._shown),
                BACK,
            ]
            default = "write" if outdated else "verify"
            chosen = self._session.prompts.choose(f"Export to {self._shown}", options, default=default, quiet=True)
            try:
                doing[chosen]()
            except Back:
                continue
            if chosen != "verify":
                outdated = self._look() if chosen == "folder" else 0 if chosen == "write" else outdated

    @property
    def _shown(self) -> str:
        return self._folder or str(self._session.config.export.directory)

    def _look(self) -> int:
        """Show what an export would change; how many files.

        :raises Back: when that cannot be found out.
        """
        result = self._run("--check", check=True)
        if not isinstance(result, ExportResult) or not result.success:
            raise Back
        return len(result.outdated)

    def _run(self, *option: str, **mode: bool) -> Result:
        session = self._session
        where = ["--output-directory", self._folder] if self._folder else []
        same_as(session, ["export", *where, *option])
        result = session.call("export", output_directory=self._folder, **mode)
        session.console.print()
        show(result, session.console)
        session.console.print()
        return result

    def _ask_folder(self) -> None:
        self._folder = self._session.prompts.text("Export to which folder?", self._shown, paths=True)

    def _restore(self) -> None:
        session = self._session
        result = session.call("json_backups", self._folder, quiet=True)
        if not isinstance(result, JsonBackupsResult) or not result.success:
            show_error(result, session.console)
            return
        if not result.backups:
            session.prompts.say("  Nothing was replaced yet.")
            return
        options = [
            Option(one.path, one.file, f"as it was {ago(one.created_at)}  {size_text(one.size)}")
            for one in result.backups
        ]
        chosen: Any = session.prompts.choose("Go back to which?", [*options, BACK], quiet=True)
        same_as(session, ["restore-json", chosen])
        if session.prompts.confirm("Replace the file? What it holds now is backed up first.", default=False):
            show(session.call("restore_json", chosen, self._folder), session.console)
        session.console.print()


__all__ = ["Exports"]
