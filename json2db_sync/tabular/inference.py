"""A plain folder of CSV files, or one file -> a package: every value is read to tell what columns hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from json2db_sync.databases.catalog.tables import Catalog, CatalogColumn, CatalogTable
from json2db_sync.databases.table_stores import WireColumn
from json2db_sync.databases.target_types.postgresql import TEXT, WORDS
from json2db_sync.errors import FileError
from json2db_sync.limits import LIMITS, MAX_FIELDS, Limits
from json2db_sync.model.plan import distinct, fit
from json2db_sync.results import Note
from json2db_sync.sources.files import opened
from json2db_sync.tabular.detection import detect
from json2db_sync.tabular.dialects import Dialect
from json2db_sync.tabular.kinds_of_values import Values, respelled
from json2db_sync.tabular.options import NOTHING_SAID, ReadingOptions
from json2db_sync.tabular.packages import Package, Resource
from json2db_sync.tabular.places import inside
from json2db_sync.tabular.reading import read_header, read_rows
from json2db_sync.tabular.rows import BadRow
from json2db_sync.text import counted

SUFFIXES = (".csv", ".tsv", ".tab")
_PACKED = (".gz", ".gzip")


def infer(place: Path, given: ReadingOptions = NOTHING_SAID, limits: Limits = LIMITS) -> Package:
    """What the CSV files of a folder hold, or one file.

    :param given: what is said of the files, and not looked for.
    :raises FileError: where there is none, or one cannot be read.
    """
    folder = place if place.is_dir() else place.parent
    files = [*_files(place)] if place.is_dir() else [place]
    if not files:
        raise FileError(
            f"{place} holds no CSV file ({', '.join(SUFFIXES)}, each packed with gzip or not)",
            hint="name the folder that the files lie in",
            file=str(place),
            reason="no_package",
        )
    found = [read_file(path, table_name(path), given, limits) for path in files]
    names = [resource.table.name for resource, _notes in found]
    for name in {one for one in names if names.count(one) > 1}:
        both = ", ".join(path.name for path in files if table_name(path) == name)
        raise FileError(
            f"{both} would be one table, {name}",
            hint="rename or take away all but one of them",
            file=str(place),
            reason="name_taken_twice",
        )
    catalog = Catalog(WORDS, None, tuple(resource.table for resource, _notes in found))
    notes = tuple(note for _resource, told in found for note in told)
    return Package(folder, catalog, tuple(resource for resource, _notes in found), notes=notes)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(".") and _suffix(path) in SUFFIXES and not path.is_dir():
            yield inside(folder, path.name)


def _suffix(path: Path) -> str:
    return (path.with_suffix("") if packing(path) else path).suffix.lower()


def packing(path: Path) -> Literal["gzip"] | None:
    """How a file is packed, by its name."""
    return "gzip" if path.suffix.lower() in _PACKED else None


def table_name(path: Path) -> str:
    """The table that a file's name says it is."""
    stem = (path.with_suffix("") if packing(path) else path).stem
    return fit(stem, stem)


def read_file(path: Path, table: str, given: ReadingOptions, limits: Limits) -> tuple[Resource, list[Note]]:
    """A file that nothing is known of, with what was found out.

    :raises FileError: where it cannot be read.
    """
    found = detect(path, table, given, limits, packing(path))
    with opened(path, path.name) as file:
        header = _first(path, file, found.dialect, limits)
    names = column_names(header if found.dialect.header else [""] * len(header))
    values = [Values(name) for name in names]
    with opened(path, path.name) as file:
        for rows in read_rows(file, found.dialect, len(names), bad=ignore, limits=limits):
            for one, column in zip(values, rows.columns, strict=True):
                one.add(column, rows.lines)
    kinds = [one.kind for one in values]
    types = [TEXT if kind is None else kind.type for kind in kinds]
    columns = tuple(WireColumn(name, type_) for name, type_ in zip(names, types, strict=True))
    made = CatalogTable(table, tuple(CatalogColumn(one.name, one.type) for one in columns))
    readers = {at: reader for at, kind in enumerate(kinds) if (reader := respelled(kind)) is not None}
    notes = [
        _detected(path, table, found.dialect, columns),
        *found.notes,
        *_renamed(table, header, names, found.dialect),
    ]
    notes += [note for one in values for note in one.notes(table)]
    expected = tuple(header) if found.dialect.header else None
    return Resource(made, path, columns, found.dialect, header=expected, respelled=readers), notes


def _first(path: Path, file: object, dialect: Dialect, limits: Limits) -> list[str]:
    header = read_header(file, dialect, limits)  # type: ignore[arg-type]
    if not header:
        raise FileError(f"{path.name} is empty", hint="fetch it again", file=str(path), reason="file_empty")
    if len(header) > MAX_FIELDS:
        raise FileError(
            f"{path.name} has {len(header):,} columns, and {MAX_FIELDS:,} are the most",
            hint="no database takes so many; look whether the delimiter is another",
            file=str(path),
            reason="limit_exceeded",
        )
    return header


def ignore(_row: BadRow) -> None:
    """When the file is loaded."""


def column_names(header: Sequence[str]) -> list[str]:
    """Names that a table may have, for those that a file has."""
    names: list[str] = []
    taken: set[str] = set()
    for number, given in enumerate(header, 1):
        name = given.replace("\0", "").strip() or f"column_{number}"
        name = fit(name, name)
        name = distinct(name, f"{name}\0{number}", taken) if name.lower() in taken else name
        taken.add(name.lower())
        names.append(name)
    return names


def _renamed(table: str, header: Sequence[str], names: Sequence[str], dialect: Dialect) -> Iterator[Note]:
    pairs = [f"{old!r} is {new}" for old, new in zip(header, names, strict=True) if old != new]
    if pairs and dialect.header:
        shown = ", ".join(pairs[:5]) + (", ..." if len(pairs) > 5 else "")
        told = f"{table}: {counted(len(pairs), 'column')} got other names: {shown}"
        yield Note(told, "columns_renamed", entity=table, count=len(pairs))


def _detected(path: Path, table: str, dialect: Dialect, columns: Sequence[WireColumn]) -> Note:
    shown = ", ".join(f"{one.name} {one.type.declared}" for one in columns[:20]) + (
        ", ..." if len(columns) > 20 else ""
    )
    header = "a header" if dialect.header else "no header"
    text = f"{path.name}: {dialect.encoding}, delimiter {dialect.delimiter!r}, {header}; {shown}"
    return Note(text, "csv_detected", entity=table)
