"""The key of a record as text: the same however MongoDB's Extended JSON, or a number, is spelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from json2db_sync.model.extended_json import WRAPPERS, unwrapped
from json2db_sync.model.jsontext import Json, canonical, id_text, scalar_text
from json2db_sync.model.kinds import Kind
from json2db_sync.model.record_version import value_at

OF_MONGODB = "_id"
"""There a document may be a key: ``{"year": 2026, "month": 1}`` of what was grouped by both."""


def key_of(record: Mapping[str, object], fields: Sequence[str]) -> str | None:
    """The key of a record as text, or None where a part is missing, null, empty or not a scalar.

    A field may be a path with dots to one inside objects (``sys.id``).
    Parts of a composite key are a JSON array of texts, so that ("a", "b,c") and ("a,b", "c") differ.
    """
    return key_of_values([value_at(record, field) for field in fields], fields)


def key_of_values(values: Sequence[object], fields: Sequence[str]) -> str | None:
    """:func:`key_of` a record in which the key's fields have these values. NaN counts as missing."""
    parts = []
    for value, field in zip(values, fields, strict=True):
        if isinstance(value, dict) and value:
            plain = _plain(value)
            value = canonical(plain) if isinstance(plain, dict) and field == OF_MONGODB else plain
        if value is None or value == "" or not isinstance(value, str | int | float) or value != value:
            return None
        parts.append(scalar_text(value))
    return id_text(parts) if parts else None


def _plain(value: Json) -> Json:
    """What Extended JSON wraps, also inside objects; a moment is a text, however it is written."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = unwrapped(value)
    if found is not None:
        return value["$numberDecimal"] if WRAPPERS[found[0]].kind is Kind.DECIMAL else found[1]
    if "$binary" in value:
        content = value["$binary"]
        return content.get("base64") if isinstance(content, dict) else content
    return {key: _plain(one) for key, one in value.items()}
