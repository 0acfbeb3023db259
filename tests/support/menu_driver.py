"""The guided menu, driven by keys through a pipe."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from json2db_sync import SyncRunner
from json2db_sync.interfaces.menu.main import Menu

ESC, ENTER, CTRL_C, CTRL_D, UP, DOWN = "\x1b", "\r", "\x03", "\x04", "\x1b[A", "\x1b[B"


CLEAR, BACKSPACE = "\x15", "\x7f"


GO = ENTER  # the first line of every form


@dataclass
class Sitting:
    """What one sitting at the menu ended with."""

    code: int
    screen: str

    def __contains__(self, text: str) -> bool:
        return text in re.sub(r"\s+", " ", self.screen)


Sit = Callable[..., Sitting]


@pytest.fixture
def sit(tmp_path: Path, example_source: Path) -> Sit:
    """Types keys at the menu; when they are used up, the terminal is gone (as after Ctrl-D)."""

    def run(*keys: str, width: int = 80, db: str | None = "shop.db", source: str | None = "", **more: str) -> Sitting:
        canvas = io.StringIO()
        console = Console(file=canvas, width=width, color_system=None, highlight=False, emoji=False)
        with create_pipe_input() as typed, create_app_session(input=typed, output=DummyOutput()):
            typed.send_text("".join(keys))
            typed.close()
            place = str(example_source) if source == "" else source
            code = Menu(console, db_path=db, data_source=place, **more).run()
        return Sitting(code, canvas.getvalue())

    return run


@pytest.fixture
def loaded(example_source: Path) -> None:
    assert SyncRunner("shop.db", example_source).full_workflow().success
