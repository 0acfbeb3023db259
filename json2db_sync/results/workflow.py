"""The steps of a full workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from json2db_sync.results.base import Result


@dataclass(frozen=True)
class WorkflowResult(Result):
    """The steps of a full workflow, in order, and the statistics of its population."""

    steps: Mapping[str, Result] = field(default_factory=dict)
    """analyze, create_tables, populate, verify, report -> their results, as far as they were reached."""
    statistics: Mapping[str, Any] = field(default_factory=dict)
    stopped_at: str | None = None
    """The step that failed."""

    @property
    def needs_attention(self) -> bool:
        return any(step.needs_attention for step in self.steps.values())
