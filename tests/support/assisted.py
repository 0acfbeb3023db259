"""Every load as if it were so large that a second process helps, but without the time that its start takes."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import pytest

from json2db_sync.loading import initial_schema, worker


class AssistantHere:
    """Does at once, and here, what the assistant does; what goes over is pickled just so."""

    def __init__(self, make: Callable[..., object], *arguments: Any) -> None:
        self._object = make(*_sent(arguments))

    def ask(self, method: str, *arguments: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        answer.set_result(_sent(getattr(self._object, method)(*_sent(arguments))))
        return answer

    def close(self) -> None:
        pass


def _sent(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))


@contextmanager
def assisted() -> Iterator[None]:
    """Every load has an assistant."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "RemoteObject", AssistantHere)
        patch.setattr(worker, "WORTHWHILE", 0)
        patch.setattr(worker, "has_room_for_two", lambda: True)
        patch.setattr(initial_schema, "_BEGINNING", 0)
        yield
