"""Backups of an SQLite database: whole copies of the file, of which our tables come back."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from json2db_sync.atomic_files.backups import free_name, moment_of_stamp
from json2db_sync.atomic_files.disk import PRIVATE, create, move, remove, replaced_at, settle, translated
from json2db_sync.atomic_files.state_folder import make_own, require_own
from json2db_sync.databases import base
from json2db_sync.databases.attached import execute
from json2db_sync.databases.backups import Backup, no_backup, require_columns, require_free
from json2db_sync.databases.ledger import INDEXES, TABLES, Ledger, lacking
from json2db_sync.databases.sqlite_file import FLAT_VIEW, SQLiteFile, fault_of
from json2db_sync.databases.sqlite_journals import require_own_journals
from json2db_sync.databases.sqlite_missing import integrity, not_checked
from json2db_sync.databases.tables import index_names
from json2db_sync.databases.views import KeptViews
from json2db_sync.errors import DatabaseError, FileError, Locked, ValidationError
from json2db_sync.model.kinds import now_text
from json2db_sync.model.plan import from_json
from json2db_sync.text import size_text
from json2db_sync.user_paths import expanded, located

_STAMP = r"(?P<stamp>\d{4}-\d\d-\d\d_\d{6})(?P<utc>Z?)(?:_(?P<number>\d+))?"
_FORMAT = "%Y-%m-%d_%H%M%S"
_JOURNALS = ("-journal", "-wal", "-shm")
_BACKUP = "json2db_backup"
"""What a backup is called beside the database that it is restored to."""
_NOTHING_DONE = "nothing was changed"


class SQLiteBackups(SQLiteFile):
    """Copies of the file, and going back to them."""

    @property
    def _backup_folder(self) -> Path:
        folder = self.settings.backup_directory
        return located(folder) if folder else self.path.parent / "backups"

    @property
    def _ending(self) -> str:
        return self.path.suffix or ".db"

    def _free_backup(self, ending: str) -> Path:
        taken = [path.name for path in _content(self._backup_folder)]
        return self._backup_folder / free_name(f"{self.path.stem}.{datetime.now(UTC):{_FORMAT}}Z", taken, ending)

    def backup(self, names: Sequence[str]) -> Backup:
        target = self._free_backup(self._ending)
        beside, journals = target.with_name(f".{target.name}"), list[Path]()
        try:
            self._make_backup_folder()
            self._require_room(target)
            with replaced_at(target, beside=beside, like=self.path) as partial, _translated(self.path, target):
                journals = [partial.with_name(partial.name + ending) for ending in _JOURNALS]
                # one file, complete without others beside it
                unchecked = _copy(self.path, partial, self.settings.busy_timeout, journal="DELETE")
        except OSError as error:
            raise _not_written(target, error.strerror or str(error)) from error
        finally:
            _remove(journals)
        return replace(_describe(target, self.path), unchecked=unchecked)

    def _make_backup_folder(self) -> None:
        self._require_own_folder()
        make_own(self._backup_folder)

    def _require_own_folder(self) -> None:
        if not self.settings.backup_directory:  # else the user has named it
            require_own(self._backup_folder, with_content=False)

    def _require_room(self, target: Path) -> None:
        size, free = self.path.stat().st_size, shutil.disk_usage(target.parent).free
        if size > free:
            raise _not_written(target, f"it takes {size_text(size)}, and {size_text(free)} are free")

    def remove_leftovers(self) -> None:
        ours = re.compile(rf"\.{re.escape(self.path.stem)}\.{_STAMP}{re.escape(self._ending)}(\.\w+)?\.partial(-\w+)?")
        with suppress(FileError):  # what is somebody's else is left alone, and told when a backup is made
            self._require_own_folder()
            _remove([path for path in _content(self._backup_folder) if ours.fullmatch(path.name)])

    def backups(self) -> list[Backup]:
        pattern = re.compile(rf"{re.escape(self.path.stem)}\.{_STAMP}{re.escape(self._ending)}")
        named = (path for path in _content(self._backup_folder) if pattern.fullmatch(path.name) and path.is_file())
        found = [_describe(path, self.path) for path in named]
        return sorted(found, key=lambda backup: backup.order, reverse=True)

    def find_backup(self, name: str) -> str:
        source = expanded(name)
        if not source.exists() and not source.is_absolute():
            source = self._backup_folder / name
        if not source.is_file():
            known = [Path(backup.name).name for backup in self.backups()]
            raise no_backup(name, known, f" in {self._backup_folder}")
        with base.translated(str(source), self.fault_of), closing(_open_read_only(source)) as backup:
            _require_sound(backup, source)
            ours = backup.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'json2db_runs'"
            ).fetchone()
        itself = self.exists() and source.samefile(self.path)
        if not ours or itself:
            moved = f"; the tables of an application come back by: json2db-sync transfer {source} TARGET --mode replace"
            raise DatabaseError(
                f"{source} is not a backup of ours: "
                + ("it is the database itself" if itself else "it holds no tables of json2db-sync"),
                hint="json2db-sync backups lists those there are" + ("" if itself else moved),
                reason="not_a_backup",
            )
        return str(source.absolute())

    def lacking(self, name: str) -> tuple[str, ...]:
        with base.translated(name, self.fault_of), closing(_open_read_only(Path(name))) as backup:
            columns: dict[str, set[str]] = {}
            found = "SELECT t.name, c.name FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c"
            for table, column in backup.execute(f"{found} WHERE t.type = 'table' AND t.sql NOT LIKE 'CREATE VIRTUAL%'"):
                columns.setdefault(table, set()).add(column)
            return lacking(
                self, columns, lambda table, name: [row[0] for row in backup.execute(f"SELECT {name} FROM {table}")]
            )

    def remove_backup(self, name: str) -> None:
        try:
            remove(Path(name))
        except OSError as error:
            raise DatabaseError(f"cannot remove {name}: {error.strerror}", reason="cannot_write") from error

    def set_aside_if_damaged(self) -> str | None:
        self.close()
        try:
            with closing(_open_read_only(self.path)) as connection:
                _require_sound(connection, self.path)
            return None
        except sqlite3.OperationalError:  # locked, or out of reach: that is no damage
            return None
        except (DatabaseError, sqlite3.DatabaseError):
            return self._set_aside()

    def _set_aside(self) -> str:
        kept = self._free_backup(".damaged")
        try:
            self._make_backup_folder()
            for ending in ("-wal", "-shm", ""):
                source = self.path.with_name(self.path.name + ending)
                if source.exists():
                    to = kept.with_name(kept.name + ending)
                    move(source, to, to.with_name(f".{to.name}"))
        except OSError as error:
            raise DatabaseError(
                f"cannot set {self.label} aside: {error.strerror}", reason="cannot_set_aside"
            ) from error
        return str(kept)

    def restore(self, name: str, like: str | None = None) -> Backup:
        source = Path(name)
        self.close()
        self._make_folder()
        try:
            if self.path.exists() and self.path.stat().st_size:
                with self._beside(source), self.restructuring() as connection:
                    _Restore(self, connection).run()
            else:
                with base.translated(self.label, self.fault_of):
                    self._make_again(source, Path(like or (self.path if self.path.exists() else source)))
        except Locked as error:
            error.hint = f"wait until it is done, then run again; {_NOTHING_DONE}"
            raise
        return _describe(source, self.path)

    def _make_again(self, source: Path, like: Path) -> None:
        """The whole file, which nobody may read who could not before."""
        with translated(self.path):
            path = self.path.resolve()
            create(path, PRIVATE)
            # Through SQLite itself, never by copying the file: a journal beside it would be applied to it.
            _copy(source, path, self.settings.busy_timeout)
            settle(path, like, more=0o200)  # of a backup that was kept from being written

    @contextmanager
    def _beside(self, source: Path) -> Iterator[None]:
        """Connections made inside see the backup, too."""

        def attach(raw: sqlite3.Connection, _record: object) -> None:
            raw.execute(f"ATTACH DATABASE ? AS {_BACKUP}", [_read_only(source)])

        sa.event.listen(self.engine, "connect", attach)
        try:
            yield
        finally:
            self.close()  # the engine goes, and the listener with it


class _Restore:
    """Our tables, with what hangs on them, as they are in a backup; in one transaction without foreign keys."""

    def __init__(self, database: SQLiteBackups, connection: sa.Connection) -> None:
        self._database = database
        self._connection = connection
        self._execute = partial(execute, connection)

    def run(self) -> None:
        database, connection = self._database, self._connection
        plans = Ledger(database, connection).plans(any_version=True).values()
        kept = self._kept_tables()
        live = [*(table.name for plan in plans for table in plan.tables), *TABLES]
        if not plans:
            live += Ledger(database, connection).ours_by_columns(kept)
        self._require_columns(kept, live)
        flat = database.flat_views(connection)
        views = KeptViews(database, connection, ours=map(database.quote, flat))
        views.set_aside([*live, *flat])
        own = INDEXES.union(*map(index_names, plans))
        extras = [one for one in database.extra_ddl(connection, live) if one[0] not in own]
        on_views = database.extra_ddl(connection, list(flat))
        self._drop("VIEW", flat)
        self._drop("TABLE", live)
        require_free(database.relation_names(connection) & kept.keys())
        for table, statement in kept.items():
            self._execute(statement)
            columns = ", ".join(map(database.quote, self._columns("main", table)))
            source = f"SELECT {columns} FROM {_BACKUP}.{database.quote(table)}"
            self._execute(f"INSERT INTO main.{database.quote(table)} ({columns}) {source}")
        self._hang_again(extras, kept)
        for name, statement in on_views:
            self._make(name, statement)
        views.make_again()

    def _kept_tables(self) -> dict[str, str]:
        """The statements that make our tables of the backup, by name."""
        texts = self._execute(f"SELECT plan FROM {_BACKUP}.json2db_plans").scalars().all()
        ours = {*TABLES, *(table.name for text in texts for table in from_json(text).tables)}
        found = self._execute(f"SELECT name, sql FROM {_BACKUP}.sqlite_master WHERE type = 'table' ORDER BY rowid")
        return {name: statement for name, statement in found if name in ours}

    def _require_columns(self, kept: dict[str, str], live: Sequence[str]) -> None:
        ledger, known = Ledger(self._database, self._connection), dict[str, set[str]]()
        try:
            for plan in ledger.plans().values():
                known |= {name: {*one.columns.keys()} for name, one in self._database.tables(plan).items()}
        except DatabaseError as error:
            if error.reason != "ledger_incomplete":  # of a newer version, whose columns nobody knows here
                return
        there = sorted(self._database.relation_names(self._connection) & kept.keys() & {*live} - {*TABLES})
        for name, shape in self._database.shapes(self._connection, there).items():
            require_columns(name, shape.columns, known.get(name, set()) | {*self._columns(_BACKUP, name)})

    def _columns(self, schema: str, table: str) -> list[str]:
        return [row[1] for row in self._execute(f"PRAGMA {schema}.table_info({self._database.quote(table)})")]

    def _drop(self, what: str, names: Sequence[str] | dict[str, tuple[str, str]]) -> None:
        for name in names:
            # Where ours is gone, the name alone would mean the one of the backup.
            self._execute(f"DROP {what} IF EXISTS main.{self._database.quote(name)}")

    def _hang_again(self, extras: Sequence[tuple[str, str]], kept: dict[str, str]) -> None:
        """Indexes and triggers: those of users as they are now, ours and others as they were, then our views."""
        marks = ", ".join("?" * len(kept))
        found = self._connection.exec_driver_sql(
            f"SELECT type, name, sql FROM {_BACKUP}.sqlite_master WHERE sql IS NOT NULL AND (type = 'view'"
            f" OR type IN ('index', 'trigger') AND tbl_name IN ({marks})) ORDER BY type = 'view', rowid",
            tuple(kept),
        ).all()
        for name, statement in extras:
            self._make(name, statement)
        there = {row[0] for row in self._execute("SELECT name FROM sqlite_master")}
        for type_, name, statement in found:
            if name not in there and (type_ != "view" or FLAT_VIEW.search(statement)):
                self._make(name, statement)

    def _make(self, name: str, statement: str) -> None:
        try:
            self._execute(statement)
        except sa.exc.DBAPIError as error:
            if not self._database.refuses_statement(error):
                raise
            raise ValidationError(
                f"{name} hangs on tables that the backup replaces, and could not be made again: {error.orig}; "
                f"{_NOTHING_DONE}",
                hint="keep its definition, drop it, run again, and make it for the tables as they are then",
                reason="object_would_be_lost",
                table=name,
            ) from error


def _content(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            remove(path)


def _not_written(target: Path, why: str) -> DatabaseError:
    return DatabaseError(
        f"cannot write the backup {target}: {why}",
        hint=f"check the folder, or name another (database.backup_directory); {_NOTHING_DONE}",
        reason="cannot_write",
    )


@contextmanager
def _translated(database: Path, target: Path) -> Iterator[None]:
    """Errors name the file that they are about: what cannot be written is the copy."""
    writing = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR)
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        fault = fault_of(error, str(database))
        assert fault is not None
        if code & 0xFF in writing and code not in (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ):
            full = code & 0xFF == sqlite3.SQLITE_FULL
            raise _not_written(target, "the disk is full" if full else str(error)) from error
        raise fault from error


def _read_only(path: Path) -> str:
    require_own_journals(path)
    return f"{path.absolute().as_uri()}?mode=ro"


def _open_read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(_read_only(path), uri=True)


def _copy(source: Path, target: Path, patience: float, journal: str = "WAL") -> tuple[str, ...]:
    """Copy a whole file; returns what could not be checked of the copy."""
    with (
        closing(sqlite3.connect(_read_only(source), uri=True, timeout=patience)) as reader,
        closing(sqlite3.connect(target, timeout=patience)) as writer,
    ):
        reader.backup(writer, progress=_no_further_than(patience))
        writer.execute(f"PRAGMA journal_mode = {journal}")
        _require_sound(writer, target)
        return tuple(f"{table}: {why}" for table, why in not_checked(writer, "integrity_check").items())


def _no_further_than(patience: float) -> Callable[[int, int, int], None]:
    """What makes a copy give up, which waits for others without end by itself."""
    until = time.monotonic() + patience

    def look(code: int, _remaining: int, _total: int) -> None:
        if code not in (sqlite3.SQLITE_OK, sqlite3.SQLITE_DONE) and time.monotonic() > until:
            raise sqlite3.OperationalError("database is locked")

    return look


def _require_sound(connection: sqlite3.Connection, path: Path) -> None:
    if found := integrity(connection, 1):
        raise DatabaseError(f"{path} is damaged: {found[0]}", hint="use another backup", reason="database_damaged")


def _describe(path: Path, database: Path) -> Backup:
    """When it was made says its name: in UTC, of former versions in local time; of another file its time."""
    status = path.stat()
    made, number = datetime.fromtimestamp(status.st_mtime, UTC), 1
    match = re.search(rf"\.{_STAMP}{re.escape(path.suffix)}$", path.name)
    if match is not None and path.name.startswith(f"{database.stem}."):
        with suppress(ValueError, OverflowError):  # digits that are no time
            made = moment_of_stamp(datetime.strptime(match["stamp"], _FORMAT), status.st_mtime, utc=bool(match["utc"]))
            number = int(match["number"] or 1)
    return Backup(str(path), now_text(made), status.st_size, number)
