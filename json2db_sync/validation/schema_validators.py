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


def _told(error: Exception) -> Exception:
    """The error in words of ours, if it is about a reference."""
    found = _ELSEWHERE.match(str(getattr(error, "message", error)))
    if found and (language := found["language"]):
        return ValueError(f"its $schema {language} is unknown, and nothing is fetched: the drafts {DRAFTS} are known")
    return NotFetched(found["one"] or found["other"]) if found else error
