"""The form in which rows that are made in another process come here. (That one does without SQLAlchemy.)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from json2db_sync.databases.copying import copy_text
from json2db_sync.model.batch_shredder import BatchRows
from json2db_sync.model.plan import HASH, ID, PARENT_ID

ReadyRows = Mapping[str, tuple[int, object]]
"""By table, parents first: how many rows, and the rows as :meth:`RowForm.ready` gives them."""


class RowRefused(Exception):
    """The database does not take a row: its id is there already, or one of its values cannot be stored."""


class RowForm(Protocol):
    """Makes rows ready for a database. It is sent to the other process; what it makes is sent back, as msgpack."""

    def ready(self, table: str, columns: Mapping[str, Sequence[object]]) -> Any:
        """What ``insert_ready`` takes.

        :raises RowRefused: when one of them cannot be given in this form.
        """


class AsColumns:
    """The columns as they are."""

    def ready(self, table: str, columns: Mapping[str, Sequence[object]]) -> Mapping[str, Sequence[object]]:
        return columns


class AsCopyText:
    """Text for PostgreSQL's COPY.

    :param numbers: by table, the columns that take numbers or booleans.
    """

    def __init__(self, numbers: Mapping[str, frozenset[str]]) -> None:
        self._numbers = numbers

    def ready(self, table: str, columns: Mapping[str, Sequence[object]]) -> tuple[list[str], bytes]:
        try:
            return list(columns), copy_text(columns, self._numbers[table])
        except ValueError as error:
            raise RowRefused from error


def ready_rows(form: RowForm, root: str, rows: BatchRows, hashes: Sequence[int]) -> ReadyRows:
    """The rows of records, ready to be sent.

    :param root: the table of the records themselves.
    :param hashes: of the records' texts, which are stored with them.
    """
    tables = {**rows.tables, root: {**rows.tables[root], HASH: hashes}}
    return {
        name: (len(columns[ID if name == root else PARENT_ID]), form.ready(name, columns))
        for name, columns in tables.items()
    }
