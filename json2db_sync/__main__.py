"""The console script ``json2db-sync``, and ``python -m json2db_sync``."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    :param arguments: instead of ``sys.argv[1:]``.
    """
    from json2db_sync.interfaces.cli.main import main as run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
