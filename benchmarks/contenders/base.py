"""What a contender is, and what it is given to do."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from generate import SHAPES, Shape

Database = Literal["sqlite", "postgresql"]


@dataclass
class Task:
    """One load, and the time that its work took."""

    shape_name: str
    file: Path
    target: str
    """Path of an SQLite file that is not there yet, or URL of an empty PostgreSQL database."""
    scratch: Path
    """An empty folder."""
    seconds: float = 0.0
    cpu: float = 0.0
    found: dict[str, Any] = field(default_factory=dict)
    """More to tell the one who measures."""

    @property
    def shape(self) -> Shape:
        return SHAPES[self.shape_name]

    @property
    def key(self) -> str:
        """The field that tells records apart."""
        return "invoice_id" if self.shape.children else "id"

    def records(self) -> list[dict[str, Any]]:
        """The whole file, as most people read one."""
        with self.file.open("rb") as file:
            return list(map(json.loads, file)) if self.lines else json.load(file)

    @property
    def lines(self) -> bool:
        return self.file.suffix == ".ndjson"

    @contextmanager
    def timed(self) -> Iterator[None]:
        """What happens inside is the work: not the imports, and not what a floor prepares. May be entered often."""
        cpu, wall = sum(os.times()[:4]), time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - wall
            self.cpu += sum(os.times()[:4]) - cpu

    def libpq_url(self) -> str:
        """The target for those who do not know SQLAlchemy's drivers."""
        return self.target.replace("postgresql+psycopg:", "postgresql:")


@dataclass(frozen=True)
class Goal:
    """What is to be shown against this contender (issue 4): `times` faster than it, or at most `times` a floor."""

    times: float
    by: Literal["wall", "cpu"] = "wall"


@dataclass(frozen=True)
class Contender:
    name: str
    title: str
    load: Callable[[Task], None]
    requires: tuple[str, ...] = ()
    environment: str = ""
    """Name of the virtual environment; default: the name of the contender."""
    database: Database = "sqlite"
    kind: Literal["ours", "peer", "floor"] = "peer"
    tables: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Of each shape the tables of the records and of their items; default: as a peer would call them."""
    leaves_out: str = ""
    """In a few words: which of our promises it does not give."""
    goal: Goal | None = None
    checked: bool = True
    """Does it leave tables that can be looked at?"""
    shapes: tuple[str, ...] = ("accounting", "flat")
    child_key: str = "invoice_id"
    """The column in the items' table that holds the key of their record."""

    def where(self, shape: str) -> tuple[str, str]:
        return self.tables.get(shape) or (SHAPES[shape].entity, SHAPES[shape].children and "line_items")

    @property
    def venv(self) -> str:
        return self.environment or self.name
