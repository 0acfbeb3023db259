"""Which id a record gets: its key, or one made of its content. Population and verification must agree on it."""

from __future__ import annotations

from types import TracebackType

from json2db_sync.databases.outcome_counter import SpillableKeyIndex
from json2db_sync.model.jsontext import content_id, key_of
from json2db_sync.model.kinds import INT64_MAX, INT64_MIN, Kind
from json2db_sync.model.plan import EntityPlan
from json2db_sync.model.shredder import SchemaMismatch
from json2db_sync.sources import Record, SourceFile
from json2db_sync.sources.files import stem_and_suffix


class RecordIds:
    """The ids of the records of one entity in one file, asked for in order."""

    def __init__(self, plan: EntityPlan, file: SourceFile, memory: int) -> None:
        self._plan = plan
        # In sessions a newer file of that name is a newer version; in plain folders another folder is another thing.
        self._stem = stem_and_suffix(file.path.name if file.time is not None else file.name)[0]
        self._occurrences = SpillableKeyIndex(memory)
        self.without_key = 0
        """Records that lack the key their entity has."""

    def id_of(self, record: Record, *, single: bool) -> str | int:
        """The id of the next record.

        :param single: the record is the file's only one, an object that is not part of an array.
        :raises SchemaMismatch: when ids are integers so far and this one is none.
        """
        fields = self._plan.key or ()
        key = key_of(record.value, fields)
        if self._plan.id_kind is Kind.INTEGER:
            value = record.value.get(fields[0])
            if type(value) is not int or not INT64_MIN <= value <= INT64_MAX:
                raise SchemaMismatch(f"$.{fields[0]}", "the key is not an integer of 64 bits, as those before it")
            return value
        if key is not None:
            return key
        if single and not fields:
            return "#" + self._stem
        self.without_key += bool(fields)
        content = content_id(record.value)
        number = self._occurrences.get([content]).get(content, 0) + 1
        self._occurrences.set({content: number})
        return content if number == 1 else f"{content}-{number}"

    def close(self) -> None:
        """Forget what was seen."""
        self._occurrences.close()

    def __enter__(self) -> RecordIds:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
