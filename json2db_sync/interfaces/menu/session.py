"""One sitting at the menu: the configuration, the answers so far, and running operations with what they show."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console

from json2db_sync import errors
from json2db_sync.events import Listener, silent
from json2db_sync.interfaces.menu import answers as memory
from json2db_sync.interfaces.menu.keyboard import unheard
from json2db_sync.interfaces.menu.prompts import Prompts
from json2db_sync.interfaces.menu.tasks import Task
from json2db_sync.interfaces.terminal.console import Interrupt, Progress, show, show_error
from json2db_sync.interfaces.terminal.interrupt import HINT as GO_ON
from json2db_sync.interfaces.terminal.interrupt import ToldToEnd
from json2db_sync.masking import masked_address
from json2db_sync.operations.context import failed
from json2db_sync.user_paths import located

if TYPE_CHECKING:
    from json2db_sync.config import JSON2DBConfig
    from json2db_sync.results import InspectResult, Note, Result, RunReport
    from json2db_sync.runner import SyncRunner

R = TypeVar("R", bound="Result")


class Session:
    """What all screens of the menu share.

    :param db_path: beats the configuration and what is remembered; so data_source.
    """

    def __init__(
        self,
        console: Console,
        *,
        db_path: str | os.PathLike[str] | None = None,
        data_source: str | os.PathLike[str] | None = None,
        config_file: str | os.PathLike[str] | None = None,
    ) -> None:
        self.console = console
        self.prompts = Prompts(console)
        self.config_file = os.fspath(config_file) if config_file is not None else None
        self.folder = located()
        self.problem: errors.SyncError | None = None
        """Why there is no configuration."""
        self._config: JSON2DBConfig | None = None
        self.declined: set[str] = set()
        """Lines for the configuration that the user does not want."""
        self._stopped: tuple[str, RunReport] | None = None
        self.answers = memory.load(self.folder)
        self.configure()
        self._forget_what_is_configured()
        if db_path is not None:
            self.answers = replace(self.answers, database=os.fspath(db_path), password_left_out=False)
        if data_source is not None:
            self.answers = replace(self.answers, source=os.fspath(data_source))

    def configure(self) -> None:
        """Read the configuration again: a mistake in it may have been corrected meanwhile."""
        from json2db_sync.config import JSON2DBConfig

        try:
            self._config, self.problem = JSON2DBConfig(self.config_file), None
        except errors.SyncError as error:
            self._config, self.problem = None, error

    @property
    def config(self) -> JSON2DBConfig:
        """The configuration.

        :raises ConfigurationError: when it is wrong.
        """
        if self._config is None:
            assert self.problem is not None
            raise self.problem
        return self._config

    @property
    def notes(self) -> tuple[Note, ...]:
        """What deserves a look of where settings come from."""
        return self._config.notes if self._config is not None else ()

    def _forget_what_is_configured(self) -> None:
        """What is configured for this folder beats what was once answered in it."""
        if self._config is None:
            return
        origins = {setting.name: setting.origin for setting in self._config.settings()}
        if origins["database.path"] != "default":
            self.answers = replace(self.answers, database=None, password_left_out=False)
        if origins["data_source.api_sync_base_path"] != "default" or origins["data_source.type"] == "directory":
            self.answers = replace(self.answers, source=None)

    @property
    def database(self) -> str:
        """Path or URL."""
        return self.answers.database or self.config.database.path

    @property
    def source(self) -> str:
        """The data source as the user wrote it."""
        return self.answers.source or str(self.config.source_settings().path)

    def inspect(self, task: Task | None = None, *, counts: bool = False) -> InspectResult:
        """What there is, in the window and of the entities that a task asks for; without a task all of it.

        :param counts: count the records of each entity too.
        """
        days = self.answers.days if task and "days" in task.asks else "all"
        entities = self.answers.entities if task and "entities" in task.asks else None
        return self._runner().inspect(cutoff_days=days, entity_filter=entities, counts=counts)

    def _runner(self, on_event: Listener = silent) -> SyncRunner:
        from json2db_sync.runner import SyncRunner

        return SyncRunner(self.database, self.answers.source, config=self.config, on_event=on_event)

    def entities_found(self) -> tuple[str, ...]:
        """The entities in the files of the window, else in those of all sessions.

        :raises FileError: when nothing can be read.
        """
        runner = self._runner()
        found = runner.inspect(cutoff_days=self.answers.days, counts=False, contents=True).found
        if found.problem is not None:
            found = runner.inspect(cutoff_days="all", counts=False, contents=True).found
        if found.problem is not None:
            raise errors.FileError(found.problem.error, hint=found.problem.hint, reason=found.problem.reason)
        return found.entities

    def command(self, task: Task) -> str:
        """The command line that does the same as this task now."""
        return task.command(self.answers.database, self.answers.source, self.config_file, self.answers)

    def answer(self, **changes: Any) -> None:
        """Answer something, and remember it for next time."""
        self.answers = replace(self.answers, **changes)
        memory.save(self.folder, self.answers)

    def run(self, task: Task, *, quiet: bool = False) -> Result:
        """Run a task with the answers given; Ctrl-C stops it at a safe point."""
        from json2db_sync.model.kinds import now_text
        from json2db_sync.results import RunReport

        started = now_text()
        result = self.call(task.method, quiet=quiet, **task.arguments(self.answers))
        if task.writes:
            run = RunReport(0, task.method, "cancelled", started, now_text())
            self._stopped = (self.database, run) if result.error_type == "cancelled" else None
        return result

    @property
    def stopped(self) -> RunReport | None:
        """The last run of this sitting on this database, if it was cancelled: the ledger may not know of it."""
        return self._stopped[1] if self._stopped is not None and self._stopped[0] == self.database else None

    def call(self, method: str, *arguments: object, quiet: bool = False, **named: object) -> Result:
        """Call a method of the runner, showing its progress.

        :param quiet: show nothing; for what is done in an instant.
        """
        from json2db_sync.results import Result

        try:
            self.prompts.lines += 1
            if quiet:
                result = getattr(self._runner(silent), method)(*arguments, **named)
            else:
                self.prompts.ran = True
                with unheard(), Progress(self.console) as progress, Interrupt(progress) as listener:
                    result = getattr(self._runner(listener), method)(*arguments, **named)
                if listener.told_to_end:
                    raise ToldToEnd
        except errors.SyncError as error:  # wrong arguments and settings are raised, not returned
            return failed(method, error)
        except ToldToEnd:
            raise
        except KeyboardInterrupt:  # the second Ctrl-C waits for no safe point
            return failed(method, errors.Cancelled("stopped at once", hint=GO_ON, reason="interrupted"))
        assert isinstance(result, Result)
        return result

    def ask(self, kind: type[R], method: str, *arguments: object, **named: object) -> R | None:
        """What a method of the runner answers in an instant; None where it failed, and then the error is shown."""
        result = self.call(method, *arguments, quiet=True, **named)
        if isinstance(result, kind) and result.success:
            return result
        show_error(result, self.console)
        return None

    def show(self, result: Result) -> None:
        """Draw a result between empty lines."""
        self.console.print()
        show(result, self.console)
        self.console.print()

    @property
    def shown_database(self) -> str:
        """The database as it may be shown."""
        return masked_address(self.database)
