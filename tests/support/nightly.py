"""Is it night? Then there is time for the long runs too."""

from __future__ import annotations

import os

NIGHTLY = float(os.environ.get("JSON2DB_TEST_NIGHTLY") or 0)
"""How much of the night's work is to be done: 0 by day, 1 for all of it, 0.1 for a tenth."""


def often(times: int) -> int:
    """That part of a number of examples or kills at night; 0 by day."""
    return round(times * NIGHTLY)
