"""Keys typed while something runs: neither shown nor taken as answers later. Ctrl-C still arrives.

Only POSIX terminals need it; elsewhere, and where keys come from a pipe, nothing happens.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unheard() -> Iterator[None]:
    """Meanwhile keys are not echoed, and what was typed is thrown away; the terminal is restored whatever happens."""
    with _hidden():
        yield


def forget_typed() -> None:
    """Throw away what was typed and not read yet."""
    terminal = _terminal()
    if terminal is None or sys.platform == "win32":
        return
    import termios

    from prompt_toolkit.application import get_app_session
    from prompt_toolkit.input.typeahead import clear_typeahead

    with contextlib.suppress(termios.error):
        termios.tcflush(terminal, termios.TCIFLUSH)
    clear_typeahead(get_app_session().input)


def _terminal() -> int | None:
    """The terminal that prompts read from; None where they read from something else."""
    from prompt_toolkit.application import get_app_session

    try:
        number = get_app_session().input.fileno()
        return number if os.isatty(number) else None
    except (OSError, ValueError, AttributeError, NotImplementedError):
        return None


@contextmanager
def _hidden() -> Iterator[None]:
    terminal = _terminal()
    if terminal is None or sys.platform == "win32":
        yield
        return
    import termios

    before = None
    with contextlib.suppress(termios.error):  # the terminal may be gone
        before = termios.tcgetattr(terminal)
        silent = list(before)
        silent[3] &= ~(termios.ECHO | termios.ECHONL)  # signals stay: Ctrl-C
        termios.tcsetattr(terminal, termios.TCSANOW, silent)
    try:
        yield
    finally:
        if before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
