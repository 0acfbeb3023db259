"""PostgreSQL, through psycopg 3."""

from __future__ import annotations

import codecs
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.psycopg import dialect as psycopg_dialect

from json2db_sync.databases import postgresql_errors
from json2db_sync.databases.base import Database, DatabaseSettings
from json2db_sync.databases.dialect import (
    Capabilities,
    Decode,
    Expression,
    Id,
    PlainColumn,
    Query,
    Relations,
    Rows,
    T,
    Values,
    quoting,
    require_all,
)
from json2db_sync.databases.postgresql_backups import PostgreSQLBackups
from json2db_sync.databases.postgresql_errors import is_missing_right, is_refusal, refuses_options, state_of
from json2db_sync.databases.postgresql_session import NO_LIMITS, Session, codec_of, driver_of, options_of
from json2db_sync.databases.postgresql_texts import keep_statements, remember, undecodable_told
from json2db_sync.databases.postgresql_views import PostgreSQLViews
from json2db_sync.databases.row_forms import AsCopyText, RowForm, RowRefused, with_constants
from json2db_sync.databases.tables import SqlType, VerbatimType
from json2db_sync.errors import ConfigurationError, DatabaseError
from json2db_sync.masking import masked
from json2db_sync.model import jsontext
from json2db_sync.model.kinds import Kind
from json2db_sync.model.moments import has_offset, spell, spell_any
from json2db_sync.model.plan import HASH, ID, LOAD, EntityPlan
from json2db_sync.sources.batch import Record
from json2db_sync.workers.background import BackgroundQueue

if TYPE_CHECKING:
    import psycopg

    from json2db_sync.databases.table_stores import TableStore
    from json2db_sync.databases.target_types import TargetTypes

_TYPES: dict[Kind, SqlType] = {
    Kind.BOOL: sa.Boolean(),
    Kind.INTEGER: sa.BigInteger(),
    Kind.BIGINT: VerbatimType("NUMERIC"),
    Kind.NUMBER: postgresql.DOUBLE_PRECISION(),
    Kind.DECIMAL: VerbatimType("NUMERIC"),
    Kind.DATE: VerbatimType("DATE"),
    Kind.JSON: VerbatimType("JSONB"),
}
_PLAIN = (sa.Integer, sa.Numeric, sa.Float, sa.Boolean, sa.String, sa.LargeBinary, sa.Uuid)
"""Types whose values psycopg gives as they are; of all others the server makes JSON, or the text in it."""
_ORDERED = (sa.Integer, sa.Numeric, sa.Float, sa.Boolean, sa.Date, sa.DateTime, sa.LargeBinary, sa.Uuid)
# float: a number's column that someone has altered gives decimals
_DECODERS: dict[Kind, Decode] = {Kind.BIGINT: int, Kind.NUMBER: float, Kind.DECIMAL: "{:f}".format}
_SMALL = (sa.Integer, sa.Numeric, sa.Float, sa.Boolean, sa.Date, sa.DateTime, sa.Time, sa.Interval, sa.Uuid, sa.Enum)
_MANY = 800
_DAY = (
    r"[12]\d{3}-((0?[13578]|1[02])-(0?[1-9]|[12]\d|3[01])|(0?[469]|11)-(0?[1-9]|[12]\d|30)|0?2-(0?[1-9]|1\d|2[0-8]))"
    r"|([12]\d(0[48]|[2468][048]|[13579][26])|2000)-0?2-29"
)
"""Days that there are, with or without zeros before their numbers: one that is none would end the statement."""
_RELATIONS = """
SELECT c.relname,
    CASE WHEN c.relkind NOT IN ('r', 'p') THEN 'other'
        WHEN c.relispartition AND root.relnamespace = c.relnamespace THEN 'inner'
        WHEN c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhparent = c.oid) THEN 'parent'
        ELSE 'r' END
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_class AS root ON c.relispartition AND root.oid = pg_partition_root(c.oid)
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
    AND n.nspname = coalesce(CAST(:schema AS text), current_schema())
"""
_IDENTITY = """
SELECT pg_postmaster_start_time(), oid, current_schema() FROM pg_database WHERE datname = current_database()
"""
_ELSEWHERE = """
SELECT n.nspname || '.' || c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> current_schema()
    AND left(n.nspname, 3) <> 'pg_' AND n.nspname <> 'information_schema'
"""
_KEYWORDS = {"collation", "concurrently", "lateral", "system_user", "tablesample"}
"""Names that SQLAlchemy does not know as keywords."""


_UNHEARD = logging.NullHandler()

_OF_PLACE = {
    "PGHOST": "host",
    "PGHOSTADDR": "hostaddr",
    "PGPORT": "port",
    "PGDATABASE": "dbname",
    "PGSERVICE": "service",
}
"""What says where a database is: by variable, the word of a URL's query."""


class PostgreSQLDatabase(PostgreSQLBackups, PostgreSQLViews):
    """A database on a PostgreSQL server."""

    capabilities = Capabilities(
        name="postgresql",
        title="PostgreSQL",
        file_based=False,
        schemas=True,
        several_writers=True,
        keys_follow_renames=True,
        typed_moments=True,
        typed_json=True,
    )
    fault_of = staticmethod(postgresql_errors.fault_of)

    def __init__(self, url: sa.URL, settings: DatabaseSettings) -> None:
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            raise ConfigurationError(
                "PostgreSQL needs the psycopg driver, which is not installed",
                hint='pip install "psycopg[binary]>=3.3"',
                setting="database.path",
                reason="driver_missing",
            ) from error
        super().__init__(url, settings)
        # It warns of what it passes over while it tells of an error, which we tell.
        logging.getLogger("psycopg").addHandler(_UNHEARD)
        self._options = options_of(url)
        self.session = Session(self._options, settings.schema, settings.busy_timeout)
        self._json_index = "gin" if settings.json_index else None
        self._was_reached = False
        self._ahead = BackgroundQueue()
        """Rows are on their way to the server while the next ones are prepared."""

    @classmethod
    def address(cls, url: sa.URL, written: str) -> sa.URL:
        return url.set(drivername="postgresql+psycopg")

    @classmethod
    def backup_place(cls, written: str, directory: Path | None) -> str:
        return "the tables as they are, in a schema of their own"

    def exists(self) -> bool:
        return True

    @property
    def short_label(self) -> str:
        place = sa.URL.create(
            self.capabilities.name, host=self.url.host, port=self.url.port, database=self.url.database
        )
        said = {name: self.url.query[name] for name in _OF_PLACE.values() if name in self.url.query}
        schema = self.settings.schema or self._options.schema
        return masked(place.set(query=said | ({"schema": schema} if schema else {})).render_as_string())

    @property
    def place(self) -> str:
        url = self.url
        said = {"PGHOST": url.host, "PGPORT": url.port, "PGDATABASE": url.database}
        unsaid = [name for name, word in _OF_PLACE.items() if not (said.get(name) or word in url.query)]
        return " ".join([self.short_label, *(f"{name}={os.environ[name]}" for name in unsaid if name in os.environ)])

    def is_same(self, other: Database) -> bool:
        """The server says it: a URL has one of its addresses."""
        if super().is_same(other) or not isinstance(other, PostgreSQLDatabase):
            return super().is_same(other)
        with self.reading() as one, other.reading() as two:
            asked = [connection.exec_driver_sql(_IDENTITY).one() for connection in (one, two)]
        return asked[0] == asked[1]

    @property
    def label(self) -> str:
        url = self.url
        if self.settings.schema:  # as a URL that leads there
            url = url.update_query_dict({"options": f"-csearch_path={self.quote(self.settings.schema)}"})
        return masked(url.render_as_string(hide_password=True))

    @classmethod
    def target_types(cls) -> TargetTypes:
        from json2db_sync.databases.target_types.postgresql import PostgreSQLTypes

        return PostgreSQLTypes()

    def table_store(self, connection: sa.Connection) -> TableStore:
        from json2db_sync.databases.table_stores.postgresql import PostgreSQLTables

        return PostgreSQLTables(self, connection)

    def version(self, connection: sa.Connection) -> str:
        number = connection.exec_driver_sql("SHOW server_version").scalar_one()
        return f"PostgreSQL {str(number).partition(' ')[0]}"

    @classmethod
    def dialect(cls) -> sa.Dialect:
        return quoting(psycopg_dialect(paramstyle="named"), _KEYWORDS)  # type: ignore[no-untyped-call]

    def _create_engine(self) -> sa.Engine:
        arguments: dict[str, str | int] = {
            "connect_timeout": 10,
            "client_encoding": "utf8",  # as COPY's text is
            "application_name": "json2db_sync",
        }
        if self._options.settings:  # which each transaction sets
            arguments["options"] = self._options.rest
        engine = sa.create_engine(
            self.url.set(drivername="postgresql+json2db"),
            connect_args=arguments,
            json_deserializer=jsontext.decode,
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
        )
        sa.event.listen(engine, "do_connect", self._connect)
        sa.event.listen(engine, "connect", self._connected, insert=True)
        sa.event.listen(engine, "begin", self._begin)
        sa.event.listen(engine, "before_cursor_execute", remember)
        for moment in ("before_cursor_execute", "commit", "savepoint", "release_savepoint", "rollback_savepoint"):
            sa.event.listen(engine, moment, self._finish_inserts)
        sa.event.listen(engine, "rollback", self._abandon_inserts)
        return engine

    def _connect(
        self, dialect: sa.Dialect, _record: object, positional: list[str], named: dict[str, object]
    ) -> psycopg.Connection | None:
        """A connection without time limits from its first statement on, unless a pooler does not let us say so."""
        if not self.session.limits_at_start or "service" in self.url.query or "PGSERVICE" in os.environ:
            return None
        try:
            options = {"options": f"{named.get('options', '')} {NO_LIMITS}"}
            connection: psycopg.Connection = dialect.connect(*positional, **{**named, **options})  # type: ignore[assignment]
            return connection
        except dialect.dbapi.OperationalError as error:  # type: ignore[union-attr]
            if not refuses_options(error):
                raise
            self.session.limits_at_start = False
            return None  # connected as usual

    def _connected(self, driver: psycopg.Connection, record: sa.pool.ConnectionPoolEntry) -> None:
        try:
            self.session.connected(driver)
        except BaseException:
            driver.close()
            raise
        keep_statements(driver, record.info)
        self._was_reached = True

    def _begin(self, connection: sa.Connection) -> None:
        connection.dialect.default_schema_name = self.session.schema
        self.session.begin(driver_of(connection))

    def _finish_inserts(self, *_of_the_event: object) -> None:
        self._ahead.finish()

    def _abandon_inserts(self, *_of_the_event: object) -> None:
        self._ahead.abandon()

    def close(self) -> None:
        super().close()
        self._ahead.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with super()._translated():
                yield
        except DatabaseError as error:
            # A server that was never there may be down for long: who asks wants to know.
            error.passing = error.passing and (self._was_reached or error.reason != "server_unreachable")
            place = postgresql_errors.place_of(getattr(error.__cause__, "orig", None))
            if place and error.reason == "database_error" and not error.passing:
                with suppress(sa.exc.DBAPIError), self.engine.connect() as connection:
                    more = postgresql_errors.triggers_in(connection, place)
                    error.message = error.message.removesuffix(more) + more
            if error.reason != "no_permission" or "table" in error.context:
                raise
            missing: list[tuple[str, str]] = []
            with suppress(sa.exc.DBAPIError), self.engine.connect() as connection:
                missing = postgresql_errors.missing_rights(connection, error.message.removeprefix(self.label))
            raise postgresql_errors.with_rights(error, missing) from error

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        with super().transaction() as connection, undecodable_told(connection, self.session, self.label):
            self._require_lock(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        # A table that replaces another after the snapshot was taken would be empty to it: the lock comes before.
        with (
            self._translated(),
            self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection,
            self._no_replacing(connection),
            connection.begin(),
            undecodable_told(connection, self.session, self.label),
        ):
            yield connection

    @classmethod
    def type_of(cls, kind: Kind, date_format: str | None = None) -> SqlType:
        if kind is Kind.DATETIME:
            zone = "WITH" if date_format and has_offset(date_format) else "WITHOUT"
            return VerbatimType(f"TIMESTAMP {zone} TIME ZONE")
        return _TYPES.get(kind, sa.Text())

    def decoder(self, kind: Kind, date_format: str | None, stored_digits: int | None = None) -> Decode | None:
        if kind in (Kind.DATE, Kind.DATETIME):
            assert date_format is not None
            if stored_digits is not None:
                return lambda value: spell_any(value, date_format)
            return lambda value: spell(value, date_format)
        return _DECODERS.get(kind)

    def decode_json(self, value: Any) -> Any:
        return value  # psycopg has read it

    def stored_form(self, kind: Kind, date_format: str | None) -> Decode | None:
        if kind in (Kind.DATE, Kind.DATETIME):
            return self.decoder(kind, date_format)
        forms: dict[Kind, Decode] = {Kind.BIGINT: str, Kind.JSON: jsontext.encode, Kind.DECIMAL: "{:f}".format}
        return forms.get(kind)

    def may_reject(self, text: bytes) -> bool:
        return b"\\u0000" in text

    def rejection_reason(self, record: Record) -> str | None:
        if b"\\u0000" in record.raw and _holds_nul(record.value):
            return "it holds U+0000, which PostgreSQL cannot store"
        return None

    def unstorable(self, kind: Kind, column: Sequence[object]) -> Mapping[int, tuple[str, str]]:
        nul = r"\u0000" if kind is Kind.JSON else "\0"
        texts = ((place, value) for place, value in enumerate(column) if isinstance(value, str) and nul in value)
        found = (place for place, text in texts if kind is not Kind.JSON or nul in text.replace(r"\\", ""))
        return dict.fromkeys(found, ("no_character", "it holds U+0000, which PostgreSQL cannot store"))

    def of_users_own(self, column: Sequence[object]) -> Sequence[object]:
        texts = (rf"\x{value.hex()}" if isinstance(value, bytes) else str(value) for value in column)
        return [None if value is None else text for value, text in zip(column, texts, strict=True)]

    def refuses_row(self, error: sa.exc.DBAPIError) -> bool:
        return is_refusal(error.orig)

    def refused_column(self, error: BaseException | None) -> str | None:
        context = getattr(getattr(error, "diag", None), "context", None) or ""
        found = re.search(r"^COPY .*, line \d+, column (.+?)(?:: |$)", context, re.MULTILINE)
        return found[1] if found else None

    def refusal(self, connection: sa.Connection, error: sa.exc.DBAPIError) -> str:
        key = postgresql_errors.key_of(error.orig) if error.orig else ""
        more = key or postgresql_errors.triggers_in(connection, postgresql_errors.place_of(error.orig))
        return super().refusal(connection, error) + more

    def lacked_character(self, error: DatabaseError) -> str:
        found = re.search(r"(?:0x[0-9a-f]{2} ?)+", error.message) if error.reason == "invalid_encoding" else None
        return bytes.fromhex(found[0].replace("0x", "")).decode(errors="replace") if found else ""

    def refuses_statement(self, error: sa.exc.DBAPIError) -> bool:
        return super().refuses_statement(error) and not is_missing_right(error.orig)

    def row_form(self, plan: EntityPlan) -> RowForm:
        kinds = (sa.Integer, sa.Float, sa.Boolean)  # of columns that take numbers and booleans, not texts
        tables = self.tables(plan).items()
        return AsCopyText({name: frozenset(c.name for c in one.c if isinstance(c.type, kinds)) for name, one in tables})

    def insert_ready(
        self, connection: sa.Connection, table: sa.Table, rows: tuple[Sequence[str], bytes], constants: Values
    ) -> None:
        names, text = rows
        columns = ", ".join(self.quote(name) for name in (*names, *constants))
        statement = f"COPY {self.quote(table.name)} ({columns}) FROM STDIN"
        self._ahead.start(partial(_copy, driver_of(connection), table.name, statement, with_constants(text, constants)))

    def storable_ids(self, connection: sa.Connection, ids: Sequence[T]) -> Sequence[T]:
        codec = codec_of(driver_of(connection))
        encode = codecs.getencoder("utf-8" if codec in (None, "ascii") else codec)
        if _can(encode, "".join(id_ for id_ in ids if isinstance(id_, str))):
            return ids
        return [id_ for id_ in ids if not isinstance(id_, str) or _can(encode, id_)]

    def rows_of(self, connection: sa.Connection, select: Query, key: Expression, ids: Sequence[object]) -> Rows:
        # A float as its text: 0.1 of a real is another number as a double.
        return super().rows_of(connection, select, key, [repr(id_) if type(id_) is float else id_ for id_ in ids])

    def versions(self, connection: sa.Connection, table: sa.Table, ids: Sequence[Id]) -> dict[Id, tuple[int, int]]:
        self._ahead.finish()
        of_ids = "bigint" if isinstance(table.c[ID].type, sa.BigInteger) else "text"
        statement = f"SELECT {ID}, {HASH}, {LOAD} FROM {self.quote(table.name)} WHERE {ID} = ANY(%s::{of_ids}[])"
        with driver_of(connection).cursor() as cursor:
            rows = cursor.execute(statement, [list(self.storable_ids(connection, ids))])
            return {id_: (hash_, load) for id_, hash_, load in rows}

    def exact_sum(self, connection: sa.Connection, column: sa.Column[Any]) -> Decimal | None:
        total = connection.execute(sa.select(sa.func.sum(column))).scalar_one()
        return None if total is None else Decimal(total)

    def byte_order(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
        return column.collate("C")

    def relations(self, connection: sa.Connection, schema: str | None = None) -> Relations:
        found: dict[str, set[str]] = {"r": set(), "inner": set(), "parent": set(), "other": set()}
        for name, sort in connection.execute(sa.text(_RELATIONS), {"schema": schema}):
            found[sort].add(name)
        tables, inner, parents, others = map(frozenset, found.values())
        return Relations(tables | inner | parents, inner, parents, others)

    def names_elsewhere(self, connection: sa.Connection) -> list[str]:
        return list(connection.exec_driver_sql(_ELSEWHERE).scalars())

    def may_read(self, connection: sa.Connection, schema: str, table: str) -> bool:
        name = f"{self.quote(schema)}.{self.quote(table)}"
        usage = connection.execute(sa.select(sa.func.has_schema_privilege(schema, "USAGE"))).scalar_one()
        return bool(usage and connection.execute(sa.select(sa.func.has_table_privilege(name, "SELECT"))).scalar_one())

    def plain_type(self, type_: SqlType) -> SqlType:
        while isinstance(type_, postgresql.DOMAIN):
            type_ = type_.data_type
        return type_

    def reads_as_json(self, type_: SqlType) -> bool:
        structured = (sa.JSON, sa.ARRAY, postgresql.HSTORE, sa.types.NullType)  # of composite types nothing is known
        return isinstance(type_, structured) and not self._holds_bytes(type_)

    def _holds_bytes(self, type_: SqlType) -> bool:
        return isinstance(type_, sa.ARRAY) and isinstance(self.plain_type(type_.item_type), sa.LargeBinary)

    def as_read(self, column: PlainColumn, type_: SqlType) -> Expression:
        if isinstance(type_, _PLAIN):
            return column
        if self._holds_bytes(type_):  # of what are domains psycopg would not know that
            return sa.cast(column, postgresql.ARRAY[Any](postgresql.BYTEA))
        # Dates too: psycopg cannot read infinity, or years before 1.
        value = sa.func.to_json(column)
        return sa.cast(value, sa.Text) if self.reads_as_json(type_) else value.op("#>>")(sa.literal_column("'{}'"))

    def own_rows(self, select: Query, source: sa.FromClause) -> Query:
        return select.with_hint(source, "ONLY", self.capabilities.name)

    def order_of_all(self, columns: list[Expression]) -> list[Expression]:
        # The server sorts with at most 1,664 columns: those that are read, and those that are ordered by.
        return columns if len(columns) < _MANY else [sa.func.row(*columns)]

    def largest_row(self, connection: sa.Connection, select: Query, columns: Mapping[str, SqlType]) -> int:
        sizes = [_size(self.quote(name), type_) for name, type_ in columns.items() if not isinstance(type_, _SMALL)]
        largest: Expression = sa.func.max(sa.literal_column(" + ".join(sizes) or "0"))
        return int(connection.execute(select.with_only_columns(largest).order_by(None)).scalar_one() or 0)

    def moment_text(self, connection: sa.Connection, column: Expression) -> Expression:
        wall = rf"^({_DAY})([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?)?"
        offset = r"(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)$"
        text = sa.func.regexp_replace(sa.cast(column, sa.Text), r"^(\d{4})(\d\d)(\d\d)(?=$|[T ])", r"\1-\2-\3")
        moment = sa.case(
            (text.regexp_match(f"{wall}$"), sa.cast(text, sa.TIMESTAMP)),
            (text.regexp_match(wall + offset), sa.func.timezone("UTC", sa.cast(text, sa.TIMESTAMP(timezone=True)))),
        )
        return sa.func.to_char(moment, "YYYY-MM-DD HH24:MI:SS.US").collate("C")

    def in_order(self, column: PlainColumn, type_: SqlType) -> Expression:
        return column if isinstance(type_, _ORDERED) else sa.cast(column, sa.Text).collate("C")

    def integrity_problems(self, connection: sa.Connection) -> list[str]:
        invalid = connection.exec_driver_sql(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
        ).scalars()
        return [f"the index {name} is not valid" for name in invalid]

    def foreign_key_problems(self, connection: sa.Connection, names: Sequence[str]) -> list[str]:
        statement = sa.text(
            "SELECT conrelid::regclass::text || ': ' || conname || ' was never checked' FROM pg_constraint"
            " JOIN pg_class ON pg_class.oid = conrelid WHERE contype = 'f' AND NOT convalidated AND relname IN :names"
            " AND relnamespace = quote_ident(current_schema())::regnamespace"
        ).bindparams(sa.bindparam("names", expanding=True, type_=sa.Text()))
        return list(connection.execute(statement, {"names": list(names)}).scalars())

    def size(self, connection: sa.Connection) -> int | None:
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())

    def table_sizes(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, int]:
        statement = sa.text(
            "SELECT relname, pg_total_relation_size(pg_class.oid) FROM pg_class JOIN pg_namespace AS n"
            " ON n.oid = relnamespace WHERE nspname = current_schema() AND relname IN :names"
        ).bindparams(sa.bindparam("names", expanding=True, type_=sa.Text()))
        return {name: int(size) for name, size in connection.execute(statement, {"names": list(names)})}


def _size(column: str, type_: SqlType) -> str:
    """SQL for the bytes of a value, about; where it can the server tells them without reading the value."""
    if isinstance(type_, sa.String | sa.LargeBinary):
        return f"coalesce(octet_length({column}), 0)"
    stored = f"pg_column_size({column})"  # packed, perhaps
    return f"coalesce(CASE WHEN {stored} > 2000 THEN octet_length(CAST({column} AS text)) ELSE {stored} END, 0)"


def _copy(driver: psycopg.Connection, table: str, statement: str, text: bytes) -> None:
    try:
        with driver.cursor() as cursor:
            with cursor.copy(statement) as copy:
                copy.write(text)
            require_all(table, text.count(b"\n"), cursor.rowcount)
    except Exception as error:
        if is_refusal(error) or state_of(error).startswith("0A"):  # what COPY alone cannot, INSERT can
            raise RowRefused from error
        raise


def _can(encode: Callable[[str], object], text: str) -> bool:
    try:
        encode(text)
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _holds_nul(value: object) -> bool:
    """In a text, that is. In a key it may do no harm; where it does, the database refuses the row."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return False
