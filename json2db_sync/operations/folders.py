"""Folders that stand in the place of a database: of exported JSON, or of CSV files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from json2db_sync.errors import ConfigurationError
from json2db_sync.operations.context import Context
from json2db_sync.user_paths import located

if TYPE_CHECKING:
    from json2db_sync.export.fallback import Exports
    from json2db_sync.tabular.options import ReadingOptions
    from json2db_sync.tabular.tables import PackageTables

Kind = Literal["database", "exports", "csv"]


def kind_of(context: Context, place: str) -> Kind:
    """What is named by a path or URL.

    :raises ConfigurationError: for a folder that holds both exported JSON and CSV files.
    """
    from json2db_sync.tabular.manifest import MANIFEST

    if "://" in place or not (folder := located(place)).is_dir():
        return "database"
    files = sorted(one.name for one in folder.iterdir() if one.name.lower().endswith((".csv", ".csv.gz", ".tsv")))
    exported = exports_in(context, place).names()
    if not files and not (folder / MANIFEST).is_file():
        return "exports"
    if exported:
        raise ConfigurationError(
            f"{folder} holds exported JSON ({exported[0]}) and CSV files ({files[0] if files else MANIFEST})",
            hint="move one of the two into a folder of its own",
            reason="ambiguous_folder",
            file=str(folder),
        )
    return "csv"


def exports_in(context: Context, place: str) -> Exports:
    """The exported JSON of a folder."""
    from json2db_sync.export.fallback import Exports

    processing, follow = context.config.processing, context.config.export.follow_links
    limits = context.config.reading_limits
    return Exports(located(place), limits, processing.keys, processing.aliases, follow_links=follow)


def tables_in(context: Context, place: str, said: ReadingOptions | None = None) -> PackageTables:
    """The CSV files of a folder.

    :param said: how they are spelled, where they do not tell it themselves.
    """
    from json2db_sync.tabular.opening import open_package
    from json2db_sync.tabular.options import NOTHING_SAID
    from json2db_sync.tabular.tables import PackageTables

    limits = context.config.reading_limits
    return PackageTables(open_package(place, said or NOTHING_SAID, limits), limits)
