"""PostgreSQL's tables that get another shape and other rows, and stay what they are to everyone else.

A table is not replaced but changed where it stands, so that policies, grants, comments, triggers, publications and
whatever else people hung on it stay without our knowing of them. What is in the way of the change is taken away and
made again in the same transaction. What there was before is compared with what there is afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import sqlalchemy as sa

from json2db_sync.databases import postgresql_attached as attached
from json2db_sync.databases import tables
from json2db_sync.databases.attached import execute, would_be_lost
from json2db_sync.databases.base import Database, first_line, savepoint
from json2db_sync.databases.postgresql_attached import Attached
from json2db_sync.databases.postgresql_errors import state_of
from json2db_sync.databases.postgresql_locks import PostgreSQLLocks
from json2db_sync.model.plan import EntityPlan

_COLUMNS = """
    SELECT attname, attnum, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid),
        coalesce(attnum = ANY (indkey), false),
        attgenerated <> '',
        CASE WHEN attstorage <> typstorage THEN attstorage::text END, nullif(to_jsonb(a) ->> 'attcompression', '')
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = atttypid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum AND attgenerated = ''
    LEFT JOIN pg_index ON indrelid = attrelid AND indisprimary
    WHERE attrelid = :oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_IS_THERE, _NOT_OURS = "42710", "42501"
_STORAGE = {"p": "PLAIN", "e": "EXTERNAL", "m": "MAIN", "x": "EXTENDED"}
_COMPRESSION = {"p": "pglz", "l": "lz4"}
_OIDS = """
    SELECT relname, oid FROM pg_class
    WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relname = ANY (:names)
        AND relkind IN ('r', 'p')
"""
# Statements that keep what people made from acting on our own rows, and those that have them act again.
_SWITCHES = f"""
    SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname),
        coalesce({attached.TRIGGER_STATE}, format('ALTER TABLE %s ENABLE TRIGGER %I', tgrelid::regclass, tgname))
    FROM pg_trigger AS t WHERE tgrelid = ANY (:oids) AND NOT tgisinternal AND tgenabled <> 'D'
    UNION ALL SELECT format('ALTER TABLE %s DISABLE RULE %I', ev_class::regclass, rulename),
        coalesce({attached.RULE_STATE}, format('ALTER TABLE %s ENABLE RULE %I', ev_class::regclass, rulename))
    FROM pg_rewrite AS r WHERE ev_class = ANY (:oids) AND ev_enabled <> 'D'
    UNION ALL SELECT format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', oid::regclass),
        format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', oid::regclass)
    FROM pg_class WHERE oid = ANY (:oids) AND relforcerowsecurity
"""


class _Column(NamedTuple):
    name: str
    number: int
    type: str
    is_required: bool
    default: str | None
    is_key: bool
    is_generated: bool
    storage: str | None
    compression: str | None


def oids_of(connection: sa.Connection, names: Iterable[str]) -> dict[str, int]:
    """Those of these tables that are there."""
    return {row.relname: row.oid for row in connection.execute(sa.text(_OIDS), {"names": list(names)})}


class PostgreSQLTables(PostgreSQLLocks):
    """Tables get another shape and other rows, once nobody reads them."""

    def create_replacements(self, connection: sa.Connection, plan: EntityPlan, aliases: Mapping[str, str]) -> None:
        super().create_replacements(connection, plan, aliases)
        for alias in aliases.values():  # they are gone again with this transaction
            execute(connection, f"ALTER TABLE {self.quote(alias)} SET UNLOGGED")

    def put_in_place(
        self, connection: sa.Connection, old: EntityPlan, new: EntityPlan, aliases: Mapping[str, str]
    ) -> None:
        self._wait_for_readers(connection)
        sources = {name: self.quote(alias) for name, alias in aliases.items()}
        with self.changing(connection, [table.name for table in (*old.tables, *new.tables)], [old, new]) as change:
            there = oids_of(connection, aliases)
            for name, table in tables.build(new, self.type_of, foreign_keys=False, indexes=False).items():
                if name not in there:
                    table.create(connection)
                    change.guard(name)
            change.become(sources)
            for alias in sources.values():
                execute(connection, f"DROP TABLE {alias}")
            gone = [table.name for table in reversed(old.tables) if table.name not in aliases]
            for name in oids_of(connection, gone):
                execute(connection, f"DROP TABLE {self.quote(name)}")
            self.add_keys(connection, new)
            self.create_missing_indexes(connection, new)

    def make_anew(self, connection: sa.Connection, old: EntityPlan, new: EntityPlan) -> None:
        aliases = {table.name: f"json2db_new_{number}" for number, table in enumerate(new.tables)}
        self.create_replacements(connection, new, aliases)
        self.put_in_place(connection, old, new, aliases)

    def drop_tables(self, connection: sa.Connection, plan: EntityPlan) -> None:
        self._wait_for_readers(connection)
        super().drop_tables(connection, plan)

    def add_columns(self, connection: sa.Connection, plan: EntityPlan, table: str, names: Sequence[str]) -> None:
        self._wait_for_readers(connection)
        super().add_columns(connection, plan, table, names)

    @contextmanager
    def changing(
        self, connection: sa.Connection, names: Sequence[str], plans: Collection[EntityPlan]
    ) -> Iterator[Change]:
        """Inside, tables are changed; at the end all is there that people hung on them.

        :raises ValidationError: when it is not.
        """
        oids = oids_of(connection, names)
        if oids:
            # Dropped they are children first; queries that join them lock parents first, which would be a deadlock.
            locked = ", ".join(self.quote(name) for name in dict.fromkeys(names) if name in oids)
            execute(connection, f"LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE")
        own = {name for plan in plans for name in tables.index_names(plan)}
        own |= {str(one.name) for plan in plans for table in self.tables(plan).values() for one in table.indexes}
        before = attached.inventory(connection, oids.values(), own)
        change = Change(self, connection, oids, own)
        yield change
        change.make_again()
        lost = before - attached.inventory(connection, oids.values(), own)
        known = tuple(refused.partition(" (")[0] for refused in change.refused)
        named = {*change.refused, *(one for one in lost if not one.startswith(known))}
        if named:
            raise would_be_lost(sorted(named), next(iter(oids), None))


class Change:
    """What is on its way with some tables, inside a transaction."""

    def __init__(self, database: Database, connection: sa.Connection, oids: Mapping[str, int], own: set[str]) -> None:
        self._database = database
        self._connection = connection
        self._oids = oids
        self._own = own
        self._aside: list[Attached] = []
        self._switches: list[str] = []
        self._defaults: dict[str, str] = {}
        self._settings = attached.settings_of(connection, oids.values())
        self.refused: list[str] = []
        """What could not be made again, and why."""
        self._is_guarded = bool(
            connection.execute(
                sa.text("SELECT 1 FROM pg_class WHERE oid = ANY (:oids) AND relrowsecurity LIMIT 1"),
                {"oids": list(oids.values())},
            ).first()
        )

    def guard(self, table: str) -> None:
        """A new table gets rows of one that not everybody may see: it begins with nobody seeing any."""
        if self._is_guarded:
            execute(self._connection, f"ALTER TABLE {self._database.quote(table)} ENABLE ROW LEVEL SECURITY")

    def become(self, sources: Mapping[str, str]) -> None:
        """Have tables take the columns and the rows of others.

        :param sources: by table, parents first; quoted.
        """
        quote = self._database.quote
        there = oids_of(self._connection, sources)
        found = {name: self._columns(oid) for name, oid in there.items()}
        wanted = {name: self._columns(attached.oid_of(self._connection, source)) for name, source in sources.items()}
        made = {name: {one.name for one in found.get(name, {}).values() if one.is_generated} for name in sources}
        columns = [
            (there[name], column.number)
            for name in sources
            for column in found[name].values()
            if column.name not in wanted[name] or column.type != wanted[name][column.name].type
        ]
        self._take_away(columns)
        if self.refused:  # what stays where it is stops what follows
            raise would_be_lost(self.refused, next(iter(sources)))
        listed = ", ".join(f"ONLY {quote(name)}" for name in {**self._oids, **there})
        execute(self._connection, f"TRUNCATE TABLE {listed}")
        statements = [one for name in sources for one in self._alterations(name, found[name], wanted[name])]
        statements += [
            f"INSERT INTO {quote(name)} ({shown}) OVERRIDING SYSTEM VALUE SELECT {shown} FROM {source}"
            for name, source in sources.items()
            for shown in [", ".join(quote(one) for one in wanted[name] if one not in made[name])]
        ]
        statements.append("SET CONSTRAINTS ALL IMMEDIATE")  # what waits for the commit would be in the way
        try:
            with savepoint(self._connection):
                self._run(statements)
        except sa.exc.DBAPIError as error:
            if not self._database.refuses_statement(error):
                raise
            named = self._guilty(columns, statements) or [f"{_named(error)} ({first_line(error.orig or error)})"]
            raise would_be_lost([*self.refused, *named], next(iter(sources))) from error

    def _run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            execute(self._connection, statement)

    def _columns(self, oid: int) -> dict[str, _Column]:
        rows = self._connection.execute(sa.text(_COLUMNS), {"oid": oid})
        return {row[0]: _Column(*row) for row in rows}

    def _take_away(self, columns: attached.Columns) -> None:
        """What is in the way: it is made again at the end."""
        oids = list(self._oids.values())
        for off, on in self._connection.execute(sa.text(_SWITCHES), {"oids": oids}).all():
            execute(self._connection, off)
            self._switches.append(on)
        for one in (*attached.readers_of(self._connection, columns), *attached.keys_on(self._connection, oids)):
            if self._tried([one.drop], one.name):
                self._aside.append(one)
        for one in attached.parts_of(self._connection, columns):
            if one.name.removeprefix("index ") in self._own:
                execute(self._connection, one.drop)  # a plan makes it

    def _tried(self, statements: Iterable[str], name: str) -> bool:
        """Do it, or note that what bears this name is refused."""
        try:
            with savepoint(self._connection):
                self._run(statements)
        except sa.exc.DBAPIError as error:
            if not (self._database.refuses_statement(error) or state_of(error.orig) == _NOT_OURS):
                raise
            detail = getattr(getattr(error.orig, "diag", None), "message_detail", None)  # which row's key is missing
            more = f": {first_line(ValueError(detail))}" if detail else ""
            self.refused.append(f"the {name} ({first_line(error.orig or error)}{more})")
            return False
        return True

    def hang(self, statements: Iterable[str]) -> None:
        """Have on tables, which were gone, what hung on them; what is there on others has stayed."""
        for statement in statements:
            try:
                with savepoint(self._connection):
                    execute(self._connection, statement)
            except sa.exc.DBAPIError as error:
                if not self._database.refuses_statement(error):
                    raise
                if state_of(error.orig) != _IS_THERE:
                    self.refused.append(f"{statement} ({first_line(error.orig or error)})")

    def make_again(self) -> None:
        """What was taken away comes again."""
        for one in reversed(self._aside):
            make = one.make[1:] if one.is_ours else one.make
            self._tried(make, one.name)
        for name, statement in self._defaults.items():
            self._tried([statement], name)
        gone = {one.name for one in self._aside}
        for statement in self._switches:
            # a trigger that could not be made again is named already
            if not self._tried([statement], statement) and gone:
                self.refused.pop()
        there = attached.settings_of(self._connection, self._oids.values())
        for statement in self._settings:
            if statement not in there and not self._tried([statement], statement):
                self.refused.pop()  # the inventory has it in words
        self._aside, self._switches = [], []

    def _alterations(self, table: str, found: Mapping[str, _Column], wanted: Mapping[str, _Column]) -> Iterator[str]:
        """What makes the columns of an empty table those that are wanted."""
        quote, actions = self._database.quote, []
        is_rekeyed = [one.name for one in found.values() if one.is_key] != [
            one.name for one in wanted.values() if one.is_key
        ]
        if is_rekeyed and (key := self._primary_key(table)):
            actions.append(f"DROP CONSTRAINT {quote(key)}")
        for column in found.values():
            if column.name not in wanted:
                actions.append(f"DROP COLUMN {quote(column.name)}")
            elif is_rekeyed and column.is_key and not wanted[column.name].is_required:
                actions.append(f"ALTER COLUMN {quote(column.name)} DROP NOT NULL")
        for column in wanted.values():
            before = found.get(column.name)
            actions += _as_wanted(quote(column.name), before, column)
            if before and before.default is not None and before.type != column.type and column.default is None:
                again = f"ALTER TABLE {quote(table)} ALTER COLUMN {quote(column.name)} SET DEFAULT {before.default}"
                self._defaults[f"default {before.default} of {table}.{column.name}"] = again
        if is_rekeyed:
            actions.append(f"ADD PRIMARY KEY ({', '.join(quote(one.name) for one in wanted.values() if one.is_key)})")
        if actions:
            yield f"ALTER TABLE ONLY {quote(table)} {', '.join(actions)}"

    def _primary_key(self, table: str) -> str | None:
        query = "SELECT conname FROM pg_constraint WHERE contype = 'p' AND conrelid = CAST(:table AS regclass)"
        return self._connection.execute(sa.text(query), {"table": self._database.quote(table)}).scalar()

    def _guilty(self, columns: attached.Columns, statements: Sequence[str]) -> list[str]:
        """Which constraints, indexes and statistics do not go with a change that is refused; nothing is done."""
        before, self.refused = self.refused, []
        with savepoint(self._connection) as attempt:
            parts = attached.parts_of(self._connection, columns)
            dropped = [one for one in parts if self._tried([one.drop], one.name)]
            if self._tried(statements, "change"):
                for one in (*dropped, *reversed([one for one in self._aside if not one.is_ours])):
                    self._tried(one.make, one.name)
                named = self.refused
            else:
                named = []
            attempt.rollback()
        self.refused = before
        return named


def _as_wanted(name: str, found: _Column | None, wanted: _Column) -> Iterator[str]:
    """What makes a column of an empty table what it is to be. What people set of it stays."""
    if found is None:
        given = f" DEFAULT {wanted.default}" if wanted.default is not None else ""
        yield f"ADD COLUMN {name} {wanted.type}{given}{' NOT NULL' if wanted.is_required else ''}"
        return
    is_other = found.type != wanted.type
    if is_other:
        if found.default is not None:
            yield f"ALTER COLUMN {name} DROP DEFAULT"
        yield f"ALTER COLUMN {name} TYPE {wanted.type} USING NULL::{wanted.type}"
        if found.storage:
            yield f"ALTER COLUMN {name} SET STORAGE {_STORAGE[found.storage]}"
        if found.compression:
            yield f"ALTER COLUMN {name} SET COMPRESSION {_COMPRESSION[found.compression]}"
    if wanted.default is not None and (is_other or wanted.default != found.default):
        yield f"ALTER COLUMN {name} SET DEFAULT {wanted.default}"
    if wanted.is_required and not found.is_required:
        yield f"ALTER COLUMN {name} SET NOT NULL"


def _named(error: sa.exc.DBAPIError) -> str:
    """What an error of the server's is about."""
    said = getattr(error.orig, "diag", None)
    if constraint := getattr(said, "constraint_name", None):
        return f"the constraint {constraint} of {said.table_name}"  # type: ignore[union-attr]
    if state_of(error.orig) == "23502":
        return f"the NOT NULL of {said.table_name}.{said.column_name}"  # type: ignore[union-attr]
    detail = str(getattr(said, "message_detail", None) or "something that depends on a column").splitlines()[0]
    return detail.rstrip(".")
