"""Which tests run, and how often they try.

==========================================  =========================================================================
``pytest``                                  the quick suite: what is marked neither slow nor nightly
``pytest -m slow``                          the slow rest, and hypothesis again with four times as many examples
``JSON2DB_TEST_NIGHTLY=1 pytest ...``       what is marked nightly, too, and everything more often; 0.02: a fiftieth of it
``pytest --strict-skips ...``               a reason to skip that allowed_skips.txt does not have fails the run
==========================================  =========================================================================
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Container
from pathlib import Path

import pytest
from hypothesis import is_hypothesis_test, settings

from support.nightly import NIGHTLY, often

AN_HOUR = 3600
"""A test's seconds at night: with so many examples some take longer than ``--timeout`` allows by day."""

ALLOWED_SKIPS = Path(__file__).parents[1] / "allowed_skips.txt"

# The same examples each time, so that a test that fails does so for what was changed; in a whole night others.
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("slow", max_examples=200, deadline=None, derandomize=True)
settings.register_profile(
    "nightly", max_examples=max(100, often(20_000)), deadline=None, derandomize=NIGHTLY < 1, print_blob=True
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--strict-skips", action="store_true", help="fail on a reason to skip that is not allowed")


def pytest_configure(config: pytest.Config) -> None:
    """Test modules are imported later, and take their numbers of examples from the profile."""
    settings.load_profile("nightly" if NIGHTLY else "slow" if _asks_for_slow(config) else "quick")
    if config.option.strict_skips:
        config.pluginmanager.register(StrictSkips())


def _asks_for_slow(config: pytest.Config) -> bool:
    return re.search(r"\bslow\b", config.option.markexpr) is not None and config.option.markexpr != "not slow"


@pytest.hookimpl(tryfirst=True)  # before -m is applied
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is slow unless it is asked for, by ``-m`` or by its name, and what is nightly unless it is night."""
    if NIGHTLY:
        for item in items:
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(AN_HOUR))
    named = any("::" in argument for argument in config.args)
    cases: dict[tuple[str, str], list[pytest.Item]] = {}
    for item in items:
        database = next((kind for kind in ("sqlite", "postgresql") if kind in item.nodeid), "")
        cases.setdefault((item.nodeid.partition("[")[0], database), []).append(item)
    always_nightly = [item for item in items if item.get_closest_marker("nightly")]
    known = set(map(id, always_nightly))
    for (test, database), same in cases.items():
        _mark(same, thorough=_asks_for_slow(config), by_day=_is_for_the_day(test, database, cases))
        if "/cases/" in test:
            _leave_for_later(same if database == "postgresql" else same[1:])
    more = [item for item in items if item.get_closest_marker("nightly") and id(item) not in known]
    left_out = [item for number, item in enumerate(more) if int((number + 1) * NIGHTLY) == int(number * NIGHTLY)]
    if not named:
        for item in left_out if NIGHTLY else always_nightly + left_out:
            item.add_marker(pytest.mark.skip(reason="nightly: set JSON2DB_TEST_NIGHTLY=1 to run it"))
    if not config.option.markexpr and not named:
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def _leave_for_later(cases: list[pytest.Item]) -> None:
    """Of the many situations from the field one of a kind runs at once, on SQLite; all on both with the slow tests."""
    for item in cases:
        if not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.slow)


def _is_for_the_day(test: str, database: str, cases: Container[tuple[str, str]]) -> bool:
    """Of a slow test's two databases one runs by day, as the test's name says, and both at night."""
    both = [name for name in ("sqlite", "postgresql") if (test, name) in cases]
    return len(both) < 2 or database == both[zlib.crc32(test.encode()) % 2]


def _mark(cases: list[pytest.Item], *, thorough: bool, by_day: bool) -> None:
    """The cases of one test on one database: which are slow, and which of the slow ones are for the night."""
    first = cases[0]
    if thorough and is_hypothesis_test(getattr(first, "obj", None)):
        first.add_marker(pytest.mark.slow)
    if first.get_closest_marker("mostly_slow"):
        cases = cases[1:]
        for item in cases:
            item.add_marker(pytest.mark.slow)
    elif not first.get_closest_marker("slow"):
        return
    for item in cases[1:] if by_day else cases:
        item.add_marker(pytest.mark.nightly)


class StrictSkips:
    """Fails the run where a test was skipped for a reason that is not on the list."""

    def __init__(self) -> None:
        lines = ALLOWED_SKIPS.read_text("utf-8").splitlines()
        self._allowed = tuple(line for line in lines if line and not line.startswith("#"))
        self._others: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            if not reason.startswith(self._allowed):
                self._others[f"{report.nodeid.partition('[')[0]}: {reason}"] += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._others and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for what, times in sorted(self._others.items()):
            terminalreporter.line(
                f"skipped {times} times for a reason that {ALLOWED_SKIPS.name} lacks: {what}", red=True
            )
