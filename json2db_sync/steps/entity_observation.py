"""What is seen of one entity: its fields, the records that break a rule, and what repeats of what may be its key."""

from __future__ import annotations

from dataclasses import dataclass, field

from json2db_sync.databases.keyindex import KeyIndex
from json2db_sync.model.inference import PlanSettings
from json2db_sync.model.keys import key_of, short_hash
from json2db_sync.model.naming import key_rank
from json2db_sync.model.statistics import KeyCandidate, ObjectStatistics, allowed_repeats
from json2db_sync.sources import Record, SourceFile
from json2db_sync.steps.record_rules import RecordRules

_BATCH = 1000
_MAX_EXAMPLES = 3


@dataclass(frozen=True)
class ReadOptions:
    """How to read files."""

    memory_limit: int = 512 * 2**20
    """Bytes."""
    entities: frozenset[str] | None = None
    """Only these; None for all."""
    rules: RecordRules = field(default_factory=RecordRules)
    """Records that these reject count as invalid, and shape no plan."""

    def wants(self, entity: str) -> bool:
        return self.entities is None or entity in self.entities


@dataclass
class EntitySeen:
    """What was seen of one entity."""

    name: str
    objects: ObjectStatistics = field(default_factory=ObjectStatistics)
    candidates: dict[tuple[str, ...], KeyCandidate] = field(default_factory=dict)
    files: int = 0
    rejected: int = 0
    invalid: int = 0
    """Records that do not satisfy their schema."""
    invalid_examples: list[str] = field(default_factory=list)


class EntityObserver:
    """Takes the records of one entity in one file; counts repeats of whatever may be their key."""

    def __init__(self, seen: EntitySeen, file: SourceFile, options: ReadOptions, settings: PlanSettings) -> None:
        self._seen = seen
        self._file = file
        self._rules = options.rules
        self._memory = options.memory_limit // 4
        self._known_fields = 0
        self._indexes: dict[tuple[str, ...], KeyIndex] = {}
        self._waiting: list[Record] = []
        self._usable_before = {fields: candidate.usable for fields, candidate in seen.candidates.items()}
        self._configured = (settings.keys or {}).get(seen.name)
        known = settings.key_of(seen.name)
        for fields in dict.fromkeys([*([known] if known else []), *seen.candidates]):
            self._follow(fields)
        seen.files += 1

    def observe(self, record: Record, depth: int) -> None:
        if record.problem is not None:
            self._seen.rejected += 1
            return
        if self._breaks_rule(record) and self._rules.mode == "reject":
            return
        objects = self._seen.objects
        objects.observe(record.value, depth)
        if len(objects.fields) != self._known_fields:
            self._known_fields = len(objects.fields)
            if self._configured is None:
                for name in record.value:
                    if key_rank(name, self._seen.name) is not None:
                        self._follow((name,))
        if self._indexes:
            self._waiting.append(record)
            if len(self._waiting) >= _BATCH:
                self._count()

    def _breaks_rule(self, record: Record) -> bool:
        violation = self._rules.violation(record.entity, record.value)
        if violation is None:
            return False
        self._seen.invalid += 1
        if len(self._seen.invalid_examples) < _MAX_EXAMPLES:
            where = f"{self._file.name} record {record.number} {violation.path}"
            self._seen.invalid_examples.append(f"{where}: {violation.message}")
        return True

    def _follow(self, fields: tuple[str, ...]) -> None:
        if fields not in self._indexes:
            self._seen.candidates.setdefault(fields, KeyCandidate(fields))
            self._indexes[fields] = KeyIndex(self._memory)

    def _count(self) -> None:
        for fields, index in self._indexes.items():
            candidate = self._seen.candidates[fields]
            keys = [(key_of(record.value, fields), record) for record in self._waiting]
            known = index.get({key for key, _record in keys if key is not None})
            for key, record in keys:
                if key is None:
                    continue
                candidate.usable += 1
                content = short_hash(record.raw)
                if known.get(key, content) != content:
                    candidate.repeats += 1
                    if len(candidate.examples) < _MAX_EXAMPLES:
                        candidate.examples.append(key)
                known[key] = content
            index.set(known)
        self._waiting.clear()

    def finish(self) -> None:
        """The file is read: what it allows its key depends on its own size, as it will when it is loaded."""
        self._count()
        for fields in self._indexes:
            candidate = self._seen.candidates[fields]
            candidate.allowed += allowed_repeats(candidate.usable - self._usable_before.get(fields, 0))

    def close(self) -> None:
        for index in self._indexes.values():
            index.close()
