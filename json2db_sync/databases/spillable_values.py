"""A list of JSON values for each key, in bounded memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Mapping, Sequence

from json2db_sync.databases.outcome_counter import SpillableKeyIndex


class SpillableValues:
    """Remembers the last list of each key, in a temporary file where they are many.

    :param memory: bytes to use before temporary files take over, once for the keys and once for the values.
    """

    def __init__(self, memory: int) -> None:
        self._places = SpillableKeyIndex(memory)
        self._texts = tempfile.SpooledTemporaryFile(max_size=memory)  # noqa: SIM115  closed by close()
        self._end = 0

    def get(self, keys: Collection[str]) -> dict[str, list[object]]:
        """The values of those keys that have one."""
        return {key: self._read(place) for key, place in self._places.get(keys).items()}

    def _read(self, place: int) -> list[object]:
        self._texts.seek(place)
        value: list[object] = json.loads(self._texts.readline())
        return value

    def set(self, values: Mapping[str, Sequence[object]]) -> None:
        """Remember these values, replacing earlier ones of the same keys.

        :raises DatabaseError: when the keys do not fit into memory, and no temporary file can be written.
        """
        places: dict[str, int] = {}
        self._texts.seek(self._end)
        for key, value in values.items():
            places[key] = self._end
            self._end += self._texts.write(json.dumps(value).encode() + b"\n")
        self._places.set(places)

    def close(self) -> None:
        """Forget everything."""
        self._places.close()
        self._texts.close()
