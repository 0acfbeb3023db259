"""What an export to CSV wrote, or found."""

from __future__ import annotations

from dataclasses import dataclass

from json2db_sync.results.exporting import ExportResult


@dataclass(frozen=True)
class ExportCsvResult(ExportResult):
    """The files of a data package. The last of :attr:`files` is its manifest, ``datapackage.json``.

    ``records`` are rows, a file's ``checksum`` is its hash as the manifest has it.
    """
