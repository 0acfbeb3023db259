"""Errors about settings: which one, where its value came from and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from json2db_sync.config.sections import all_fields
from json2db_sync.config.values import shown
from json2db_sync.errors import ConfigurationError

if TYPE_CHECKING:
    from json2db_sync.config.layers import Layer


def unknown(name: str, origin: str, known: Any) -> ConfigurationError:
    """The error for a setting that does not exist, with the nearest name that does."""
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    listed = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return ConfigurationError(f"there is no setting {name} ({origin})", hint=listed, setting=name)


def explain(error: ValidationError, layers: Sequence[Layer]) -> ConfigurationError:
    """The error for a value that cannot be right."""
    first = error.errors()[0]
    section, setting = str(first["loc"][0]), str(first["loc"][1]) if len(first["loc"]) > 1 else ""
    name = f"{section}.{setting}"
    layer = next((layer for layer in layers if setting in layer.values.get(section, {})), None)
    value = layer.values[section][setting] if layer else None
    fields = {full: field for full, _s, _n, field in all_fields()}
    description = fields[name].description if name in fields else None
    message = first["msg"].removeprefix("Value error, ")
    written = layer.written(name) if layer else name
    return ConfigurationError(
        f"{written} = {shown(name, value)} is wrong: {message[0].lower()}{message[1:]}"
        + (f" (from {layer.name})" if layer else ""),
        hint=f"{name} is: {description}" if description else None,
        setting=name,
    )
