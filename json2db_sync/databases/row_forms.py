"""The form in which rows that are made in another process come here: columns, or text for PostgreSQL's COPY.

That process does without SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from json2db_sync.model.batch_shredder import BatchRows
from json2db_sync.model.plan import HASH, ID, PARENT_ID

_encode = msgspec.json.Encoder().encode
_NULL = r"\N"
_BETWEEN = "\0"
"""Stands between texts while they are escaped together: PostgreSQL cannot store it, so that no text holds it."""
_SPECIAL = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}  # the backslash first


def copy_text(columns: Mapping[str, Sequence[Any]], numbers: Collection[str]) -> bytes:
    """The rows, each with a newline at its end and no other inside.

    :param numbers: the names of those columns that take numbers or booleans; all others (dates, JSON, NUMERIC) are
        given texts.
    :raises ValueError: when a text holds U+0000, which would part it in two.
    """
    texts = [_numbers(column) if name in numbers else escaped_texts(column) for name, column in columns.items()]
    return "\n".join([*map("\t".join, zip(*texts, strict=True)), ""]).encode()


def with_constants(text: bytes, constants: Mapping[str, object]) -> bytes:
    """The same rows, with these values after those they have."""
    end = "".join("\t" + _constant(value) for value in constants.values())
    return text.replace(b"\n", f"{end}\n".encode()) if end else text


def _constant(value: object) -> str:
    return escaped_texts([None if value is None else str(value)])[0]


def _numbers(column: Sequence[Any]) -> Sequence[str]:
    """Numbers and booleans as texts, by way of JSON: a third of the time that str takes for each."""
    return _encode(column)[1:-1].decode().replace("null", _NULL).split(",") if column else ()


def escaped_texts(column: Sequence[Any]) -> Sequence[str]:
    """Texts as COPY reads them."""
    try:
        return _escaped(column, _BETWEEN.join(column))
    except TypeError:  # there are nulls: this way all other columns are spared the search
        texts = ["" if value is None else value for value in column]
        escaped = _escaped(texts, _BETWEEN.join(texts))
        return [_NULL if value is None else text for value, text in zip(column, escaped, strict=True)]


def _escaped(texts: Sequence[str], joined: str) -> Sequence[str]:
    """The texts, escaped where there is anything to escape: few columns have that, and looking costs little."""
    special = [character for character in _SPECIAL if character in joined]
    for character in special:
        joined = joined.replace(character, _SPECIAL[character])
    return joined.split(_BETWEEN) if special else texts


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
