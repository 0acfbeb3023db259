"""The guide's door to the menu: ``python -m json2db_sync.main_json2db_sync``."""

from __future__ import annotations

import sys

from json2db_sync.interfaces.menu.main import run_menu
from json2db_sync.interfaces.terminal.interrupt import mask_tracebacks
from json2db_sync.workers.batching import few_collections


def main() -> int:
    """Open the menu; the exit code."""
    mask_tracebacks()
    with few_collections():
        return run_menu()


if __name__ == "__main__":
    sys.exit(main())
