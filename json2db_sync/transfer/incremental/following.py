"""A transfer of what changed: one transaction of the target, with what is known from then on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import msgspec
import sqlalchemy as sa
import xxhash

from json2db_sync.databases.catalog.tables import Catalog
from json2db_sync.databases.ledger import Followed, Following, Remembered, Watermark
from json2db_sync.databases.table_stores import TableStore
from json2db_sync.databases.table_stores.keyed import AT_ONCE
from json2db_sync.databases.target_types import types_of
from json2db_sync.errors import ConfigurationError, ValidationError
from json2db_sync.events import Meter, RecordMeter
from json2db_sync.results import MovedTable, Note, TransferResult
from json2db_sync.text import counted
from json2db_sync.transfer.follow import ANY_TABLE, Follow
from json2db_sync.transfer.incremental.changed import Changed
from json2db_sync.transfer.incremental.found import Found
from json2db_sync.transfer.incremental.newer import Newer
from json2db_sync.transfer.incremental.pairs import Pair
from json2db_sync.transfer.incremental.watermarks import Since
from json2db_sync.transfer.incremental.writing import Writing
from json2db_sync.transfer.mapped import MappedTable
from json2db_sync.transfer.moving import Move, compared
from json2db_sync.transfer.names import Names
from json2db_sync.transfer.transfer import Transfer

_KNOWN_RANGES = "ranges of keys that are as they were at the last transfer, on both sides"


@dataclass
class _Look:
    """One table, and how it is looked at."""

    pair: Pair
    following: Following
    how: Changed | Newer

    @property
    def found(self) -> Found:
        return self.how.found


class FollowingTransfer(Transfer):
    """A transfer with :attr:`Choices.follow`."""

    _known: tuple[Catalog, Mapping[str, Remembered]] | None = None
    _known_titles: Collection[str] = frozenset()
    """Tables of the source that were followed before."""

    # The plan

    def plan(self) -> TransferResult:
        self.choices = replace(self.choices, mode="upsert")
        self._source_tables = {table.name for table in self._source.catalog().tables}
        self._target_has = self._target_catalog()[0]
        missing = self._missing()
        self.choices = replace(self.choices, exclude_tables=[*(self.choices.exclude_tables or ()), *missing])
        notes = [
            Note(f"{name} is not in the target: a transfer of it alone, without this option, makes it there",
                 "table_not_in_target")
            for name in missing
        ]  # fmt: skip
        result = super().plan()
        follow = self._follow
        mode = ", ".join(filter(None, ["since" if follow.since else "", "changed" if follow.changed else ""]))
        return replace(result, mode=mode, proposals=(), notes=(*result.notes, *notes))

    @property
    def _follow(self) -> Follow:
        assert self.choices.follow is not None
        return self.choices.follow

    def _missing(self) -> list[str]:
        """Tables of the source that the target does not have, where none are named."""
        if self._source.place is None:
            raise ConfigurationError(
                f"changes of {self._source.label} cannot be followed: it is no database",
                hint="mode upsert moves all of its rows",
                reason="conflicting_arguments",
            )
        tables = [one for one in self._source.catalog().tables if not one.is_view]
        fold = Names(types_of(self._target_has.database)).folded
        known = {fold(table.name) for table in self._target_has.tables}
        manifest = self._source.manifest()
        names = {one.name: manifest[one.name].origin.name if one.name in manifest else one.name for one in tables}
        if self.choices.tables is None and tables and not any(fold(name) in known for name in names.values()):
            raise ConfigurationError(
                "the target has none of the source's tables",
                hint="a transfer without this option makes them; from then on what changed can follow",
                reason="unknown_table",
            )
        if self.choices.tables is not None:
            return []
        excluded = {*(self.choices.exclude_tables or ())}
        return [one.name for one in tables if fold(names[one.name]) not in known and one.name not in excluded]

    def looked(self, result: TransferResult) -> TransferResult:
        """What would be done; nothing of all that follows is known before the target is read."""
        self._require_columns()
        if not self.choices.dry_run:
            return result
        with self._target.reading() as connection:
            looks = [*self._looks(self._target.table_store(connection), Followed(connection))]
            for look in looks:
                for _row in look.how.look():
                    pass
            return self._told(result, looks)

    def _require_columns(self) -> None:
        follow = self._follow
        titles = {name for one in self._mapped.tables for name in (one.source.name, one.source.title)}
        if unknown := [name for name in follow.since if name != ANY_TABLE and name not in titles]:
            what = f"there is no table {unknown[0]} among those that are moved"
            raise ConfigurationError(what, reason="unknown_table", table=unknown[0], setting="since_column")
        for table in self._mapped.tables:
            self._since_column(table)
        names = {wire.name for table in self._mapped.tables for wire in table.reading}
        if follow.newest is not None and follow.newest not in names:
            what = f"no table has a column {follow.newest}"
            raise ConfigurationError(what, reason="unknown_field", setting="conflicts")

    def _since_column(self, table: MappedTable) -> str | None:
        """The column that tells which rows are new; None where all are compared."""
        follow, source = self._follow, table.source
        named = follow.since.get(source.title) or follow.since.get(source.name)
        column = named or follow.since.get(ANY_TABLE)
        if column in {wire.name for wire in table.reading}:
            return column
        if named or not follow.changed:
            what = f"no column of {source.title} is named" if column is None else f"{source.title} has no {column}"
            raise ConfigurationError(
                f"{what}, which tells its new rows",
                hint="name one for it (TABLE=COLUMN), compare such tables (changed), or leave it out (exclude_tables)",
                reason="unknown_field",
                table=source.title,
                setting="since_column",
            )
        return None

    # What is found

    def _looks(self, store: TableStore, followed: Followed) -> Iterator[_Look]:
        assert self._source.place is not None
        source = self._store
        assert isinstance(source, TableStore)
        known = {(one.source_table, one.target_table): one for one in followed.of(self._source.place)}
        for table in self._mapped.tables:
            places = table.source.title, table.target.title
            following = known.get(places) or Following(self._source.place, *places)
            pair = Pair(source, store, table)
            column = self._since_column(table)
            self._require_rows(table, store)
            if column is None:
                yield self._compared(pair, following, followed)
            else:
                typed = types_of(self._catalog.database).typed
                mark = following.watermarks.get(column)
                since = Since(source, table.source, column, typed=typed, known=mark, overlap=self._follow.overlap)
                yield _Look(pair, following, Newer(pair, since, self._follow))

    def _compared(self, pair: Pair, following: Following, followed: Followed) -> _Look:
        shape = _shape(pair)
        known = followed.ranges(following) if following.shape == shape else []
        following = replace(following, shape=shape)
        comparing = RecordMeter("compare", self._emit)

        def same() -> int | None:
            table = pair.table
            found = compared(*pair.stores, table, lambda rows: comparing.add(table.source.title, rows))
            return found.equal if found.same else None

        def hashes(numbers: Sequence[int]) -> Mapping[int, bytes]:
            return followed.hashes(following, numbers)

        return _Look(pair, following, Changed(pair, known, hashes, self._follow, same))

    def _require_rows(self, table: MappedTable, store: TableStore) -> None:
        """An empty source is hardly meant to empty the target."""
        if not self._follow.delete or self._source.counted(table.source):
            return
        for batch in store.read(table.target, table.writing[:1]):
            raise ValidationError(
                f"{table.source.title} is empty in the source, and delete would remove all rows of the target, "
                f"{len(batch[0]):,} or more; nothing was written",
                hint="is it the right source? Mode replace makes the table empty, after a backup",
                reason="source_empty",
                table=table.source.title,
            )

    # The transfer

    def _all_moved(self, result: TransferResult) -> TransferResult:
        meter = Meter("transfer", self._emit)
        with self._target.without_keys() as connection:
            store = self._target.table_store(connection)
            store.hold([table.target for table in self._mapped.tables])
            followed = Followed(connection)
            followed.create()
            looks = [*self._looks(store, followed)]
            writing = Writing(store, self._target_has.tables, [look.pair for look in looks])
            for look in looks:
                report = meter.file_started(look.pair.title)
                writing.stage(look.pair, look.how.look())
                writing.stage_gone(look.pair, look.found.gone)
                report(len(look.found.written), 0)
                meter.file_done(look.pair.title, len(look.found.written), 0)
            writing.put()
            ends, comparing = (self._store, self._source.original, store), RecordMeter("compare", self._emit)
            Move(*ends, self._mapped, self._all_rows, meter, comparing).number_on()
            for look in looks:
                if self.choices.verify:
                    _read_back(look)
                _remember(look, followed)
            return self._finished(connection, store, self._told(result, looks))

    def _finished(self, connection: sa.Connection, store: TableStore, result: TransferResult) -> TransferResult:
        result = self._recorded(connection, store, result, None)
        is_quiet = not (
            any(one.rows or one.deleted or one.conflicts for one in result.tables) or self.choices.certificate
        )
        if is_quiet:  # the ledger has it; a schedule need not fill a folder with such
            self.certificate = None
            return replace(result, certificate=None)
        return result

    def _told(self, result: TransferResult, looks: Sequence[_Look]) -> TransferResult:
        tables = tuple(self._moved_table(look) for look in looks)
        statistics = {
            "total_records": sum(one.rows for one in tables),
            "rejected": 0,
            "tables": len(tables),
            **{name: sum(one[name] for one in tables) for name in ("inserted", "updated", "deleted", "conflicts")},
        }
        conflicts = tuple(chain.from_iterable(look.found.listed for look in looks))
        notes = (*result.notes, *chain.from_iterable(map(self._notes, looks)), *self._vanished(looks))
        return replace(result, tables=tables, conflicts=conflicts, statistics=statistics, notes=notes)

    def _moved_table(self, look: _Look) -> MovedTable:
        table, found = look.pair.table, look.found
        skipped, why = found.skipped, _KNOWN_RANGES
        if isinstance(look.how, Newer):
            known = look.how.since.known
            read = found.inserted + found.updated + found.unchanged + found.kept + found.conflicts
            skipped = (self._source.counted(table.source) or read) - read if known is not None else 0
            why = f"{look.how.since.column} is not from {look.how.since.least} on" if known else ""
        is_equal = isinstance(look.how, Changed) and self.choices.verify and found.is_equal and not self.choices.dry_run
        return MovedTable(
            table.source.title, table.target.title, found.inserted + found.updated, equal=is_equal or None,
            inserted=found.inserted, updated=found.updated, deleted=len(found.gone), unchanged=found.unchanged,
            kept=found.kept, only_target=found.only_target, conflicts=found.conflicts, skipped=skipped,
            why_skipped=why if skipped else None,
        )  # fmt: skip

    @staticmethod
    def _notes(look: _Look) -> Iterator[Note]:
        title, found = look.pair.title, look.found
        if found.only_target:
            text = f"{counted(found.only_target, 'row')} of {title} {_are(found.only_target)} only in the target"
            yield Note(f"{text}; delete removes such", "only_in_target", count=found.only_target, setting="delete")
        if kept := found.kept - found.removed_there:
            text = f"{counted(kept, 'row')} of {title} {_are(kept)} kept as the target has {_it(kept)}"
            yield Note(text, "kept_in_target", count=kept)
        if gone := found.removed_there:
            text = f"{counted(gone, 'row')} of {title} {_were(gone)} removed in the target alone"
            yield Note(f"{text}; a transfer with mode upsert brings {_it(gone)} back", "removed_in_target", count=gone)
        if isinstance(look.how, Newer):
            yield from look.how.since.notes()

    def _vanished(self, looks: Sequence[_Look]) -> Iterator[Note]:
        """Tables that were followed, and that the source does not have any more."""
        if self.choices.tables is None and looks:
            for title in sorted({*self._known_titles} - self._source_tables):
                yield Note(f"{title} is not in the source any more; the target keeps it", "table_gone_from_source")

    def _target_catalog(self) -> tuple[Catalog, Mapping[str, Remembered]]:
        if self._known is None:
            self._known = super()._target_catalog()
            if self._target.exists() and self._source.place is not None:
                with self._target.reading() as connection:
                    self._known_titles = {one.source_table for one in Followed(connection).of(self._source.place)}
        return self._known


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _it(count: int) -> str:
    return "it" if count == 1 else "them"


def _shape(pair: Pair) -> str:
    """Tells what digests are of: other columns, types or words, and nothing is known."""
    columns = [
        (one.name, one.type.name, other.name, other.type.name)
        for one, other in zip(pair.table.reading, pair.table.writing, strict=True)
    ]
    words = [end.words for end in pair.ends], [wire.name for wire in pair.ends[0].key]
    return xxhash.xxh3_128_hexdigest(msgspec.json.encode([columns, words]))


def _read_back(look: _Look) -> None:
    """:raises ValidationError: where a row that was written is not what it was in the source."""
    pair, written = look.pair, look.found.written
    for start in range(0, len(written), AT_ONCE):
        some = written[start : start + AT_ONCE]
        ones, others = pair.rows(0, some), pair.rows(1, some)
        for key, row in ones.items():
            if key not in others or not pair.same(row, others[key]):
                raise ValidationError(
                    f"{pair.table.target.title} is not equal to its source: {pair.shown(key)} was written, and is "
                    f"{'another' if key in others else 'not there'}; nothing was kept",
                    hint="is there a trigger, a rule or a type in the target that changes values?",
                    reason="not_equal",
                    table=pair.title,
                )


def _remember(look: _Look, followed: Followed) -> None:
    """What is known from now on, in the transaction that wrote the rows."""
    how = look.how
    if isinstance(how, Newer):
        mark: Watermark | None = how.since.latest(how.where)
        marks = {**look.following.watermarks, **({how.since.column: mark} if mark else {})}
        followed.keep(replace(look.following, watermarks=marks))
        return
    following = followed.keep(look.following)
    if not how.knows:
        followed.replace(following, None, [])
    gone: list[int] = []
    new = []
    for numbers, ranges in how.remembered():
        gone += numbers
        new += ranges
        if len(new) >= AT_ONCE:
            followed.replace(following, gone, new)
            gone, new = [], []
    followed.replace(following, gone, new)
