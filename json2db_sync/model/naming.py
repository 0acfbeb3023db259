"""Names: from JSON keys and file stems to tables and columns that every database takes."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection

MAX_BYTES = 63
"""PostgreSQL cuts longer identifiers in silence."""

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^\w]+")


def snake(text: str) -> str:
    """``AlbumId`` -> ``album_id``, ``US Gross`` -> ``us_gross``, ``pt-BR`` -> ``pt_br``; may be empty."""
    text = unicodedata.normalize("NFKC", text)
    text = _NOT_WORD.sub("_", _WORD_START.sub("_", text)).casefold()
    return re.sub(r"(?<=[^_])__+", "_", text).rstrip("_")


def fit(name: str, source: str) -> str:
    """A name cut to 63 bytes; a hash of what it stands for replaces what was cut."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    mark = "_" + _hash(source)
    return name.encode()[: MAX_BYTES - len(mark)].decode("utf-8", "ignore").rstrip("_") + mark


def column_name(key: str, taken: Collection[str]) -> str:
    """A column for a JSON key: snake_case, at most 63 bytes, not among the names taken."""
    name = fit(snake(key) or "key", key)
    return name if name not in taken else _distinct(name, key, taken)


def table_name(prefix: str, parts: tuple[str, ...], taken: Collection[str]) -> str:
    """``json_invoices_line_items`` for ("invoices", "line_items")."""
    source = "\0".join(parts)
    name = fit(prefix + "_".join(snake(part) or "key" for part in parts), source)
    return name if name not in taken else _distinct(name, source, taken)


def _distinct(name: str, source: str, taken: Collection[str]) -> str:
    length = 6
    while True:
        mark = "_" + _hash(source, length)
        candidate = name.encode()[: MAX_BYTES - len(mark)].decode("utf-8", "ignore") + mark
        if candidate not in taken:
            return candidate
        length += 1


def _hash(text: str, length: int = 8) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def entity_name(text: str) -> str:
    """The entity that a file stem or a key names; never empty."""
    return snake(text).strip("_") or "entity_" + _hash(text)


def singular(entity: str) -> str:
    """``invoices`` -> ``invoice``, ``entries`` -> ``entry``, ``taxes`` -> ``tax``."""
    for ending, replacement in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if entity.endswith(ending):
            return entity[: -len(ending)] + replacement
    if entity.endswith("s") and not entity.endswith(("ss", "us", "is")):
        return entity[:-1]
    return entity


def key_rank(field: str, entity: str) -> int | None:
    """How likely a field's name makes it the key of an entity: 0 is likeliest, None not at all.

    In order: ``id``, ``_id``, ``<entity>_id``, ``<singular>_id``, a stem that ends the singular name
    (``payment_id`` of customerpayments); camelCase counts as snake_case.
    """
    name = snake(field)
    names = ("id", "_id", f"{entity}_id", f"{singular(entity)}_id")
    if name in names:
        return names.index(name)
    stem = name.removesuffix("_id")
    return len(names) if stem != name and singular(entity).endswith(stem) else None
