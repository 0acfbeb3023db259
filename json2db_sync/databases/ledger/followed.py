"""What the ledger remembers of tables whose changes are followed: watermarks, and digests of ranges of keys.

Its tables are of their own, as those of transfers are, and written in the transaction that writes the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import sqlalchemy as sa

from json2db_sync.databases.ledger.schema import PREFIX, safe_text
from json2db_sync.errors import DatabaseError
from json2db_sync.model.kinds import now_text

_metadata = sa.MetaData()
_followed = sa.Table(
    f"{PREFIX}followed",
    _metadata,
    sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("source", sa.Text(), nullable=False),
    sa.Column("source_table", sa.Text(), nullable=False),
    sa.Column("target_table", sa.Text(), nullable=False),
    sa.Column("shape", sa.Text()),  # what the digests are of
    sa.Column("watermarks", sa.Text(), nullable=False),  # by column, as JSON
    sa.Column("seen_at", sa.Text(), nullable=False),
)
_ranges = sa.Table(
    f"{PREFIX}ranges",
    _metadata,
    sa.Column("followed", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("low", sa.Text()),  # the key it begins with, as a JSON list of canonical text; NULL: it is the first
    sa.Column("first_digest", sa.Text()),  # of the source, at the moment when both were known; NULL: look again
    sa.Column("second_digest", sa.Text()),
    sa.Column("hashes", sa.LargeBinary(), nullable=False),
)
FOLLOWED_TABLES = tuple(_metadata.tables)
_AT_ONCE = 400


class Watermark(msgspec.Struct, frozen=True):
    """The greatest value of a column that a transfer has seen, exactly."""

    type: str
    """The type that its text is of, as :class:`~json2db_sync.databases.catalog.types.TypeName` says."""
    text: str
    """Canonical."""


@dataclass(frozen=True)
class Following:
    """A table of a source, and the one that it is written to."""

    source: str
    """Tells the source from all others."""
    source_table: str
    target_table: str
    number: int = 0
    """0: it is new."""
    shape: str | None = None
    watermarks: dict[str, Watermark] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownRange:
    """A range of keys, and what it held."""

    low: tuple[str, ...] | None
    digests: tuple[str, str] | None
    """Of the source and of the target; None where something is left to be decided."""
    number: int = 0
    hashes: bytes = b""
    """Of each row that was known equal: three numbers of 64 bits, of its key, and of the row on either side."""


def there(connection: sa.Connection, metadata: sa.MetaData) -> set[str]:
    """Those of some tables of ours that are there.

    :raises DatabaseError: when one is another's.
    """
    inspector = sa.inspect(connection)
    found = {name for name in metadata.tables if inspector.has_table(name)}
    for name in found:
        columns = {column["name"] for column in inspector.get_columns(name)}
        if lacks := [column.name for column in metadata.tables[name].columns if column.name not in columns]:
            raise DatabaseError(
                f"the table {name} is not as transfers make it: it has no column {lacks[0]}",
                hint="give it another name, if it is yours; else drop it",
                reason="table_in_the_way",
                table=name,
            )
    return found


class Followed:
    """Over one open connection. Its methods raise DatabaseError where a table is not one of ours."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._exist = there(connection, _metadata) == {*FOLLOWED_TABLES}

    def create(self) -> None:
        """Create the tables that are missing."""
        _metadata.create_all(self._connection)
        self._exist = True

    def of(self, source: str) -> list[Following]:
        """All tables of a source that are followed."""
        if not self._exist:
            return []
        found = self._connection.execute(sa.select(_followed).where(_followed.c.source == safe_text(source)))
        return [
            Following(
                source, row.source_table, row.target_table, int(row.id), row.shape,
                _watermarks(row.watermarks, row.source_table),
            )
            for row in found
        ]  # fmt: skip

    def keep(self, one: Following) -> Following:
        """As it is now; with its number."""
        values = {
            "source": safe_text(one.source), "source_table": one.source_table, "target_table": one.target_table,
            "shape": one.shape, "watermarks": msgspec.json.encode(one.watermarks).decode(), "seen_at": now_text(),
        }  # fmt: skip
        if one.number:
            self._connection.execute(_followed.update().where(_followed.c.id == one.number).values(**values))
            return one
        number = int(self._connection.scalar(sa.select(sa.func.max(_followed.c.id))) or 0) + 1
        self._connection.execute(_followed.insert(), {"id": number, **values})
        return replace(one, number=number)

    def ranges(self, one: Following) -> list[KnownRange]:
        """Those of a table, in no order, without the hashes of their rows."""
        wanted = sa.select(_ranges.c.number, _ranges.c.low, _ranges.c.first_digest, _ranges.c.second_digest)
        rows = self._connection.execute(wanted.where(_ranges.c.followed == one.number)) if one.number else ()
        decode = msgspec.json.Decoder(tuple[str, ...]).decode
        try:
            return [
                KnownRange(
                    None if low is None else decode(low),
                    None if first is None or second is None else (first, second),
                    int(number),
                )
                for number, low, first, second in rows
            ]
        except msgspec.MsgspecError as error:
            raise _unreadable(_ranges.name, one.source_table, error) from error

    def hashes(self, one: Following, numbers: Sequence[int]) -> dict[int, bytes]:
        """Of the rows of some ranges."""
        found: dict[int, bytes] = {}
        wanted = sa.select(_ranges.c.number, _ranges.c.hashes).where(_ranges.c.followed == one.number)
        for start in range(0, len(numbers), _AT_ONCE):
            some = wanted.where(_ranges.c.number.in_(numbers[start : start + _AT_ONCE]))
            found |= {int(number): bytes(hashes) for number, hashes in self._connection.execute(some)}
        return found

    def replace(self, one: Following, gone: Collection[int] | None, ranges: Sequence[KnownRange]) -> None:
        """Other ranges in place of some.

        :param gone: numbers; None: of all.
        """
        of = _ranges.c.followed == one.number
        if gone is None:
            self._connection.execute(_ranges.delete().where(of))
        numbers = [*(gone or ())]
        for start in range(0, len(numbers), _AT_ONCE):
            self._connection.execute(
                _ranges.delete().where(of, _ranges.c.number.in_(numbers[start : start + _AT_ONCE]))
            )
        last = int(self._connection.scalar(sa.select(sa.func.max(_ranges.c.number)).where(of)) or 0)
        rows = [
            {
                "followed": one.number, "number": last + at, "hashes": new.hashes,
                "low": None if new.low is None else msgspec.json.encode(new.low).decode(),
                "first_digest": new.digests and new.digests[0], "second_digest": new.digests and new.digests[1],
            }
            for at, new in enumerate(ranges, 1)
        ]  # fmt: skip
        if rows:
            self._connection.execute(_ranges.insert(), rows)


def _watermarks(text: str, table: str) -> dict[str, Watermark]:
    try:
        return msgspec.json.decode(text, type=dict[str, Watermark])
    except msgspec.MsgspecError as error:
        raise _unreadable(_followed.name, table, error) from error


def _unreadable(name: str, table: str, error: Exception) -> DatabaseError:
    return DatabaseError(
        f"what {name} tells of {table} cannot be read: {error}",
        hint=f"delete the rows of {table} in {_followed.name}, and those of {_ranges.name} with its number: the next "
        "transfer looks at the whole table",
        reason="unreadable_manifest",
        table=table,
    )
