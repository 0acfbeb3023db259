"""Texts of one column that are all alike, so that another kind may be meant: decimals, dates in other formats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from json2db_sync.text import repeated

_DAY, _MONTH, _YEAR = "(?:0[1-9]|[12][0-9]|3[01])", "(?:0[1-9]|1[0-2])", "(?:19|20)[0-9]{2}"
_KINDS = {
    "decimal": r"-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?",
    "date:%d/%m/%Y": f"{_DAY}/{_MONTH}/{_YEAR}",
    "date:%m/%d/%Y": f"{_MONTH}/{_DAY}/{_YEAR}",
    "date:%d.%m.%Y": rf"{_DAY}\.{_MONTH}\.{_YEAR}",
    "date:%d-%m-%Y": f"{_DAY}-{_MONTH}-{_YEAR}",
    "date:%Y/%m/%d": f"{_YEAR}/{_MONTH}/{_DAY}",
}
_ONE = {kind: re.compile(pattern) for kind, pattern in _KINDS.items()}
_LINES = {kind: re.compile(repeated(f"{pattern}\n")) for kind, pattern in _KINDS.items()}


@dataclass
class AlikeTexts:
    """Which kinds all texts so far could be of."""

    kinds: tuple[str, ...] = tuple(_KINDS)
    has_fraction: bool = False

    def add(self, texts: Sequence[str]) -> None:
        """The next texts."""
        if self.kinds and texts:
            self.kinds = tuple(kind for kind in self.kinds if _ONE[kind].fullmatch(texts[0]))
        if self.kinds:
            lines = "".join([f"{text}\n" for text in texts])
            is_plain = lines.count("\n") == len(texts)
            self.kinds = tuple(kind for kind in self.kinds if is_plain and _LINES[kind].fullmatch(lines))
            self.has_fraction = self.has_fraction or "." in lines
        self.has_fraction = self.has_fraction and bool(self.kinds)

    @property
    def kind(self) -> str | None:
        """The one kind to propose, as in the setting; None where several could be meant. (Whole numbers are none: they
        are mostly ids.)
        """
        (kind, *others) = self.kinds or (None,)
        return None if others or (kind == "decimal" and not self.has_fraction) else kind
