"""How the files of a source hold their records: by setting, by evidence, or as their neighbours do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch

from json2db_sync.errors import FileError
from json2db_sync.sources.evidence import FileName, layout_of
from json2db_sync.sources.files import SourceFile
from json2db_sync.sources.layout import FileLayout
from json2db_sync.sources.records_path import RecordsPath
from json2db_sync.sources.survey import Member

Survey = Callable[[SourceFile], FileLayout]


@dataclass(frozen=True)
class Layouts:
    """Tells the layout of files that are objects."""

    records: Mapping[str, RecordsPath] = field(default_factory=dict)
    """As configured: an entity, or a pattern of file names -> path."""
    known: Mapping[str, RecordsPath] = field(default_factory=dict)
    """As files were read that are loaded already, by what their names have in common and by entity."""
    files: Sequence[SourceFile] = ()
    """Those that are read together."""
    _found: dict[str, RecordsPath | None] = field(default_factory=dict, compare=False, repr=False)

    def among(self, files: Sequence[SourceFile]) -> Layouts:
        """The same for files that are read together."""
        return replace(self, files=tuple(files), _found={})

    def configured(self, file: SourceFile) -> FileLayout | None:
        """The envelope that the setting says a file is, if it does."""
        path = self._path(file)
        if path is None or path.is_document:
            return None
        return FileLayout("envelope", FileName.of(file).entity_of(path.name), path)

    def is_settled(self, file: SourceFile) -> bool:
        """Does the setting say where its records are, or that it is none of an envelope?"""
        return self._path(file) is not None

    def _path(self, file: SourceFile) -> RecordsPath | None:
        if not self.records:
            return None
        name = FileName.of(file)
        path = self.records.get(file.entity) or self.records.get(name.bare)
        if path is None:
            matching = (
                path
                for pattern, path in self.records.items()
                if fnmatch(file.name, pattern) or fnmatch(file.path.name, pattern)
            )
            path = next(matching, None)
        return path

    def decide(self, file: SourceFile, members: Sequence[Member], survey: Survey) -> FileLayout:
        """The layout of a file that is an object.

        :param survey: tells that of another file, seen alone.
        """
        if self._path(file) is not None:  # it says that the object is the record
            return FileLayout("object", file.entity)
        return layout_of(file, members, lambda: self.neighbour(file, survey))

    def neighbour(self, file: SourceFile, survey: Survey) -> RecordsPath | None:
        """Where the other files of the same name but for page marks, or of the same entity, have their records."""
        family = FileName.of(file).family
        known = self.known.get(family) or self.known.get(file.entity)
        if known is None and self.files:
            if family not in self._found:
                self._found[family] = self._look(file, family, survey)
            known = self._found[family]
        return known

    def _look(self, file: SourceFile, family: str, survey: Survey) -> RecordsPath | None:
        for other in self.files:
            if other.path != file.path and (other.entity == file.entity or FileName.of(other).family == family):
                with suppress(FileError):
                    layout = survey(other)
                    if layout.kind == "envelope" and layout.path is not None:
                        return layout.path
        return None


NOTHING_KNOWN = Layouts()
