"""What records must satisfy: a JSON Schema an entity."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from json2db_sync.limits import MAX_VIOLATIONS, VIOLATIONS_NODES
from json2db_sync.model.jsontext import path_text
from json2db_sync.results import Note
from json2db_sync.text import asked, counted, some_of
from json2db_sync.user_paths import expanded
from json2db_sync.validation.mistakes import place_and_message
from json2db_sync.validation.schema_folder import SETTING, SUFFIX, SchemaFolder
from json2db_sync.validation.schema_validators import validator_of

if TYPE_CHECKING:
    import jsonschema_rs

Mode = Literal["reject", "warn"]
_MOST = 300
"""Characters of a message; a schema's own enumeration may be longer than anyone reads."""

_REASON = "does not satisfy"


def is_violation(reason: str) -> bool:
    """Did a schema reject the record? The ledger keeps reasons as :attr:`Violation.reason` makes them."""
    return reason.startswith(_REASON)


@dataclass(frozen=True)
class Violation:
    """Where a record does not satisfy its schema, and why."""

    path: str
    """``$.line_items[0].rate``."""
    message: str
    """``"x" is not of type "number" (and 2 more)``."""
    schema: str
    """The name of the file."""
    mistakes: tuple[str, ...] = ()
    """All that is wrong, each with its place; the first hundred of them."""

    @property
    def reason(self) -> str:
        """The message with the schema that asks for it."""
        return f"{_REASON} {self.schema}: {self.message}"


def _errors(
    validator: jsonschema_rs.Validator, record: Mapping[str, object], *, every: bool
) -> Sequence[jsonschema_rs.ValidationError]:
    """What is wrong with a record that is not valid: all of it, or the first."""
    import jsonschema_rs

    if every:
        return list(validator.iter_errors(record))  # which keeps all of them at once
    try:
        validator.validate(record)
    except jsonschema_rs.ValidationError as error:
        return [error]
    raise AssertionError("it was not valid")


def _is_small(record: Mapping[str, object]) -> bool:
    """Has it so few nodes that all that may be wrong with it can be held?"""
    waiting: list[object] = [record]
    seen = 0
    while waiting and seen <= VIOLATIONS_NODES:
        value = waiting.pop()
        inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
        seen += len(inner)
        waiting += [one for one in inner if isinstance(one, dict | list)]
    return seen <= VIOLATIONS_NODES


@dataclass(frozen=True)
class RecordRules:
    """The schemas of all entities that have one."""

    mode: Mode = "reject"
    """What becomes of a record that does not satisfy its schema: it is rejected, or loaded all the same."""
    _rules: Mapping[str, tuple[str, jsonschema_rs.Validator]] = field(default_factory=dict)
    """Entity -> the name of its schema's file, and what checks records."""
    _folder: SchemaFolder | None = None

    @classmethod
    def load(cls, directory: Path | None, mode: Mode = "reject") -> RecordRules:
        """The rules of a folder of schemas; none where no folder is given.

        :raises ConfigurationError: when the folder does not exist, a file in it is not a schema or refers elsewhere.
        """
        if directory is None:
            return cls(mode)
        folder = SchemaFolder(expanded(directory))
        return cls(mode, dict(folder.validators()), folder)

    @classmethod
    def of_schema(cls, entity: str, name: str, schema: Mapping[str, object]) -> RecordRules:
        """The rules of one schema that is at hand.

        :param name: what to call it.
        :raises ValueError: when it is not a schema.
        """
        return cls(_rules={entity: (name, validator_of(dict(schema)))})

    def __bool__(self) -> bool:
        return bool(self._rules)

    def schema_of(self, entity: str) -> str | None:
        """The name of the file that holds an entity's schema."""
        return self._rules[entity][0] if entity in self._rules else None

    def violation(self, entity: str, record: Mapping[str, object]) -> Violation | None:
        """Where a record first does not satisfy its entity's schema; None where it does, or there is none."""
        schema, validator = self._rules.get(entity, ("", None))
        if validator is None or validator.is_valid(record):
            return None
        is_small = _is_small(record)
        try:
            errors = _errors(validator, record, every=is_small)
            told = [place_and_message(error) for error in errors[:MAX_VIOLATIONS]]
        except ValueError:  # the validator cannot show a value that is nested more than 255 levels deep
            return Violation("$", "what is wrong is nested too deep to be told", schema)
        shown = [
            (path_text(place), message if len(message) <= _MOST else message[: _MOST - 1] + "…")
            for place, message in told
        ]
        more = f" (and {len(errors) - 1:,} more)" if len(errors) > 1 else ""
        if not is_small:
            more = " (the first; the record is too large for all of them to be told)"
        path, message = shown[0]
        return Violation(path, message + more, schema, tuple(f"{place}: {text}" for place, text in shown))

    def rejection(self, entity: str, record: Mapping[str, object]) -> Violation | None:
        """As :meth:`violation`, but only where it keeps a record from being loaded."""
        return self.violation(entity, record) if self.mode == "reject" else None

    def notes(self, entities: Collection[str], known: Collection[str] = ()) -> Iterator[Note]:
        """What of the folder's schemas checks nothing.

        :param entities: that hold records, or will.
        :param known: entities that there are, also where each of their records was rejected.
        """
        if self._folder is None:
            return
        named: dict[str, list[str]] = {}
        for file, doubt in self._folder.doubts:
            named.setdefault(file, []).append(doubt)
        for file, found in named.items():
            yield Note(f"{file}: {some_of(found, 3)}", "unknown_keyword", count=len(found), setting=SETTING)
        yield from self._unused(self._folder, entities, {*entities, *known})

    def _unused(self, folder: SchemaFolder, entities: Collection[str], known: Collection[str]) -> Iterator[Note]:
        referred = folder.referred
        unused = {one: path.name for one, path in folder.files.items() if one not in known and path not in referred}
        bare = sorted(set(entities) - self._rules.keys())
        named = [f"{name}{asked(entity, bare)}" for entity, name in unused.items()]
        aside = [*named, *(f"{name} (only files right in the folder are looked at)" for name in folder.below)]
        if not aside and self._rules:
            return
        text = f"{counted(len(aside), 'schema')} of {folder.directory} without records to check: {some_of(aside, 5)}"
        if not self._rules and not aside:
            text = f"{folder.directory} holds no schema (<entity>{SUFFIX}), so that nothing is checked"
        if bare:
            text += f"; without a schema: {some_of(bare, 5)}"
        is_loud = bare or not self._rules
        yield Note(text, "schemas_unused" if is_loud else "schemas_waiting", count=len(aside), setting=SETTING)
