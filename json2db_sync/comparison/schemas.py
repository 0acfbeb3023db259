"""Two schemas, difference by difference: what each means for a transfer, and the statements that mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from json2db_sync.comparison.pairs import PairedTable, Pairs
from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable, ForeignKey, Index, Unique
from json2db_sync.databases.catalog.types import ColumnType, TypeName
from json2db_sync.databases.table_stores import Readable
from json2db_sync.errors import DatabaseError
from json2db_sync.results.transfer import SchemaDifference

Place = tuple[str | None, str]
_CAST = re.compile(r"::[a-z]+(?: [a-z]+)*(?:\(\d+(?:,\s*\d+)?\))?(?:\[\])?", re.IGNORECASE)
_ANY_OF = re.compile(r"=any\(?array\[(.*?)\]\)?")
_NOW = re.compile(r"\bnow\(\)|current_timestamp(?:\(\))?", re.IGNORECASE)


@dataclass(frozen=True)
class Difference:
    """A difference, and what mends it."""

    told: SchemaDifference
    statements: tuple[str, ...] = ()
    is_safe: bool = True
    """Do the statements change no value, and drop nothing?"""
    json: tuple[CatalogTable, str] | None = None
    """The column that becomes one of JSONB."""


@dataclass(frozen=True)
class Expected:
    """What a transfer would make of each side in the words of the other, by the place of its table."""

    of_first: Mapping[Place, CatalogTable]
    of_second: Mapping[Place, CatalogTable]
    alike: bool
    """Are both databases of one kind?"""


class SchemaComparison:
    """Two schemas side by side.

    :param store: the second, whose words the statements are in.
    """

    def __init__(self, second: Catalog, pairs: Pairs, expected: Expected, store: Readable) -> None:
        self._catalog, self._pairs, self._expected, self.store = second, pairs, expected, store
        self._alter, self.alike = store.alterations, expected.alike

    def differences(self, missing: Sequence[CatalogTable], extra: Sequence[CatalogTable]) -> Iterator[Difference]:
        """All of them.

        :param missing: tables that only the first has. :param extra: those that only the second has.
        """
        for table in missing:
            made = self._expected.of_first.get(table.place)
            creation = self.store.creation(self._of(made)) if made else None
            statements = [one.sql for one in (*creation.before, *creation.after)] if creation else []
            yield _difference(table, "table", table.title, None, "a transfer makes it", statements=statements)
        for table in extra:
            yield _difference(table, "table", None, table.title, "a transfer leaves it as it is")
        for pair in self._pairs.tables:
            made = self._expected.of_first.get(pair.first.place)
            if made is not None:
                yield from _Table(self, pair, replace(made, name=pair.second.name, schema=pair.second.schema)).all()

    def _of(self, table: CatalogTable) -> Catalog:
        return Catalog(self._catalog.database, self._catalog.schema, (table,))

    def reverse(self, table: CatalogTable, column: str) -> ColumnType | None:
        """What a transfer would make of a column of the second in the first."""
        made = self._expected.of_second.get(table.place)
        names = [each.name for each in table.columns]
        return made.columns[names.index(column)].type if made is not None else None

    def made_after(self, table: CatalogTable, what: str) -> list[str]:
        """Statements that make indexes or keys of a table that is there."""
        return [one.sql for one in self.store.creation(self._of(table)).after if one.what == what]


class _Table:
    def __init__(self, whole: SchemaComparison, pair: PairedTable, made: CatalogTable) -> None:
        self._whole, self._alter = whole, whole._alter
        self._first, self._second, self._made = pair.first, pair.second, made
        names = [column.name for column in pair.first.columns]
        self._pairs = [
            (one, made.columns[names.index(one.name)], other) for one, other in pair.columns
        ]  # fmt: skip
        self._only_first = [(one, made.columns[names.index(one)]) for one in pair.only_first]
        self._only_second = [pair.second.column(name) for name in pair.only_second]
        self._renamed = {wanted.name: other.name for _one, wanted, other in self._pairs}

    def all(self) -> Iterator[Difference]:
        """What differs in this table."""
        for name, made in self._only_first:
            statement = self._alter.add_column(self._second, made)
            meaning = "its values have no place in the second"
            yield self._told("column", name, (made.type.declared, None), meaning, statement, compatible=False)
        for column in self._only_second:
            required = not column.nullable and column.default is None and not (column.identity or column.generated)
            meaning = "rows that come need a value for it" if required else "rows that come have its default, or NULL"
            yield self._told("column", column.name, (None, column.type.declared), meaning, compatible=not required)
        for columns in self._pairs:
            yield from self._column(*columns)
        yield from self._comments()
        if not self._second.is_view and not self._first.is_view:
            yield from self._keys()
            yield from self._checks()
            yield from self._foreign_keys()
            yield from self._indexes()

    def _told(
        self,
        what: str,
        column: str | None,
        sides: tuple[str | None, str | None],
        meaning: str,
        statement: str | None = None,
        *,
        compatible: bool = True,
        is_safe: bool = True,
    ) -> Difference:
        told = SchemaDifference(self._second.title, column, what, *sides, meaning, compatible, statement)
        return Difference(told, (statement,) if statement else (), is_safe)

    def _comments(self) -> Iterator[Difference]:
        """Where both databases have such; what the first cannot say, or forgot, the second may."""
        wanted: list[tuple[str | None, str | None, str | None]] = [(None, self._made.comment, self._second.comment)]
        wanted += [(other.name, made.comment, other.comment) for _one, made, other in self._pairs]
        for column, one, other in wanted:
            statement = self._alter.set_comment(self._second, column, one)
            if one != other and statement is not None and (one is not None or self._whole.alike):
                meaning = "no value depends on it: it is for people"
                yield self._told("comment", column, (one, other), meaning, statement, is_safe=other is None)

    # Columns

    def _column(self, one: CatalogColumn, made: CatalogColumn, other: CatalogColumn) -> Iterator[Difference]:
        wanted, table = replace(made, name=other.name), self._second
        sides: tuple[str | None, str | None]
        reverse = self._whole.reverse(table, other.name)
        is_json = made.type.name is TypeName.JSONB and other.type.name in (TypeName.TEXT, TypeName.JSON)
        as_text = json_texts(self._whole.store, table, other.name, one.type.declared) if is_json else None
        if as_text is not None:
            yield as_text
        elif not (alike(made.type, other.type) or (reverse is not None and alike(reverse, one.type))):
            yield self._type(one, wanted, other)
        if one.nullable != other.nullable and not _is_key(table, other.name) and not _is_key(self._first, one.name):
            sides = (_null(one), _null(other))
            meaning = "the second takes NULL, too" if other.nullable else "a row with NULL is refused"
            statement = self._alter.set_nullable(table, wanted)
            yield self._told("nullable", other.name, sides, meaning, statement, compatible=other.nullable)
        if (one.identity is None) != (other.identity is None) and not (one.generated or other.generated):
            sides = (_identity(one), _identity(other))
            statement = self._alter.add_identity(table, wanted) if one.identity and other.default is None else None
            meaning = "the database gives out its numbers" if other.identity else "nothing gives out its numbers"
            yield self._told("identity", other.name, sides, meaning, statement)
        elif made.identity is None and other.identity is None and not (one.generated or other.generated):
            if one.default is not None and made.default is None and other.default is not None:
                return  # what it means cannot be said in the other's words, so that nobody can tell
            if normal(made.default) != normal(other.default):
                statement = self._alter.set_default(table, wanted)
                meaning = "rows that are added without a value get another one"
                yield self._told("default", other.name, (one.default, other.default), meaning, statement)

    def _type(self, one: CatalogColumn, wanted: CatalogColumn, other: CatalogColumn) -> Difference:
        table, types = self._second, (one.type.declared, other.type.declared)
        fits = holds(other.type, one.type)
        meaning = "every value fits" if fits else "values that do not fit are refused"
        statement = self._alter.set_type(table, wanted)
        return self._told("type", other.name, types, meaning, statement, compatible=fits, is_safe=False)

    # Constraints and indexes

    def _name(self, column: str) -> str:
        return self._renamed.get(column, column)

    def _keys(self) -> Iterator[Difference]:
        made, table = self._made, self._second
        key = tuple(map(self._name, made.primary_key.columns)) if made.primary_key else ()
        there = table.primary_key.columns if table.primary_key else ()
        if key != there:
            wanted = Unique(None, key)
            statement = self._alter.add_constraint(table, wanted, primary=True) if key and not there else None
            meaning = "rows of the same key are refused" if there else "nothing keeps two rows from having one key"
            sides = (", ".join(key) or None, ", ".join(there) or None)
            yield self._told("primary_key", None, sides, meaning, statement, compatible=not there)
        ones = {frozenset(map(self._name, names)): names for names in _uniques(made)}
        others = {frozenset(names): names for names in _uniques(table)}
        for columns, names in ones.items():
            if columns not in others and columns != set(there):
                unique = Unique(None, tuple(map(self._name, names)))
                statement = self._alter.add_constraint(table, unique)
                title = ", ".join(unique.columns)
                yield self._told("unique", None, (title, None), "the second takes rows that repeat it", statement)
        for columns, names in others.items():
            if columns not in ones and columns != set(key):
                meaning = "rows that repeat it are refused"
                yield self._told("unique", None, (None, ", ".join(names)), meaning, compatible=False)

    def _checks(self) -> Iterator[Difference]:
        there = {normal(one.expression) for one in self._second.checks}
        wanted = {normal(one.expression): one for one in self._made.checks}
        for text, check in wanted.items():
            if text not in there and not self._says_as_much(check.expression):
                statement = self._alter.add_constraint(self._second, check)
                meaning = "the second takes rows of which it does not hold"
                yield self._told("check", None, (check.expression, None), meaning, statement)
        of_first = {normal(one.expression) for one in self._first.checks}
        if len(self._first.checks) < len(self._second.checks):
            for check in self._second.checks:
                if normal(check.expression) not in wanted.keys() | of_first:
                    meaning = "rows of which it does not hold are refused"
                    yield self._told("check", None, (None, check.expression), meaning, compatible=False)

    def _says_as_much(self, expression: str) -> bool:
        """Is a check of an enum's labels the enum itself?"""
        enums = (column.name for column in self._second.columns if column.type.name is TypeName.ENUM)
        return any(re.search(rf"\b{re.escape(name)}\b", expression) for name in enums)

    def _foreign_keys(self) -> Iterator[Difference]:
        ones = {self._key_of(key, rename=True): key for key in self._made.foreign_keys}
        others = {self._key_of(key): key for key in self._second.foreign_keys}
        for which, key in ones.items():
            if which not in others:
                wanted = replace(key, columns=which[0], schema=None)
                only = replace(self._second, foreign_keys=(wanted,), indexes=(), columns=_plain(self._second))
                made = self._whole.made_after(only, "key")
                meaning = "the second takes rows that refer to none"
                yield self._told("foreign_key", None, (_spelled(key), None), meaning, made[0] if made else None)
        for which, key in others.items():
            if which not in ones:
                meaning = "rows that refer to none are refused"
                yield self._told("foreign_key", None, (None, _spelled(key)), meaning, compatible=False)

    def _key_of(self, key: ForeignKey, *, rename: bool = False) -> tuple[tuple[str, ...], object, object, object]:
        columns = tuple(map(self._name, key.columns)) if rename else key.columns
        referred = tuple(name.casefold() for name in key.referred)
        return columns, key.table.casefold(), referred, (key.on_delete, key.on_update)

    def _indexes(self) -> Iterator[Difference]:
        ones = {self._index_of(index): index for index in self._made.indexes if not _is_plain_unique(index)}
        others = {self._index_of(index): index for index in self._second.indexes if not _is_plain_unique(index)}
        for which, index in ones.items():
            if which not in others:
                only = replace(self._second, foreign_keys=(), indexes=(index,), columns=_plain(self._second))
                made = self._whole.made_after(only, "index")
                meaning = "it is for speed" if not index.unique else "the second takes rows that repeat it"
                yield self._told("index", None, (_index_text(index), None), meaning, made[0] if made else None)
        for which, index in others.items():
            if which not in ones:
                meaning = "it is for speed" if not index.unique else "rows that repeat it are refused"
                yield self._told("index", None, (None, _index_text(index)), meaning, compatible=not index.unique)

    def _index_of(self, index: Index) -> tuple[object, ...]:
        parts = tuple(
            self._name(name).casefold() + (" desc" if " DESC" in part.upper() else "") if name else normal(part)
            for part, name in zip(index.parts, index.columns, strict=True)
        )
        return parts, index.unique, normal(index.where), index.method


def json_texts(store: Readable, table: CatalogTable, column: str, first: str | None = None) -> Difference | None:
    """A column of JSON that is held as text; None where the database has no JSONB."""
    meaning = "JSON is held as text: no index looks into it, and it is parsed whenever it is read"
    try:
        statements = tuple(one.sql for one in store.to_jsonb(table, column))
        if not statements:
            return None
    except DatabaseError as error:  # views are in the way
        statements, meaning = (), f"{meaning}; {error.message}"
    declared, text = table.column(column).type.declared, ";\n".join(statements) or None
    told = SchemaDifference(table.title, column, "json", first, declared, meaning, compatible=True, statement=text)
    return Difference(told, statements, json=(table, column))


def _difference(
    table: CatalogTable, what: str, first: str | None, second: str | None, meaning: str, statements: Sequence[str] = ()
) -> Difference:
    text = ";\n".join(statements) or None
    told = SchemaDifference(table.title, None, what, first, second, meaning, compatible=True, statement=text)
    return Difference(told, tuple(statements))


def alike(one: ColumnType, other: ColumnType) -> bool:
    """Do both types hold the same values? How they are declared does not count, where that is all."""
    if one.declared.casefold() == other.declared.casefold():
        return True
    if one.element is not None and other.element is not None:
        return alike(one.element, other.element)
    return replace(one, declared="", domain=None) == replace(other, declared="", domain=None)


def holds(wide: ColumnType, narrow: ColumnType) -> bool:
    """Does a column of the first type take every value of the second?"""
    if wide.name is TypeName.ANY or (wide.name is TypeName.TEXT and wide.length is None):
        return True
    if wide.name is TypeName.NUMERIC and wide.precision is None:
        return narrow.name in (TypeName.NUMERIC, TypeName.INTEGER)
    if wide.name is not narrow.name:
        return False
    if wide.name is TypeName.NUMERIC:
        whole = (wide.precision or 0) - (wide.scale or 0), (narrow.precision or 10**6) - (narrow.scale or 0)
        return whole[0] >= whole[1] and (wide.scale or 0) >= (narrow.scale or 0)
    return (wide.bits or 64) >= (narrow.bits or 64) and (wide.length or 10**9) >= (narrow.length or 10**9)


def normal(expression: str | None) -> str | None:
    """An expression without what each database spells in its own way: casts, parentheses, quotes, spaces, case."""
    if expression is None or expression.strip("() ").upper().startswith("NULL"):
        return None
    parts = re.split(r"('(?:[^']|'')*')", _CAST.sub("", expression))
    plain = "".join(
        part if part.startswith("'") else re.sub(r'[\s"`]', "", _NOW.sub("now", part)).lower() for part in parts
    )
    plain = _ANY_OF.sub(r"in\1", plain.replace("<>all", "notin").replace("~~", "like"))
    return plain.replace("(", "").replace(")", "")


def _null(column: CatalogColumn) -> str:
    return "NULL" if column.nullable else "NOT NULL"


def _identity(column: CatalogColumn) -> str | None:
    return "identity" if column.identity else None


def _plain(table: CatalogTable) -> tuple[CatalogColumn, ...]:
    return tuple(replace(column, identity=None, comment=None) for column in table.columns)


def _is_key(table: CatalogTable, column: str) -> bool:
    return table.primary_key is not None and column in table.primary_key.columns


def _is_plain_unique(index: Index) -> bool:
    return index.unique and index.where is None and None not in index.columns


def _uniques(table: CatalogTable) -> list[tuple[str, ...]]:
    bare = [tuple(map(str, index.columns)) for index in table.indexes if _is_plain_unique(index)]
    return [*(one.columns for one in table.uniques), *bare]


def _spelled(key: ForeignKey) -> str:
    actions = "".join(
        f" ON {event} {action}"
        for event, action in (("DELETE", key.on_delete), ("UPDATE", key.on_update))
        if action != "NO ACTION"
    )
    return f"({', '.join(key.columns)}) -> {key.table} ({', '.join(key.referred)}){actions}"


def _index_text(index: Index) -> str:
    where = f" WHERE {index.where}" if index.where else ""
    return f"{'UNIQUE ' if index.unique else ''}{index.name} ({', '.join(index.parts)}){where}"
