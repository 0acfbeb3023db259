"""Views that users built on our tables: set aside while the tables are replaced, and made again afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from json2db_sync.errors import ValidationError

if TYPE_CHECKING:
    from json2db_sync.databases.base import Database


@dataclass(frozen=True)
class View:
    """A view, and what it takes to have it again."""

    name: str
    """As people write it: with its schema, where that is not the usual one."""
    statements: tuple[str, ...]
    """What makes it as it is, with its grants and comments."""
    is_materialized: bool = False
    reads: frozenset[tuple[str, str]] = frozenset()
    """(table, column), where the database looks views up only when they are read."""
    columns: tuple[str, ...] = ()
    state: frozenset[str] = frozenset()
    """What people hung on it, where the database knows such things."""


class ViewChanged(Exception):
    """A view would not say any more what it said."""


class KeptViews:
    """The views of users on tables that are replaced, inside one transaction.

    :param ours: names of views that are made by a plan: they are dropped with the tables, and not made again here.
    """

    def __init__(self, database: Database, connection: sa.Connection, ours: Iterable[str] = ()) -> None:
        self._database = database
        self._connection = connection
        self._ours = frozenset(ours)
        self._aside: dict[str, View] = {}
        """Those that others are made of come first."""

    def set_aside(self, names: Sequence[str]) -> None:
        """Drop the views that read these tables or views, which are going to be dropped.

        :raises ValidationError: when one cannot be dropped.
        """
        views = self._database.views_on(self._connection, names)
        for view in reversed(views):
            try:
                self._database.drop_view(self._connection, view)
            except sa.exc.DBAPIError as error:
                raise self._refusal(view, error) from error
        found = {view.name: view for view in views}
        self._aside = found | {name: view for name, view in self._aside.items() if name not in found}

    def make_again(self) -> None:
        """Make all of them as they were.

        :raises ValidationError: when the tables are not any more what one of them needs.
        """
        waiting, self._aside = self._aside, {}
        for view in waiting.values():
            if view.name not in self._ours:
                self._make(view, self._database.create_view)

    def remember(self, name: str) -> None:
        """A view of ours is going to be dropped: people may have hung something on it."""
        view = self._database.view_named(self._connection, name)
        if view is not None:
            self._aside[view.name] = view

    def hang(self, name: str) -> None:
        """A view of ours was made again: have on it what people had hung on it.

        :param name: quoted.
        :raises ValidationError: when the view is not any more what that needs.
        """
        if name in self._aside:
            self._make(self._aside[name], self._database.dress_view)

    def _make(self, view: View, make: Callable[[sa.Connection, View], None]) -> None:
        try:
            make(self._connection, view)
        except (sa.exc.DBAPIError, ViewChanged) as error:
            raise self._refusal(view, error) from error

    def _refusal(self, view: View, error: sa.exc.DBAPIError | ViewChanged) -> Exception:
        if isinstance(error, sa.exc.DBAPIError) and not self._database.refuses_statement(error):
            return error  # about the database or the connection, which the caller tells
        said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return ValidationError(
            f"the view {view.name} is built on tables that must be rebuilt, and could not be made again: {said}; "
            "nothing was changed",
            hint=f"keep its definition, drop it (DROP VIEW {view.name}), run again, and make it for the new columns",
            reason="view_would_be_lost",
            table=view.name,
        )
