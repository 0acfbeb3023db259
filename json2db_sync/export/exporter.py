"""Tables to files: written, checked for what is stale, or held against the database."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from json2db_sync.atomic_files import FileSet
from json2db_sync.atomic_files.places import Places
from json2db_sync.atomic_files.reading import read_own
from json2db_sync.errors import FileError
from json2db_sync.export.comparing import compare
from json2db_sync.export.content import Content
from json2db_sync.export.draft import Draft, Drafter, stage_beside, stage_records
from json2db_sync.export.layout import Layout, file_stem
from json2db_sync.export.options import ExportOptions
from json2db_sync.export.published import holds, is_export, leftovers, require_plain, stated_checksum
from json2db_sync.export.reading import Check, Reading, checker
from json2db_sync.limits import SCHEMA_FILE
from json2db_sync.model.plan import entity_name
from json2db_sync.results import ExportedFile, Note

_LIES = "it was written, and read back as something else"


@dataclass(frozen=True)
class Exporter:
    """Exports to one directory."""

    options: ExportOptions
    drafter: Drafter
    known: Collection[str] = ()
    """All tables and entities that could be exported."""

    @property
    def directory(self) -> Path:
        return self.drafter.directory

    def write(self, contents: Sequence[Content], files: FileSet, *, validate: bool) -> list[ExportedFile]:
        """Publish the files of these tables that are not current, all of them or none.

        :param validate: check the records against their schemas when they are read back.
        A note names each file that was replaced though it was not an export.

        :raises FileError: when they cannot be written, or are not read back as they were written.
        """
        drafted = [self._staged(content, files, validate=validate) for content in contents]
        foreign = [draft for draft in drafted if self._replaces_another(draft)]
        published = {one.name: one for one in files.commit()}
        for draft in foreign:
            done = published[draft.layout.data_file]
            text = f"{done.file} was not an export; what it held is kept in {done.backup}"
            files.notes.append(Note(text, "replaced_another_file", draft.content.name))
        backups = {name: str(done.backup) for name, done in published.items() if done.backup}
        return [
            self._described(draft, "unchanged" if draft.unchanged else "written", backups.get(draft.layout.data_file))
            for draft in drafted
        ]

    def _staged(self, content: Content, files: FileSet, *, validate: bool) -> Draft:
        layout = self._layout(content)
        if layout.format != "envelope" and not layout.compress:  # records alone go into their file at once
            with files.stage(layout.data_file) as stream:
                draft = self.drafter.draft(content, layout, stream)
            if layout.data_file not in draft.stale:
                files.discard(layout.data_file)
        else:  # what stands before the records is known only behind them
            with files.scratch() as body:
                draft = self.drafter.draft(content, layout, body)
                stage_records(draft, files, body)
        stage_beside(draft, files)
        if layout.data_file in draft.stale:
            self._prove(draft, files.staged(layout.data_file), validate=validate)
        return draft

    def _prove(self, draft: Draft, staged: Path, *, validate: bool) -> None:
        """Read back what was staged: byte by byte, and with ``validate`` record by record.

        :raises FileError: when it is not what the database gave.
        """
        body = draft.body
        problems = [] if holds(staged, draft.layout.head(draft.metadata), body.digest, body.size) else [_LIES]
        if validate and not problems:
            check = checker(draft.content.name, draft.layout.schema_file, draft.schema)
            found = Reading(staged, check).to_the_end()
            same = (found.total, found.checksum) == (body.total, body.checksum)
            problems = found.problems if same else [_LIES]
        if problems:
            raise FileError(
                f"{draft.layout.data_file}: {problems[0]}; the published files are as they were",
                hint="run again, and look at the disk" if problems[0] == _LIES else "correct it in the database",
                file=str(self.directory / draft.layout.data_file),
                reason="export_not_proven",
            )

    def _replaces_another(self, draft: Draft) -> bool:
        """Is there a file that would be replaced, and was never an export?"""
        layout = draft.layout
        stale = layout.data_file in draft.stale and self._exists(layout)
        return stale and not is_export(self.directory / layout.data_file)

    def require_own(self, contents: Sequence[Content], places: Places) -> None:
        """Look whether the files are the folder's own, before any is read.

        :raises FileError: as :meth:`Places.published`.
        """
        for content in contents:
            for name in self._layout(content).files:
                places.published(name)

    def check(self, contents: Sequence[Content]) -> list[ExportedFile]:
        """Which files are not what would be written now."""
        return [self._checked(self.drafter.draft(content, self._layout(content))) for content in contents]

    def leftovers(self) -> list[ExportedFile]:
        """Files that this database's exports wrote of tables that are gone."""
        return [
            ExportedFile(
                name,
                str(path),
                "leftover",
                bytes=_size(path),
                differences=(f"{path.name} is of a table that is gone: remove it if nobody needs it",),
            )
            for name, path in leftovers(self.directory, self.known, self.drafter.origin.name)
        ]

    def _checked(self, draft: Draft) -> ExportedFile:
        status = "unchanged" if not draft.stale else "stale" if self._exists(draft.layout) else "missing"
        stale = tuple(f"{name} is not as it would be written now" for name in sorted(draft.stale))
        return replace(self._described(draft, status), differences=stale if status == "stale" else ())

    def verify(self, contents: Sequence[Content], *, validate: bool) -> list[ExportedFile]:
        """Hold the records of each file against those of the database."""
        return [self._verified(content, self._layout(content), validate=validate) for content in contents]

    def _verified(self, content: Content, layout: Layout, *, validate: bool) -> ExportedFile:
        found = self._file(content, layout, "missing")
        path = self.directory / layout.data_file
        if not path.is_file():
            return found
        try:
            total, differences = self._held_against(content, path, layout, validate=validate)
        except FileError as error:  # damaged, or no JSON any more: that is what was asked
            total, differences = 0, [error.message]
        status = "different" if differences else "verified"
        return replace(found, status=status, records=total, differences=tuple(differences))

    def _held_against(self, content: Content, path: Path, layout: Layout, *, validate: bool) -> tuple[int, list[str]]:
        """How many records the file holds, and what is wrong with it."""
        problems: list[str] = []
        reading = Reading(path, self._schema_check(layout, problems) if validate else None)
        compared = compare(content, iter(reading))
        self.drafter.progress(content.name, compared.expected)
        found = list(compared.examples)
        if compared.count > len(found):
            found.append(f"and {compared.count - len(found):,} differences more")
        stated = stated_checksum(self.directory / (layout.metadata_file or layout.data_file))
        if stated != reading.checksum:
            found.append(f"its metadata states the checksum {stated}, its records have {reading.checksum}")
        return reading.total, [*found, *problems, *reading.problems]

    def _schema_check(self, layout: Layout, problems: list[str]) -> Check | None:
        """The schema beside the file, as a check; None where there is none that could be used, which is a problem."""
        try:
            schema = json.loads(read_own(self.directory / layout.schema_file, SCHEMA_FILE))
            return checker(layout.name, layout.schema_file, schema)
        except OSError as error:
            problems.append(f"{layout.schema_file} cannot be read: {error.strerror}")
        except (ValueError, TypeError, RecursionError) as error:
            problems.append(f"{layout.schema_file} cannot be used as JSON Schema: {error}")
        return None

    def notes(self, contents: Sequence[Content], files: Sequence[ExportedFile]) -> Iterator[Note]:
        """What deserves a look: names that collide, fields not counted, files of the same tables in other formats."""
        first: dict[str, str] = {}
        for name in (content.name for content in contents):
            entity = entity_name(file_stem(name))
            if (other := first.setdefault(entity, name)) != name:
                text = f"{other} and {name} would be one entity, {entity}, if they were loaded again"
                yield Note(f"{text}: data_source.entities then names one of them otherwise", "names_collide", name)
        for content, file in zip(contents, files, strict=True):
            for field in content.counted if file.statistics else ():
                if field not in file.statistics["top"]:
                    text = f"{content.name}.{field} has so many different values that they are not counted"
                    yield Note(text, "too_many_values", content.name, setting="export.statistics")
            layout = self._layout(content)
            for name in layout.other_files:
                if (self.directory / name).is_file():
                    text = f"{name} is there too, from an export in another format: remove it if nobody needs it"
                    yield Note(text, "other_format", content.name, setting="export.format")

    def targets(self, contents: Sequence[Content]) -> Iterator[Path]:
        """The paths of all files that an export of these tables writes."""
        return (self.directory / name for content in contents for name in self._layout(content).files)

    def _layout(self, content: Content) -> Layout:
        """The form of a table's files.

        :raises FileError: when one of them is there, and no plain file.
        """
        layout = Layout.of(content.name, self.options)
        require_plain(self.directory, layout)
        return layout

    def _exists(self, layout: Layout) -> bool:
        return (self.directory / layout.data_file).is_file()

    def _described(self, draft: Draft, status: str, backup: str | None = None) -> ExportedFile:
        found, body = self._file(draft.content, draft.layout, status), draft.body
        found = replace(found, records=body.total, checksum=body.checksum, statistics=body.statistics)
        return replace(found, related=tuple(draft.content.related), backup=backup)

    def _file(self, content: Content, layout: Layout, status: str) -> ExportedFile:
        path, schema = self.directory / layout.data_file, self.directory / layout.schema_file
        return ExportedFile(content.name, str(path), status, schema=str(schema), bytes=_size(path))


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
