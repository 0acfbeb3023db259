"""Sentences that are values: a person reads the text, a program reads the fields."""

from __future__ import annotations

from collections.abc import KeysView
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, SupportsIndex


class Message(str):
    """A text whose fields say the same to programs: ``str(message)`` is the sentence, ``message.code`` a field.

    A field is also had as ``message["code"]``, and all of them as ``dict(message)``, as of every result. Subclasses
    are frozen dataclasses; their ``sentence`` makes the text of the fields.
    """

    def __new__(cls, *values: object, **named: object) -> Self:
        return super().__new__(cls, cls.sentence(*values, **named))

    @classmethod
    def sentence(cls, *values: Any, **named: Any) -> str:
        """The text; takes what the constructor takes."""
        raise NotImplementedError

    def __getnewargs__(self) -> Any:
        return tuple(getattr(self, one.name) for one in fields(self))  # type: ignore[arg-type]

    def __getitem__(self, key: SupportsIndex | slice | str) -> Any:
        return self.as_dict()[key] if isinstance(key, str) else super().__getitem__(key)

    def keys(self) -> KeysView[str]:
        """The names of the fields, and ``text``."""
        return self.as_dict().keys()

    def as_dict(self) -> dict[str, object]:
        """The fields, and ``text``: what ``to_json`` of a result shows."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]
        return {**named, "text": str(self)}


@dataclass(frozen=True, eq=False, repr=False)
class Note(Message):
    """Something that deserves a look."""

    text: str
    code: str
    """What kind of note it is; docs/results.md lists them all."""
    entity: str | None = None
    count: int | None = None  # type: ignore[assignment]  # of str, which counts characters
    """How many records, values or files it is about."""
    setting: str | None = None
    """The setting that helps."""

    @classmethod
    def sentence(cls, text: str, *_values: object, **_named: object) -> str:
        return text


LOUD = frozenset({
    "backup_incomplete", "certificate_not_written", "contract_gone", "delimiter_unclear", "encoding_guessed",
    "files_disagree", "folders_by_date", "gone_not_told", "guessed_key_updates", "header_unclear",
    "key_comes_twice", "key_given_up", "key_ignored", "kinds_ignored", "ledger_incomplete", "lists_beside",
    "many_like_files", "may_not_fit", "missing_unclear", "mixed_list", "most_records_gone", "no_key",
    "not_understood", "nothing_fits", "nothing_named", "quotes_unclear", "records_incomplete", "records_lost",
    "records_missing", "relation_unusable", "removed_in_target", "resource_left_out", "schema_gone", "schemas_unused",
    "table_gone_from_source", "table_not_compared", "table_not_exported", "table_not_in_target", "unclear_layout",
    "unknown_keyword", "unknown_lifecycle",
    "unknown_version_field", "unreadable_column", "unreadable_table", "unsorted_versions", "values_not_compared",
    "watermark_ahead", "without_key", "wrapping_stored",
})  # fmt: skip
"""Codes of notes that ask for a look: a command that has one ends with code 3."""


ChangeKind = Literal[
    "create_table", "add_column", "widen_column", "change_key", "restructure", "change_versions",
    "change_deletions", "create_index", "create_view", "remake_view", "drop_view", "repair", "empty_tables",
    "carry_over",
]  # fmt: skip

_VERBS = {"carry_over": "carry over", "repair": "create"}
"""Where the verb of the sentence is not the first word of the code."""


@dataclass(frozen=True, eq=False, repr=False)
class SchemaChange(Message):
    """One thing that was, would or may not be done to the tables."""

    change: ChangeKind
    entity: str
    table: str
    column: str | None = None
    detail: str = ""
    """What more there is to say, in words."""
    rebuild: bool = False
    """The stored rows of this entity are assembled and shredded again."""
    columns: int | None = None
    """Of a new table: how many columns come from JSON."""
    kind: str | None = None
    """Of a column: its kind from now on."""
    former_kind: str | None = None
    records: int = 0
    """Stored records that are rewritten for it: those of the whole entity where its tables are rebuilt, else none."""

    @property
    def text(self) -> str:
        """The sentence."""
        return str(self)

    @property
    def verb(self) -> str:
        """What the sentence begins with."""
        return _VERBS.get(self.change) or self.change.partition("_")[0]

    @property
    def done_to(self) -> str:
        """The rest of the sentence."""
        return str(self)[len(self.verb) + 1 :]

    @property
    def where(self) -> str:
        """``invoices``, or ``invoices.total`` where it is about a column."""
        return f"{self.table}.{self.column}" if self.column else self.table

    @classmethod
    def sentence(
        cls,
        change: str,
        entity: str,
        table: str,
        column: str | None = None,
        detail: str = "",
        *_values: object,
        records: int = 0,
        **_named: object,
    ) -> str:
        if change == "empty_tables":
            return f"empty {table} and its children"
        if change == "carry_over":
            return f"carry over {records:,} records of {table}"
        if change == "repair":
            return f"create {detail} again: it was missing"
        if change == "create_index" and column is None:
            return f"create missing indexes on {table} and its children"
        what = f"{table}.{column}" if column else table
        return f"{change.replace('_', ' ')} {what}" + (f" ({detail})" if detail else "")


@dataclass(frozen=True, eq=False, repr=False)
class Relation(Message):
    """A column that seems to hold keys of an entity."""

    table: str
    column: str
    entity: str
    """The entity referred to."""
    why: Literal["name", "values"] = "name"
    key: str | None = None
    """The column of the entity that is referred to, where it is known."""

    @property
    def target(self) -> str:
        """``items.item_id``."""
        return f"{self.entity}.{self.key}" if self.key else self.entity

    @property
    def text(self) -> str:
        """The sentence."""
        return str(self)

    @classmethod
    def sentence(
        cls, table: str, column: str, entity: str, why: str = "name", key: str | None = None, **_named: object
    ) -> str:
        return f"{table}.{column} -> {entity}" + (f".{key}" if key else "")
