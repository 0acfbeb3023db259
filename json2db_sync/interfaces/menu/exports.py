"""Tables as files: what an export would write, writing it, and holding what is there against the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from json2db_sync.interfaces.menu.plans import same_as, show_command
from json2db_sync.interfaces.menu.prompts import BACK, Back, Option
from json2db_sync.interfaces.menu.session import Session
from json2db_sync.interfaces.menu.tasks import command_line
from json2db_sync.interfaces.terminal.console import ago, show, show_error, size_text
from json2db_sync.results import ExportResult, JsonBackup, JsonBackupsResult, Result
from json2db_sync.text import counted

_AS_CONFIGURED = (
    "Files are written as the section export of the configuration says. Options of earlier commands, such as "
    "--related-depth, are not remembered: files that were written with some are stale here, and would be written "
    "without them."
)
_BESIDE = (".schema.json", ".metadata.json")


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
            chosen = self._session.prompts.choose(f"Export to {self._shown}", options, default=default)
            try:
                doing[chosen]()
            except Back:
                continue
            outdated = self._look() if chosen == "folder" else self._count()

    @property
    def _shown(self) -> str:
        return self._folder or str(self._session.config.export.directory)

    def _look(self) -> int:
        """Show what an export would change; how many files.

        :raises Back: when that cannot be found out.
        """
        result = self._run("--check", check=True)
        outdated = _outdated(result)
        if isinstance(result, ExportResult) and any(file.status == "stale" for file in result.files):
            self._session.prompts.say(_AS_CONFIGURED)
        return outdated

    def _count(self) -> int:
        """How many files an export would write now, after something was done.

        :raises Back: when that cannot be found out.
        """
        result = self._session.call("export", output_directory=self._folder, check=True)
        if not result.success:
            show_error(result, self._session.console)
        return _outdated(result)

    @property
    def _where(self) -> list[str]:
        return ["--output-directory", self._folder] if self._folder else []

    def _run(self, *option: str, **mode: bool) -> Result:
        session = self._session
        same_as(session, ["export", *self._where, *option])
        result = session.call("export", output_directory=self._folder, **mode)
        session.show(result)
        return result

    def _ask_folder(self) -> None:
        self._folder = self._session.prompts.text("Export to which folder?", self._shown, paths=True)

    def _restore(self) -> None:
        session = self._session
        result = session.ask(JsonBackupsResult, "json_backups", self._folder)
        if result is None:
            return
        if not result.backups:
            session.prompts.say("  Nothing was replaced yet.")
            return
        options = [
            Option(one.name, one.file, f"replaced {_moment(one)} ({ago(one.created_at)})  {size_text(one.size)}")
            for one in _alone(result.backups)
        ]
        chosen: Any = session.prompts.choose("Go back to which?", [*options, BACK])
        show_command(session, command_line(["restore-json", chosen, *self._where], None, session.config_file))
        if session.prompts.confirm("Replace the file? What it holds now is backed up first.", default=False):
            show(session.call("restore_json", chosen, self._folder), session.console)
        session.console.print()


def _outdated(result: Result) -> int:
    """How many files an export would write.

    :raises Back: when that could not be found out.
    """
    if not isinstance(result, ExportResult) or not result.success:
        raise Back
    return len(result.outdated)


def _alone(backups: Sequence[JsonBackup]) -> list[JsonBackup]:
    """Backups without those of schemas and metadata that go back with their file's."""
    moments = {_stem_and_moment(one) for one in backups if not one.file.endswith(_BESIDE)}
    return [one for one in backups if not (one.file.endswith(_BESIDE) and _stem_and_moment(one) in moments)]


def _stem_and_moment(backup: JsonBackup) -> tuple[str, str]:
    return backup.file.partition(".")[0], backup.name.rpartition(".")[2]


def _moment(backup: JsonBackup) -> str:
    """To the second, local time."""
    return f"{datetime.fromisoformat(backup.created_at).astimezone():%Y-%m-%d %H:%M:%S}"
