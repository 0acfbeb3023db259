"""A ``datapackage.json`` of others -> a package. What it says and is not understood is told, and never guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec

from json2db_sync.atomic_files.reading import read_own
from json2db_sync.databases.catalog.tables import Catalog, CatalogTable, ForeignKey, Unique
from json2db_sync.databases.table_stores import TextColumn, WireColumn
from json2db_sync.databases.target_types.postgresql import BIGINT, TEXT, WORDS
from json2db_sync.errors import FileError
from json2db_sync.limits import MAX_FIELDS, SCHEMA_FILE, Limits
from json2db_sync.model.plan import fit
from json2db_sync.results import Note
from json2db_sync.sources.files import opened
from json2db_sync.tabular.described_fields import Column, column_of, respell_of, respelling
from json2db_sync.tabular.dialects import Dialect
from json2db_sync.tabular.inference import SUFFIXES, column_names, ignore, packing, read_file, table_name
from json2db_sync.tabular.kinds_of_values import Values
from json2db_sync.tabular.options import ReadingOptions
from json2db_sync.tabular.packages import Package, Resource
from json2db_sync.tabular.places import inside
from json2db_sync.tabular.reading import read_header, read_rows

_Object = Mapping[str, object]
_Reader = Callable[[TextColumn], TextColumn]
_SIGNS = {"delimiter", "quoteChar", "doubleQuote", "escapeChar", "header", "nullSequence"}
_ELSEWHERE = {"lineTerminator", "csvddfVersion", "caseSensitiveHeader", "$schema", "name", "type", "title"}
"""Of a dialect, what changes nothing: all line ends are read."""
_USUAL = {"skipInitialSpace": False, "headerRows": [1], "headerJoin": " ", "commentRows": None, "commentChar": None}
"""What changes nothing as it usually is."""


class _LeftOut(Exception):
    """Why a resource is none of the package."""


@dataclass
class _Found:
    """What a resource becomes."""

    name: str
    resource: Resource
    schema: _Object
    notes: list[Note] = field(default_factory=list)


def described(folder: Path, found: object, given: ReadingOptions, limits: Limits) -> Package:
    """The package that somebody else's manifest tells of.

    :param found: what its ``datapackage.json`` holds.
    :param given: what is said of the files, against the manifest.
    :raises FileError: where it is no manifest, a path leads out of the folder, or a file cannot be read.
    """
    resources = found.get("resources") if isinstance(found, dict) else None
    if not isinstance(resources, list) or not all(isinstance(one, dict) for one in resources):
        raise _invalid(folder, "it has no list of resources")
    made: list[_Found] = []
    notes: list[Note] = []
    for number, one in enumerate(resources, 1):
        name = _name(one, number)
        try:
            made.append(_resource(folder, name, one, given, limits))
        except _LeftOut as why:
            notes.append(Note(f"{name} is left out: {why}", "resource_left_out", entity=name))
    names = [one.resource.table.name for one in made]
    if not made or len({*names}) < len(names):
        raise _invalid(folder, f"two files are of one table: {', '.join(names)}" if made else "; ".join(notes))
    tables = {one.name: one.resource.table for one in made}
    for one in made:
        keys, told = _foreign_keys(one, tables)
        one.resource = replace(one.resource, table=replace(one.resource.table, foreign_keys=keys))
        notes += [*one.notes, *told]
    files = tuple(one.resource for one in made)
    return Package(folder, Catalog(WORDS, None, tuple(one.table for one in files)), files, notes=tuple(notes))


def _invalid(folder: Path, why: str) -> FileError:
    return FileError(
        f"{folder / 'datapackage.json'} tells of no table: {why}",
        hint="mend it; or take it away, and the folder is read as one of plain CSV files",
        file=str(folder / "datapackage.json"),
        reason="invalid_manifest",
    )


def _name(one: _Object, number: int) -> str:
    name, path = one.get("name"), one.get("path")
    if not isinstance(name, str) or not name.strip("\0 "):
        name = table_name(Path(path)) if isinstance(path, str) else f"resource_{number}"
    return fit(name.replace("\0", ""), name)


def _resource(folder: Path, name: str, one: _Object, given: ReadingOptions, limits: Limits) -> _Found:
    paths = _paths(folder, one)
    compression = _compression(one, paths[0])
    schema = _referred(folder, one.get("schema"), "schema")
    signs, strange = _referred(folder, one.get("dialect"), "dialect"), list[str]()
    said = _dialect(signs, strange)
    encoding = given.encoding or _text(one.get("encoding"))
    if signs:
        quote = said.quote or "" if given.quote is None else given.quote
        header = said.header if given.header is None else given.header
        given = replace(given, delimiter=given.delimiter or said.delimiter, quote=quote, header=header)
    if not schema.get("fields"):
        resource, told = read_file(paths[0], name, replace(given, encoding=encoding), limits)
        return _Found(name, replace(resource, parts=paths[1:]), schema, told)
    missing = _missing(schema, given, strange)
    dialect = replace(
        said,
        encoding=encoding or "utf-8",
        compression=compression,
        missing=(*dict.fromkeys((*said.missing, *missing)),),
        delimiter=given.delimiter or said.delimiter,
        quote=said.quote if given.quote is None else given.quote or None,
        header=said.header if given.header is None else given.header,
    )
    bare = Resource(CatalogTable(name, ()), paths[0], (), dialect, parts=paths[1:])
    return _with_schema(bare, schema, missing, strange, limits)


def _text(said: object) -> str | None:
    return said if isinstance(said, str) and said else None


def _with_schema(bare: Resource, schema: _Object, missing: Sequence[str], strange: list[str], limits: Limits) -> _Found:
    """A file whose fields are told."""
    fields, name = schema["fields"], bare.table.name
    if not isinstance(fields, list) or not all(isinstance(each, dict) for each in fields):
        raise _LeftOut("its fields are none")
    if len(fields) > MAX_FIELDS:
        raise _LeftOut(f"it has {len(fields):,} fields, and {MAX_FIELDS:,} are the most")
    header, fields = _in_order(bare.path, fields, bare.dialect, limits)
    columns = [column_of(each, made) for each, made in zip(fields, column_names(header), strict=True)]
    columns = _settled(bare, columns, _readers(columns, missing), limits)
    strange += [f"{each.column.name}: {told}" for each in columns for told in each.told]
    names = {told: each.column.name for told, each in zip(header, columns, strict=True)}
    table = _table(name, columns, schema, names, strange)
    wires = tuple(WireColumn(one.name, one.type, nullable=one.nullable) for one in table.columns)
    notes = [Note(f"{name}: not followed: {one}", "not_understood", entity=name) for one in strange]
    readers = _readers(columns, missing)
    resource = replace(bare, table=table, columns=wires, header=(*header,), respelled=readers)
    return _Found(name, resource, schema, notes)


def _readers(columns: Sequence[Column], missing: Sequence[str]) -> dict[int, _Reader]:
    return {at: reader for at, one in enumerate(columns) if (reader := respelling(one, missing))}


def _paths(folder: Path, one: _Object) -> tuple[Path, ...]:
    named = one.get("path")
    named = [named] if isinstance(named, str) else named
    if isinstance(named, list) and isinstance(more := one.get("extrapaths"), list):
        named = [*named, *more]
    if not isinstance(named, list) or not named or not all(isinstance(path, str) for path in named):
        raise _LeftOut("its data stands in the manifest" if "data" in one else "it names no file")
    for path in named:
        if "://" in path:
            raise _LeftOut(f"{path} is not fetched: load it down, and name the file")
        kind = str(one.get("format") or "csv").lower()
        suffix = Path(path).with_suffix("").suffix if packing(Path(path)) else Path(path).suffix
        if kind not in ("csv", "tsv", "txt") or suffix.lower() not in (*SUFFIXES, ".txt", ".dat", ""):
            raise _LeftOut(f"{path} is no CSV file")
    return tuple(inside(folder, path) for path in named)


def _compression(one: _Object, path: Path) -> Literal["gzip"] | None:
    said = one.get("compression")
    if said not in (None, "", "no", "gz", "gzip"):
        raise _LeftOut(f"the compression {said} is not read: unpack it")
    return "gzip" if said in ("gz", "gzip") else packing(path)


def _referred(folder: Path, said: object, what: str) -> _Object:
    """An object, or what the file holds that is named in its place."""
    if isinstance(said, str):
        if "://" in said:
            raise _LeftOut(f"its {what} is not fetched: {said}")
        path = inside(folder, said)
        try:
            said = msgspec.json.decode(read_own(path, SCHEMA_FILE))
        except (OSError, msgspec.DecodeError, RecursionError) as error:
            raise _LeftOut(f"its {what} cannot be read: {path.name}: {error}") from error
    return said if isinstance(said, dict) else {}


def _missing(schema: _Object, given: ReadingOptions, strange: list[str]) -> tuple[str, ...]:
    """Texts that are NULL."""
    said = schema.get("missingValues", [""])
    values = [one.get("value") if isinstance(one, dict) else one for one in said] if isinstance(said, list) else [""]
    fields = schema.get("fields")
    if isinstance(fields, list) and any(isinstance(one, dict) and "missingValues" in one for one in fields):
        strange.append("missingValues of single fields")
    return (*(one for one in values if isinstance(one, str)), *(given.missing or ()))


def _dialect(said: _Object, strange: list[str]) -> Dialect:
    """Of CSV or Table Dialect; the newer ones of frictionless have the signs below ``csv``."""
    more = said.get("csv")
    said = {**{key: value for key, value in said.items() if key != "csv"}, **(more if isinstance(more, dict) else {})}
    for key, value in said.items():
        if key not in _SIGNS | _ELSEWHERE and value != _USUAL.get(key, _USUAL):
            strange.append(f"{key} of the dialect")
    signs: dict[str, str | None] = {"delimiter": ",", "quoteChar": '"', "escapeChar": None}
    for key in signs:
        value = said.get(key, signs[key])
        if value is not None and (not isinstance(value, str) or len(value) != 1):
            raise _LeftOut(f"{key} {value!r} is no single character")
        signs[key] = value
    null = said.get("nullSequence")
    return Dialect(
        signs["delimiter"] or ",", signs["quoteChar"], doubled=said.get("doubleQuote") is not False,
        escape=signs["escapeChar"], header=said.get("header") is not False,
        missing=(null,) if isinstance(null, str) else (),
    )  # fmt: skip


def _in_order(path: Path, fields: list[_Object], dialect: Dialect, limits: Limits) -> tuple[list[str], list[_Object]]:
    """The names in the first row, and the fields in their order."""
    names = [str(one.get("name", "")) for one in fields]
    if not dialect.header:
        return names, fields
    with opened(path, path.name) as file:
        header = read_header(file, dialect, limits)
    if [name.casefold() for name in header] == [name.casefold() for name in names]:
        return header, fields
    if sorted(header) == sorted(names) and len({*names}) == len(names):
        return header, [fields[names.index(name)] for name in header]
    shown = ", ".join(map(repr, header[:20]))
    raise FileError(
        f"{path.name}, line 1: its first row is not the names of its fields: {shown}",
        hint=f"expected: {', '.join(map(repr, names))[:500]}",
        reason="header_differs",
        file=str(path),
        line=1,
    )


class _Looked:
    """The values of a column that tell more of it than its field does."""

    def __init__(self, column: Column, file: str) -> None:
        self._column, self._file = column, file
        self._values = Values(column.column.name)
        self._broken: dict[str, int] = {}
        """The line of the first value that breaks a rule, by its word."""

    def add(self, texts: TextColumn, lines: Sequence[int]) -> None:
        """Some more of them."""
        for rule in self._column.rules:
            if rule.word not in self._broken:
                broken = (
                    line for text, line in zip(texts, lines, strict=True) if text is not None and not rule.holds(text)
                )
                self._broken.update((rule.word, line) for line in islice(broken, 1))
        if self._column.may_be:
            if self._column.column.type is BIGINT:  # numbers beyond 64 bits, but none with a point
                texts = ["." if text and "." in text else text for text in texts]
            self._values.add(texts, lines)

    def column(self) -> Column:
        """As it is by its values: of one of the types that it may be, and with the rules that all of them keep."""
        rules = tuple(rule for rule in self._column.rules if rule.word not in self._broken)
        told = [f"constraint {word}, which {self._file} breaks in line {line:,}" for word, line in self._broken.items()]
        column = replace(self._column, rules=rules, told=(*self._column.told, *told))
        return _of_values(column, self._values) if column.may_be else column


def _settled(resource: Resource, columns: list[Column], readers: Mapping[int, _Reader], limits: Limits) -> list[Column]:
    """Columns whose values tell more of them, by reading them."""
    at_issue = [at for at, one in enumerate(columns) if one.may_be or one.rules]
    looked = {at: _Looked(columns[at], resource.path.name) for at in at_issue}
    for part, path in enumerate(resource.paths if looked else ()):
        dialect = resource.dialect if not part else replace(resource.dialect, header=False)
        with opened(path, path.name) as file:
            for rows in read_rows(file, dialect, len(columns), bad=ignore, limits=limits):
                for at, one in looked.items():
                    one.add(readers[at](rows.columns[at]) if at in readers else rows.columns[at], rows.lines)
    return [looked[at].column() if at in looked else one for at, one in enumerate(columns)]


def _of_values(column: Column, values: Values) -> Column:
    kind, own = values.kind, column.column
    if kind is not None and kind.type in column.may_be:
        return replace(column, column=replace(own, type=kind.type), respell=column.respell or respell_of(kind.type))
    if kind is not None and kind.zeros:
        told = (*column.told, "integers with zeros in front: text")
        return replace(column, column=replace(own, type=TEXT), told=told, rules=())
    if own.type in column.may_be or kind is None:
        return column
    return replace(column, column=replace(own, type=TEXT))


def _listed(said: object, names: Mapping[str, str]) -> tuple[str, ...] | None:
    """Columns that a key names; None where it names none, or others."""
    said = [said] if isinstance(said, str) else said
    if not isinstance(said, list) or not said or not all(isinstance(one, str) and one in names for one in said):
        return None
    return tuple(names[one] for one in said)


def _table(
    name: str, columns: Sequence[Column], schema: _Object, names: Mapping[str, str], strange: list[str]
) -> CatalogTable:
    key = _listed(schema.get("primaryKey"), names)
    if schema.get("primaryKey") and key is None:
        strange.append("primaryKey, of other fields")
    more = schema.get("uniqueKeys")
    keys = [_listed(one, names) for one in more] if isinstance(more, list) else []
    uniques = [one for one in keys if one is not None] + [(one.column.name,) for one in columns if one.unique]
    made = (replace(one.column, nullable=one.column.nullable and one.column.name not in (key or ())) for one in columns)
    return CatalogTable(
        name,
        tuple(made),
        primary_key=None if key is None else Unique(None, key),
        uniques=tuple(Unique(None, one) for one in dict.fromkeys(uniques) if one != key),
        checks=tuple(rule.check for one in columns for rule in one.rules),
    )


def _foreign_keys(one: _Found, tables: Mapping[str, CatalogTable]) -> tuple[tuple[ForeignKey, ...], list[Note]]:
    """Those that refer to a key of a table of the package."""
    said, keys, notes = one.schema.get("foreignKeys"), [], []
    for each in said if isinstance(said, list) else []:
        try:
            keys.append(_foreign_key(one, each, tables))
        except _LeftOut as why:
            notes.append(Note(f"{one.name}: a foreign key is left out: {why}", "not_understood", entity=one.name))
    return tuple(keys), notes


def _foreign_key(one: _Found, said: object, tables: Mapping[str, CatalogTable]) -> ForeignKey:
    reference = said.get("reference") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(reference, dict):
        raise _LeftOut("it has no reference")
    other = reference.get("resource") or one.name
    parent = tables.get(str(other))
    if parent is None:
        raise _LeftOut(f"{other} is no table of the package")
    columns = _listed(said.get("fields"), {each.name: each.name for each in one.resource.table.columns})
    referred = _listed(reference.get("fields"), {each.name: each.name for each in parent.columns})
    if columns is None or referred is None or len(columns) != len(referred):
        raise _LeftOut("its fields are not those of the tables")
    keys = [each.columns for each in (parent.primary_key, *parent.uniques) if each is not None]
    if {*referred} not in [{*key} for key in keys]:
        raise _LeftOut(f"{', '.join(referred)} is no key of {parent.name}")
    types = [[table.column(name).type.name for name in names]
             for table, names in ((one.resource.table, columns), (parent, referred))]  # fmt: skip
    if types[0] != types[1]:
        raise _LeftOut(f"its fields are of other types than those of {parent.name}")
    return ForeignKey(None, columns, None, parent.name, referred)
