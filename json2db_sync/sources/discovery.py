"""Which files to read: sessions first, else the consolidated folder, else a plain folder or file; and the window."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Literal

from json2db_sync.errors import ConfigurationError, FileError, NoDataFound
from json2db_sync.limits import Limits
from json2db_sync.results.messages import Note
from json2db_sync.sources.added_fields import SOURCE_NAME, folder_of
from json2db_sync.sources.file_order import Order
from json2db_sync.sources.files import COMPRESSED_SUFFIXES, DATA_SUFFIXES, SourceFile, make_file, require_file, time_of
from json2db_sync.sources.folders import files_in
from json2db_sync.sources.layouts import Layouts
from json2db_sync.sources.reader import entities_in
from json2db_sync.sources.sessions import DataFolder, data_folders, files_of, is_session, notes_beside, session_folders
from json2db_sync.user_paths import located

SourceType = Literal["auto", "api_sync", "consolidated", "directory"]
Layout = Literal["sessions", "consolidated", "directory", "file"]


@dataclass(frozen=True)
class Window:
    """Which sessions and stamps count, by the time in their names. Plain folders have no window."""

    since: datetime | None = None
    until: datetime | None = None
    reason: str = ""
    """Which setting drew it, in words."""
    given: bool = False
    """Was it an argument of this call, rather than a configured value?"""

    def holds(self, moment: datetime | None) -> bool:
        """Is this moment inside? What has no time always is."""
        if moment is None:
            return True
        return (self.since is None or moment >= self.since) and (self.until is None or moment <= self.until)


def window(
    *,
    cutoff_days: float | str | None = None,
    since: date | str | None = None,
    until: date | str | None = None,
    session_max_age: float | None = None,
    default_cutoff_days: float | None = None,
    now: datetime | None = None,
) -> Window:
    """The window of a run: ``cutoff_days`` beats session_max_age (hours), which beats default_cutoff_days.

    :param cutoff_days: days back from now, or ``"all"`` for no limit at all.
    :param since: the first day or moment (ISO) that counts; with ``until`` it replaces every age limit.
    :param until: the last day or moment that counts.
    :raises ConfigurationError: for a number that is none or not above zero, or a date that is none.
    """
    now = now or datetime.now()
    if since is not None or until is not None:
        if cutoff_days is not None:
            raise ConfigurationError(
                "give either cutoff_days, or since and until", setting="cutoff_days", reason="conflicting_arguments"
            )
        first, last = _moment(since, "since", time.min), _moment(until, "until", time.max)
        if first and last and first > last:
            raise ConfigurationError(
                f"since ({first}) is after until ({last})", setting="since", reason="invalid_window"
            )
        return Window(first, last, f"since {since or 'ever'} until {until or 'now'}", given=True)
    if cutoff_days is not None:
        if cutoff_days == "all":
            return Window(reason="all days", given=True)
        days = _positive(cutoff_days, "cutoff_days", "a number of days above 0, or all")
        return Window(_ago(now, days=days), None, f"the last {days:g} days", given=True)
    if session_max_age is not None:
        hours = _positive(session_max_age, "session_max_age", "a number of hours above 0")
        return Window(_ago(now, days=hours / 24), None, f"the last {hours:g} hours (session_max_age)")
    if default_cutoff_days is not None:
        days = _positive(default_cutoff_days, "default_cutoff_days", "a number of days above 0")
        return Window(_ago(now, days=days), None, f"the last {days:g} days (default_cutoff_days)")
    return Window(reason="all days")


def _ago(now: datetime, days: float) -> datetime:
    try:
        return now - timedelta(days=days)
    except OverflowError:
        return datetime.min


def _positive(value: float | str, setting: str, wanted: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not number > 0:
        raise ConfigurationError(f"{setting} must be {wanted}, not {value!r}", setting=setting, reason="invalid_window")
    return number


def _moment(value: date | str | None, setting: str, at: time) -> datetime | None:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) <= 10 else datetime.fromisoformat(value)
        except ValueError as error:
            raise ConfigurationError(
                f"{setting} must be a date such as 2025-07-12, not {value!r}", setting=setting, reason="invalid_window"
            ) from error
    if isinstance(value, datetime):
        return value.astimezone().replace(tzinfo=None) if value.tzinfo else value
    return datetime.combine(value, at) if value else None


@dataclass(frozen=True)
class Source:
    """What was found: files from old to new, and what is worth saying of them."""

    layout: Layout
    root: Path
    files: tuple[SourceFile, ...]
    window: Window
    sessions: int = 0
    """Sessions that exist, inside the window or not."""
    newest: datetime | None = None
    notes: tuple[Note, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def folders(self) -> list[Path]:
        """The folders that hold the files."""
        return list(dict.fromkeys(file.path.parent for file in self.files))

    def entities_of(self, wanted: Collection[str], limits: Limits, layouts: Layouts) -> Mapping[Path, frozenset[str]]:
        """Which entities each file holds, looking inside only those whose name is not among those wanted."""
        return {
            file.path: frozenset({file.entity}) if file.entity in wanted else entities_in(file, limits, layouts)
            for file in self.files
        }


@dataclass(frozen=True)
class SourceSettings:
    """Where to look and how to read what is there."""

    type: SourceType = "auto"
    path: Path = Path()
    consolidated_path: Path | None = None
    prefer_session_based: bool = True
    include_failed: bool = False
    entities: Mapping[str, str] = field(default_factory=dict)
    order: Order = "auto"
    folder_column: str | None = None
    """The field that holds the folder of each file."""
    name: str | None = None
    """What the source is called."""


def discover(settings: SourceSettings, limits: Window) -> Source:
    """The files to read, from old to new.

    :raises NoDataFound: when there is nothing, or nothing inside the window; the message says what there is.
    :raises FileError: when a folder cannot be read.
    """
    path = _existing(settings.path)
    if path.is_file():
        file = make_file(path, path.parent, settings.entities)
        return Source("file", path.parent, _in_order([file], settings, path.parent), limits)
    if not path.is_dir():
        require_file(path, str(path))
    if settings.type == "directory":
        return _directory(path, settings, limits)
    base = sessions_base(path)
    found = session_folders(base)
    of_sessions = [folder for session in found for folder in data_folders(session / "raw_json", session)]
    raw = consolidated_base(base, settings.consolidated_path)
    choices: list[tuple[Layout, list[DataFolder], Path]] = []
    if settings.type != "consolidated":
        choices.append(("sessions", of_sessions, base))
    if raw is not None:
        choices.append(("consolidated", data_folders(raw), raw))
    if not settings.prefer_session_based:
        choices.reverse()
    for layout, folders, root in choices:
        if folders:
            return _inside(layout, folders, root, settings, limits, found)
    if settings.type == "auto" and not found:
        return _directory(path, settings, limits)
    raise _nothing(path, settings, len(found))


def _existing(path: Path) -> Path:
    path = located(path)
    try:
        if path.exists():
            return path.resolve()
    except OSError as error:
        raise FileError(f"cannot look at {path}: {error.strerror}", file=str(path), reason="cannot_read") from error
    parent = next((folder for folder in path.parents if folder.exists()), Path("/"))
    raise NoDataFound(
        f"the data source {path} does not exist ({parent} does)",
        hint="name a folder of sessions, any folder of JSON files, or one file: data_source=..., --data-source, "
        "or JSON2DB_API_SYNC_PATH",
        reason="source_missing",
        file=str(path),
    )


def sessions_base(path: Path) -> Path:
    """The folder that holds the sessions, from the api_sync base, that folder itself or one session."""
    if is_session(path):
        return path
    for candidate in (path, path / "sync_sessions", path / "data" / "sync_sessions"):
        if session_folders(candidate):
            return candidate
    return next((p for p in (path / "data" / "sync_sessions", path / "sync_sessions") if p.is_dir()), path)


def consolidated_base(base: Path, configured: Path | None) -> Path | None:
    """The ``raw_json`` beside the sessions or in the folder above them, or the one configured."""
    if configured is not None:
        return located(configured)
    if base.name == "raw_json":
        return base
    places = [base / "data" / "raw_json"]
    if not is_session(base):  # of one session that was asked for, its neighbours are not
        above = [base.parent / "raw_json"] if base.name == "sync_sessions" else []
        places = [base / "raw_json", *above, *places]
    return next((place for place in places if place.is_dir()), None)


def _directory(path: Path, settings: SourceSettings, limits: Window) -> Source:
    files, left_out = files_in(path, settings.entities)
    if not files:
        raise _nothing(path, settings, 0)
    if limits.given and (limits.since or limits.until):
        text = "plain folders have no session times: the window of days does not apply"
        left_out.insert(0, Note(text, "window_without_effect", setting="cutoff_days"))
    return Source("directory", path, _in_order(files, settings, path), limits, notes=tuple(left_out))


def _in_order(files: Iterable[SourceFile], settings: SourceSettings, root: Path) -> tuple[SourceFile, ...]:
    """From old to new, as far as names and times tell, with the fields that their records get."""
    name = {SOURCE_NAME: settings.name} if settings.name else {}
    column = settings.folder_column
    with_fields = [
        replace(file, fields={**name, **({column: folder_of(file.path, root)} if column else {})}) for file in files
    ]
    return tuple(sorted(with_fields, key=lambda file: file.placed(settings.order, None).order))


def _inside(
    layout: Layout,
    folders: list[DataFolder],
    root: Path,
    settings: SourceSettings,
    limits: Window,
    sessions: list[Path],
) -> Source:
    newest = max((folder.time for folder in folders if folder.time is not None), default=None)
    inside = [folder for folder in folders if limits.holds(folder.time)]
    if not inside:
        raise _outside(layout, folders, newest, limits)
    files, notes = files_of(inside, root, settings.entities, include_failed=settings.include_failed)
    if not files:
        raise NoDataFound(
            f"all files in {root} are marked as failed by their metadata",
            hint="include_failed=true (--include-failed) loads them all the same",
            file=str(root),
            reason="all_files_failed",
        )
    if layout == "sessions":
        notes += notes_beside([one for one in sessions if limits.holds(time_of(one.name))], root)
    count = len(sessions) if layout == "sessions" else 0
    return Source(layout, root, _in_order(files, settings, root), limits, count, newest, tuple(notes))


def _outside(layout: Layout, folders: list[DataFolder], newest: datetime | None, limits: Window) -> NoDataFound:
    assert newest is not None
    age = datetime.now() - newest
    what = "sessions" if layout == "sessions" else "stamps"
    count = len({folder.session or folder.path for folder in folders})
    days = max(1, -(-int(age.total_seconds()) // 86_400))
    hours = age.total_seconds() / 3600
    text = f"{hours / 24:.0f} days" if hours >= 36 else f"{hours:.0f} hours"
    return NoDataFound(
        f"nothing inside the window ({limits.reason}): {count} {what} with data exist, the newest is {text} old "
        f"({newest:%Y-%m-%d %H:%M})",
        hint=f"cutoff_days={days} includes the newest, cutoff_days='all' includes everything "
        f"(--cutoff-days {days}, --cutoff-days all)",
        reason="outside_window",
    )


def _nothing(path: Path, settings: SourceSettings, session_count: int) -> NoDataFound:
    if session_count:
        return NoDataFound(
            f"{path} holds {session_count} sessions, but none has data in raw_json/<stamp>/ (metadata is not data)",
            hint="the sync may not have finished: look for sessions with a raw_json folder, or name another source",
            file=str(path),
            reason="sessions_without_data",
        )
    wanted = {"api_sync": "sessions or raw_json", "consolidated": "raw_json folder with data"}.get(
        settings.type, f"JSON files ({', '.join(DATA_SUFFIXES)}, also packed: {', '.join(COMPRESSED_SUFFIXES)})"
    )
    return NoDataFound(
        f"no {wanted} found in {path}",
        hint=f"check the path; data_source.type says what is looked for (now: {settings.type})"
        + ("" if settings.type in ("auto", "directory") else ": auto or directory takes any folder of JSON files"),
        file=str(path),
        reason="no_data_files",
    )
