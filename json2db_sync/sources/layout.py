"""A file's layout: how its records lie in it, what stands beside them, and what is worth saying of that."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from json2db_sync.results.messages import Note
from json2db_sync.sources.records_path import RecordsPath

SETTING = "data_source.records"
Kind = Literal["array", "lines", "objects", "envelope", "entities", "object", "unclear"]
"""Arrays one after the other; a record a line; objects one after the other; lists somewhere in an object; an object of
lists, each an entity; one object, one record; the same where it could as well be something around records."""
_MANY_ALIKE = 3
"""Notes that say the same of so many files are told each."""
_PLAIN: tuple[Kind, ...] = ("array", "lines", "objects", "object", "unclear")
"""Those of which there is no more to say."""


@dataclass(frozen=True)
class FileLayout:
    """How a file holds its records."""

    kind: Kind
    entity: str
    """Of the records; among several entities the file's own name."""
    path: RecordsPath | None = None
    """Of the records in an envelope; where it is unclear, the likeliest."""
    lists: tuple[str, ...] = ()
    """The keys of the lists that are entities; none stands for all."""
    entities: frozenset[str] = frozenset()
    """The entities of those lists."""
    beside: Mapping[str, object] = field(default_factory=dict)
    """What stands beside the records, as far as it is small."""
    lists_beside: tuple[str, ...] = ()
    """Keys of lists beside the records that could be records, too."""
    named: str = ""
    """Where it is unclear: what the setting may call this file and other pages of the same."""
    likelier: RecordsPath | None = None
    """Where the records could be rather, of a file that is read as it was, since nothing of it may be left out."""
    repeated: tuple[str, ...] = ()
    """Keys of an object that is a record under which a list or an object stands, and then something else again."""
    is_empty: bool = False
    """Does the place of the records hold none, unlike that of the entity's other files?"""

    @property
    def holds(self) -> frozenset[str]:
        """The entities in the file."""
        return self.entities if self.kind == "entities" else frozenset({self.entity})

    @property
    def is_single(self) -> bool:
        """Is the file one record, whose later version is that of the next file of this name?"""
        return self.kind == "object"

    def to_text(self) -> str:
        """For the ledger; :meth:`from_text` understands it."""
        if self.kind == "envelope" and self.path is not None:
            return f"envelope {self.path.text}"
        return f"entities {json.dumps(self.lists)}" if self.lists else self.kind

    @classmethod
    def from_text(cls, text: str | None, entity: str) -> FileLayout | None:
        """The layout that a file was loaded with; None where the ledger of a former version does not say it all."""
        kind, _, rest = (text or "").partition(" ")
        if kind == "envelope":
            return cls("envelope", entity, RecordsPath.parse(rest)) if rest else None
        if kind == "entities":
            return cls("entities", entity, lists=tuple(json.loads(rest)) if rest else ())
        return next((cls(plain, entity) for plain in _PLAIN if plain == kind), None)

    def notes(self, file: str) -> list[Note]:
        """What is worth a look.

        :param file: its name.
        """
        notes = []
        if self.repeated:
            keys, line = ", ".join(self.repeated), setting_line(self.entity, RecordsPath.of_keys(self.repeated[0]))
            text = f"{file}: a key stands there more than once ({keys}): the last value is stored, the others are not"
            help_ = "" if self.kind == "unclear" else f"; where they are records, {line} takes those of all"
            notes.append(Note(text + help_, "key_comes_twice", self.entity, len(self.repeated), SETTING))
        if self.kind == "unclear":
            what, line = f"{file}: one record of {self.entity}, but it", setting_line(self.named, self.path)
            notes.append(self._unclear(what, line, '"$" means the object itself'))
        if self.likelier is not None:
            what, line = f"{file}: each record of {self.entity}", setting_line(self.entity, self.likelier)
            itself = self.path.text if self.path else "$"
            notes.append(self._unclear(what, line, f'"{itself}" means the records as they are'))
        if self.is_empty and self.path is not None:
            text = f"{file} holds nothing at {self.path.text}, where the records of {self.entity} are: none was read"
            notes.append(Note(text, "records_missing", self.entity, 0, setting=SETTING))
        if self.lists_beside:
            others = ", ".join(self.lists_beside)
            line = setting_line(self.entity, self.path)
            text = f"{file}: records of {self.entity} are those at {self.path and self.path.text}; not loaded: {others}"
            notes.append(Note(f"{text} ({line} says that this is right)", "lists_beside", self.entity, setting=line))
        return notes

    def _unclear(self, what: str, line: str, otherwise: str) -> Note:
        text = (
            f"{what} could be something around records; {line} takes those, {otherwise} "
            f"(then create-tables --recreate --empty --entity {self.entity}, and populate)"
        )
        return Note(text, "unclear_layout", self.entity, 1, setting=line)


def setting_line(entity: str, path: RecordsPath | None) -> str:
    """The line for the configuration that says where an entity's records are."""
    return f"{SETTING} = {json.dumps({entity: path.text if path else '...'}, ensure_ascii=False)}"


def notes_told_once(notes: Sequence[Note]) -> Iterator[Note]:
    """The notes, but of many that name the same line for files only the first, with how many there are."""
    counts = Counter(note.setting for note in notes if note.code == "unclear_layout")
    for note in notes:
        count = counts[note.setting] if note.code == "unclear_layout" else 1
        if 0 <= count <= _MANY_ALIKE:
            yield note
        elif count > 0:
            counts[note.setting] = -1
            text = f"{note}; the same holds for {count - 1:,} more files"
            yield Note(text, note.code, note.entity, count, note.setting)
