"""Exported files read again, as populate would read them."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from json2db_sync.export.published import is_empty
from json2db_sync.limits import Limits
from json2db_sync.sources.batch import Undecoded
from json2db_sync.sources.files import make_file
from json2db_sync.sources.reader import RecordReader, record_of
from json2db_sync.validation.record_validator import RecordRules

_LIMITS = Limits(2**33, unpacked_bytes=2**63, nodes=2**33, ratio=2**63)
"""Whatever a database holds."""
MOST_DIFFERENCES = 5
"""So many are told of one file."""

Check = Callable[[int, bytes], list[str]]
"""(number, line) of a record -> what is wrong with it, in words."""


def pages_of(path: Path) -> Iterator[list[bytes]]:
    """The records of a file, many at a time, as canonical lines without their newlines.

    :raises FileError: when it cannot be read, or holds no records.
    """
    if ".ndjson" in path.name and is_empty(path):  # lines, of which there are none
        return
    with RecordReader(make_file(path, path.parent, {}), _LIMITS, one_value=True) as reader:
        for batch in reader.batches(undecoded=True):
            raws = batch.raws if isinstance(batch, Undecoded) else [record.raw for record in batch.records()]
            yield _compact(raws)


def _compact(raws: Sequence[msgspec.Raw | bytes]) -> list[bytes]:
    """JSON texts without the space in them; what is not JSON stays as it is."""
    try:
        return [msgspec.json.format(bytes(raw), indent=-1) for raw in raws]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return [bytes(raw) for raw in raws] if len(raws) == 1 else [line for raw in raws for line in _compact([raw])]


def value_of(line: bytes) -> Any:
    """What a line holds; one that holds no JSON, or none that can be loaded, stands for itself as text."""
    record = record_of("", 0, 0, line)
    return record.value if record.problem is None else line.decode("utf-8", "backslashreplace")


class Reading:
    """One reading of a file from beginning to end; iterates over its records' lines, and adds up what they are.

    :param check: also asked of every record, until so many are wrong that more need not be told.
    """

    def __init__(self, path: Path, check: Check | None = None) -> None:
        self._path, self._check = path, check
        self._hash = hashlib.sha256()
        self.total = 0
        """Records that were read."""
        self.problems: list[str] = []
        """Records that do not satisfy the schema: the first of them."""

    def __iter__(self) -> Iterator[bytes]:
        for lines in self._pages():
            yield from lines

    def _pages(self) -> Iterator[list[bytes]]:
        for lines in pages_of(self._path):
            self._hash.update(b"\n".join([*lines, b""]))
            for number, line in enumerate(lines, self.total + 1):
                if self._check is None or len(self.problems) >= MOST_DIFFERENCES:
                    break
                self.problems += self._check(number, line)
            self.total += len(lines)
            yield lines

    @property
    def checksum(self) -> str:
        """Of what was read."""
        return f"sha256:{self._hash.hexdigest()}"

    def to_the_end(self) -> Reading:
        """Read what is left."""
        deque(self._pages(), maxlen=0)
        return self


def checker(name: str, schema_file: str, schema: Mapping[str, object]) -> Check:
    """Checks records against a schema.

    :raises ValueError: when it is none.
    """
    rules = RecordRules.of_schema(name, schema_file, schema)

    def check(number: int, line: bytes) -> list[str]:
        violation = rules.violation(name, value_of(line))
        return [f"record {number:,} {violation.reason} ({violation.path})"] if violation else []

    return check
