"""Tables, constraints and indexes as a catalog tells them. Expressions are SQL of the catalog's own database."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from json2db_sync.databases.catalog.types import ColumnType


@dataclass(frozen=True)
class Identity:
    """Numbers that the database gives out for a column."""

    always: bool = False
    """GENERATED ALWAYS: a value of one's own needs OVERRIDING SYSTEM VALUE."""
    next_value: int | None = None
    """The next that it would give out; None where only the rows say."""
    increment: int = 1
    sequence: str | None = None
    """The sequence's name, where the column is a serial."""
    reuses: bool = False
    """May a number come again whose row is gone? (SQLite's INTEGER PRIMARY KEY without AUTOINCREMENT)"""


@dataclass(frozen=True)
class CatalogColumn:
    """A column of a table."""

    name: str
    type: ColumnType
    nullable: bool = True
    default: str | None = None
    """As the catalog spells the expression; None where there is none, or where it is an identity's."""
    generated: str | None = None
    """The expression of a generated column."""
    stored: bool = True
    """Is a generated column stored, rather than computed when read?"""
    identity: Identity | None = None
    collation: str | None = None
    """Where it is not the database's usual one."""
    comment: str | None = None


@dataclass(frozen=True)
class Unique:
    """A unique constraint, or the primary key."""

    name: str | None
    columns: tuple[str, ...]
    nulls_distinct: bool = True


@dataclass(frozen=True)
class Check:
    """A check constraint."""

    name: str | None
    expression: str


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key."""

    name: str | None
    columns: tuple[str, ...]
    schema: str | None
    """None where it is that of the table."""
    table: str
    referred: tuple[str, ...]
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"
    deferrable: bool = False
    initially_deferred: bool = False


@dataclass(frozen=True)
class Index:
    """An index that no constraint makes."""

    name: str
    parts: tuple[str, ...]
    """Columns, quoted, or expressions in parentheses; each with what follows it (COLLATE, DESC, an operator class)."""
    columns: tuple[str | None, ...]
    """Of each part the bare name of its column, None where it is an expression."""
    unique: bool = False
    where: str | None = None
    method: str = "btree"
    nulls_distinct: bool = True
    include: tuple[str, ...] = ()
    """Columns that it holds besides, bare."""
    definition: str = ""
    """The statement that made it, in its database's words."""


@dataclass(frozen=True)
class CatalogTable:
    """A table, or a view."""

    name: str
    columns: tuple[CatalogColumn, ...]
    schema: str | None = None
    """None where names without a schema mean it: in SQLite always."""
    primary_key: Unique | None = None
    uniques: tuple[Unique, ...] = ()
    checks: tuple[Check, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    comment: str | None = None
    is_view: bool = False
    definition: str | None = None
    """Of a view, the statement."""
    rowid: bool = False
    """Has it SQLite's rowid, by which its rows can be read in order?"""
    options: tuple[str, ...] = ()
    """What stands behind a table of SQLite: STRICT, WITHOUT ROWID."""
    partitioned: bool = False
    """Are its rows in partitions, so that ``ONLY`` would find none?"""
    rows: int | None = None
    """About how many, where the database tells without counting."""

    @property
    def place(self) -> tuple[str | None, str]:
        """Schema and name."""
        return self.schema, self.name

    @property
    def title(self) -> str:
        """For people: with the schema, where that is not the usual one."""
        return self.name if self.schema is None else f"{self.schema}.{self.name}"

    def column(self, name: str) -> CatalogColumn:
        """A column by its name."""
        return next(column for column in self.columns if column.name == name)

    def without(self, *names: str) -> CatalogTable:
        """The same without these columns."""
        return replace(self, columns=tuple(one for one in self.columns if one.name not in names))


@dataclass(frozen=True)
class Enum:
    """A type that is a list of labels."""

    schema: str | None
    name: str
    labels: tuple[str, ...]
    comment: str | None = None


@dataclass(frozen=True)
class Domain:
    """A type with rules of its own."""

    schema: str | None
    name: str
    type: ColumnType
    nullable: bool = True
    default: str | None = None
    checks: tuple[Check, ...] = ()
    comment: str | None = None


@dataclass(frozen=True)
class Sequence:
    """A sequence that belongs to no column."""

    schema: str | None
    name: str
    next_value: int
    increment: int = 1


@dataclass(frozen=True)
class Unsaid:
    """Something a database has that this catalog has no word for: a trigger, a policy, a rule, large objects."""

    kind: str
    """trigger, policy, rule, function, inheritance, large objects, virtual table, ..."""
    name: str
    table: str | None
    why: str
    """What it would have meant, in one sentence."""


@dataclass(frozen=True)
class Catalog:
    """All of a database, or of one schema of it, that a transfer may be about."""

    database: str
    """``sqlite`` or ``postgresql``, as the registry names them."""
    schema: str | None = None
    """The usual schema, whose tables are named without it."""
    tables: tuple[CatalogTable, ...] = ()
    """Views among them; those that SQLite or the ledger makes for itself are not."""
    enums: tuple[Enum, ...] = ()
    domains: tuple[Domain, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    unsaid: tuple[Unsaid, ...] = field(default=())
    encoding: str | None = None
    """Python's name of the encoding that bounds its texts: ``ascii`` where it takes any bytes; None: it bounds none."""

    @property
    def unread(self) -> tuple[Unsaid, ...]:
        """What has rows, or is to have them, and is not among the tables."""
        return tuple(one for one in self.unsaid if one.table is None and one.kind in ("virtual table", "view"))

    def table(self, name: str) -> CatalogTable:
        """A table by its name."""
        return next(table for table in self.tables if table.name == name)


def quoted(name: str) -> str:
    """A name as a statement has it, whatever it is made of."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a statement has it (PostgreSQL: where standard_conforming_strings is on)."""
    return "'" + text.replace("'", "''") + "'"


def qualified(table: CatalogTable) -> str:
    """A table's name as a statement has it, with its schema where that is not the usual one."""
    return quoted(table.name) if table.schema is None else f"{quoted(table.schema)}.{quoted(table.name)}"
