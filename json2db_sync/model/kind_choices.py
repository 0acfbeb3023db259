"""Kinds of columns that a user chooses: ``{"invoices.total": "decimal", "x.at": "datetime:%d/%m/%Y"}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from json2db_sync.model.kinds import Kind


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


CHOICES = (Kind.DECIMAL, Kind.INTEGER, Kind.NUMBER, Kind.TEXT, Kind.JSON, Kind.DATE, Kind.DATETIME)
"""The kinds that can be chosen."""


def choice_for(choices: Mapping[str, str], path: tuple[str, ...], key: str) -> KindChoice | None:
    """The kind that is chosen for a key of the objects at a path: of an entity, then of its children.

    It is called by the whole path, or without the entity where it is in a child: ``invoices.line_items.rate`` or
    ``line_items.rate``.
    """
    names = [".".join((*path[start:], key)) for start in range(len(path))]
    text = next((choices[name] for name in names if name in choices), None)
    return None if text is None else KindChoice.parse(text)
