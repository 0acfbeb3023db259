"""The operation that says how cron or systemd do the others again and again."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from json2db_sync.atomic_files.disk import make_folder, translated, write
from json2db_sync.atomic_files.reading import read_own
from json2db_sync.config import CONFIG_FILE, JSON2DBConfig
from json2db_sync.errors import ConfigurationError, FileError
from json2db_sync.masking import holds_mask, masked, masked_address
from json2db_sync.model import timing
from json2db_sync.operations.context import Context, PathLike
from json2db_sync.results import Note, ScheduleReport, ScheduleResult
from json2db_sync.text import counted
from json2db_sync.user_paths import expanded, located

if TYPE_CHECKING:
    from json2db_sync.operations.schedule_units import Job

Check = Callable[[Sequence[str]], None]
"""Raises ``ConfigurationError`` unless the command line takes these words."""


@dataclass(frozen=True)
class ScheduleRequest:
    """What is to be done again and again, when, and where it is written."""

    operation: str | Sequence[str] | None = None
    """A command with its options, as a line or in words; None: all that are configured (``schedule.jobs``)."""
    every: str | None = None
    at: str | None = None
    on: str | None = None
    format: Literal["cron", "systemd"] = "cron"
    log: PathLike | None = None
    name: str | None = None
    directory: PathLike | None = None
    output: PathLike | None = None
    overwrite: bool = False
    check: Check | None = None


def schedule(context: Context, request: ScheduleRequest) -> ScheduleResult:
    """A crontab, or systemd units, ready to install; nothing is installed."""
    from json2db_sync.operations.schedule_units import crontab, together, units

    if request.format not in ("cron", "systemd"):
        raise ConfigurationError(
            f"there is no format {request.format}", hint="cron or systemd", reason="unknown_format", setting="format"
        )
    with context.step("schedule") as step:
        jobs = _jobs(context.config, request)
        texts = units(jobs) if request.format == "systemd" else crontab(jobs)
        written: tuple[str, ...] = ()
        if request.output is not None:
            written = _written(expanded(request.output), texts, overwrite=request.overwrite)
        step.done(counted(len(jobs), "schedule"))
    return ScheduleResult(
        schedules=tuple(_report(job) for job in jobs),
        text=together(texts),
        files=texts,
        written=written,
        notes=tuple(_doubts(context.config, jobs)),
    )


def schedules(config: JSON2DBConfig) -> tuple[ScheduleReport, ...]:
    """What is configured to be done again and again."""
    return tuple(map(_report, _jobs(config, ScheduleRequest()))) if config.schedule.jobs else ()


def _wanted(config: JSON2DBConfig, request: ScheduleRequest) -> list[tuple[Sequence[str], timing.Timing]]:
    """The operations in words, each with its time: the one that is named, else all that are configured."""
    operation = request.operation
    if operation is None and (request.every, request.at, request.on) == (None, None, None):
        if not config.schedule.jobs:
            raise ConfigurationError(
                "no schedule is configured",
                hint="json2db-sync schedule verify --every day, or name some in the configuration (schedule.jobs)",
                reason="no_schedule",
                setting="schedule.jobs",
            )
        return [(shlex.split(line), timing.parse(when)) for line, when in config.schedule.jobs.items()]
    try:
        words = shlex.split(operation) if isinstance(operation, str) else list(operation or ())
        if not words:
            hint = "json2db-sync schedule verify --every day"
            raise ConfigurationError("an operation must be named", hint=hint, reason="no_operation_named")
        return [(words, timing.timing(request.every or "day", request.at, request.on))]
    except ValueError as error:
        raise ConfigurationError(f"{error}", reason="invalid_value", setting="schedule") from error


def _jobs(config: JSON2DBConfig, request: ScheduleRequest) -> list[Job]:
    from json2db_sync.operations.schedule_units import Job, lock_of, name_of, require_sayable

    place = located(request.directory or "")
    log = request.log if request.log is not None else config.schedule.log
    jobs: list[Job] = []
    for words, when in _wanted(config, request):
        if request.check is not None:
            request.check(words)
        taken = {job.name for job in jobs}
        named = request.name or name_of(words)
        numbered = (f"{named}-{number}" for number in count(2))
        unit = next(name for name in chain([named], numbered) if name not in taken)
        target = place / expanded(log) if log is not None else None
        lock = f"{unit}.lock" if request.name else lock_of(words)
        script = Path(sys.executable).with_name("json2db-sync")
        program = (str(script),) if os.access(script, os.X_OK) else (sys.executable, "-m", "json2db_sync")
        _require_no_password((*words, unit, str(place), str(target or "")))
        job = Job(unit, tuple(words), when, program, place, target, lock)
        require_sayable(job)
        jobs.append(job)
    return jobs


def _doubts(config: JSON2DBConfig, jobs: Sequence[Job]) -> Iterable[Note]:
    """What may be otherwise when they run."""
    here = [setting.variable for setting in config.settings() if setting.origin == "environment"]
    here += [CONFIG_FILE] if os.environ.get(CONFIG_FILE) else []
    if here:
        text = (
            f"{', '.join(here)}: set in this environment, and not where schedules run; write it into "
            f"{jobs[0].directory / '.env'}"
        )
        yield Note(text, "only_in_environment", count=len(here))
    for folder in sorted({job.log.parent for job in jobs if job.log is not None and not job.log.parent.is_dir()}):
        text = f"the folder of the log must be made: mkdir -p {shlex.quote(str(folder))}"
        yield Note(text, "no_log_folder", setting="schedule.log")


def _require_no_password(words: Iterable[str]) -> None:
    for text in chain.from_iterable((word, word.partition("=")[2]) for word in words):
        if masked(text) != text or masked_address(text) != text or holds_mask(text):
            raise ConfigurationError(
                "a password in a schedule could be read by others, in the list of processes too",
                hint="write the URL into .env, as JSON2DB_DATABASE_PATH, and leave --db-path out",
                reason="password_in_schedule",
                setting="database.path",
            )


def _report(job: Job) -> ScheduleReport:
    following = job.timing.after(datetime.now()).astimezone().isoformat(timespec="seconds")
    return ScheduleReport(job.name, job.operation, str(job.timing), following)


def _written(folder: Path, texts: Mapping[str, str], *, overwrite: bool) -> tuple[str, ...]:
    """The files, all written; none where one is there with another content, unless that is wanted."""
    with translated(folder, "write into"):
        make_folder(folder)
        there = {name for name in texts if (folder / name).exists()}
        for name in () if overwrite else sorted(there):
            if read_own(folder / name) != texts[name].encode():
                raise FileError(
                    f"{folder / name} is there, and says otherwise; nothing was written",
                    hint="--overwrite replaces it; --name gives units of another command a name of their own",
                    reason="file_exists",
                    file=str(folder / name),
                )
        for name, text in texts.items():
            write((folder / name).resolve(), text)
    return tuple(str(folder / name) for name in texts)
