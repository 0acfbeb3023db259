"""Samples of values in bounded memory: how often a file repeats a key, and what share of values another set holds."""

from __future__ import annotations

from collections.abc import Sequence

import xxhash

_MAX_EXAMPLES = 3


class KeySample:
    """Follows those keys whose hash is small enough: of each of them every repeat is seen, however large the file.

    :param most: keys to follow. With no more in the file, the count of repeats is exact.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._bound = 2**64
        self._contents: dict[int, int] = {}
        self._repeats: list[int] = []
        self.examples: list[str] = []
        """Some keys that repeat."""

    @property
    def repeats(self) -> int:
        """Records whose key an earlier one had, with other content."""
        return round(len(self._repeats) * (2**64 / self._bound))

    def add(self, keys: Sequence[str], contents: Sequence[int]) -> None:
        """The keys of the next records, and a hash of the content of each."""
        hashes = list(map(xxhash.xxh3_64_intdigest, map(str.encode, keys)))
        if self._contents.keys().isdisjoint(hashes) and len(set(hashes)) == len(hashes) and self._bound == 2**64:
            self._contents.update(zip(hashes, contents, strict=True))
        else:
            for key, hash_, content in zip(keys, hashes, contents, strict=True):
                if hash_ < self._bound:
                    self._follow(key, hash_, content)
        while len(self._contents) > self._most:
            self._bound //= 2
            self._contents = {hash_: content for hash_, content in self._contents.items() if hash_ < self._bound}
            self._repeats = [hash_ for hash_ in self._repeats if hash_ < self._bound]

    def _follow(self, key: str, hash_: int, content: int) -> None:
        if self._contents.get(hash_, content) != content:
            self._repeats.append(hash_)
            if len(self.examples) < _MAX_EXAMPLES:
                self.examples.append(key)
        self._contents[hash_] = content


class Sketch:
    """A sample of distinct values that can be compared with another: those whose hash is small enough.

    Two samples cut at the same bound hold the same values if the sets do, so the share of one set that lies in
    another can be estimated from at most ``2 * SIZE`` numbers a side.
    """

    SIZE = 512
    __slots__ = ("bound", "hashes")

    def __init__(self) -> None:
        self.hashes: set[int] = set()
        self.bound = 2**64

    def add(self, texts: Sequence[str]) -> None:
        """The next values, as texts."""
        different = dict.fromkeys(texts)
        try:
            raws = list(map(str.encode, different))
        except UnicodeEncodeError:  # half a character
            raws = [text.encode("utf-8", "surrogatepass") for text in different]
        bound = self.bound
        for value in [value for value in map(xxhash.xxh3_64_intdigest, raws) if value < bound]:
            self._add(value)

    def _add(self, value: int) -> None:
        if value < self.bound:
            self.hashes.add(value)
            if len(self.hashes) > 2 * self.SIZE:
                self.bound = sorted(self.hashes)[self.SIZE]
                self.hashes = {value for value in self.hashes if value < self.bound}

    def share_in(self, other: Sketch) -> tuple[float, int]:
        """The estimated share of this set's values that the other holds, and how many values that rests on."""
        bound = min(self.bound, other.bound)
        mine = {value for value in self.hashes if value < bound}
        return (len(mine & other.hashes) / len(mine), len(mine)) if mine else (0.0, 0)
