"""DATABASE_URL stands for one of two databases that is not named."""

from __future__ import annotations

from pathlib import Path

import pytest

from json2db_sync.config.database_url import VARIABLE, both
from json2db_sync.errors import ConfigurationError


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [("a.db", None, ("a.db", "sqlite:///x.db")), (None, "b.db", ("sqlite:///x.db", "b.db")),
     (Path("a.db"), "b.db", ("a.db", "b.db"))],
)  # fmt: skip
def test_the_environment_names_the_other(monkeypatch: pytest.MonkeyPatch, first, second, found) -> None:
    """Whichever is not named; where both are, it counts for nothing."""
    monkeypatch.setenv(VARIABLE, "sqlite:///x.db")
    assert both(first, second) == found


@pytest.mark.parametrize(
    ("first", "second", "url"), [(None, None, "sqlite:///x.db"), (None, None, None), ("a.db", None, None), ("a.db", None, " ")]
)  # fmt: skip
def test_a_database_that_nothing_names_is_an_error(monkeypatch: pytest.MonkeyPatch, first, second, url) -> None:
    """Neither is named, or one is not and the variable is missing or empty: no default is taken instead."""
    monkeypatch.delenv(VARIABLE, raising=False)
    if url is not None:
        monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(ConfigurationError, match="named") as caught:
        both(first, second)
    assert caught.value.reason == "database_not_named"
