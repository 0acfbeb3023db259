"""Is it night? Then there is time for the long runs too."""

from __future__ import annotations

import os

NIGHTLY = bool(os.environ.get("JSON2DB_TEST_NIGHTLY"))
