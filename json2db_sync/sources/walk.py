"""Along a path to the records of a file, in bounded memory where the path is a plain one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from json2db_sync.model.plan import MAP_KEY
from json2db_sync.sources.cursor import Cursor, Element, Stretch, raw_values
from json2db_sync.sources.records_path import RecordsPath, Step
from json2db_sync.sources.survey import member_at

_STRETCH = 2**20
"""Characters of records that are put together."""


class Walk:
    """Finds what stands at a path, in each of the values that follow one after the other.

    :param undecoded: leave records undecoded wherever that can be done.
    """

    def __init__(self, cursor: Cursor, path: RecordsPath, *, undecoded: bool) -> None:
        self._cursor = cursor
        self._path = path
        self._undecoded = undecoded
        self.is_found = False
        """Is there anything at the path?"""
        self.beside: dict[str, object] = {}
        """What stands beside the records, as far as it is small."""

    def parts(self) -> Iterator[Stretch | Element]:
        """The records."""
        while self._cursor.skip_space():
            if self._path.steps is None:
                yield from self._searched()
            else:
                yield from self._along(self._path.steps, self.beside, None)

    def _searched(self) -> Iterator[Element]:
        document = self._cursor.element()
        for found in self._path.find(document.value):
            self.is_found = True
            yield Element(found, document.byte, json.dumps(found, ensure_ascii=False), document.problem)

    def _along(
        self, steps: tuple[str | Step, ...], beside: dict[str, object], key: str | None
    ) -> Iterator[Stretch | Element]:
        """What stands at these steps from here.

        :param beside: gets what stands beside the way.
        :param key: of the map that the record is a value of.
        """
        cursor, mark = self._cursor, self._cursor.skip_space()
        step, rest = (steps[0], steps[1:]) if steps else (None, ())
        if step is None or (step is Step.EACH and not rest):
            yield from self._here(mark, key)
        elif mark == "[" and step is not Step.VALUES:
            is_empty = True
            for _ in cursor.items():
                is_empty = False
                yield from self._along(rest if step is Step.EACH else steps, {}, key)
            self.is_found |= is_empty
        elif mark != "{":
            self.is_found |= cursor.value()[0] is None
        elif step is Step.EACH:  # one object instead of a list of them
            yield from self._along(rest, beside, key)
        else:
            is_there, is_top = step is Step.VALUES, beside is self.beside
            for name in cursor.members():
                if step is Step.VALUES:
                    yield from self._along(rest, {}, name)
                elif name == step:
                    is_there, within = True, dict[str, object]()
                    yield from self._along(rest, within, key)
                    beside |= {name: within} if within else {}
                else:
                    member = member_at(cursor, name)
                    beside[name] = member.value
                    is_top |= member.kind != "scalar"
            # Where nothing else is that could hold records, the list is left out because it is empty.
            self.is_found |= step is Step.VALUES or not (is_there or is_top)

    def _here(self, mark: str, key: str | None) -> Iterator[Stretch | Element]:
        self.is_found = True
        if mark == "[":
            parts = self._cursor.stretches() if self._undecoded and key is None else self._cursor.elements()
            yield from parts if key is None else (_with_key(part, key) for part in parts)
            return
        element = self._cursor.element()
        if element.raw != "null":
            yield element if key is None else _with_key(element, key)


def gathered(parts: Iterable[Stretch | Element]) -> Iterator[Stretch | Element]:
    """The same, with records that come one by one put together into stretches: those are loaded many at a time."""
    waiting: list[Element] = []
    size = 0
    for part in parts:
        is_plain = isinstance(part, Element) and part.problem is None and isinstance(part.value, dict)
        if waiting and (not is_plain or size >= _STRETCH):
            yield _together(waiting)
            waiting, size = [], 0
        if isinstance(part, Element) and is_plain:
            waiting.append(part)
            size += len(part.raw)
        else:
            yield part
    if waiting:
        yield _together(waiting)


def _together(elements: list[Element]) -> Stretch:
    text = ", ".join(element.raw for element in elements).encode()
    raws = raw_values.decode(b"[%b]" % text)
    return Stretch(elements[0].byte, text, raws, tuple(element.byte for element in elements))


def _with_key(part: Stretch | Element, key: str) -> Element:
    """A record with the key that it has in its map."""
    assert isinstance(part, Element)
    if not isinstance(part.value, dict):
        return part
    comma = ", " if part.value else ""
    raw = f"{{{json.dumps(MAP_KEY)}: {json.dumps(key, ensure_ascii=False)}{comma}{part.raw[1:].lstrip()}"
    return Element({MAP_KEY: key, **part.value}, part.byte, raw, part.problem)
