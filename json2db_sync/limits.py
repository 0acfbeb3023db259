"""What a file may ask of us: the most of everything that files of others decide. Beyond it an error says so."""

from __future__ import annotations

from dataclasses import dataclass, fields

from json2db_sync.errors import FileError

MEBIBYTE = 2**20
OWN_FILE = 8 * MEBIBYTE
"""Bytes of a file that this program or its user wrote for it: what it remembers, journals, metadata, configuration."""
SCHEMA_FILE = 16 * MEBIBYTE
"""Bytes of a JSON Schema."""
PACKAGE_FILE = 64 * MEBIBYTE
"""Bytes of a data package's manifest, which tells each column of each table."""
CORRECTIONS_FILE = 128 * MEBIBYTE
"""Bytes of a file of corrected records."""
RECORD_SHARE = 8
"""A record may be this fraction of the memory limit: as Python objects it takes several times its text."""
NODE_BYTES = 400
"""Of the memory limit that a value of a record may take, with all that is made of it on its way."""
MAX_RATIO = 200
"""How many times its packed size a file may unpack to: honest JSON reaches 20 to 100 times."""
RATIO_FROM = 128 * 2**20
"""Unpacked bytes up to which the ratio is not looked at."""
UNPACKER_MEMORY = 128 * 2**20
"""Bytes that unpacking may take: xz -9 takes 65 MB, zstd --long 128 MB."""
MAX_DEPTH = 400
"""Levels of nesting that a record may have: what the parser, the encoder and Python's stack all take."""
MAX_DIGITS = 4300
"""Digits that Python reads of an integer (its default, a guard against endless conversions)."""
MAX_FIELDS = 5_000
"""Keys of one object that are followed; what an object used as a map has beyond that is only counted."""
MAX_KEY_LENGTH = 2_000
"""Characters of a key that gets a column. Longer ones stand with those beyond the columns."""
MAX_NAME = 500
"""Characters of a key, or of a file's name, that a name of ours is made of; a hash stands for the rest."""
BATCH_FIELDS = 1_000
"""Keys of one object up to which many are analyzed at once: where keys are data, each record brings others."""
MAX_STRAY = 100_000
"""Values at the beginning of a file that are not objects: after so many of them it holds no records."""
MAX_VIOLATIONS = 100
"""Violations of its schema that are told of a record."""
VIOLATIONS_NODES = 10_000
"""Nodes of a record up to which its violations are counted; each takes 1.5 kB. Of a larger one the first is told."""


@dataclass(frozen=True)
class Limits:
    """The limits that are settings."""

    memory: int = 512 * 2**20
    """Bytes of memory to stay within."""
    unpacked_bytes: int = 64 * 2**30
    """Bytes that a packed file may have once it is unpacked."""
    entities: int = 100
    """Of a file that is an object of lists."""
    child_tables: int = 100
    """Of an entity."""
    nodes: int = 1_000_000
    """Values, objects and arrays that a record is made of."""
    ratio: int = MAX_RATIO
    """How many times its packed size a file may unpack to; no setting, but what we packed ourselves may have any."""

    @property
    def record(self) -> int:
        """Bytes that a record may have."""
        return max(self.memory // RECORD_SHARE, 2**20)

    @property
    def record_nodes(self) -> tuple[int, str]:
        """Nodes that a record may have, and how to raise that: memory may be the narrower limit."""
        most = max(self.memory // NODE_BYTES, 20_000)
        hint = "raise memory_limit (JSON2DB_MEMORY_LIMIT, in MB)"
        return (self.nodes, to_raise("nodes")) if self.nodes <= most else (most, hint)


LIMITS = Limits()
"""As they are where nothing is set."""


def to_raise(name: str) -> str:
    """What raises a limit that is a setting."""
    assert name in {field.name for field in fields(Limits)}
    return f"raise limits.{name} (JSON2DB_LIMITS_{name.upper()})"


def exceeded(message: str, name: str, *, instead: str = "", **context: object) -> FileError:
    """The error of a file that is over a limit that is a setting.

    :param instead: what else can be done.
    """
    hint = f"{to_raise(name)} if the file is to be trusted{instead and f'; {instead}'}"
    return FileError(message, hint=hint, reason="limit_exceeded", setting=f"limits.{name}", **context)
