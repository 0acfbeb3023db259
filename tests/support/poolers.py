"""PgBouncer between a test and its PostgreSQL, where it is installed (or JSON2DB_TEST_PGBOUNCER names it)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from support.postgres import _unprivileged

ENV_BINARY = "JSON2DB_TEST_PGBOUNCER"
SETTINGS = """
[databases]
* = host={server} port={port}
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
query_wait_timeout = 2
"""


def _binary() -> str:
    found = os.environ.get(ENV_BINARY) or shutil.which("pgbouncer")
    if not found:
        pytest.skip(f"PgBouncer is not installed here, and {ENV_BINARY} names none")
    return found


@contextmanager
def pooled(url: str, *more: str) -> Iterator[str]:
    """The URL of the same database behind PgBouncer, which pools by transactions.

    :param more: further lines of its settings.
    """
    binary = _binary()
    prefix, user = _unprivileged()
    address = sa.make_url(url)
    folder = Path(tempfile.mkdtemp(prefix="j2d-pgb-", dir="/tmp"))
    server, port = str(address.query["host"]), str(address.query["port"])
    text = SETTINGS.format(server=server, port=port, folder=folder) + "\n".join(more)
    (folder / "pgbouncer.ini").write_text(text + "\n", encoding="utf-8")
    (folder / "users").write_text(f'"{address.username}" ""\n', encoding="utf-8")
    if user is not None:
        shutil.chown(folder, user)
    libraries = [str(one) for one in Path(binary).resolve().parents[1].glob("lib/*-linux-gnu")]  # beside it, unpacked
    environment = {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(libraries)}
    command = [*prefix, binary, "-q", str(folder / "pgbouncer.ini")]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, user=user)
    try:
        while not (folder / ".s.PGSQL.6432").exists():
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.01)
        yield address.set(query={"host": str(folder), "port": "6432"}).render_as_string(hide_password=False)
    finally:
        process.kill()
        process.communicate()
        shutil.rmtree(folder)
