"""Records one after the other, from the database or from its export, never from both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from json2db_sync.errors import FileError, SyncError, Unreachable
from json2db_sync.export.fallback.export import Export
from json2db_sync.export.fallback.fallback_read import NoFallback, RecordId, Records, started
from json2db_sync.results import Note
from json2db_sync.text import counted


class Reading(Iterator[dict[str, Any]]):
    """The records of an entity, once, one after the other, all from one place and of one state.

    The database is asked first, as soon as a record or anything else is wanted of this object. If it does not answer,
    the export does, unless it is unsound or too old. Once a record was given the place does not change: a failure is
    raised, here and by every further step, saying how many were given.

    :raises SyncError: when iterated or asked, as :meth:`SyncRunner.read` says.
    """

    def __init__(
        self, entity: str, id: RecordId | None, database: Callable[[], Records], fallback: NoFallback, notes: list[Note]
    ) -> None:
        self.entity = entity
        self.given = 0
        """Records given so far."""
        self._id = id
        self._database = database
        self._fallback = fallback
        self._notes = notes
        self._records: Records | None = None
        self._export: Export | None = None
        self._age: timedelta | None = None
        self._reason: str | None = None
        self._failure: SyncError | None = None

    @property
    def source(self) -> Literal["database", "export"]:
        """Who answers."""
        return "database" if self._opened()._export is None else "export"

    @property
    def file(self) -> Path | None:
        """The exported file that answers."""
        return export.path if (export := self._opened()._export) else None

    @property
    def generated_at(self) -> str | None:
        """When that file was made, UTC."""
        return export.generated_at if (export := self._opened()._export) else None

    @property
    def exported_from(self) -> str | None:
        """The database that it was made from, as it says."""
        return export.exported_from if (export := self._opened()._export) else None

    @property
    def age(self) -> timedelta | None:
        """How long ago that file was last known to hold what the database holds."""
        return self._opened()._age

    @property
    def verified(self) -> bool:
        """Are these the very records that the export's checksum was made of? No other export ever answers."""
        return self._opened()._export is not None

    @property
    def differs(self) -> tuple[str, ...]:
        """In what the export's records are not as they are stored (fields left out, fields renamed, nulls left out)."""
        return export.differs if (export := self._opened()._export) else ()

    @property
    def reason(self) -> str | None:
        """Why the database does not answer."""
        return self._opened()._reason

    @property
    def notes(self) -> tuple[Note, ...]:
        """That records in the database are incomplete or lost, where someone dropped what held them.

        Of an export: that only its database's name tells that it is the one asked for.
        """
        if (export := self._opened()._export) and export.by_name:
            text = f"only the name {export.exported_from} tells which database {export.path.name} was exported from"
            return (*self._notes, Note(text, "export_known_by_name", self.entity))
        return tuple(self._notes)

    def __next__(self) -> dict[str, Any]:
        records = self._opened()._records
        assert records is not None
        try:
            record = next(records)
        except SyncError as error:
            self._failure = self._broken_off(error)
            raise self._failure from error
        self.given += 1
        return record

    def close(self) -> None:
        """Let go of the database or the file; no further record comes."""
        if self._records is not None:
            self._records.close()
        self._records = _nothing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _opened(self) -> Self:
        """Self, with records to read."""
        if self._failure is not None:
            raise self._failure
        if self._records is None:
            try:
                self._records = self._from_database()
            except Unreachable as reason:
                self._export, self._records = self._fallback.stand_in(reason, self.entity, self._id)
                self._age, self._reason = self._export.age(), reason.message
        return self

    def _from_database(self) -> Records:
        if refusal := self._fallback.refusal():
            raise refusal
        try:
            records = started(self._database())
        except Unreachable as error:
            self._fallback.failed(error)
            raise
        except SyncError:  # it does answer: there is no such entity
            self._fallback.worked()
            raise
        self._fallback.worked()
        return records

    def _broken_off(self, error: SyncError) -> SyncError:
        """What to raise for a failure between two records."""
        given = f"{counted(self.given, 'record')} of {self.entity} had been given"
        if isinstance(error, Unreachable):
            self._fallback.failed(error)
            hint = "begin again: while the database is away its export answers, where there is a sound and fresh one"
            return Unreachable(f"{error.message}; {given}", hint=hint, reason="broken_off", entity=self.entity)
        if isinstance(error, FileError):
            hint = "begin again; what was given is of one state, and incomplete"
            return FileError(f"{error.message}; {given}", hint=hint, reason="broken_off", **error.context)
        return error


def _nothing() -> Records:
    yield from ()
