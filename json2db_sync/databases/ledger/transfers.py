"""What the ledger remembers of transfers into a database: tables of their own, which an application's may have alone.

They are no part of the ledger's :data:`~json2db_sync.databases.ledger.schema.metadata`: a database that has only these
is none of ours, and one that lacks them lacks nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa

from json2db_sync.databases.catalog import tables
from json2db_sync.databases.catalog.tables import CatalogTable, Domain, Enum
from json2db_sync.databases.ledger.followed import FOLLOWED_TABLES, there
from json2db_sync.databases.ledger.schema import PREFIX, TABLES, safe_text
from json2db_sync.errors import DatabaseError
from json2db_sync.model.kinds import now_text

_metadata = sa.MetaData()
_transfers = sa.Table(
    f"{PREFIX}transfers",
    _metadata,
    sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("started_at", sa.Text(), nullable=False),
    sa.Column("finished_at", sa.Text()),
    sa.Column("state", sa.Text(), nullable=False),  # running, done, given up
    sa.Column("source", sa.Text(), nullable=False),
    sa.Column("options", sa.Text(), nullable=False),
    sa.Column("progress", sa.Text()),  # of one that is done in several transactions: how far it is
    sa.Column("certificate", sa.Text()),
)
_manifest = sa.Table(
    f"{PREFIX}manifest",
    _metadata,
    sa.Column("table_name", sa.Text(), primary_key=True),
    sa.Column("told", sa.Text(), nullable=False),  # what Remembered says, as JSON
)
TRANSFER_TABLES = tuple(_metadata.tables)
OWN_TABLES = (*TABLES, *TRANSFER_TABLES, *FOLLOWED_TABLES)
"""Of everything in a database, these are ours whatever they hold; other names that begin alike are a user's."""
MOVING = f"{PREFIX}moving_"
"""How names begin of what is not in its place yet."""


@dataclass(frozen=True)
class Remembered:
    """A table that a transfer made."""

    origin: CatalogTable
    """As it was in the database that it came from."""
    made: CatalogTable
    """As it was made here: where it is another by now, its origin tells nothing any more."""
    database: str
    """The kind of database it came from."""
    enums: tuple[Enum, ...] = ()
    domains: tuple[Domain, ...] = ()
    sequences: tuple[tables.Sequence, ...] = ()
    """Those of that database that its columns are of, or have numbers of."""


class Reached(msgspec.Struct, forbid_unknown_fields=True):
    """How far a transfer in several transactions is."""

    mark: str
    """Tells what is made from anything else."""
    tables: list[str]
    rows: dict[str, Annotated[int, msgspec.Meta(ge=0)]] = {}
    """By table, those that are there."""
    done: list[str] = []


@dataclass(frozen=True)
class Left:
    """A transfer that was broken off."""

    number: int
    source: str
    started_at: str
    reached: Reached


class Transfers:
    """Over one open connection.

    Its methods raise DatabaseError where a table is not one of ours, or cannot be read.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def exist(self) -> bool:
        """Was there ever a transfer into this database?"""
        return self.require() == {*TRANSFER_TABLES}

    def require(self) -> set[str]:
        """Those of the tables that are there.

        :raises DatabaseError: when one is another's.
        """
        return there(self._connection, _metadata)

    def create(self) -> None:
        """Create the tables that are missing."""
        self.require()
        _metadata.create_all(self._connection)

    def start(self, source: str, options: Mapping[str, Any]) -> int:
        """A new transfer's number.

        :param source: without a password.
        """
        last = self._connection.execute(sa.select(sa.func.max(_transfers.c.id))).scalar()
        number = int(last or 0) + 1
        row = {"id": number, "started_at": now_text(), "state": "running", "source": safe_text(source)}
        self._connection.execute(_transfers.insert(), {**row, "options": json.dumps(options, sort_keys=True)})
        return number

    def unfinished(self, source: str, options: Mapping[str, Any]) -> tuple[int, Reached] | None:
        """The number and progress of the same transfer, where it was broken off; None where none was."""
        same = (_transfers.c.source == safe_text(source)) & (_transfers.c.state == "running")
        same &= _transfers.c.options == json.dumps(options, sort_keys=True)
        found = sa.select(_transfers.c.id, _transfers.c.progress).where(same, _transfers.c.progress.is_not(None))
        row = self._connection.execute(found.order_by(_transfers.c.id.desc()).limit(1)).first()
        if row is None:
            return None
        try:
            return int(row.id), msgspec.json.decode(row.progress, type=Reached)
        except (msgspec.DecodeError, TypeError) as error:
            raise DatabaseError(
                f"the progress of transfer {row.id} in {_transfers.name} cannot be read: {error}",
                hint=f"UPDATE {_transfers.name} SET progress = NULL WHERE id = {row.id}; it begins anew then, and what"
                f" is named {MOVING}{row.id} may be dropped",
                reason="unreadable_progress",
                table=_transfers.name,
            ) from error

    def left(self) -> list[Left]:
        """All that were broken off with tables that wait."""
        found = sa.select(_transfers).where(_transfers.c.progress.is_not(None), _transfers.c.state != "done")
        left = []
        for row in self._connection.execute(found.order_by(_transfers.c.id)):
            with suppress(msgspec.DecodeError, TypeError):
                reached = msgspec.json.decode(row.progress, type=Reached)
                left.append(Left(int(row.id), row.source, row.started_at, reached))
        return left

    def keep(self, number: int, reached: Reached) -> None:
        """How far a transfer is, in the transaction that brought it there."""
        self._set(number, progress=msgspec.json.encode(reached).decode())

    def give_up(self, number: int) -> None:
        """It will not go on."""
        self._set(number, state="given up", finished_at=now_text(), progress=None)

    def finish(self, number: int, certificate: str | None) -> None:
        """It is done."""
        self._set(number, state="done", finished_at=now_text(), progress=None, certificate=certificate)

    def _set(self, number: int, **values: str | None) -> None:
        self._connection.execute(_transfers.update().where(_transfers.c.id == number).values(**values))

    def remember(self, tables: Sequence[Remembered]) -> None:
        """What the target's schema cannot say of these tables is in the manifest from now on."""
        names = [one.made.name for one in tables]
        self.forget(names)
        for one in tables:
            row = {"table_name": one.made.name, "told": msgspec.json.encode(one).decode()}
            self._connection.execute(_manifest.insert(), row)

    def forget(self, names: Collection[str]) -> None:
        """These tables are not any more what they were."""
        self._connection.execute(_manifest.delete().where(_manifest.c.table_name.in_(names)))

    def manifest(self) -> dict[str, Remembered]:
        """What transfers made here, by the name of the table; nothing where there was none."""
        if not self.exist():
            return {}
        rows = self._connection.execute(sa.select(_manifest))
        return {name: _remembered(name, told) for name, told in rows}


def _remembered(name: str, told: str) -> Remembered:
    try:
        return msgspec.json.decode(told, type=Remembered)
    except (msgspec.DecodeError, TypeError) as error:
        raise DatabaseError(
            f"what {_manifest.name} tells of {name} cannot be read: {error}",
            hint=f"delete that row of {_manifest.name}: the table is moved as it is, its first types are forgotten",
            reason="unreadable_manifest",
            table=name,
        ) from error
