"""Everything that is measured, one file each: how it is installed, how it loads a data set, what it leaves out.

A file here is imported without its library being there; the library is imported inside the function that loads, which
runs in the contender's own virtual environment, in a process of its own (worker.py).
"""

from __future__ import annotations

from contenders import dlt, duckdb, flatterer, floors, ours, pandas, polars, sqlite_utils
from contenders.base import Contender

CONTENDERS: dict[str, Contender] = {
    one.name: one
    for module in (ours, floors, flatterer, duckdb, polars, pandas, sqlite_utils, dlt)
    for one in module.CONTENDERS
}

__all__ = ["CONTENDERS", "Contender"]
