"""The PostgreSQL of the tests keeps its promises (see postgres.py)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

START_AND_HANG = """
import time, postgres
server = postgres.start_server()
print(*server.folders, (server.folders[0] / "postmaster.pid").read_text().split()[0], flush=True)
time.sleep(600)
"""


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_fresh_database_is_empty_and_utf8(postgres_url):
    """A test gets a database of its own, without tables and in UTF-8."""
    engine = create_engine(postgres_url, poolclass=NullPool)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == []
        assert connection.exec_driver_sql("SHOW server_encoding").scalar() == "UTF8"


def test_a_database_in_use_can_be_dropped(postgres_server):
    """Dropping a database ends the connections that a test left open to it."""
    url = postgres_server.create_database()
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar()
        postgres_server.drop_database(url)
        with pytest.raises(OperationalError, match="terminating connection"):
            connection.exec_driver_sql("SELECT 1")
    assert postgres_server.execute(f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == 0


def test_the_server_dies_with_its_process(postgres_server):
    """When the process that started a server is killed with SIGKILL, neither server nor files stay."""
    if postgres_server.process is None:
        pytest.skip("an existing server is not ours to kill")
    here = Path(__file__).parent  # where the child finds postgres.py
    with subprocess.Popen([sys.executable, "-c", START_AND_HANG], cwd=here, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        *folders, pid = child.stdout.readline().decode().split()
        assert is_alive(int(pid))
        child.kill()
    deadline = time.monotonic() + 30
    while is_alive(int(pid)) or any(Path(folder).exists() for folder in folders):
        assert time.monotonic() < deadline, "the server outlived its process"
        time.sleep(0.02)
