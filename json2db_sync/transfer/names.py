"""Names in the target: as they are, where it takes them."""

from __future__ import annotations

from collections.abc import Iterable

from json2db_sync.databases.target_types import TargetTypes
from json2db_sync.model.plan import distinct, fit


class Names:
    """Names of one namespace, each given once."""

    def __init__(self, types: TargetTypes, taken: Iterable[str] = ()) -> None:
        self._types = types
        self._taken = {self.folded(name) for name in taken}

    def take(self, names: Iterable[str]) -> None:
        """These are given already."""
        self._taken |= {self.folded(name) for name in names}

    def free(self, name: str) -> str:
        """The name, or one like it where the target has none such, or has it already."""
        found = fit(name or "_", name) if self._types.longest_name else name
        if self.folded(found).startswith(self._types.reserved):
            found = f"_{found}"
        number = 0
        while self.folded(found) in self._taken:
            number += 1
            found = distinct(name, f"{name}\0{number}", self._taken)
        self._taken.add(self.folded(found))
        return found

    def folded(self, name: str) -> str:
        """As the target compares names."""
        if not self._types.folds_names:
            return name
        return name.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
