"""Runs commands over a hostile world, in processes of their own that are watched. ``python operations_child.py``.

The server has imported all of the program. For each line on its stdin it forks; the child runs the operations, and
tells after each: exit code, seconds, the most memory that this process held meanwhile. The server adds how it ended.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

EVENTS = {
    "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.truncate", "os.chmod", "os.chown",
    "os.utime", "shutil.rmtree", "shutil.move", "sqlite3.connect", "os.mkfifo",
}  # fmt: skip
NETWORK = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request"}
CEILING = 6 << 30
"""Bytes of address space, so that what has no limit of its own does not take the machine with it."""


busy = threading.local()


def watch(log: str) -> Callable[[str], int]:
    """Write down each file that is opened, altered or removed, and each address."""
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if (event != "open" and event not in EVENTS and event not in NETWORK) or getattr(busy, "now", False):
            return
        busy.now = True
        try:
            found = [os.fsdecode(one) if isinstance(one, bytes | str | os.PathLike) else one for one in arguments]
            os.write(target, json.dumps([event, *found], default=repr).encode() + b"\n")
        finally:
            busy.now = False

    sys.addaudithook(hook)
    return lambda operation: os.write(target, json.dumps(["begun", operation]).encode() + b"\n")


def peak() -> int:
    """The most memory this process held since it was last asked, in bytes; of the processes it started, too."""
    busy.now = True
    status = Path("/proc/self/status").read_text()
    found = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    Path("/proc/self/clear_refs").write_text("5")
    busy.now = False
    return max(found, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)


def run(order: dict[str, Any]) -> None:
    """In the child: what the order says, one operation after the other."""
    from json2db_sync.__main__ import main

    os.chdir(order["folder"])
    os.environ.update(order["environment"])
    report = os.open(order["report"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    mark = watch(order["log"])
    peak()
    for operation, arguments in order["operations"]:
        _print_into(f"{order['output']}.{operation}")
        mark(operation)
        os.write(report, json.dumps({"begun": operation}).encode() + b"\n")
        signal.alarm(order["timeout"])
        began, code = time.monotonic(), None
        try:
            code = _moved(*arguments) if operation.startswith("move") else main(arguments)
        except SystemExit as end:
            code = end.code
        except BaseException:
            traceback.print_exc()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        signal.alarm(0)
        done = {"done": operation, "code": code, "seconds": round(time.monotonic() - began, 2), "peak": peak()}
        os.write(report, json.dumps(done).encode() + b"\n")


def _moved(here: str, there: str) -> int:
    if os.path.lexists(here):
        os.rename(here, there)
    return 0


def _print_into(path: str) -> None:
    busy.now = True
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    busy.now = False
    for number in (1, 2):
        os.dup2(out, number)
    os.close(out)


def serve() -> None:
    import json2db_sync

    for module in pkgutil.walk_packages(json2db_sync.__path__, "json2db_sync."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql", "psycopg", "jsonschema_rs"):
        importlib.import_module(name)
    gc.freeze()
    print(json.dumps({"base": peak()}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        began = time.monotonic()
        process = os.fork()
        if not process:
            os.setsid()
            with contextlib.suppress(ValueError):
                resource.setrlimit(resource.RLIMIT_AS, (CEILING, CEILING))
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            faulthandler.enable()
            try:
                run(order)
            except BaseException:
                traceback.print_exc()
                os._exit(70)
            os._exit(0)
        timer = threading.Timer(20 * order["timeout"], os.killpg, (process, signal.SIGKILL))
        timer.start()
        _, status, usage = os.wait4(process, 0)
        timer.cancel()
        timer.join()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process, signal.SIGKILL)  # what it may have left
        ended = {
            "status": os.waitstatus_to_exitcode(status), "seconds": round(time.monotonic() - began, 2),
            "processor": round(usage.ru_utime + usage.ru_stime, 2), "peak": usage.ru_maxrss * 1024,
        }  # fmt: skip
        print(json.dumps(ended), flush=True)


if __name__ == "__main__":
    serve()
