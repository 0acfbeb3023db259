"""The operation that says how cron or systemd do the others again and again."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from json2db_sync.config import CONFIG_FILE
from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.model import timing
from json2db_sync.operations.context import Execution, PathLike, operation
from json2db_sync.results import ScheduleReport, ScheduleResult
from json2db_sync.text import counted

if TYPE_CHECKING:
    from json2db_sync.operations.schedule_units import Job

Check = Callable[[Sequence[str]], None]
"""Raises ``ConfigurationError`` unless the command line takes these words."""


class Scheduling(Execution):
    """What is done again and again."""

    @operation(ScheduleResult)
    def schedule(
        self,
        operation: str | Sequence[str] | None = None,
        *,
        every: str | None = None,
        at: str | None = None,
        on: str | None = None,
        format: Literal["cron", "systemd"] = "cron",
        log: PathLike | None = None,
        name: str | None = None,
        directory: PathLike | None = None,
        output: PathLike | None = None,
        overwrite: bool = False,
        check: Check | None = None,
    ) -> ScheduleResult:
        """A crontab, or systemd units, ready to install; nothing is installed.

        :param operation: a command with its options, as a line or in words; default: all that are configured
            (``schedule.jobs``).
        :param every: ``hour``, ``day``, ``week``, or a number of minutes; default: day.
        :param at: ``02:30``; of every hour ``:30``. :param on: the day of every week.
        :param log: a file that the output is added to; default: as configured.
        :param name: of the units and of the lock; default: made of the operation, so that the
            lock is this command's alone.
        :param directory: where it is run; default: the folder we are in.
        :param output: a folder to write the files to; those of another schedule are not replaced.
        :param overwrite: replace them.
        :param check: looks at each operation's words; the command line passes its own parser.
        """
        from json2db_sync.operations.schedule_units import crontab, together, units

        if format not in ("cron", "systemd"):
            raise ConfigurationError(f"there is no format {format}", hint="cron or systemd", setting="format")
        with self._step("schedule") as step:
            wanted = self._wanted(operation, every, at, on)
            jobs = self._jobs(wanted, log, name, directory, check or _unchecked)
            texts = units(jobs) if format == "systemd" else crontab(jobs)
            written = () if output is None else _written(Path(output).expanduser(), texts, overwrite=overwrite)
            step.done(counted(len(jobs), "schedule"))
        return ScheduleResult(
            operation="schedule",
            schedules=tuple(_report(job) for job in jobs),
            text=together(texts),
            files=texts,
            written=written,
            notes=tuple(self._doubts(jobs)),
        )

    def _schedules(self) -> tuple[ScheduleReport, ...]:
        """What is configured to be done again and again."""
        return tuple(map(_report, self._jobs(self._configured(), None, None, None, _unchecked)))

    def _wanted(
        self, operation: str | Sequence[str] | None, every: str | None, at: str | None, on: str | None
    ) -> list[tuple[Sequence[str], timing.Timing]]:
        if operation is None:
            if (every, at, on) != (None, None, None):
                raise ConfigurationError("an operation must be named", hint="json2db-sync schedule verify --every day")
            return self._configured()
        try:
            words = shlex.split(operation) if isinstance(operation, str) else list(operation)
            when = timing.timing(every or "day", at, on)
        except ValueError as error:
            raise ConfigurationError(f"{error}", setting="schedule") from error
        if not words:
            raise ConfigurationError("an operation must be named", hint="json2db-sync schedule verify --every day")
        return [(words, when)]

    def _configured(self) -> list[tuple[Sequence[str], timing.Timing]]:
        jobs = self.config.schedule.jobs
        if not jobs:
            hint = "json2db-sync schedule verify --every day, or name some in the configuration (schedule.jobs)"
            raise ConfigurationError("no schedule is configured", hint=hint, setting="schedule.jobs")
        return [(shlex.split(line), timing.parse(when)) for line, when in jobs.items()]

    def _jobs(
        self,
        wanted: Iterable[tuple[Sequence[str], timing.Timing]],
        log: PathLike | None,
        name: str | None,
        directory: PathLike | None,
        check: Check,
    ) -> list[Job]:
        from json2db_sync.operations.schedule_units import Job, lock_of, name_of, require_sayable

        place = Path(directory or Path.cwd()).expanduser().absolute()
        log = log if log is not None else self.config.schedule.log
        jobs: list[Job] = []
        for words, when in wanted:
            check(words)
            _require_no_password(words)
            taken = {job.name for job in jobs}
            named = name or name_of(words)
            number = next(number for number in range(1, len(taken) + 2) if _numbered(named, number) not in taken)
            target = place / Path(log).expanduser() if log is not None else None
            unit = _numbered(named, number)
            lock = f"{unit}.lock" if name else lock_of(words)
            job = Job(unit, tuple(words), when, _program(), place, target, lock)
            require_sayable(job)
            jobs.append(job)
        return jobs

    def _doubts(self, jobs: Sequence[Job]) -> Iterable[str]:
        """What may be otherwise when they run."""
        here = [setting.variable for setting in self.config.settings() if setting.origin == "environment"]
        here += [CONFIG_FILE] if os.environ.get(CONFIG_FILE) else []
        if here:
            yield (
                f"{', '.join(here)}: set in this environment, and not where schedules run; write it into "
                f"{jobs[0].directory / '.env'}"
            )
        for folder in sorted({job.log.parent for job in jobs if job.log is not None and not job.log.parent.is_dir()}):
            yield f"the folder of the log must be made: mkdir -p {shlex.quote(str(folder))}"


def _unchecked(_words: Sequence[str]) -> None:
    """Takes everything."""


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _require_no_password(words: Sequence[str]) -> None:
    from json2db_sync.databases.urls import holds_password

    for word in words:
        if holds_password(word.partition("=")[2] if word.startswith("--") else word):
            raise ConfigurationError(
                "a password in a schedule could be read by others, in the list of processes too",
                hint="write the URL into .env, as JSON2DB_DATABASE_PATH, and leave --db-path out",
                setting="database.path",
            )


def _program() -> tuple[str, ...]:
    script = Path(sys.executable).with_name("json2db-sync")
    return (str(script),) if os.access(script, os.X_OK) else (sys.executable, "-m", "json2db_sync")


def _report(job: Job) -> ScheduleReport:
    following = job.timing.after(datetime.now()).astimezone().isoformat(timespec="seconds")
    return ScheduleReport(job.name, job.operation, str(job.timing), following)


def _written(folder: Path, texts: Mapping[str, str], *, overwrite: bool) -> tuple[str, ...]:
    """The files, all written; none where one is there with another content, unless that is wanted."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = {name for name in texts if (folder / name).exists()}
        for name in () if overwrite else sorted(there):
            if (folder / name).read_bytes() != texts[name].encode():
                raise FileError(
                    f"{folder / name} is there, and says otherwise; nothing was written",
                    hint="--overwrite replaces it; --name gives units of another command a name of their own",
                    file=str(folder / name),
                )
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(f"cannot write into {folder}: {error.strerror}", hint="check its permissions") from error
    return tuple(str(folder / name) for name in texts)
