"""Values of settings: how they may be spelled, and how they are shown."""

from __future__ import annotations

import json
import re
import shlex
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from json2db_sync.masking import masked, masked_address
from json2db_sync.model.timing import parse


def _json_text(value: object) -> object:
    """A variable holds a mapping or list as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        found: object = json.loads(value) if value.strip() else {}
        return found
    except ValueError as error:
        raise ValueError(f"must be JSON text: {error}") from error


JsonText = BeforeValidator(_json_text)


def _field_names(value: object) -> object:
    """One name, or several as a list or separated by commas."""
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_field_names)]


def _key_fields(value: object) -> object:
    """At least one name; an empty list says that there is no key."""
    if isinstance(value, str) and not _field_names(value):
        raise ValueError("must name a field, or several; [] says that there is no key")
    return value


KeyFields = Annotated[Names, BeforeValidator(_key_fields)]
FieldsOfTables = Annotated[dict[str, Names], JsonText]


def _most(value: object) -> str | None:
    """A number of records, or a share of a file's records as in ``5%``."""
    text = str(value).strip()
    if value is None or text == "":
        return None
    if isinstance(value, bool) or not re.fullmatch(r"\d+|\d+(\.\d+)?\s*%", text):
        raise ValueError("must be a number of records, such as 100, or a share, such as 5%")
    if text.endswith("%") and float(text[:-1]) > 100:
        raise ValueError("a share is at most 100%")
    return text.replace(" ", "")


MaxRejected = Annotated[str | None, BeforeValidator(_most)]
Contracts = Annotated[dict[str, Literal["evolve", "freeze"]], JsonText]


Children = Annotated[dict[str, dict[str, bool]], JsonText]


def _named_fields(value: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """A stub without fields would be every record."""
    for entity, fields in value.items():
        if not fields:
            raise ValueError(f'{entity} must name a field and its value, as in {{"status": "Deleted"}}')
    return value


DeletionStubs = Annotated[dict[str, dict[str, object]], JsonText, AfterValidator(_named_fields)]


def _times(value: dict[str, str]) -> dict[str, str]:
    """Operations as they are called, each with a time that comes again."""
    for operation, time in value.items():
        try:
            words = shlex.split(operation)
        except ValueError as error:
            raise ValueError(f"{operation!r} cannot be taken apart into words: {error}") from error
        if not words:
            raise ValueError("an operation must be named")
        parse(time)
    return value


Times = Annotated[dict[str, str], JsonText, AfterValidator(_times)]


def _references(value: dict[str, str]) -> dict[str, str]:
    """Fields of an entity, or at a path in its records; and the entity alone that they refer to."""
    from json2db_sync.sources.relation_path import RelationPath

    for field, entity in value.items():
        RelationPath.parse(field)
        if not entity:
            raise ValueError(f"{field} must refer to an entity")
        name = entity.partition(".")[0].partition("[")[0]
        if name != entity:
            raise ValueError(
                f'{field} must refer to an entity alone, "{name}" in place of "{entity}": what is referred to is its '
                "key, which processing.keys names where it is not guessed"
            )
    return value


Relations = Annotated[dict[str, str], JsonText, AfterValidator(_references)]


def _kinds(value: dict[str, str]) -> dict[str, str]:
    """Fields as they are written, of an entity or of a child; and the kind of each."""
    from json2db_sync.model.kind_choices import KindChoice

    for field, kind in value.items():
        if "." not in field.strip("."):
            raise ValueError(f'{field!r} must be entity.field, or entity.array.field, as in "invoices.total"')
        KindChoice.parse(kind)
    return value


Kinds = Annotated[dict[str, str], JsonText, AfterValidator(_kinds)]


def _records_path(text: str) -> str:
    """A path of keys, lists and maps, or JSONPath."""
    from json2db_sync.errors import ConfigurationError
    from json2db_sync.sources.records_path import RecordsPath

    try:
        RecordsPath.parse(text)
    except ConfigurationError as error:
        raise ValueError(f"{error.message}; {error.hint}") from error
    return text


RecordsPathText = Annotated[str, AfterValidator(_records_path)]


def shown(name: str, value: object) -> str:
    """A setting's value for people; passwords masked."""
    if name == "database.path" and value is not None:
        return masked_address(str(value))
    is_json = isinstance(value, dict | list)
    return "" if value is None else masked(json.dumps(value, default=str) if is_json else str(value))
