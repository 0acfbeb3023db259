"""Rows that are new by a column: from which value on, and whether the column's order is the order of its meaning."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from json2db_sync.comparison.moment_values import moment
from json2db_sync.comparison.values import any_number
from json2db_sync.databases.catalog.tables import CatalogTable, quoted
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.ledger import Watermark
from json2db_sync.databases.table_stores import TableStore, WireColumn
from json2db_sync.databases.table_stores.keyed import KeyedRows
from json2db_sync.errors import ConfigurationError, ValidationError
from json2db_sync.model.decimals import EXACT, number_key
from json2db_sync.results import Note
from json2db_sync.text import counted

_MOMENTS = {TypeName.DATE, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ}
_NUMBERS = {TypeName.INTEGER, TypeName.NUMERIC, TypeName.FLOAT}
_ORDERED = _MOMENTS | _NUMBERS | {TypeName.TEXT, TypeName.UUID, TypeName.ANY}
_ZEROS = str.maketrans("123456789", "000000000")
_MOST_SHAPES = 8
_SURE = re.compile(r"(0000-00-00(?P<between>[ T])00:00:00)(\.0+)?|0000-00-00", re.ASCII).fullmatch
"""Shapes of texts, digits as 0, that sort as the moments that they say."""
NUMBER, MOMENT, ZONED, DIGITS, TEXT, BLOB = (
    "numbers", "moments", "moments with an offset", "texts of digits", "texts", "blobs",
)  # fmt: skip


@dataclass(frozen=True)
class Meaning:
    """What a value says, and how that sorts."""

    sort: str
    key: str


def meaning(text: str, type_: TypeName) -> Meaning:
    """Of canonical text."""
    if type_ is TypeName.ANY:
        storage, text = text[0], text[1:]
        if storage == "b":
            return Meaning(BLOB, text)
        type_ = TypeName.NUMERIC if storage in "ir" else TypeName.TEXT
    if type_ in _NUMBERS:
        return Meaning(NUMBER, number_key(text) or "4")
    if type_ is TypeName.UUID:
        return Meaning(TEXT, text)
    at = moment(text)
    if at is not None:
        return Meaning(ZONED if at.endswith("+00") else MOMENT, f"{at.index('-'):02}{at.removesuffix('+00')}")
    digits = any_number(text)
    return Meaning(TEXT, text) if digits is None else Meaning(DIGITS, number_key(digits) or "4")


@dataclass
class _Seen:
    """What was found in a column, in the order that it is stored in."""

    threshold: str | None = None
    """The first text that is not before what is asked for."""
    last: str | None = None
    sorts: set[str] = field(default_factory=set)
    shapes: set[str] = field(default_factory=set)

    def is_sure(self) -> bool:
        """Does it show by the shapes alone that the order is right?"""
        matches = [_SURE(shape) for shape in self.shapes]
        return (
            len(self.shapes) < _MOST_SHAPES
            and len({found["between"] if found else "" for found in matches}) == 1
            and None not in matches
        )


class Since:
    """A column of a table of the source.

    :param typed: does the source hold the column to its type?
    :param known: the watermark of the last transfer.
    :param overlap: how far before it rows are read again.
    :raises ValidationError: where its order as stored is not the order of what it means, and rows would be lost.
    """

    def __init__(
        self,
        store: TableStore,
        table: CatalogTable,
        column: str,
        *,
        typed: bool,
        known: Watermark | None,
        overlap: timedelta | Decimal | None,
    ) -> None:
        self._store, self.table, self.column, self.known = store, table, column, known
        own = next(one for one in table.columns if one.name == column).type
        self.wire = WireColumn(column, own if typed else ColumnType(TypeName.ANY, own.declared))
        self._type = self.wire.type.name
        if self._type not in _ORDERED:
            raise self._refused(f"nothing is newer or older by a column of type {own.declared}")
        if known is not None and known.type != self._type:
            raise self._refused(f"it was of type {known.type} at the last transfer, and is {self._type}")
        self._least = None if known is None else _before(known.text, self._type, overlap, self._refused)
        self.seen = _Seen()
        self.ahead: str | None = None
        """The watermark, where it is still to come."""
        if self._type in (TypeName.TEXT, TypeName.ANY):
            self._look()
        quick = f"{quoted(table.name)}.{quoted(column)} IS NULL"
        self.nulls = sum(len(batch[0]) for batch in store.read(table, [self.wire], where=quick))
        """Rows that have no value: they come every time."""

    def _refused(self, why: str) -> ValidationError:
        return ValidationError(
            f"{self.table.title}.{self.column} cannot tell which rows are new: {why}",
            hint="name another column, or find what changed by comparison (changed)",
            reason="watermark_unordered",
            table=self.table.title,
        )

    @property
    def least(self) -> str | None:
        """From where on rows are read, for people."""
        return None if self._least is None else self._shown(self._least)

    def where(self, keyed: KeyedRows) -> str | None:
        """SQL that holds of the rows to be read; None where it is all of them."""
        if self.known is None or self._least is None:
            return None
        if self._type in (TypeName.TEXT, TypeName.ANY):
            newer = "1 = 0" if self.seen.threshold is None else keyed.at_least(self.wire, self.seen.threshold)
        else:
            newer = keyed.at_least(self.wire, self._least)
        name = f"{quoted(self.table.name)}.{quoted(self.column)}"
        return f"({newer} OR {name} IS NULL)"

    def latest(self, where: str | None) -> Watermark | None:
        """The watermark from now on."""
        text = self.seen.last
        if self._type not in (TypeName.TEXT, TypeName.ANY):
            for batch in self._store.read(self.table, [self.wire], order=[self.column], where=where):
                text = next((one for one in reversed(batch[0]) if one is not None), text)
        if text is None:
            return self.known
        if (shown := self._shown(text)).lower() in ("infinity", "nan"):
            raise self._refused(f"it holds {shown}, after which nothing comes")
        self.ahead = shown if self._is_ahead(text) else None
        if self.known is not None and not self.is_beyond(text, self._type):
            return self.known
        return Watermark(self._type, text)

    def is_beyond(self, text: str, type_: TypeName) -> bool:
        """Is a value behind all that was read so far?

        :param type_: that it is spelled as.
        """
        return self.known is not None and meaning(text, type_).key > meaning(self.known.text, self._type).key

    def notes(self) -> Iterator[Note]:
        """What is to be known of the values, once the watermark is taken."""
        title = self.table.title
        if self.nulls:
            text = f"{counted(self.nulls, 'row')} of {title} without {self.column} come every time"
            yield Note(text, "no_watermark", count=self.nulls)
        if self.ahead is not None:
            text = (
                f"the newest {self.column} of {title} is {self.ahead}, which is to come: until then no change is newer"
            )
            yield Note(f"{text}; correct that row, or find what changed by comparison (changed)", "watermark_ahead")

    def _is_ahead(self, text: str) -> bool:
        """Is it a moment that is more than a day from now? Local times and clocks differ by less."""
        found = meaning(text, self._type)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        return found.sort in (MOMENT, ZONED) and found.key > f"04{tomorrow:%Y-%m-%d %H:%M:%S}"

    def _shown(self, text: str) -> str:
        return text[1:] if self._type is TypeName.ANY else text

    def _look(self) -> None:
        """At the whole column, in the order that it is stored in."""
        seen = self.seen
        least = None if self._least is None else meaning(self._least, self._type)
        for column in self._texts():
            tags = {text[0] for text in column} if self._type is TypeName.ANY else {"t"}
            seen.sorts |= {NUMBER} if tags & {"i", "r"} else set()
            seen.sorts |= {BLOB} if "b" in tags else set()
            texts = [text[1:] for text in column if text[:1] == "t"] if self._type is TypeName.ANY else column
            if len(seen.shapes) < _MOST_SHAPES and texts:
                seen.shapes |= {*"\n".join(texts).translate(_ZEROS).split("\n")}
            seen.last = column[-1]
            if least is not None and seen.threshold is None and meaning(column[-1], self._type).key >= least.key:
                at = bisect_left(column, least.key, key=lambda text: meaning(text, self._type).key)
                seen.threshold = column[at]
        if seen.shapes and (seen.sorts or not seen.is_sure()):
            self._look_closely()
        elif seen.shapes:
            seen.sorts.add(MOMENT)
        if len(seen.sorts) > 1 or BLOB in seen.sorts:
            raise self._refused(f"it holds {' and '.join(sorted(seen.sorts))}")
        if least is not None and seen.sorts and seen.sorts != {least.sort}:
            raise self._refused(f"it held {least.sort} at the last transfer, and holds {seen.sorts.pop()}")

    def _look_closely(self) -> None:
        """At every single value."""
        before = ""
        for column in self._texts():
            for text in column:
                found = meaning(text, self._type)
                self.seen.sorts.add(found.sort)
                if found.key < before and len(self.seen.sorts) == 1:
                    raise self._refused(f"its {found.sort} are not stored in their order, as {self._shown(text)} shows")
                before = found.key

    def _texts(self) -> Iterator[list[str]]:
        batches = self._store.read(
            self.table, [self.wire], order=[self.column], where=f"{quoted(self.column)} IS NOT NULL"
        )
        return ([str(text) for text in batch[0]] for batch in batches)


def _before(
    text: str, type_: TypeName, overlap: timedelta | Decimal | None, refused: Callable[[str], ValidationError]
) -> str:
    """A value as far before as rows are read again."""
    if overlap is None:
        return text
    tag, plain = (text[0], text[1:]) if type_ is TypeName.ANY else ("", text)
    found = meaning(text, type_)
    if isinstance(overlap, Decimal) and found.sort == NUMBER:
        number = f"{EXACT.subtract(Decimal(plain), overlap):f}"
        whole = type_ is TypeName.INTEGER or tag == "i"
        return tag + (str(math.floor(Decimal(number))) if whole else number)
    at = moment(plain)
    if isinstance(overlap, timedelta) and found.sort in (MOMENT, ZONED) and at is not None and "BC" not in at:
        seconds = timedelta(seconds=math.ceil(overlap.total_seconds()))
        try:
            earlier = datetime.fromisoformat(at[:19]) - seconds
        except (ValueError, OverflowError) as error:
            raise refused(f"no overlap can be taken from {plain}") from error
        if type_ is TypeName.DATE:
            return str(earlier.date())
        return f"{tag}{earlier}{'+00' if found.sort == ZONED else ''}"
    hint = "1h (us, ms, s, min, h, d) where the column holds moments, a number where it holds numbers"
    raise ConfigurationError(
        f"an overlap of {overlap} does not go with {found.sort}", hint=hint, reason="invalid_value", setting="overlap"
    )
