"""Which type a column gets in the target, and how its values travel there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable, Check, Index
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.registry import database_class
from json2db_sync.databases.table_stores import Creation
from json2db_sync.databases.table_stores.profiles import ColumnProfile
from json2db_sync.text import counted

JSONB = ColumnType(TypeName.JSONB, "jsonb")
"""Of databases with a type for JSON."""


@dataclass(frozen=True)
class Chosen:
    """A column's type in the target."""

    type: ColumnType
    wire: ColumnType
    """Both ends spell its values so."""
    told: str | None = None
    """What changes, in one sentence."""


class TargetTypes(ABC):
    """The types of one kind of target."""

    longest_name: int | None = None
    """Bytes."""
    most_columns: int
    """Of a table."""
    columns_that_fit: int | None = None
    """So many go into a row, whatever they hold; None: as many as there are. (:meth:`why_too_large`)"""
    folds_names = False
    """Are names equal that differ in ASCII case alone?"""
    reserved: tuple[str, ...] = ()
    """What no name may begin with."""
    system_columns: tuple[str, ...] = ()
    """Columns that it gives to every table."""
    hidden: tuple[str, ...] = ()
    """How names of tables begin that need their schema to be found."""
    keys_are_relations = False
    """Has a key a name among those of tables and indexes?"""
    keys_are_required = True
    """Do columns of a primary key take no NULL?"""
    typed = True
    """Do its columns hold values of their types alone?"""
    typed_json = True
    holds_nul = False
    """Can its texts hold U+0000?"""
    encoding: str | None = None
    """That bounds its texts (:attr:`~json2db_sync.databases.catalog.tables.Catalog.encoding`)."""
    same_kind_wire = TypeName.OTHER
    """How values travel from a database of the same kind."""
    numbers_only_keys = False
    """Does it give out numbers for an integer alone that is the whole key?"""
    generated_is_stored = False
    """Has it no generated columns but stored ones?"""
    nulls_may_be_equal = True
    """Has it unique constraints to which NULL equals NULL?"""

    @abstractmethod
    def of(self, column: CatalogColumn, profile: ColumnProfile, *, as_text: bool = False) -> Chosen:
        """The type for a column of another kind of database.

        :param profile: what the column holds, where its declaration does not say.
        :param as_text: a column with values that are not of its type becomes one of texts.
        """

    def checks_of(self, columns: Iterable[tuple[CatalogColumn, CatalogColumn]]) -> Iterator[Check]:
        """What holds values to what the types cannot say.

        :param columns: of the source, and what each becomes.
        """
        return iter(())

    def why_too_large(self, types: Sequence[ColumnType], row: Sequence[str | None]) -> str | None:
        """Why a row of these types does not go into a table, however its values are stored; None where it may.

        :param row: canonical texts.
        """
        return None

    @abstractmethod
    def creation(self, catalog: Catalog) -> Creation:
        """The statements that make what a catalog says, on a server of the newest version."""

    @abstractmethod
    def waiting(self, table: CatalogTable, number: int) -> CatalogTable:
        """Where a table is until it has all its rows: nobody takes that for the table."""

    @abstractmethod
    def placing(self, tables: Sequence[CatalogTable], number: int, schema: str | None) -> Iterator[str]:
        """The statements that put waiting tables in their places."""

    @abstractmethod
    def discarding(self, names: Sequence[str], number: int) -> Iterator[str]:
        """The statements that do away with waiting tables."""

    @abstractmethod
    def why_no_index(self, index: Index) -> str | None:
        """Why it cannot have an index of another kind of database; None where it can."""


def json_changes(profile: ColumnProfile) -> str | None:
    """What a jsonb changes of these values, in one sentence."""
    parts = changes_by_jsonb(profile)
    return f"jsonb: {', '.join(parts)}" if parts else None


def changes_by_jsonb(profile: ColumnProfile) -> list[str]:
    """The same one by one, with how many values each changes."""
    counts = (
        ("the order of keys", profile.key_order),
        ("keys that come twice", profile.duplicate_keys),
        ("spelling", profile.spelling),
    )
    return [f"{what} changes in {counted(count, 'value')}" for what, count in counts if count]


def types_of(database: str, encoding: str | None = None) -> TargetTypes:
    """The types of a kind of database, as the registry names it."""
    types = database_class(database).target_types()
    types.encoding = encoding
    return types
