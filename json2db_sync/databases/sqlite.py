"""SQLite: one file, no set-up."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from json2db_sync.atomic_files.disk import replaced
from json2db_sync.atomic_files.process_lock import process_lock
from json2db_sync.databases import faults
from json2db_sync.databases.base import Backup, Database, Decode, Values, in_lists
from json2db_sync.databases.row_forms import RowRefused
from json2db_sync.errors import DatabaseError, Locked, Unreachable
from json2db_sync.model.decoding import ABSENT
from json2db_sync.model.kinds import Kind, now_text
from json2db_sync.model.plan import HASH, ID, LOAD

# Only types whose affinity cannot change a value: a column declared JSON, DATE or NUMERIC would turn the text "2024"
# into a number. BIGINT rather than INTEGER: an INTEGER PRIMARY KEY would become the rowid.
_TYPES: dict[Kind, sa.types.TypeEngine[Any]] = {
    Kind.BOOL: sa.Integer(),
    Kind.INTEGER: sa.BigInteger(),
    Kind.NUMBER: sa.REAL(),
}
_STAMP = r"\d{4}-\d\d-\d\d_\d{6}(_\d+)?"
_PAGE_SIZE = 16_384  # a tenth faster than the default for rows of a few hundred bytes


class SQLiteDatabase(Database):
    """An SQLite file, in write-ahead mode so that readers are never in the way."""

    backend = "sqlite"
    title = "SQLite"
    keys_follow_renames = False

    @property
    def path(self) -> Path:
        return Path(self.url.database or "")

    @property
    def label(self) -> str:
        return str(self.path)

    @property
    def short_label(self) -> str:
        return self.path.name

    def exists(self) -> bool:
        try:
            return self.path.exists()
        except OSError as error:
            raise Unreachable(f"{self.path}: {error.strerror}", hint="check the path and its permissions") from error

    def occupies(self, path: Path) -> bool:
        own = self.path.resolve()
        return path.resolve() in (own, *(own.with_name(own.name + ending) for ending in ("-wal", "-shm", "-journal")))

    def version(self, connection: sa.Connection) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    @classmethod
    def dialect(cls) -> sa.Dialect:
        return sqlite_dialect()

    def _create_engine(self) -> sa.Engine:
        if self.path.is_dir():
            raise Unreachable(f"{self.path} is a folder", hint="name a file: a database is one file")
        # No transactions of sqlite3's own: they would leave DDL outside. BEGIN is sent below.
        arguments = {"timeout": self.settings.busy_timeout, "isolation_level": None}
        engine = sa.create_engine(self._readable_url(), connect_args=arguments)
        sa.event.listen(engine, "connect", _set_up)
        sa.event.listen(engine, "begin", _begin)
        return engine

    def _readable_url(self) -> sa.URL:
        """The database as it can be opened: where nothing may be written beside it, as a file that does not change."""
        journal = self.path.with_name(self.path.name + "-wal")
        if os.access(self.path.parent, os.W_OK) or not self.path.exists() or journal.exists():
            return self.url
        return self.url.set(database=self.path.as_uri(), query={"mode": "ro", "immutable": "1", "uri": "true"})

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        self._make_folder()
        with (
            faults.translated(self.label),
            self.engine.connect().execution_options(json2db_begin="BEGIN IMMEDIATE") as connection,
        ):
            self._prepare_for_writing(connection)
            with connection.begin():
                yield connection

    @contextmanager
    def restructuring(self) -> Iterator[sa.Connection]:
        # A dropped parent deletes its children, others' tables included, while foreign keys are enforced; and a
        # renamed table would drag along whatever names it. Both can be set only outside a transaction.
        self._make_folder()
        with (
            faults.translated(self.label),
            self.engine.connect().execution_options(json2db_begin="BEGIN IMMEDIATE") as connection,
        ):
            self._prepare_for_writing(connection)
            raw = _driver(connection)
            raw.execute("PRAGMA foreign_keys = OFF")
            raw.execute("PRAGMA legacy_alter_table = ON")
            try:
                with connection.begin():
                    before = _violations(connection)
                    yield connection
                    broken = _violations(connection) - before
                    if broken:
                        raise DatabaseError(
                            f"{self.label}: the change would leave {len(broken)} rows without their parent; "
                            "nothing was changed",
                            hint="look at the tables of your own that refer to ours",
                        )
            finally:
                raw.execute("PRAGMA foreign_keys = ON")
                raw.execute("PRAGMA legacy_alter_table = OFF")

    def _prepare_for_writing(self, connection: sa.Connection) -> None:
        raw = _driver(connection)
        (mode,) = raw.execute("PRAGMA journal_mode").fetchone()
        if mode != "wal":
            raw.execute(f"PRAGMA page_size = {_PAGE_SIZE}")  # heeded only while the file is empty
            raw.execute("PRAGMA journal_mode = WAL")

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(
                f"cannot create the folder {self.path.parent}: {error.strerror}",
                hint="check the path and its permissions",
            ) from error

    @contextmanager
    def writing_lock(self) -> Iterator[None]:
        self._make_folder()
        with ExitStack() as stack:
            try:
                stack.enter_context(process_lock(self.path.with_name(f"{self.path.name}.lock")))
            except BlockingIOError as error:
                raise Locked(f"{self.label} is being written by another run") from error
            except OSError as error:
                raise DatabaseError(
                    f"cannot lock {self.label}: {error.strerror}",
                    hint="check the permissions of the folder: a lock file and SQLite's journal are written beside it",
                ) from error
            yield

    # Types

    @classmethod
    def type_of(cls, kind: Kind, date_format: str | None = None) -> sa.types.TypeEngine[Any]:
        return _TYPES.get(kind, sa.Text())

    def decoder(self, kind: Kind, date_format: str | None) -> Decode | None:
        decoders: dict[Kind, Decode] = {Kind.BOOL: bool, Kind.BIGINT: int, Kind.JSON: self.decode_json}
        return decoders.get(kind)

    def in_order(self, column: sa.ColumnClause[Any], type_: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
        return column.collate("BINARY")  # whatever the column was declared with

    # Rows

    null = ABSENT

    def insert_ready(self, connection: sa.Connection, table: sa.Table, rows: Any, constants: Values) -> None:
        names = ", ".join(self.quote(name) for name in (*rows, *constants))
        values = ", ".join((*("?" for _ in rows), *map(_literal, constants.values())))
        statement = f"INSERT INTO {self.quote(table.name)} ({names}) VALUES ({values})"
        self._write_rows(connection, statement, rows.values())

    def update_columns(
        self, connection: sa.Connection, table: sa.Table, columns: Mapping[str, Sequence[Any]], constants: Values
    ) -> None:
        changed = {name: column for name, column in columns.items() if name != ID}
        sets = [f"{self.quote(name)} = ?" for name in changed]
        sets += [f"{self.quote(name)} = {_literal(value)}" for name, value in constants.items()]
        statement = f"UPDATE {self.quote(table.name)} SET {', '.join(sets)} WHERE {ID} = ?"
        self._write_rows(connection, statement, (*changed.values(), columns[ID]))

    def _write_rows(self, connection: sa.Connection, statement: str, columns: Iterable[Sequence[Any]]) -> None:
        try:
            _driver(connection).executemany(statement, zip(*columns, strict=True))
        except (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, OverflowError) as error:
            raise RowRefused from error

    def pages(
        self, connection: sa.Connection, statement: sa.Select[Any], size: int
    ) -> Iterator[Sequence[Sequence[Any]]]:
        with _decoding(connection, statement), closing(connection.execute(statement)) as result:
            while rows := result.cursor.fetchmany(size):  # fetched as they are asked for, and plain tuples
                yield rows

    def rows_of(
        self, connection: sa.Connection, select: sa.Select[Any], key: sa.ColumnElement[Any], ids: Sequence[Any]
    ) -> Sequence[tuple[Any, ...]]:
        before, after = _around_list(select, key)
        with _decoding(connection, select):
            return _driver(connection).execute(f"{before}({','.join('?' * len(ids))}){after}", ids).fetchall()

    def versions(self, connection: sa.Connection, table: sa.Table, ids: Sequence[Any]) -> dict[Any, tuple[int, int]]:
        found: dict[Any, tuple[int, int]] = {}
        statement = f"SELECT {ID}, {HASH}, {LOAD} FROM {self.quote(table.name)} WHERE {ID} IN"
        driver = _driver(connection)
        for part in in_lists(ids):
            rows = driver.execute(f"{statement} ({','.join('?' * len(part))})", part)
            found |= {row[0]: row[1:] for row in rows}
        return found

    def refuses_statement(self, error: sa.exc.DBAPIError) -> bool:
        # SQLITE_ERROR: what the other databases call a syntax error; a full disk or a lock has another code
        return super().refuses_statement(error) or getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR

    def extra_ddl(self, connection: sa.Connection, names: Sequence[str]) -> list[tuple[str, str]]:
        statement = sa.text(
            "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
            " AND tbl_name IN :names"
        ).bindparams(sa.bindparam("names", expanding=True, type_=sa.Text()))
        return [(row.name, row.sql) for row in connection.execute(statement, {"names": list(names)})]

    def inner_tables(self, connection: sa.Connection) -> set[str]:
        if sqlite3.sqlite_version_info < (3, 37):
            return set()
        return {
            str(row[0])
            for row in connection.exec_driver_sql("SELECT name FROM pragma_table_list WHERE type = 'shadow'")
        }

    # Care

    def integrity_problems(self, connection: sa.Connection) -> list[str]:
        found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else found

    def foreign_key_problems(self, connection: sa.Connection, names: Sequence[str]) -> list[str]:
        ours = set(names)
        return [
            f"{table} row {rowid} has no row in {parent}"
            for table, rowid, parent, _number in sorted(_violations(connection), key=str)
            if table in ours
        ]

    def size(self, connection: sa.Connection) -> int | None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())

    def table_sizes(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, int]:
        statement = (
            "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat AS s JOIN sqlite_master AS m ON m.name = s.name"
            " WHERE s.aggregate = TRUE GROUP BY m.tbl_name"
        )
        try:
            found = {name: int(size) for name, size in connection.exec_driver_sql(statement)}
        except sa.exc.OperationalError:
            return {}  # this SQLite was built without dbstat
        return {name: found[name] for name in names if name in found}

    # Backups

    @property
    def _backup_folder(self) -> Path:
        folder = self.settings.backup_directory
        return folder.expanduser().absolute() if folder else self.path.parent / "backups"

    def backup(self, names: Sequence[str]) -> Backup:
        folder = self._backup_folder
        stamp = datetime.now().strftime("%Y-%m-%d_%H%M%S")
        target = _unused(folder / f"{self.path.stem}.{stamp}{self.path.suffix or '.db'}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with replaced(target) as partial, faults.translated(self.label):
                _copy(self.path, partial, journal="DELETE")  # one file, complete without others beside it
        except OSError as error:
            raise DatabaseError(
                f"cannot write the backup {target}: {error.strerror}",
                hint="check the folder; nothing was changed",
            ) from error
        return _describe(target)

    def backups(self) -> list[Backup]:
        pattern = re.compile(rf"{re.escape(self.path.stem)}\.{_STAMP}{re.escape(self.path.suffix or '.db')}")
        try:
            found = sorted((p for p in self._backup_folder.iterdir() if pattern.fullmatch(p.name)), reverse=True)
        except OSError:
            found = []
        return [_describe(path) for path in found]

    def find_backup(self, name: str) -> str:
        source = Path(name).expanduser()
        if not source.exists() and not source.is_absolute():
            source = self._backup_folder / name
        if not source.is_file():
            known = ", ".join(Path(backup.name).name for backup in self.backups()[:5])
            raise DatabaseError(
                f"there is no backup {name}", hint=f"backups in {self._backup_folder}: {known or 'none'}"
            )
        with faults.translated(str(source)), closing(_open_read_only(source)) as backup:
            _require_sound(backup, source)
        return str(source.absolute())

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
        stamp = datetime.now().strftime("%Y-%m-%d_%H%M%S")
        kept = _unused(self._backup_folder / f"{self.path.stem}.{stamp}.damaged")
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            for ending in ("-wal", "-shm", ""):
                source = self.path.with_name(self.path.name + ending)
                if source.exists():
                    shutil.move(source, kept.with_name(kept.name + ending))
        except OSError as error:
            raise DatabaseError(f"cannot set {self.label} aside: {error.strerror}") from error
        return str(kept)

    def restore(self, name: str) -> Backup:
        source = Path(name)
        self.close()
        self._make_folder()
        with faults.translated(self.label):
            # Through SQLite itself, never by copying the file: a journal beside it would be applied to it.
            _copy(source, self.path)
        return _describe(source)


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


class _NoText(bytes):
    """What SQLite holds as text, and is not UTF-8."""


@contextmanager
def _decoding(connection: sa.Connection, select: sa.Select[Any]) -> Iterator[None]:
    """Where a text that is read inside is not UTF-8, the error says where it stands."""
    try:
        yield
    except sqlite3.OperationalError as error:
        table = select.get_final_froms()[0]
        if "decode to UTF-8" not in str(error) or not isinstance(table, sa.TableClause):
            raise
        raise DatabaseError(
            f"{_place_of_no_text(connection, table)} holds a text that is not UTF-8",
            hint="correct it in the database: its encoding is another, perhaps Latin-1",
            table=table.name,
        ) from error


def _place_of_no_text(connection: sa.Connection, table: sa.TableClause) -> str:
    """The first such text: table, column and, where there is a key, row."""
    key = sa.inspect(connection).get_pk_constraint(table.name)["constrained_columns"]
    names = [*(column.name for column in table.c), *key]
    statement = str(sa.select(*map(sa.column, names)).select_from(table).compile(dialect=sqlite_dialect()))
    driver = _driver(connection)
    before, driver.text_factory = driver.text_factory, _text_or_not
    try:
        for row in driver.execute(statement):
            for name, value in zip(names, row, strict=True):
                if isinstance(value, _NoText):
                    at = ", ".join(f"{one} is {row[names.index(one)]}" for one in key)
                    return f"{table.name}.{name}, where {at}," if at else f"{table.name}.{name}"
    finally:
        driver.text_factory = before
    return table.name


def _text_or_not(stored: bytes) -> str | _NoText:
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return _NoText(stored)


@lru_cache(maxsize=256)
def _around_list(select: sa.Select[Any], key: sa.ColumnElement[Any]) -> tuple[str, str]:
    """The statement before and after its IN (...): SQLAlchemy would make it anew for every list of ids."""
    statement = str(select.where(key == sa.bindparam("ids")).compile(dialect=sqlite_dialect()))
    before, _mark, after = statement.rpartition("= ?")
    return f"{before}IN ", after


def _literal(value: Any) -> str:
    """A constant in an SQL statement."""
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"


def _set_up(raw: sqlite3.Connection, _record: object) -> None:
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute("PRAGMA synchronous = NORMAL")  # in write-ahead mode safe against crashes of the program


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("json2db_begin", "BEGIN"))


def _violations(connection: sa.Connection) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}


def _open_read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _copy(source: Path, target: Path, journal: str = "WAL") -> None:
    with (
        closing(_open_read_only(source)) as reader,
        closing(sqlite3.connect(target)) as writer,
    ):
        reader.backup(writer)
        writer.execute(f"PRAGMA journal_mode = {journal}")
        _require_sound(writer, target)


def _require_sound(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise DatabaseError(f"{path} is damaged: {found}", hint="use another backup")


def _unused(path: Path) -> Path:
    number, candidate = 1, path
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem}_{number}{path.suffix}")
    return candidate


def _describe(path: Path) -> Backup:
    status = path.stat()
    return Backup(str(path), now_text(datetime.fromtimestamp(status.st_mtime, UTC)), status.st_size)
