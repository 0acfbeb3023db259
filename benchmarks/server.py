"""A PostgreSQL for the benchmarks, that of tests/support/postgres.py; started by run.py and ourselves.py.

It runs in the environment `ours`, prints one line of JSON (URL, process id, version), then obeys lines on its standard
input: `create` prints the URL of a new database, `drop <URL>` removes it. The server ends with the input.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.postgres import Unavailable, start_server


def main() -> None:
    try:
        server = start_server()
    except Unavailable as reason:
        print(json.dumps({"error": str(reason)}), flush=True)
        return
    try:
        pid = server.process.pid if server.process else 0
        print(json.dumps({"version": server.version, "pid": pid}), flush=True)
        for line in sys.stdin:
            command, _, url = line.strip().partition(" ")
            if command == "create":
                print(server.create_database(), flush=True)
            else:
                server.drop_database(url)
                print("dropped", flush=True)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
