"""Where in a file its records are: a path of keys and lists, as ``data_source.records`` has it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from json2db_sync.errors import ConfigurationError


class Step(Enum):
    """A step of a path that is no key."""

    EACH = "[*]"
    """Each element of a list."""
    VALUES = "*"
    """Each value of a map."""


_PLAIN_KEY = re.compile(r"[^.\[\]*$'\"][^.\[\]*'\"]*")
_PART = re.compile(r"\.?(\[\*\]|\*|\[\s*'(?:[^'\\]|\\.)*'\s*\]|\[\s*\"(?:[^\"\\]|\\.)*\"\s*\]|[^.\[\]*'\"]+)")
_QUERY = re.compile(r"\.\.|\?|[:,]|\[\s*-?\d")
"""What tells that a path of JSONPath must be searched for in the whole document."""


@dataclass(frozen=True)
class RecordsPath:
    """A path from the top of a document to its records.

    :param steps: keys, and what stands for many; None where ``text`` must be evaluated as JSONPath.
    """

    text: str
    steps: tuple[str | Step, ...] | None

    @classmethod
    def of_keys(cls, *steps: str | Step) -> RecordsPath:
        """The path along these steps."""
        return cls("".join(_spelled(step, first=not place) for place, step in enumerate(steps)) or "$", steps)

    @classmethod
    def parse(cls, text: str) -> RecordsPath:
        """``QueryResponse.Invoice``, ``edges[*].node``, ``*``, ``$`` (the document itself), or JSONPath (RFC 9535).

        :raises ConfigurationError: when it is none of these.
        """
        rest = text.strip().removeprefix("$")
        if text.strip().startswith("$") and _QUERY.search(re.sub(r"'[^']*'|\"[^\"]*\"", "", rest)):
            _compiled(text.strip())
            return cls(text.strip(), None)
        steps: list[str | Step] = []
        place = 0
        while place < len(rest):
            match = _PART.match(rest, place)
            if match is None:
                raise _invalid(text, f"at {rest[place:]!r}")
            steps.append(_step(match[1]))
            place = match.end()
        if not text.strip():
            raise _invalid(text, "it is empty")
        return cls.of_keys(*steps)

    @property
    def is_document(self) -> bool:
        """Does it stand for the document itself?"""
        return self.steps == ()

    @property
    def name(self) -> str | None:
        """The last key on the way, but for those that stand around each record: what the list is called."""
        keys = [step for step in reversed(self.steps or ()) if isinstance(step, str)]
        return next((key for key in keys if key not in ("node", "edges", "nodes", "_source")), None)

    @property
    def has_map(self) -> bool:
        """Are the records values of a map?"""
        return Step.VALUES in (self.steps or ())

    def find(self, document: Any) -> list[Any]:
        """The records in a document that is at hand; a list that is found stands for its elements."""
        found = _compiled(self.text).findall(document)
        return [record for one in found for record in (one if isinstance(one, list) else [one])]


def _step(part: str) -> str | Step:
    if part in (Step.EACH.value, Step.VALUES.value):
        return Step(part)
    if part.startswith("["):
        quoted = part[1:-1].strip()
        return re.sub(r"\\(.)", r"\1", quoted[1:-1])
    return part


def _spelled(step: str | Step, *, first: bool) -> str:
    if isinstance(step, Step):
        return step.value if step is Step.EACH or first else f".{step.value}"
    if _PLAIN_KEY.fullmatch(step):
        return step if first else f".{step}"
    quoted = step.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"


def _compiled(text: str) -> Any:
    import jsonpath

    try:
        return jsonpath.compile(text)
    except jsonpath.JSONPathError as error:
        raise _invalid(text, str(error)) from error


def _invalid(text: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"data_source.records: {text!r} is no path ({why})",
        hint="a path is dotted (QueryResponse.Invoice), with [*] for each of a list and * for each value of a map, "
        "or JSONPath ($..node); $ is the document itself",
        setting="data_source.records",
        reason="invalid_value",
    )
