"""What becomes of a source's catalog in the target: tables, columns and the rest; what is left out, with reasons."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from json2db_sync.comparison.pairs import Chosen, PairedTable, pair
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable
from json2db_sync.databases.catalog.types import ColumnType
from json2db_sync.databases.ledger import INDEXES, OWN_TABLES, Remembered
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.databases.target_types import types_of
from json2db_sync.errors import ConfigurationError
from json2db_sync.results import LeftOut, PlannedColumn
from json2db_sync.transfer.mapped import Choices, Mapped, MappedColumn, MappedTable, chosen_tables
from json2db_sync.transfer.table_mapping import Ends, Place, Profiles, TableMapper


class Mapper:
    """A source's catalog held against a target.

    :param source: all of it, of which some tables are chosen.
    :param target: what is there already.
    :param manifest: what the source remembers of where its tables came from.
    :param spelled: are values of the source spelled by their types, whatever database they are from?
    """

    def __init__(
        self,
        source: Catalog,
        target: Catalog,
        choices: Choices,
        *,
        profiles: Profiles,
        manifest: Mapping[str, Remembered],
        spelled: bool = False,
    ) -> None:
        self._ends = Ends(source, target, choices, types_of(target.database), profiles)
        self._manifest, self._spelled = manifest, spelled
        tables, left = chosen_tables(source, choices)
        self._tables = tables
        self._ends.left += left
        self._ends.moved |= {table.place: table for table in tables}

    def mapped(self) -> Mapped:
        """What is to be made of all that is chosen."""
        ends = self._ends
        self._name()
        mappers = {table.place: TableMapper(ends, table, self.remembered(table)) for table in self._tables}
        for place, mapper in mappers.items():
            ends.columns[place] = mapper.columns()
        tables = []
        for table in self._tables:
            made = mappers[table.place].table()
            self._require_columns(made)
            tables.append(self._wired(table, made, list(ends.columns[table.place].values())))
        self._say_what_is_left({table.name for table in self._tables})
        catalog = replace(ends.target, tables=tuple(one.target for one in tables), unsaid=())
        return Mapped(tuple(tables), self._with_what_they_need(catalog), tuple(ends.left), tuple(ends.proposals))

    def _require_columns(self, table: CatalogTable) -> None:
        count, most = len(table.columns), self._ends.types.most_columns
        if count > most:
            raise ConfigurationError(
                f"{table.name} has {count:,} columns, and a table of the target at most {most:,}; nothing was written",
                hint="leave it out (exclude_tables), and move views that have some of its columns each (views)",
                reason="too_many_columns",
                table=table.name,
            )

    def _name(self) -> None:
        ends = self._ends
        ends.relations.take((*OWN_TABLES, *INDEXES))
        for table in self._tables:
            known = self.remembered(table)
            name = known.origin.name if known else table.name
            usual = table.schema in (None, ends.source.schema)
            free = ends.relations.free(name if usual else f"{table.schema}_{name}")
            ends.names[table.place] = ends.called("table", None, name if usual else table.title, free)
        fold = ends.relations.folded
        gone = {fold(name) for name in ends.names.values()} if ends.choices.mode == "replace" else set()
        stay = [table for table in ends.target.tables if fold(table.name) not in gone]
        ends.there |= {name for table in stay for name in _relations(table)}
        ends.there |= {one.name for one in ends.target.sequences}
        ends.relations.take(ends.there)
        if ends.types.keys_are_relations:
            ends.relations.take(f"{name}_pkey" for name in ends.names.values())

    def remembered(self, table: CatalogTable) -> Remembered | None:
        """Where the table came from, if that was a database of the target's kind and it is still what was made then."""
        known = self._manifest.get(table.name)
        if known is None or known.database != self._ends.target.database or self._ends.same_kind:
            return None
        return known if shape(known.made) == shape(table) else None

    def _with_what_they_need(self, catalog: Catalog) -> Catalog:
        """The types of their own, and the sequences of their defaults, that tables need and the target lacks."""
        target, same = self._ends.target, self._ends.same_kind
        known = [self._ends.source] if same else [one for one in map(self.remembered, self._tables) if one]
        there = {(one.schema, one.name) for one in target.enums} | {(one.schema, one.name) for one in target.domains}
        there |= {(one.schema, one.name) for one in target.sequences}
        enums = {(one.schema, one.name): one for each in known for one in each.enums}
        domains = {(one.schema, one.name): one for each in known for one in each.domains}
        sequences = {(one.schema, one.name): one for each in known for one in each.sequences}
        return replace(
            catalog,
            enums=tuple(one for place, one in enums.items() if place not in there),
            domains=tuple(one for place, one in domains.items() if place not in there),
            sequences=tuple(one for place, one in sequences.items() if place not in there),
        )

    def _say_what_is_left(self, moved: Collection[str]) -> None:
        for one in self._ends.source.unsaid:
            if one.table is None or one.table in moved:
                self._ends.left.append(LeftOut(one.kind, one.table, one.name, one.why))
        for sequence in () if self._ends.same_kind else self._ends.source.sequences:
            self._ends.leave("sequence", None, sequence.name, "it belongs to no column")

    def into_existing(self, there: Mapping[str, Remembered]) -> Mapped:
        """What comes into which columns of tables that are there, by their names (:func:`pair`).

        :param there: what the target remembers of where its tables came from.
        """
        ends = self._ends
        source = replace(ends.source, tables=tuple(replace(table, is_view=False) for table in self._tables))
        target = replace(ends.target, tables=tuple(table for table in ends.target.tables if not table.is_view))
        pairs = {one.first.place: one for one in pair(source, target, Chosen(), (self._manifest, there)).tables}
        tables = [self._into(table, pairs.get(table.place)) for table in self._tables]
        for one in ends.source.unread:
            ends.leave(one.kind, None, one.name, one.why)
        return Mapped(parents_first(tables), ends.target, tuple(ends.left), ())

    def _into(self, table: CatalogTable, paired: PairedTable | None) -> MappedTable:
        if paired is None:
            raise ConfigurationError(
                f"the target has no table {table.name}",
                hint="mode create makes tables; choose others, or leave this one out",
                reason="unknown_table",
                table=table.name,
            )
        lacking = next((name for name in paired.only_first if table.column(name).generated is None), None)
        if lacking is not None:
            raise ConfigurationError(
                f"the target's table {paired.second.title} has no column {lacking}",
                hint="check-schema tells the statement that adds it",
                reason="unknown_column",
                table=table.name,
            )
        return self._wired(table, paired.second, [MappedColumn(*columns) for columns in paired.columns])

    def _wired(self, source: CatalogTable, target: CatalogTable, columns: Sequence[MappedColumn]) -> MappedTable:
        """With how the values of these columns travel."""
        reading, planned = [], []
        moved = [one for one in columns if one.target.generated is None]
        for one in moved:
            strangers = self._ends.choices.strangers
            reading.append(WireColumn(one.source.name, self._wire(one), strangers, nullable=one.target.nullable))
        writing = tuple(replace(wire, name=one.target.name) for wire, one in zip(reading, moved, strict=True))
        for one in columns:
            types = one.source.type.declared, one.target.type.declared
            planned.append(PlannedColumn(one.source.name, *types, one.target.name, one.told))
        failed = tuple(WireColumn(one.source.name, one.failed) for one in columns if one.failed is not None)
        return MappedTable(source, target, tuple(reading), writing, tuple(planned), failed)

    def _wire(self, column: MappedColumn) -> ColumnType:
        """The type that both ends spell: that of the end that knows types."""
        if self._ends.same_kind and not (self._spelled and self._ends.types.typed):
            return replace(column.source.type, name=self._ends.types.same_kind_wire, element=None, labels=())
        return column.target.type if self._ends.types.typed else column.source.type


def parents_first(tables: Sequence[MappedTable]) -> tuple[MappedTable, ...]:
    """In such an order that rows of the target come behind those that they refer to, where there is one."""
    into: dict[Place, list[MappedTable]] = {}
    for table in tables:
        into.setdefault(table.target.place, []).append(table)
    found: list[MappedTable] = []
    begun: set[Place] = set()
    waiting = [(place, False) for place in reversed(into)]
    while waiting:
        place, is_done = waiting.pop()
        if is_done:
            found += into[place]
        elif place not in begun:
            begun.add(place)
            target = into[place][0].target
            parents = [(key.schema or target.schema, key.table) for key in target.foreign_keys]
            waiting += [(place, True), *((parent, False) for parent in reversed(parents) if parent in into)]
    return tuple(found)


def _relations(table: CatalogTable) -> Iterator[str]:
    """Names that the table, its keys, indexes and sequences have."""
    yield table.name
    for one in (table.primary_key, *table.uniques, *table.indexes):
        if one is not None and one.name is not None:
            yield one.name
    yield from (one.identity.sequence for one in table.columns if one.identity and one.identity.sequence)


def shape(table: CatalogTable) -> CatalogTable:
    """The table without what its rows, and its place, say."""
    columns = tuple(
        replace(one, identity=replace(one.identity, next_value=None) if one.identity else None) for one in table.columns
    )
    return replace(table, columns=columns, rows=None, schema=None)
