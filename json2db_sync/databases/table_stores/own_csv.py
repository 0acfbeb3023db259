"""What a table gives to its CSV file: rows that come back exactly, and what is known of its values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import Batch, WireColumn

MOMENTS = (TypeName.DATE, TypeName.TIME, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ)
MAY_BE_EMPTY = (TypeName.TEXT, TypeName.BYTES, TypeName.ENUM, TypeName.OTHER, TypeName.ANY)
"""Types that have a value which is spelled as the empty text."""


@dataclass(frozen=True)
class Seen:
    """What is known of a column's values; as it is where nobody looked."""

    nulls: bool = True
    """May there be NULL?"""
    empty: bool = True
    """May there be the empty text, which others read as a missing value?"""
    usual: bool = False
    """Of moments: are all of them of the years 1 to 9999 and of a clock's 24 hours, as other programs read them?"""


@dataclass(frozen=True)
class Spelled:
    """Some rows as they stand in the file, each with its end."""

    rows: int
    text: bytes


Spell = Callable[[Sequence[WireColumn], Batch], bytes]
"""How rows in canonical text are spelled in CSV."""


class TypesChanged(Exception):
    """A value was met that is not of the type which those before it were spelled as. All types are known now."""


class OwnCsv(ABC):
    """The rows of a table as its CSV file has them."""

    @property
    @abstractmethod
    def types(self) -> Sequence[ColumnType]:
        """What the fields of the columns are spelled as."""

    @abstractmethod
    def spelled(self) -> Iterator[Spelled]:
        """All rows, in order.

        :raises TypesChanged: when rows that were given are to be spelled otherwise: begin again.
        :raises ValueRefused: for a value that no text can say.
        """

    @abstractmethod
    def seen(self) -> Mapping[str, Seen]:
        """Of the columns, by name, when all rows were given."""
