"""A check in the making."""

from __future__ import annotations

from dataclasses import dataclass, field

from json2db_sync.results import Check, Note

_EXAMPLES = 5


@dataclass
class CheckBuilder:
    """What a check has found so far."""

    name: str
    problems: int = 0
    examples: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def add(self, problem: str, count: int = 1) -> None:
        """A problem, which may stand for several rows."""
        self.problems += count
        if len(self.examples) < _EXAMPLES:
            self.examples.append(problem)

    def done(self, covered: str) -> Check:
        """The check, with what it looked at."""
        return Check(self.name, not self.problems, covered, self.problems, tuple(self.examples), tuple(self.notes))
