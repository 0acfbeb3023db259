"""Custom columns as a user writes them: ``"import_timestamp": "TIMESTAMP DEFAULT CURRENT_TIMESTAMP"``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from json2db_sync.errors import ConfigurationError
from json2db_sync.model.naming import MAX_BYTES, snake
from json2db_sync.model.plan import DATA_SOURCE, CustomColumn

_CUSTOM = re.compile(
    r"(?P<type>[A-Za-z][A-Za-z0-9_ ]*?(?:\(\s*\d+\s*(?:,\s*\d+\s*)?\))?)"
    r"(?:\s+DEFAULT\s+(?P<default>CURRENT_TIMESTAMP|NULL|-?\d+(?:\.\d+)?|'(?:[^']|'')*'))?\s*",
    re.IGNORECASE,
)


def _custom_column(name: str, text: str) -> CustomColumn | None:
    """A custom column from its name, type and default; None for one that every table has anyway."""
    match = _CUSTOM.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(
            f"the custom column {name} cannot be read: {text!r}",
            hint="a type and, if wanted, DEFAULT with a number, a 'text' or CURRENT_TIMESTAMP",
            setting="custom_columns",
            reason="invalid_custom_column",
        )
    if snake(name) != name or name.startswith("_") or len(name.encode()) > MAX_BYTES:
        raise ConfigurationError(
            f"{name!r} cannot be the name of a custom column", hint="lower-case letters, digits and _",
            setting="custom_columns", reason="invalid_custom_column",
        )  # fmt: skip
    if name in (DATA_SOURCE, "id", "created_at", "updated_at"):
        return None
    return CustomColumn(name, match["type"].strip(), match["default"])


def custom_columns_of(asked: Mapping[str, str]) -> tuple[CustomColumn, ...]:
    """The columns asked for, without those that every table has anyway.

    :raises ConfigurationError: when a name or a text cannot be one of a column.
    """
    columns = (_custom_column(name, text) for name, text in asked.items())
    return tuple(column for column in columns if column is not None)
