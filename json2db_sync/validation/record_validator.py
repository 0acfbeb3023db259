"""What records must satisfy: a JSON Schema an entity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from json2db_sync.model.jsontext import path_text
from json2db_sync.validation.schema_folder import MASK, SchemaFolder, message_of

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

    @property
    def reason(self) -> str:
        """The message with the schema that asks for it."""
        return f"{_REASON} {self.schema}: {self.message}"


@dataclass(frozen=True)
class RecordRules:
    """The schemas of all entities that have one."""

    mode: Mode = "reject"
    """What becomes of a record that does not satisfy its schema: it is rejected, or loaded all the same."""
    _rules: Mapping[str, tuple[str, jsonschema_rs.Validator]] = field(default_factory=dict)
    """Entity -> the name of its schema's file, and what checks records."""

    @classmethod
    def load(cls, directory: Path | None, mode: Mode = "reject") -> RecordRules:
        """The rules of a folder of schemas; none where no folder is given.

        :raises ConfigurationError: when the folder does not exist, a file in it is not a schema or refers elsewhere.
        """
        if directory is None:
            return cls(mode)
        return cls(mode, dict(SchemaFolder(directory.expanduser()).validators()))

    @classmethod
    def of_schema(cls, entity: str, name: str, schema: Mapping[str, object]) -> RecordRules:
        """The rules of one schema that is at hand.

        :param name: what to call it.
        :raises ValueError: when it is not a schema.
        """
        import jsonschema_rs

        validator = jsonschema_rs.validator_for(dict(schema), validate_formats=True, mask=MASK)
        return cls(_rules={entity: (name, validator)})

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
        try:
            first, *others = validator.iter_errors(record)
        except ValueError:  # the validator cannot show a value that is nested more than 255 levels deep
            return Violation("$", "what is wrong is nested too deep to be told", schema)
        message = message_of(first)
        shown = message if len(message) <= _MOST else message[: _MOST - 1] + "…"
        more = f" (and {len(others):,} more)" if others else ""
        return Violation(path_text(first.instance_path), shown + more, schema)

    def rejection(self, entity: str, record: Mapping[str, object]) -> Violation | None:
        """As :meth:`violation`, but only where it keeps a record from being loaded."""
        return self.violation(entity, record) if self.mode == "reject" else None
