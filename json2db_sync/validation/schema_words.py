"""What stands in a JSON Schema and says nothing: words that are none of its draft's, or that nothing there heeds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

from json2db_sync.model.jsontext import path_text

_DRAFTS = ("4", "6", "7", "2019-09", "2020-12")
DRAFTS = "4, 6, 7, 2019-09 and 2020-12"
_SCHEMA_OF = re.compile(r"https?://json-schema\.org/(?:draft-0([467])/|draft/(2019-09|2020-12)/)?schema#?")
_SINCE = (
    "$schema $ref id title description default type enum multipleOf maximum minimum exclusiveMaximum exclusiveMinimum "
    "maxLength minLength pattern format items additionalItems maxItems minItems uniqueItems maxProperties "
    "minProperties required properties patternProperties additionalProperties definitions dependencies allOf anyOf "
    "oneOf not example",
    "$id const contains propertyNames examples",
    "$comment if then else readOnly writeOnly contentMediaType contentEncoding",
    "$defs $anchor $vocabulary $recursiveRef $recursiveAnchor dependentRequired dependentSchemas unevaluatedItems "
    "unevaluatedProperties minContains maxContains contentSchema deprecated",
    "prefixItems $dynamicRef $dynamicAnchor",
)
"""The words that each draft brought."""
_FIRST = {word: place for place, words in enumerate(_SINCE) for word in words.split()}
_GONE = {"additionalItems": 4, "$recursiveRef": 4, "$recursiveAnchor": 4}
"""Words that the drafts from this one on do not know any more."""
_MEANT = {
    "nullable": 'write "type": ["string", "null"]',
    "discriminator": "write a const in each branch of oneOf",
    "divisibleBy": "write multipleOf",
    "disallow": "write not",
    "extends": "write allOf",
    "optional": "required lists what must be there",
    "mandatory": "required lists what must be there",
}
"""Words of other languages, or of older drafts, that people expect to count."""
TYPES = "array, boolean, integer, null, number, object and string"
_FORMATS = frozenset(
    {
        *("date", "date-time", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6"),
        *("uri", "uri-reference", "iri", "iri-reference", "uri-template", "uuid", "json-pointer", "regex"),
        "relative-json-pointer",
    }
)
_ONE = frozenset(
    {
        *("additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"),
        *("propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
_BY_NAME = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_SAYS_NOTHING = frozenset(("$schema", "$id", "id", "$comment", "title", "description", "default", "examples", "$defs"))
_SAYS_NOTHING |= {"definitions"}
"""What may stand beside ``$ref`` in a draft that heeds nothing there."""


def draft_of(schema: object) -> int | None:
    """Which draft a schema says that it is written in, counted from 0; the newest where it says none; None: unknown."""
    name = schema.get("$schema") if isinstance(schema, dict) else None
    if not isinstance(name, str):
        return len(_DRAFTS) - 1
    match = _SCHEMA_OF.fullmatch(name)
    return None if match is None else _DRAFTS.index(match[1] or match[2] or _DRAFTS[-1])


def doubts(schema: object) -> Iterator[str]:
    """``$.properties.a: "requried" is not a keyword of JSON Schema (did you mean required?)``, each of them."""
    draft = draft_of(schema)
    yield from _doubts(schema, (), len(_DRAFTS) - 1 if draft is None else draft)


def _doubts(schema: object, path: tuple[str | int, ...], draft: int) -> Iterator[str]:
    if not isinstance(schema, dict):
        return
    for word, value in schema.items():
        said = _word(word, draft) or (_format(value) if word == "format" else None)
        if said:
            yield f"{path_text(path)}: {said}"
    beside = sorted(schema.keys() & _FIRST.keys() - _SAYS_NOTHING - {"$ref"})
    if isinstance(schema.get("$ref"), str) and draft < 3 and beside:
        yield f'{path_text(path)}: draft {_DRAFTS[draft]} passes over {beside[0]} beside "$ref": put both into allOf'
    for place, below in _below(schema):
        yield from _doubts(below, (*path, *place), draft)


def _below(schema: Mapping[str, object]) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """The schemas in a schema, each with its place."""
    for word, value in schema.items():
        if word in _ONE and isinstance(value, dict):
            yield (word,), value
        elif word in _BY_NAME and isinstance(value, dict):
            yield from (((word, name), one) for name, one in value.items())
        elif word in _LISTS and isinstance(value, list):
            yield from (((word, place), one) for place, one in enumerate(value))


def _word(word: str, draft: int) -> str | None:
    """Why a word in a schema counts for nothing; None for one that counts, or is only someone's own."""
    if word in _FIRST:
        if _FIRST[word] <= draft < _GONE.get(word, len(_DRAFTS)):
            return None
        return f'"{word}" is not a keyword of draft {_DRAFTS[draft]}, which is passed over'
    near = _MEANT.get(word) or _near(word, _FIRST)
    return f'"{word}" is not a keyword of JSON Schema ({near})' if near else None


def _format(name: object) -> str | None:
    if not isinstance(name, str) or name in _FORMATS:
        return None
    near = {"url": "did you mean uri?", "ip": "did you mean ipv4?"}.get(name) or _near(name, _FORMATS)
    return f'"{name}" is not a format of JSON Schema ({near})' if near else None


def _near(word: str, known: Iterable[str]) -> str:
    """A slip of the pen only: other words are annotations, which anyone may make up."""
    folded = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(word.casefold(), folded, 1, 0.8)
    return f"did you mean {folded[near[0]]}?" if near else ""
