"""A way to a PostgreSQL server that can be cut: a small proxy between."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

from sqlalchemy import make_url


class Wire:
    """Listens on a port of this machine, and passes all on to the server of a URL."""

    def __init__(self, url: str) -> None:
        given = make_url(url)
        asked = given.query.get("host") or given.host or "/var/run/postgresql"
        self._host, self._port = str(asked), int(str(given.query.get("port") or given.port or 5432))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._passing: list[threading.Thread] = []
        port = self._listening.getsockname()[1]
        self.url = given.set(host="127.0.0.1", port=port, query={}).render_as_string(hide_password=False)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _address = self._listening.accept()
                if self._host.startswith("/"):
                    far = socket.socket(socket.AF_UNIX)
                    far.connect(str(Path(self._host) / f".s.PGSQL.{self._port}"))
                else:
                    far = socket.create_connection((self._host, self._port))
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    self._passing.append(threading.Thread(target=self._pass, args=(one, other), daemon=True))
                    self._passing[-1].start()

    @staticmethod
    def _pass(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while some := one.recv(1 << 16):
                other.sendall(some)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """End what goes through now; who connects again gets through."""
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._passing:
            thread.join()
        for end in self._open:
            end.close()
        self._open.clear()
        self._passing.clear()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listening.close()
        self.cut()
