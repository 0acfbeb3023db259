"""What becomes of one table of the source."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from json2db_sync.databases.catalog.expressions import Untranslatable, translate
from json2db_sync.databases.catalog.tables import (
    Catalog,
    CatalogColumn,
    CatalogTable,
    Check,
    ForeignKey,
    Identity,
    Index,
    Unique,
    quoted,
)
from json2db_sync.databases.catalog.types import TypeName
from json2db_sync.databases.ledger import Remembered
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.databases.table_stores.profiles import ColumnProfile, proves
from json2db_sync.databases.target_types import JSONB, Chosen, TargetTypes, changes_by_jsonb
from json2db_sync.results import JsonProposal, LeftOut
from json2db_sync.transfer.mapped import Choices, MappedColumn
from json2db_sync.transfer.names import Names

_NUMBERS = (TypeName.BOOLEAN, TypeName.INTEGER, TypeName.NUMERIC, TypeName.FLOAT)
_KNOWN = (
    *_NUMBERS, TypeName.TEXT, TypeName.BYTES, TypeName.DATE, TypeName.TIME, TypeName.TIMESTAMP, TypeName.TIMESTAMPTZ,
    TypeName.UUID, TypeName.JSON, TypeName.JSONB,
)  # fmt: skip
"""Types that a profile tells of."""
Place = tuple[str | None, str]
Profiles = Callable[[CatalogTable], Mapping[str, ColumnProfile]]


@dataclass
class Ends:
    """What mapping a table needs to know of the rest."""

    source: Catalog
    target: Catalog
    choices: Choices
    types: TargetTypes
    profiles: Profiles
    moved: dict[Place, CatalogTable] = field(default_factory=dict)
    """Tables of the source that are moved."""
    names: dict[Place, str] = field(default_factory=dict)
    """And their names in the target."""
    columns: dict[Place, dict[str, MappedColumn]] = field(default_factory=dict)
    """Of tables that were mapped already, all of them before any key is."""
    there: set[str] = field(default_factory=set)
    """Names of tables, keys and indexes that the target has, and keeps."""
    left: list[LeftOut] = field(default_factory=list)
    proposals: list[JsonProposal] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.same_kind = self.source.database == self.target.database
        self.relations = Names(self.types)
        """Names of tables, indexes and, where these are relations too, keys."""

    def leave(self, what: str, table: CatalogTable | None, name: str, reason: str) -> None:
        """Something does not come along."""
        self.left.append(LeftOut(what, table.title if table else None, name, reason))

    def called(self, what: str, table: CatalogTable | None, name: str, found: str) -> str:
        """The name that something gets in the target; told where that is another."""
        if found != name:
            longest = self.types.longest_name
            long = longest is not None and len(name.encode("utf-8", "surrogatepass")) > longest
            why = f"names have at most {longest} bytes" if long else "such a name is taken, or another schema's"
            self.leave("name", table, name, f"the {what} is called {found} there: {why}")
        return found


class TableMapper:
    """One table.

    :param known: where it came from, if that was a database of the target's kind and the table is what it was then.
    """

    def __init__(self, ends: Ends, source: CatalogTable, known: Remembered | None) -> None:
        self._ends, self._source, self._types = ends, source, ends.types
        self._origin = known.origin if known else None
        self._profiles: Mapping[str, ColumnProfile] = {}
        self._mapped: dict[str, MappedColumn] = {}

    # Columns

    def columns(self) -> dict[str, MappedColumn]:
        """By the source's names."""
        if not self._ends.same_kind:
            self._profiles = self._ends.profiles(self._source)
        if self._origin is not None:
            pairs = zip(self._source.columns, self._origin.columns, strict=True)
            return {one.name: self._remembered(one, origin) for one, origin in pairs}
        names = Names(self._types, self._types.system_columns)
        for one in self._source.columns:
            name = self._ends.called("column", self._source, one.name, names.free(one.name))
            self._mapped[one.name] = self._column(one, name)
        if not self._ends.same_kind:
            self._mapped = {name: self._with_expressions(one) for name, one in self._mapped.items()}
        return self._mapped

    def _remembered(self, column: CatalogColumn, origin: CatalogColumn) -> MappedColumn:
        """As it was; the number that it gives out next is what it is by now."""
        if origin.identity is not None:
            now = column.identity.next_value if column.identity else None
            profile = self._profiles.get(column.name)
            greatest = profile.greatest + 1 if profile and profile.greatest is not None else None
            numbers = [one for one in (origin.identity.next_value, now, greatest) if one is not None]
            following = max(numbers) if numbers and origin.identity.increment > 0 else origin.identity.next_value
            origin = replace(origin, identity=replace(origin.identity, next_value=following))
        profile, told = self._profiles.get(column.name), None
        as_text = self._ends.choices.strangers == "text" and self._types.typed and origin.type.name in _KNOWN
        if as_text and profile is not None and not proves(profile, WireColumn(column.name, origin.type)):
            chosen = self._types.of(column, profile, as_text=True)
            told = f"{chosen.type.declared}: it was remembered as {origin.type.declared}, which not all of it is"
            failed = origin.type if chosen.type.name is TypeName.TEXT else None
            return MappedColumn(column, replace(origin, type=chosen.type, default=None, identity=None), told, failed)
        if column.type.name is TypeName.TEXT and origin.type.name in _NUMBERS and not self._types.typed:
            told = f"{origin.type.declared} again: texts that are numbers become numbers, others stay texts"
        elif column.type.name is TypeName.TEXT and origin.type.name is TypeName.BYTES:
            told = f"{origin.type.declared} again: its texts stay texts, since none says whether it was one"
        return MappedColumn(column, origin, told)

    def _column(self, column: CatalogColumn, name: str) -> MappedColumn:
        if self._ends.same_kind:
            return MappedColumn(column, column)
        chosen = self._chosen(column)
        identity, key = self._identity(column), self._source.primary_key
        nullable = column.nullable and not (self._types.keys_are_required and key and column.name in key.columns)
        made = CatalogColumn(name, chosen.type, nullable, identity=identity, comment=column.comment)
        if column.collation is not None:
            reason = f"the target has no {column.collation}: its texts compare by their bytes"
            self._ends.leave("collation", self._source, column.name, reason)
        types = column.type.name, chosen.type.name
        is_none = types[0] in _KNOWN and types[0] is not types[1] is TypeName.TEXT and self._types.typed
        return MappedColumn(column, made, chosen.told, column.type if is_none and chosen.told else None)

    def _with_expressions(self, mapped: MappedColumn) -> MappedColumn:
        column, made = mapped.source, mapped.target
        if column.generated is not None and not self._source.is_view:
            generated = self._said("generated", column.name, column.generated, column=column.name)
            made = replace(made, generated=generated, stored=column.stored or self._types.generated_is_stored)
        elif column.default is not None and made.identity is None:
            made = replace(made, default=self._said("default", column.name, column.default, column=column.name))
        return replace(mapped, target=made)

    def _chosen(self, column: CatalogColumn) -> Chosen:
        profile = self._profiles.get(column.name, ColumnProfile(column.name))
        choices, table = self._ends.choices, self._source
        chosen = self._types.of(column, profile, as_text=choices.strangers == "text")
        is_json = profile.values > 0 and profile.containers == profile.jsonb == profile.values
        if column.type.name is TypeName.TEXT and is_json and self._types.typed_json:
            changes = tuple(changes_by_jsonb(profile))
            if choices.wants_jsonb(table, column.name):
                return Chosen(JSONB, JSONB, f"jsonb: {', '.join(changes)}" if changes else "jsonb")
            self._ends.proposals.append(JsonProposal(table.title, column.name, profile.values, changes))
        elif choices.names_jsonb(table, column.name) and chosen.type.name is not TypeName.JSONB:
            why = "not all of it is JSON that jsonb holds" if self._types.typed_json else "the target has no such type"
            self._ends.leave("jsonb", table, column.name, why)
        return chosen

    def _identity(self, column: CatalogColumn) -> Identity | None:
        identity = column.identity
        if identity is None:
            return None
        key = self._source.primary_key
        is_key = key is not None and key.columns == (column.name,) and identity.increment == 1
        if self._types.numbers_only_keys and not (is_key and column.type.name is TypeName.INTEGER):
            reason = "SQLite gives out numbers for an integer that is the whole key alone; they are remembered"
            self._ends.leave("identity", self._source, column.name, reason)
            return None
        return replace(identity, sequence=None)

    def _said(
        self, what: str, name: str, expression: str, *, column: str | None = None, condition: bool = False
    ) -> str | None:
        """An expression in the target's words; None, told, where there are none."""
        kinds, pairs = (self._ends.source.database, self._ends.target.database), self._mapped.items()
        columns = {named: (one.source, one.target) for named, one in pairs}
        try:
            return translate(expression, *kinds, columns, column=column, condition=condition)
        except Untranslatable as error:
            self._ends.leave(what, self._source, name, f"{expression}: {error}")
            return None

    # The table, when the columns of all tables are known

    def table(self) -> CatalogTable:
        """As it is to be made in the target."""
        made = self._made()
        return replace(made, schema=self._ends.target.schema) if made.name.startswith(self._types.hidden) else made

    def _made(self) -> CatalogTable:
        ends, source = self._ends, self._source
        base = self._origin or source
        columns = tuple(one.target for one in ends.columns[source.place].values())
        made = CatalogTable(ends.names[source.place], columns, comment=base.comment)
        if source.is_view:
            return made
        if self._origin is not None or ends.same_kind:
            columns = tuple(map(self._numbered, columns))
            made = replace(base, name=made.name, schema=None, columns=columns, rows=None, definition=None)
            key = base.primary_key and self._kept(base.primary_key)
            uniques = tuple(map(self._kept, base.uniques))
            made = replace(made, primary_key=key, uniques=uniques, indexes=tuple(self._renamed(base)))
            return replace(made, foreign_keys=self._kept_keys(base))
        return replace(
            made,
            primary_key=self._key(source.primary_key) if source.primary_key else None,
            uniques=tuple(self._uniques()),
            checks=(
                *self._checks(),
                *self._types.checks_of((one.source, one.target) for one in ends.columns[source.place].values()),
            ),
            foreign_keys=tuple(self._foreign_keys()),
            indexes=(*self._indexes(), *self._json_indexes()),
        )

    def _name_of(self, column: str) -> str:
        return self._ends.columns[self._source.place][column].target.name

    def _key(self, key: Unique) -> Unique:
        return Unique(None, tuple(map(self._name_of, key.columns)), key.nulls_distinct)

    def _kept(self, key: Unique) -> Unique:
        """Under its name, unless something else bears it."""
        if key.name is None or not self._types.keys_are_relations or key.name not in self._ends.there:
            return key
        self._ends.leave("name", self._source, key.name, "something else bears it there: the key gets another")
        return replace(key, name=None)

    def _numbered(self, column: CatalogColumn) -> CatalogColumn:
        """With a sequence of a name that is free."""
        if column.identity is None or column.identity.sequence is None:
            return column
        free = self._ends.relations.free(column.identity.sequence)
        return replace(column, identity=replace(column.identity, sequence=free))

    def _uniques(self) -> Iterator[Unique]:
        for one in self._source.uniques:
            if not one.nulls_distinct and not self._types.nulls_may_be_equal:
                name = one.name or ", ".join(one.columns)
                self._ends.leave("unique", self._source, name, "NULL counts as equal in it")
            else:
                yield self._key(one)

    def _checks(self) -> Iterator[Check]:
        for one in self._source.checks:
            said = self._said("check", one.name or "check", one.expression, condition=True)
            if said is not None:
                yield Check(one.name, said)
        domains = {one.name: one for one in self._ends.source.domains}
        for mapped in self._mapped.values():
            name, domain = mapped.source.name, domains.get(mapped.source.type.domain or "")
            for one in domain.checks if domain else ():
                of_column = re.sub(r"\bVALUE\b", lambda _word: quoted(name), one.expression)  # noqa: B023
                said = self._said("check", f"{name}: {one.name or 'check'}", of_column, condition=True)
                if said is not None:
                    yield Check(None, said)

    # Foreign keys

    def _parent(self, key: ForeignKey) -> Place:
        schema = key.schema or self._source.schema
        return None if schema == self._ends.source.schema else schema, key.table

    def _kept_keys(self, base: CatalogTable) -> tuple[ForeignKey, ...]:
        """Those to tables that come along, by the names these have here."""
        moved = {name: place for place, name in self._ends.names.items()}
        kept = []
        for key in base.foreign_keys:
            if self._ends.same_kind and self._parent(key) in self._ends.names:
                kept.append(replace(key, table=self._ends.names[self._parent(key)], schema=None))
            elif not self._ends.same_kind and key.table in moved:
                kept.append(replace(key, schema=None))
            else:
                self._leave_key(key, f"{key.table} is not among these tables")
        return tuple(kept)

    def _leave_key(self, key: ForeignKey, reason: str) -> None:
        name = key.name or f"{', '.join(key.columns)} -> {key.table}"
        self._ends.leave("foreign_key", self._source, name, reason)

    def _foreign_keys(self) -> Iterator[ForeignKey]:
        for key in self._source.foreign_keys:
            reason = self._why_no_key(key)
            if reason is not None:
                self._leave_key(key, reason)
                continue
            parent = self._ends.columns[self._parent(key)]
            yield replace(
                key,
                columns=tuple(map(self._name_of, key.columns)),
                schema=None,
                table=self._ends.names[self._parent(key)],
                referred=tuple(parent[name].target.name for name in key.referred),
            )

    def _why_no_key(self, key: ForeignKey) -> str | None:
        """Why the target cannot have a foreign key; None where it can."""
        parent = self._ends.moved.get(self._parent(key))
        if parent is None or parent.is_view:
            return f"{key.table} is not among these tables"
        columns = self._ends.columns[parent.place]
        if not key.referred or not {*key.referred} <= columns.keys():
            return f"{key.table} has no such columns"
        unique = [one.columns for one in (parent.primary_key, *parent.uniques) if one]
        unique += [tuple(map(str, one.columns)) for one in parent.indexes if one.unique and not one.where]
        if {*key.referred} not in [{*one} for one in unique]:
            return f"no key of {key.table} makes {', '.join(key.referred)} unique"
        own = self._ends.columns[self._source.place]
        for name, referred in zip(key.columns, key.referred, strict=True):
            types = own[name].target.type.name, columns[referred].target.type.name
            if types[0] is not types[1]:
                return f"{name} is {types[0].value} and {key.table}.{referred} is {types[1].value}"
        return None

    # Indexes

    def _renamed(self, base: CatalogTable) -> Iterator[Index]:
        for index in base.indexes:
            yield replace(index, name=self._ends.relations.free(index.name))

    def _indexes(self) -> Iterator[Index]:
        for index in self._source.indexes:
            reason = self._types.why_no_index(index)
            parts = None if reason else self._parts(index)
            where = index.where and self._said("index", index.name, index.where, condition=True)
            if reason:
                self._ends.leave("index", self._source, index.name, reason)
            elif parts is not None and (where or not index.where):
                free = self._ends.relations.free(index.name)
                name = self._ends.called("index", self._source, index.name, free)
                names = tuple(one and self._name_of(one) for one in index.columns)
                yield Index(name, parts, names, index.unique, where, nulls_distinct=index.nulls_distinct)

    def _parts(self, index: Index) -> tuple[str, ...] | None:
        parts = []
        for part, column in zip(index.parts, index.columns, strict=True):
            if column is not None:
                descending = " DESC" if "DESC" in part.upper().split('"')[-1].split() else ""
                parts.append(quoted(self._name_of(column)) + descending)
                continue
            said = self._said("index", index.name, part)
            if said is None:
                return None
            parts.append(f"({said})")
        return tuple(parts)

    def _json_indexes(self) -> Iterator[Index]:
        if not self._ends.choices.json_index:
            return
        for column in self._ends.columns[self._source.place].values():
            if self._types.typed_json and column.target.type.name is TypeName.JSONB:
                name = self._ends.relations.free(f"ix_{self._ends.names[self._source.place]}_{column.target.name}")
                part = quoted(column.target.name)
                yield Index(name, (part,), (column.target.name,), method="gin")
