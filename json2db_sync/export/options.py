"""What an export is asked for: which tables, in which shape."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from json2db_sync.errors import ConfigurationError
from json2db_sync.text import did_you_mean

Format = Literal["envelope", "array", "ndjson"]
NullHandling = Literal["keep", "omit"]
Names = Mapping[str, Sequence[str]]
"""Table -> fields; ``*`` stands for all tables that are not named."""
LEFT_OUT = "(left out)"
"""What files say instead of a filter of a field that they do not show."""
Known = Collection[str] | None
"""The fields that a table has; None where it may have others too."""


@dataclass(frozen=True)
class ExportOptions:
    """The shape of an export."""

    format: Format = "envelope"
    pretty: bool = True
    compress: bool = False
    null_handling: NullHandling = "keep"
    related_depth: int | None = None
    """How many foreign keys to follow for names; None: one in an application's tables, none in ours."""
    exclude_tables: Sequence[str] = ()
    """Tables and entities to leave out, as names beside references too."""
    name_fields: Mapping[str, str] = field(default_factory=dict)
    """Table -> the column that names its rows, where the guess is wrong."""
    fields: Names = field(default_factory=dict)
    """The only fields to export."""
    exclude: Names = field(default_factory=dict)
    rename: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    filters: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Table -> column -> a value, a list of values, or comparisons as in ``{">=": 5}``."""
    statistics: Names = field(default_factory=dict)
    """Fields whose most frequent values are counted."""
    top_values: int = 10
    """How many of them are told."""

    @property
    def omits_null(self) -> bool:
        return self.null_handling == "omit"

    def keeps(self, table: str, field: str, known: Collection[str], *, asked: bool) -> bool:
        """Are these values of a table to be seen where others refer to it?

        :param asked: a field that holds them is asked for by its name: what is said of all tables does not count.
        """
        everywhere = "" if asked else "*"
        common = [name for name in self.fields.get(everywhere, ()) if name in known]
        only, without = (
            self.fields.get(table, common or None),
            self.exclude.get(table, self.exclude.get(everywhere, ())),
        )
        return (only is None or field in only) and field not in without

    def named(self, table: str) -> set[str]:
        """Fields that are said of this table by name: wanted, or left out."""
        return {*self.fields.get(table, ()), *self.exclude.get(table, ())}

    def projection(self, table: str, known: Known) -> Projection:
        """What becomes of the fields of a table.

        :raises ConfigurationError: here and below, when a field that is named for this table is not one of those known.
        """
        only = _of(self.fields, table, known, "export.fields")
        if not only and self.fields.get("*") and table not in self.fields and known is not None:
            raise unknown_field(table, next(iter(self.fields["*"])), known, "export.fields")
        return Projection(
            frozenset(only) if only or table in self.fields else None,
            frozenset(_of(self.exclude, table, known, "export.exclude")),
            _of(self.rename, table, known, "export.rename"),
        )

    def counted_fields(self, table: str, known: Known) -> tuple[str, ...]:
        """The fields of a table, as they are exported, whose values are counted."""
        return tuple(_of(self.statistics, table, known, "export.statistics"))

    def filters_of(self, table: str, known: Known) -> Mapping[str, object]:
        """Which records of a table are wanted."""
        return _of(self.filters, table, known, "export.filters")


def _of(settings: Mapping[str, Any], table: str, known: Known, setting: str) -> dict[str, Any]:
    """What is said of a table's fields, in order. What is said of all tables holds for the fields that this one has."""
    said = settings.get(table, settings.get("*", ()))
    found = dict(said) if isinstance(said, Mapping) else dict.fromkeys(said)
    if known is None:
        return found
    unknown = next((name for name in found if name not in known), None)
    if unknown is not None and table in settings:
        raise unknown_field(table, unknown, known, setting)
    return {name: value for name, value in found.items() if name in known}


def unknown_field(table: str | None, field: str, known: Collection[str], setting: str) -> ConfigurationError:
    """The error for a field that a table (None: any) does not have, naming those that are near it."""
    return ConfigurationError(
        f"{table} has no field {field}" if table is not None else f"no table has a field {field}",
        hint=did_you_mean(field, known) or f"it has {', '.join(known)}",
        setting=setting,
        table=table,
        reason="unknown_field",
    )


@dataclass(frozen=True)
class Projection:
    """Which fields are exported, and under which names."""

    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)

    def keeps(self, field: str) -> bool:
        return (self.only is None or field in self.only) and field not in self.without

    def name(self, field: str) -> str:
        return self.renamed.get(field, field)

    def names(self, table: str, fields: Sequence[str]) -> dict[str, str]:
        """The fields that are kept, in their order, with the names they get.

        :raises ConfigurationError: when two of them would get the same.
        """
        kept = {name: self.name(name) for name in fields if self.keeps(name)}
        twice = [new for new in kept.values() if list(kept.values()).count(new) > 1] if self.renamed else []
        if twice:
            raise ConfigurationError(
                f"{table}: two fields would be named {twice[0]}",
                hint="rename one of them otherwise, or leave it out (export.exclude)",
                setting="export.rename",
                table=table,
                reason="duplicate_field",
            )
        return kept

    def key(self, fields: Sequence[str], known: Known) -> tuple[str, ...]:
        """The fields of a key, as they are exported; () unless all of them are. Each may be a path into objects."""
        named = [(name, "") if known is None or name in known else name.partition(".")[::2] for name in fields]
        if not all(self.keeps(head) for head, _rest in named):
            return ()
        return tuple(f"{self.name(head)}.{rest}" if rest else self.name(head) for head, rest in named)

    def differs(self, fields: Collection[str], options: ExportOptions, *, all_known: bool) -> tuple[str, ...]:
        """In what records with these fields (and others, if not all are known) are not exported as they are stored."""
        others = not all_known and (self.only is not None or self.without)
        found = {
            "fields left out": others or not all(map(self.keeps, fields)),
            "fields renamed": any(name in self.renamed for name in fields if self.keeps(name)),
            "nulls left out": options.omits_null,
        }
        return tuple(words for words, holds in found.items() if holds)

    def told(self, filters: Mapping[str, object]) -> Mapping[str, object]:
        """Filters as files may say them: nothing of fields that are left out."""
        told = {name: wanted for name, wanted in filters.items() if self.keeps(name)}
        return told if len(told) == len(filters) else {**told, LEFT_OUT: True}

    def records(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Records with what is kept of them."""
        if self.only is None and not self.without and not self.renamed:
            return records
        return [{self.name(name): value for name, value in record.items() if self.keeps(name)} for record in records]
