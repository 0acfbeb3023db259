"""Tables as a transfer or comparison reads and writes them: a catalog, and rows as columns of canonical text.

A new kind of end (files, another database) is a subclass of :class:`TableStore`. What a value's canonical text is
stands in :mod:`json2db_sync.databases.catalog.types`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from json2db_sync.databases.catalog.tables import Catalog, CatalogTable, ForeignKey
from json2db_sync.databases.catalog.types import ColumnType
from json2db_sync.errors import ConfigurationError

if TYPE_CHECKING:
    from json2db_sync.databases.catalog.alterations import Alterations
    from json2db_sync.databases.table_stores.keyed import KeyedRows
    from json2db_sync.databases.table_stores.own_csv import OwnCsv, Spell
    from json2db_sync.databases.table_stores.profiles import ColumnProfile

TextColumn = Sequence[str | None]
"""One column of some rows in canonical text; None is NULL."""
Batch = Sequence[TextColumn]
"""Some rows, column by column, in the order of the columns asked for."""
StoredRows = Sequence[tuple[object, ...]]
"""Some rows as the driver gives them."""
MOST_ROWS = 1000
"""In a batch: the values of more would be gone from the processor's cache when they are come back to."""
DUPLICATE_HINT = "where that row was there before, mode upsert replaces it; nothing was kept of this try"


@dataclass(frozen=True)
class Lines:
    """Some rows, of which the most is the text of PostgreSQL's COPY already."""

    rest: Batch
    """The first columns."""
    lines: Sequence[bytes]
    """Of each row the others, with the newline that ends it."""


Strangers = Literal["refuse", "text", "null", "marked"]
"""What becomes of values of SQLite whose storage class or form is not that of their column's type. Marked: the
character NUL, then as ``any`` spells them (a text that itself begins with NUL, too); what comparisons ask for."""


@dataclass(frozen=True)
class WireColumn:
    """A column as its values travel: both ends write the canonical text of this type."""

    name: str
    type: ColumnType
    strangers: Strangers = "refuse"
    nullable: bool = True
    """Does the other end take NULL? What it does not is a misfit; :meth:`TableStore.read` gives it all the same."""
    nul: bool = True
    """Does the other end hold U+0000 in texts? (:attr:`TableStore.holds_nul`)"""
    encoding: str | None = None
    """That bounds its texts (:attr:`~json2db_sync.databases.catalog.tables.Catalog.encoding`)."""
    native: bool = False
    """Do its values travel as int, float, bool or bytes of Python in place of their text? Only where the one end gives
    them so (:meth:`Readable.gives_natively`) and the other takes them (:meth:`TableStore.takes_natively`).
    """

    @property
    def marked(self) -> WireColumn:
        """The same with every value that the column has, of whatever type."""
        return replace(self, strangers="marked")


@dataclass(frozen=True)
class Misfit:
    """A value, or a row, that the other end would refuse or could not hold."""

    table: str
    key: str
    """The row: ``id = 5``; or its rowid or number where it has no key."""
    column: str | None
    value: str
    """As people read it, cut after 60 characters."""
    code: str
    """storage_class, out_of_range, too_long, too_precise, no_character, not_json, not_a_moment, null, duplicate,
    orphan, check, not_a_number, not_utf8, too_large, not_a_row."""
    why: str


@dataclass(frozen=True)
class Statement:
    """A statement that makes a part of a database, for a plan to show and a transfer to execute."""

    sql: str
    what: str
    """schema, type, table, column, index, key, comment, sequence."""
    table: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Creation:
    """The statements that make the tables of a catalog: empty ones before their rows come, and the rest after them."""

    before: tuple[Statement, ...]
    """Types, then tables with columns, defaults and the constraints that rows are held to while they come."""
    after: tuple[Statement, ...]
    """Indexes, foreign keys where they are made last, comments, the next numbers of identities and sequences."""


class Readable(ABC):
    """What a comparison asks of a side."""

    is_typed: ClassVar[bool] = True
    """Do its columns say what they hold? Those of exports are read as those that they are compared with."""
    stored_form: ClassVar[str | None] = None
    """Names how :meth:`stored` gives rows: of two ends with the same form, equal rows hold equal values."""
    alterations: ClassVar[Alterations]
    """The statements that change a table which is there."""

    @abstractmethod
    def catalog(self, schema: str | None = None) -> Catalog:
        """What is there. Our ledger's tables are not part of it; those of our entities are."""

    @abstractmethod
    def read(
        self,
        table: CatalogTable,
        columns: Sequence[WireColumn],
        *,
        order: Sequence[str] = (),
        where: str | None = None,
        batch_bytes: int = 1 << 20,
    ) -> Iterator[Batch]:
        """The rows in batches of about so many bytes, at least one row each.

        :param order: columns to order by, byte by byte for texts, numerically for numbers, NULL last; none: as it is
            fastest.
        :param where: SQL of this database.
        :raises ValueRefused: for a value that does not fit its wire type.
        """

    def stored(
        self, table: CatalogTable, columns: Sequence[WireColumn], *, order: Sequence[str] = (), where: str | None = None
    ) -> Iterator[StoredRows]:
        """As :meth:`read`, rows as the driver gives them, where the end has a :attr:`stored_form`."""
        raise NotImplementedError

    def gives_natively(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Collection[int]:
        """The places of columns that :meth:`read` can give without making texts of them."""
        return ()

    def spelled(self, columns: Sequence[WireColumn], rows: StoredRows) -> Batch:
        """What :meth:`read` would have given for rows that are stored so."""
        raise NotImplementedError

    def creation(self, catalog: Catalog) -> Creation:
        """The statements that make what a catalog of this database says; nothing is executed."""
        return Creation((), ())

    def to_jsonb(self, table: CatalogTable, column: str) -> Sequence[Statement]:
        """The statements that make a JSON or text column a JSONB one in place; none where there is no such type,
        or the column is generated.

        :raises DatabaseError: when views or others that read the column are in the way; it names them.
        """
        return ()

    def lines(
        self,
        table: CatalogTable,
        columns: Sequence[WireColumn],
        profiles: Mapping[str, ColumnProfile],
        *,
        batch_bytes: int = 1 << 20,
    ) -> tuple[Sequence[int], Iterator[Lines]] | None:
        """What :meth:`read` gives, quicker, for ends that take it so: the places of the columns, in the order in which
        they come, and the rows. None where this end makes no lines.

        :param profiles: what the columns hold, by name.
        """
        return None


class TableStore(Readable):
    """The tables of one end. Its connection, and with it the transaction, is given by whoever makes it."""

    holds_nul: ClassVar[bool]
    """Can its texts hold U+0000?"""
    takes_lines: ClassVar[bool] = False
    """Does it write what :meth:`Readable.lines` gives?"""

    def profile(self, table: CatalogTable, told: Callable[[int], None] | None = None) -> Mapping[str, ColumnProfile]:
        """What each column holds, by name, where the types do not say. It reads the whole table once.

        :param told: is called with the number of each some rows that were read.
        """
        return {}

    def csv(self, table: CatalogTable, spell: Spell, *, order: Sequence[str] = (), where: str | None = None) -> OwnCsv:
        """All columns of the rows as a CSV file of them has them, in this order.

        :param spell: what rows in canonical text are in CSV, where the database itself does not spell them so.
        :param where: SQL of this database.
        """
        raise NotImplementedError

    def orphaned(self, table: CatalogTable) -> Collection[tuple[str | None, str]]:
        """Places of tables that its rows refer to, and that do not hold all of these."""
        return ()

    @abstractmethod
    def forbid_changes(self) -> None:
        """From now on this transaction only reads, whatever functions a view or a condition of a user's calls."""

    @abstractmethod
    def misfits(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Iterator[Misfit]:
        """Every value that :meth:`read` would refuse, and every NULL, U+0000 and -0.0 that the other end does not take.

        It reads the whole table once.
        """

    def unfit(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Sequence[tuple[str, str, str, str]]:
        """Of what :meth:`read` gives all the same though :meth:`misfits` names it: column, SQL that holds of such rows,
        code and why.
        """
        return ()

    @abstractmethod
    def write(
        self, table: CatalogTable, columns: Sequence[WireColumn], batches: Iterable[Batch], *, is_new: bool = False
    ) -> int:
        """Add rows; how many.

        :param table: as this end's own catalog tells it.
        :param is_new: was it made in this transaction?
        """

    def write_lines(
        self, table: CatalogTable, columns: Sequence[WireColumn], lines: Iterable[Lines], *, is_new: bool = False
    ) -> int:
        """As :meth:`write`, where it takes lines."""
        raise NotImplementedError

    takes_csv: ClassVar[bool] = False
    """Has it :meth:`write_csv`?"""

    def write_csv(
        self, table: CatalogTable, columns: Sequence[WireColumn], blocks: Iterable[bytes], *, is_new: bool = False
    ) -> int:
        """Add rows that come as CSV, the first of them the names of the columns; how many were added.

        NULL is an empty field without quotes.
        """
        raise NotImplementedError

    def takes_natively(self, table: CatalogTable, columns: Sequence[WireColumn]) -> Collection[int]:
        """The places of columns that :meth:`write` can take so."""
        return ()

    @abstractmethod
    def execute(self, statement: str) -> None:
        """Execute a statement as it stands, a colon or % in it included."""

    def check_keys_at_once(self) -> None:
        """From now on this transaction looks at foreign keys with each statement, where it can."""

    @contextmanager
    def deferred(self, keys: Collection[tuple[CatalogTable, ForeignKey]]) -> Iterator[None]:
        """Meanwhile rows may refer by these foreign keys to what is not there; at the end all must be.

        :raises DatabaseError: when one is not, or the tables are not ours to alter.
        """
        yield

    def keyed(self, table: CatalogTable, columns: Sequence[WireColumn], key: Sequence[WireColumn]) -> KeyedRows:
        """The rows of a table by their key.

        :param columns: those that count, the key's among them.
        """
        raise NotImplementedError

    def referring_from_elsewhere(self, table: CatalogTable) -> Iterator[tuple[CatalogTable, ForeignKey]]:
        """Foreign keys to a table, of tables that the catalog does not have; of these nothing but the name is told."""
        yield from ()

    def hold(self, tables: Sequence[CatalogTable]) -> None:
        """Nobody else changes these tables until the transaction ends."""

    @abstractmethod
    def drop(self, tables: Sequence[CatalogTable]) -> None:
        """Drop these tables, whatever foreign keys are between them."""


class ValueRefused(Exception):
    """A value does not fit the type it is to travel as."""

    def __init__(self, misfit: Misfit) -> None:
        super().__init__(misfit.why)
        self.misfit = misfit


def require_no_condition(where: str | None, what: str) -> None:
    """For an end that is no database.

    :param what: names a table and says what it is.
    :raises ConfigurationError: where a condition is given all the same.
    """
    if where is not None:
        raise ConfigurationError(
            f"{what}, of which no SQL holds",
            hint="leave where out, or export less",
            reason="conflicting_arguments",
            setting="where",
        )
