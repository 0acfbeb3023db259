"""One writer at a time in a directory."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from json2db_sync.atomic_files.process_lock import process_lock
from json2db_sync.errors import Locked
from json2db_sync.model.kinds import now_text


@contextmanager
def locked(directory: Path, staging: Path) -> Iterator[None]:
    """The block alone writes into the directory.

    :raises Locked: at once when another does, naming who and since when.
    """
    holder = staging / "holder.json"
    with ExitStack() as stack:
        try:
            stack.enter_context(process_lock(staging / "lock"))
        except BlockingIOError as error:
            message = f"{directory} is being written by another run{_who(holder)}"
            raise Locked(message, hint="wait until it is done, then run again") from error
        try:
            with suppress(OSError):  # it only serves others' errors
                holder.write_text(json.dumps([os.getpid(), platform.node(), now_text()]), encoding="utf-8")
            yield
        finally:
            with suppress(OSError):
                holder.unlink(missing_ok=True)


def _who(holder: Path) -> str:
    try:
        process, host, since = json.loads(holder.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return ""  # it has only just begun, or is about to end
    return f": process {process} on {host}, since {since}"
