"""What happens when the database does not answer: an export does, if there is a sound one that is fresh enough."""

from __future__ import annotations

import logging
from collections.abc import Generator, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, islice
from typing import Any

from json2db_sync.errors import FileError, Unreachable
from json2db_sync.export.confirmations import Origin
from json2db_sync.export.fallback.breaker import Breaker
from json2db_sync.export.fallback.export import Export
from json2db_sync.export.fallback.exports import Exports, Replaced
from json2db_sync.model.jsontext import Key
from json2db_sync.model.plan import MAP_KEY

Records = Generator[dict[str, Any], None, None]
RecordId = Key | Sequence[Key]
"""A record's key; the parts of a composite one in a sequence."""
_TRIES = 10
"""How often to begin again where an export is replaced by a newer one between two looks at it."""
_log = logging.getLogger("json2db_sync")


class NoFallback:
    """Only the database answers, and it is asked every time."""

    def refusal(self) -> Unreachable | None:
        """Why the database is not asked now."""
        return None

    def failed(self, error: Unreachable) -> None:
        """The database did not answer."""

    def worked(self) -> None:
        """The database answered."""

    def stand_in(self, reason: Unreachable, entity: str, id: RecordId | None) -> tuple[Export, Records]:
        """What answers in its place.

        :param reason: why the database does not.
        :raises Unreachable: when nothing does.
        """
        raise reason


@dataclass(frozen=True)
class Fallback(NoFallback):
    """The exports of a folder answer in place of the database."""

    exports: Exports
    origin: Origin
    """The database. An export of another one does not answer."""
    max_age: timedelta
    """An export that is older does not answer."""
    retry_after: float
    """Seconds before a database that did not answer is asked again."""
    database: Hashable
    """What the breaker knows the database by."""
    breaker: Breaker
    maps: frozenset[str] = frozenset()
    """Entities whose records were the values of a map, and hold their keys."""

    def refusal(self) -> Unreachable | None:
        return self.breaker.refusal(self.database, self.retry_after)

    def failed(self, error: Unreachable) -> None:
        if not self.exports.exist():
            return  # nothing is gained by not asking
        _log.warning("%s; exports in %s answer where they can", error.message, self.exports.directory)
        if self.retry_after:
            self.breaker.failed(self.database, error, self.retry_after)

    def worked(self) -> None:
        self.breaker.worked(self.database)

    def stand_in(self, reason: Unreachable, entity: str, id: RecordId | None) -> tuple[Export, Records]:
        try:
            for _ in range(_TRIES):
                try:
                    export = self._fresh(entity)
                    return export, started(self._records(export, id))
                except Replaced:
                    continue
            raise FileError(
                f"the export of {entity} is replaced again and again while it is read", reason="export_replaced"
            )
        except FileError as error:
            raise Unreachable(
                f"{reason.message}; and no export answers in its place: {error.message}",
                hint="; or ".join(filter(None, (reason.hint, error.hint))) or None,
                reason="no_export_answers",
                **{**error.context, "entity": entity},
            ) from error

    def _fresh(self, entity: str) -> Export:
        export = self.exports.sound(entity)
        is_ours = self.origin.made(self.exports.directory, export.exported_from, export.database_id)
        if is_ours is False:
            named = export.exported_from
            is_namesake = named == self.origin.name
            other = f"another database called {named}" if is_namesake else f"{named}, not from {self.origin.name}"
            raise FileError(
                f"{export.path} was exported from {other}",
                hint="check the path of the database, and fallback.directory; export again once the database answers",
                file=str(export.path),
                reason="export_of_another_database",
            )
        age = export.age()
        if age > self.max_age:
            raise FileError(
                f"{export.path} is {age_text(age)} old, and at most {age_text(self.max_age)} are allowed",
                hint="export more often, or raise fallback.max_age",
                file=str(export.path),
                reason="export_too_old",
            )
        return replace(export, by_name=is_ours is None)

    def _records(self, export: Export, id: RecordId | None) -> Records:
        for record in self.exports.all(export) if id is None else self.exports.by_key(export, id):
            yield without_map_key(record) if export.entity in self.maps else record


def without_map_key(record: dict[str, Any]) -> dict[str, Any]:
    """A record as it stood in a map."""
    return {key: value for key, value in record.items() if key != MAP_KEY}


def started(records: Records) -> Records:
    """The same records, the first of which is read now: what keeps it from being read is raised here."""
    first = list(islice(records, 1))

    def again() -> Records:
        try:
            yield from chain(first, records)
        finally:
            with suppress(Unreachable):  # whoever leaves early need not learn that what is left is gone
                records.close()

    return again()


def age_text(age: timedelta) -> str:
    """``45 minutes``, ``3.5 hours``, ``12 days``."""
    hours = age.total_seconds() / 3600
    if hours < 1:
        return f"{hours * 60:.0f} minutes"
    return f"{hours:.3g} hours" if hours < 72 else f"{hours / 24:.3g} days"
