"""Kinds of columns that a user chooses: ``{"invoices.total": "decimal", "x.at": "datetime:%d/%m/%Y"}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from json2db_sync.model.kinds import Kind
from json2db_sync.model.moments import DATE_SPELLING, is_own
from json2db_sync.model.plan import ID, TablePlan, dotted


class KindChoice(NamedTuple):
    """A kind by setting: ``decimal``, ``datetime:%d/%m/%Y``."""

    kind: Kind
    date_format: str | None = None

    @classmethod
    def parse(cls, text: str) -> KindChoice:
        """:raises ValueError: when it is none."""
        name, colon, date_format = text.partition(":")
        kind = next((kind for kind in CHOICES if kind == name.strip().lower()), None)
        if kind is None or (colon and (kind not in (Kind.DATE, Kind.DATETIME) or "%" not in date_format)):
            raise ValueError(f"{text!r} is no kind: {', '.join(CHOICES)}, or datetime:FORMAT as in datetime:%d/%m/%Y")
        return cls(kind, date_format if colon else None)


WRAPPED_NUMBERS = {
    "$numberInt": Kind.INTEGER,
    "$numberLong": Kind.INTEGER,
    "$numberDouble": Kind.NUMBER,
    "$numberDecimal": Kind.DECIMAL,
}
"""What MongoDB's Extended JSON writes as texts where objects of a list, or inside objects, are such wrappers."""
CHOICES = (Kind.DECIMAL, Kind.INTEGER, Kind.NUMBER, Kind.TEXT, Kind.JSON, Kind.DATE, Kind.DATETIME)
"""The kinds that can be chosen."""


def choice_for(choices: Mapping[str, str], path: tuple[str, ...], key: str) -> KindChoice | None:
    """The kind that is chosen for a key of the objects at a path: of an entity, then of its children.

    It is called by the whole path, or without the entity where it is in a child: ``invoices.line_items.rate`` or
    ``line_items.rate``. Numbers in MongoDB's wrappers are numbers.
    """
    names = [".".join((*path[start:], key)) for start in range(len(path))]
    text = next((choices[name] for name in names if name in choices), None)
    if text is None:
        return KindChoice(WRAPPED_NUMBERS[key]) if key in WRAPPED_NUMBERS else None
    return KindChoice.parse(text)


def waiting_columns(choices: Mapping[str, str], table: TablePlan, path: tuple[str, ...]) -> Iterator[str]:
    """The columns of a table, and of those below it, that were made without the kind that is chosen for them."""
    for column in table.columns:
        choice = choice_for(choices, path, column.key) if column.name != ID else None
        if choice and not (column.chosen and choice in ((column.kind, None), (column.kind, column.date_format))):
            yield f"{table.name}.{column.name}"
    for inner in table.paths:
        choice = choice_for(choices, (*path, *inner.keys[:-1]), inner.keys[-1]) if inner.name else None
        if (
            choice
            and not is_own(choice.date_format or DATE_SPELLING)
            and not (inner.chosen and inner.kind is choice.kind)
        ):
            yield f"{table.name}.{dotted(inner.keys)}"
    for child in table.children:
        yield from waiting_columns(choices, child, (*path, *child.path))
