"""Which tables and columns of two databases belong together, and which key tells their rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable
from json2db_sync.databases.ledger import Remembered
from json2db_sync.errors import ConfigurationError
from json2db_sync.model.plan import fit
from json2db_sync.results import Note

Manifest = Mapping[str, Remembered]


@dataclass(frozen=True)
class Chosen:
    """What of two databases is compared."""

    tables: Collection[str] | None = None
    """None: all, views apart."""
    exclude_tables: Collection[str] = ()
    ignore: Collection[str] = ()
    """``column``, or ``table.column``."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Table -> SQL that holds of the rows that count."""


def require_named(tables: Collection[str] | None) -> None:
    """:raises ConfigurationError: where tables are to be chosen, and none is named."""
    if tables is not None and not tables:
        what, hint = "tables names no table", "leave it out for all"
        raise ConfigurationError(what, hint=hint, reason="no_entity_named", setting="tables")


@dataclass(frozen=True)
class PairedTable:
    """A table of the first database and the one of the second that it is compared with."""

    first: CatalogTable
    second: CatalogTable
    columns: tuple[tuple[CatalogColumn, CatalogColumn], ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    key: tuple[str, ...]
    """By the first's names; none where nothing tells the rows."""
    where: str | None = None

    @property
    def renamed(self) -> Iterator[tuple[str, str]]:
        """What is called otherwise in the second, the case apart."""
        names = [(self.first.title, self.second.title)]
        names += [(f"{self.first.title}.{one.name}", other.name) for one, other in self.columns]
        return ((one, other) for one, other in names if one.rpartition(".")[2].casefold() != other.casefold())


@dataclass(frozen=True)
class Pairs:
    """All that belongs together, and what does not."""

    tables: tuple[PairedTable, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    ignored: tuple[str, ...]
    """Columns, each with its table."""

    @property
    def notes(self) -> tuple[Note, ...]:
        """What belongs together by another name."""
        found = [both for table in self.tables for both in table.renamed]
        return tuple(Note(f"{one} is {other} in the second", "another_name") for one, other in found)


def pair(first: Catalog, second: Catalog, chosen: Chosen, manifests: tuple[Manifest, Manifest] = ({}, {})) -> Pairs:
    """Tables and columns by their names, as :func:`table_forms` and :func:`column_forms` say.

    What one of them has as a table is compared, be it a view in the other; tables without columns are not.

    :param manifests: what each database remembers of where its tables came from.
    :raises ConfigurationError: when a name is given that neither database has.
    """
    _require_known(first, second, chosen)
    ones, others = _chosen(first, chosen), _chosen(second, chosen)
    found = matches(*map(_titles, (ones, others), manifests))
    by_title = {table.title: table for table in others}
    pairs = [(table, by_title[found[table.title]]) for table in ones if table.title in found]
    readable = [(one, other) for one, other in pairs if one.columns and other.columns]
    counting = [both for both in readable if chosen.tables is not None or not all(table.is_view for table in both)]
    ignored: list[str] = []
    paired = tuple(_paired(one, other, chosen, ignored, manifests) for one, other in counting)
    taken = [{pair[side].title for pair in readable} for side in (0, 1)]
    only_first, only_second = (
        tuple(table.title for table in tables if table.title not in there and (not table.is_view or chosen.tables))
        for tables, there in zip((ones, others), taken, strict=True)
    )
    return Pairs(paired, only_first, only_second, tuple(dict.fromkeys(ignored)))


def _require_known(first: Catalog, second: Catalog, chosen: Chosen) -> None:
    tables = [*first.tables, *second.tables]
    known = {name.casefold() for table in tables for name in (table.title, table.name)}
    columns = {
        f"{place}{column.name}".casefold()
        for table in tables
        for column in table.columns
        for place in ("", f"{table.title}.", f"{table.name}.")
    }
    for name in (*(chosen.tables or ()), *chosen.exclude_tables, *chosen.where):
        if name.casefold() not in known:
            raise ConfigurationError(f"neither database has a table {name}", reason="unknown_table", table=name)
    for name in chosen.ignore:
        if name.casefold() not in columns:
            raise ConfigurationError(
                f"neither database has a column {name}", hint="COLUMN, or TABLE.COLUMN", reason="unknown_field"
            )


def _is_named(table: CatalogTable, names: Iterable[str]) -> bool:
    return not {table.title.casefold(), table.name.casefold()}.isdisjoint(name.casefold() for name in names)


def _chosen(catalog: Catalog, chosen: Chosen) -> list[CatalogTable]:
    return [
        table
        for table in catalog.tables
        if (chosen.tables is None or _is_named(table, chosen.tables)) and not _is_named(table, chosen.exclude_tables)
    ]


Forms = Sequence[str]
"""How a name may be written, the surest first: names belong together that are alike in one, and no others are."""


def matches(first: Mapping[str, Forms], second: Mapping[str, Forms]) -> dict[str, str]:
    """Names of the first with those of the second."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for stage in range(min(map(len, (*first.values(), *second.values())), default=0)):
        ones = _by_form({name: forms[stage] for name, forms in first.items() if name not in found})
        others = _by_form({name: forms[stage] for name, forms in second.items() if name not in taken})
        alike = {names[0]: others[form] for form, names in ones.items() if len(names) == 1 and form in others}
        found |= {name: same[0] for name, same in alike.items() if len(same) == 1}
        taken |= {*found.values()}
    return found


def _by_form(forms: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, form in forms.items():
        found.setdefault(form, []).append(name)
    return found


def table_forms(schema: str | None, name: str, origin: str | None = None) -> Forms:
    """Of a table: in other letters, as it was where it came from, as a transfer names it, without its schema."""
    title = name if schema is None else f"{schema}.{name}"
    named = name if schema is None else f"{schema}_{name}"
    return [title, *(one.casefold() for one in (title, origin or title, fit(named or "_", named), name))]


def column_forms(names: Iterable[str], known: Remembered | None = None) -> dict[str, Forms]:
    """Of columns.

    :param known: where their table came from.
    """
    pairs = zip(known.made.columns, known.origin.columns, strict=False) if known else ()
    origins = {made.name: origin.name for made, origin in pairs}
    return {
        name: [name, *(one.casefold() for one in (name, origins.get(name, name), fit(name or "_", name)))]
        for name in names
    }


def _titles(tables: Iterable[CatalogTable], manifest: Manifest) -> dict[str, Forms]:
    origins = {name: known.origin.title for name, known in manifest.items()}
    return {table.title: table_forms(table.schema, table.name, origins.get(table.name)) for table in tables}


def _paired(
    first: CatalogTable, second: CatalogTable, chosen: Chosen, ignored: list[str], manifests: tuple[Manifest, Manifest]
) -> PairedTable:
    ones, others = (_counting(table, chosen, ignored) for table in (first, second))
    sides = zip((first, second), (ones, others), manifests, strict=True)
    forms = [column_forms([one.name for one in names], manifest.get(of.name)) for of, names, manifest in sides]
    found = matches(*forms)
    columns = tuple((column, second.column(found[column.name])) for column in ones if column.name in found)
    taken = set(found.values())
    where = [sql for name, sql in chosen.where.items() if _is_named(first, [name]) or _is_named(second, [name])]
    return PairedTable(
        first,
        second,
        columns,
        tuple(column.name for column in ones if column.name not in found),
        tuple(column.name for column in others if column.name not in taken),
        _key(first, second, found),
        " AND ".join(f"({sql}\n)" for sql in where) or None,
    )


def _counting(table: CatalogTable, chosen: Chosen, ignored: list[str]) -> list[CatalogColumn]:
    """The columns of a table that are not ignored."""
    folded = {name.casefold() for name in chosen.ignore}
    kept = []
    for column in table.columns:
        names = {f"{place}{column.name}".casefold() for place in ("", f"{table.title}.", f"{table.name}.")}
        if names.isdisjoint(folded):
            kept.append(column)
        else:
            ignored.append(f"{table.title}.{column.name}")
    return kept


def _key(first: CatalogTable, second: CatalogTable, found: Mapping[str, str]) -> tuple[str, ...]:
    """Columns that tell the rows of both: those of a key that both have, or else of one that either has."""
    back = {other: one for one, other in found.items()}
    ones = [key for key in _keys(first) if all(name in found for name in key)]
    others = [tuple(back[name] for name in key) for key in _keys(second) if all(name in back for name in key)]
    both = [key for key in ones if set(key) in map(set, others)]
    return next(iter((*both, *ones, *others)), ())


def _keys(table: CatalogTable) -> list[tuple[str, ...]]:
    """The primary key, then what else is unique and never NULL."""
    unique = [one.columns for one in table.uniques]
    for index in table.indexes:
        bare = [name for name in index.columns if name is not None]
        if index.unique and index.where is None and len(bare) == len(index.columns):
            unique.append(tuple(bare))
    sure = [names for names in unique if not any(table.column(name).nullable for name in names)]
    return [*([table.primary_key.columns] if table.primary_key else []), *sure]
