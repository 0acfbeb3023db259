"""Validators of JSON Schemas. Nothing is ever fetched: what a schema refers to is handed over with it, or refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from json2db_sync.validation.mistakes import MASK
from json2db_sync.validation.schema_words import DRAFTS

if TYPE_CHECKING:
    import jsonschema_rs

Schema = dict[str, Any] | bool

_ELSEWHERE = re.compile(
    "Resource '(?P<one>.+?)' is not present in a registry|Unknown meta-schema: '(?P<language>.+?)'. Custom"
    "|Failed to resolve '(?P<other>.+?)' against",
    re.DOTALL,
)


_ALTERNATIVES = ("allOf", "anyOf", "oneOf")
_IN_PLACE = ("not", "if", "then", "else")
_MOST_IN_PLACE = 100_000
"""Schemas that one value may have to satisfy: references to references can be a trillion in a few lines."""


class NotFetched(ValueError):
    """A schema refers to one that nobody handed over."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"it refers to {reference}, and nothing is fetched: put a copy under its $defs, with that $id")
        self.reference = reference


def _refuse(uri: str) -> Schema:
    raise NotFetched(uri)


def validator_of(
    schema: Schema, retrieve: Callable[[str], Schema] = _refuse, base_uri: str | None = None
) -> jsonschema_rs.Validator:
    """The validator of a schema.

    :param retrieve: gives the schemas that it may refer to by their addresses.
    :param base_uri: its own address, which relative references begin at.
    :raises ValueError: when it is not a schema; as :class:`NotFetched` when it refers elsewhere.
    """
    import jsonschema_rs

    if _in_place(schema, schema, {}) > _MOST_IN_PLACE:
        raise ValueError(
            f"its references multiply: one value would be held against more than {_MOST_IN_PLACE:,} schemas"
        )
    try:
        return jsonschema_rs.validator_for(
            schema, validate_formats=True, retriever=retrieve, base_uri=base_uri, mask=MASK
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise _told(error) from error


def require_schema(schema: Schema) -> None:
    """Raise for what is not a schema; what it refers to is not looked at.

    :raises ValueError: saying why; as :class:`NotFetched` when it is written in a language that is defined elsewhere.
    """
    import jsonschema_rs

    try:
        jsonschema_rs.meta.validate(schema, registry=jsonschema_rs.Registry([], retriever=_refuse))
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise _told(error) from error


def _in_place(schema: object, root: Schema, known: dict[int, int]) -> int:
    """How many schemas a value is held against that is held against this one; what is inside it apart."""
    if not isinstance(schema, dict) or not isinstance(root, dict):
        return 1
    if id(schema) not in known:
        known[id(schema)] = 0  # while it is counted: a circle adds nothing
        parts = [part for word in _ALTERNATIVES if isinstance(schema.get(word), list) for part in schema[word]]
        parts += [schema[word] for word in _IN_PLACE if word in schema]
        parts += [_defined(root, schema["$ref"])] if isinstance(schema.get("$ref"), str) else []
        known[id(schema)] = 1 + min(sum(_in_place(part, root, known) for part in parts), _MOST_IN_PLACE)
    return known[id(schema)]


def _defined(root: Schema, reference: str) -> object:
    """What a reference within the schema leads to; None where it leads elsewhere, or nowhere."""
    found: object = root
    for part in reference.removeprefix("#/").split("/") if reference.startswith("#/") else ["#"]:
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return root if reference == "#" else found


def _told(error: Exception) -> Exception:
    """The error in words of ours, if it is about a reference."""
    found = _ELSEWHERE.match(str(getattr(error, "message", error)))
    if found and (language := found["language"]):
        return ValueError(f"its $schema {language} is unknown, and nothing is fetched: the drafts {DRAFTS} are known")
    return NotFetched(found["one"] or found["other"]) if found else error
