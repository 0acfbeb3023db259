"""Crontab lines and systemd units, ready to install."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from json2db_sync.atomic_files.state_folder import STATE_FOLDER
from json2db_sync.errors import ConfigurationError
from json2db_sync.model.timing import Timing

CRONTAB = "json2db-sync.crontab"
_PLAIN = re.compile(r"[\w@+=:,./-]+", re.ASCII)
_SERVICE = """\
# Install: put both units into ~/.config/systemd/user (schedule --output writes them there), then
#   systemctl --user daemon-reload && systemctl --user enable --now {unit}.timer
# So that it runs while you are logged out: loginctl enable-linger. For the whole machine: put them into
# /etc/systemd/system, with User= under [Service], and call systemctl without --user.
[Unit]
Description={description}

[Service]
Type=oneshot
WorkingDirectory={directory}
ExecStart={command}
# 3: done, with something to look at; 4: the last run was still going on
SuccessExitStatus=3 4
"""
_TIMER = """\
[Unit]
Description={description}: {timing}

[Timer]
OnCalendar={calendar}
# What was missed while the machine was off
Persistent=true

[Install]
WantedBy=timers.target
"""


@dataclass(frozen=True)
class Job:
    """An operation that is done again and again."""

    name: str
    words: tuple[str, ...]
    """The operation and its options."""
    timing: Timing
    program: tuple[str, ...]
    """What calls this program, wherever it is called from."""
    directory: Path
    """Where it runs: relative paths start there, and ``.env`` is read there. Absolute."""
    log: Path | None
    """Absolute; its output is added to this file."""
    lock: str
    """The name of the file whose holder keeps others of this job from running."""

    @property
    def operation(self) -> str:
        """As one would type it."""
        return shlex.join(self.words)

    @property
    def command(self) -> tuple[str, ...]:
        """What is run, in words: with a lock, so that a run never overlaps the last one."""
        lock = self.directory / STATE_FOLDER / self.lock
        return (*self.program, "--lock-file", str(lock), *self.words)


def name_of(words: Sequence[str]) -> str:
    """What the units of an operation are called: its words, and its options that take no value."""
    leading = takewhile(lambda word: not word.startswith("-"), words)
    options = [
        word for word, following in zip(words, [*words[1:], "-"], strict=True)
        if word.startswith("-") and following.startswith("-")
    ]  # fmt: skip
    return re.sub(r"[^a-z0-9]+", "-", " ".join([*leading, *options]).lower()).strip("-")


def lock_of(words: Sequence[str]) -> str:
    """The lock of a command, and of no other: named after it, with a checksum where its name leaves words out."""
    name = name_of(words)
    if name == "-".join(word.lstrip("-") for word in words):
        return f"{name}.lock"
    return f"{name}-{hashlib.sha256(shlex.join(words).encode('utf-8', 'surrogatepass')).hexdigest()[:8]}.lock"


def require_sayable(job: Job) -> None:
    """Raise where a word has a line end, or a path ends in a backslash, behind which a unit's line goes on.

    :raises ConfigurationError: naming it.
    """
    paths = [str(path) for path in (job.directory, job.log) if path is not None]
    for path in paths:
        if path.endswith("\\"):
            raise ConfigurationError(
                f"{path} ends in a backslash: systemd cannot take it",
                hint="choose another path",
                reason="cannot_schedule",
            )
    for word in (*job.command, *paths):
        if not word.isprintable():
            raise ConfigurationError(
                f"{word!r} cannot be written into a schedule",
                hint="put it into a file of settings",
                reason="cannot_schedule",
            )


def crontab(jobs: Sequence[Job]) -> dict[str, str]:
    """One crontab of all jobs.

    :raises ConfigurationError: when cron cannot be told one of them.
    """
    lines = [
        "# Install: run crontab -e and add these lines. A run that would overlap the last one says so in one line, and",
        "# ends with exit code 4. What runs write goes to the log named behind >>; without one, cron sends it by mail.",
    ]
    for job in jobs:
        lines += [f"# {job.operation}: {job.timing}", f"{job.timing.cron()} {_for_cron(job)}"]
    return {CRONTAB: "\n".join(lines) + "\n"}


def _for_cron(job: Job) -> str:
    log = f" >> {shlex.quote(str(job.log))} 2>&1" if job.log else ""
    line = f"cd {shlex.quote(str(job.directory))} && {shlex.join(job.command)}{log}"
    if r"\%" in line:
        raise ConfigurationError(
            f"cron cannot take a backslash before %, as in {job.operation} run in {job.directory}",
            hint="use systemd (--format systemd), or other names",
            reason="cannot_schedule",
        )
    return line.replace("%", r"\%")  # else cron ends the command there


def units(jobs: Sequence[Job]) -> dict[str, str]:
    """A service and a timer for each job."""
    texts: dict[str, str] = {}
    for job in jobs:
        unit, description = f"json2db-{job.name}", _specifiers(f"json2db-sync {job.operation}")
        command = " ".join(_for_systemd(word, first=not number) for number, word in enumerate(job.command))
        service = _SERVICE.format(
            unit=unit, description=description, directory=_specifiers(str(job.directory)), command=command
        )
        if job.log:
            log = _specifiers(str(job.log))
            service += f"StandardOutput=append:{log}\nStandardError=append:{log}\n"
        texts[f"{unit}.service"] = service
        texts[f"{unit}.timer"] = _TIMER.format(
            description=description, timing=job.timing, calendar=job.timing.calendar()
        )
    return texts


def _for_systemd(word: str, *, first: bool) -> str:
    """A word of ExecStart=, https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Command%20lines

    :param first: the program itself, in which no variable is looked for.
    """
    text = _specifiers(word) if first else _specifiers(word).replace("$", "$$")
    if _PLAIN.fullmatch(word):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def together(texts: Mapping[str, str]) -> str:
    """All files one after the other; of several each under its name."""
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "\n".join(f"# --- {name}\n{text}" for name, text in texts.items())
