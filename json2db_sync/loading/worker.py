"""The worker process of large loads: it analyzes the records that were read here, and makes their rows.

So each record is read and decoded once, for the analysis and for its rows. What goes over is the text of records in one
direction, and columns of plain values in the other. What the worker cannot do is done here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from itertools import accumulate
from typing import Any

import msgspec

from json2db_sync.analysis.entity_analyzer import ReadOptions
from json2db_sync.analysis.inference import PlanSettings
from json2db_sync.analysis.json_analyzer import Analysis, Analyzer, analyze
from json2db_sync.databases.row_forms import ReadyRows, RowForm, RowRefused, ready_rows
from json2db_sync.events import Meter, silent
from json2db_sync.model.batch_shredder import BatchShredder
from json2db_sync.model.decoding import ABSENT, NeedsRowPath, Objects
from json2db_sync.model.paths import PathCheck
from json2db_sync.model.plan import EntityPlan, replace
from json2db_sync.sources import SourceFile
from json2db_sync.sources.batch import Batch, Undecoded, split_until_fits
from json2db_sync.sources.layout import FileLayout
from json2db_sync.workers.subprocess_worker import WORTHWHILE, RemoteObject, WorkerDied, has_room_for_two

Parts = Sequence[tuple[int, ReadyRows | None]]
"""How many records, and their rows; None for those that take the row path."""


class RowBuilder:
    """Makes the rows of one entity.

    :param root: the table of the records themselves.
    """

    def __init__(self, shredder: BatchShredder, form: RowForm, root: str) -> None:
        self._shredder = shredder
        self._form = form
        self._root = root

    def rows(self, batch: Undecoded) -> ReadyRows:
        """The rows of all records.

        :raises NeedsRowPath: when some of them take the row path.
        """
        return self._rows(batch)[0]

    def parts(self, batch: Undecoded) -> tuple[Parts, Objects | None]:
        """The rows of all records, in ever smaller parts where some take the row path; and the records themselves, if
        all of them were read together.
        """
        made = [(len(part), *(both or (None, None))) for part, both in split_until_fits(batch, self._rows)]
        return [(count, rows) for count, rows, _objects in made], made[0][2] if len(made) == 1 else None

    def _rows(self, batch: Undecoded) -> tuple[ReadyRows, Objects]:
        objects = self._shredder.read(batch.array)
        try:
            return ready_rows(self._form, self._root, self._shredder.rows(objects), batch.hashes), objects
        except RowRefused as error:
            raise NeedsRowPath from error


def matched(batch: Undecoded, parts: Parts) -> Iterator[tuple[Undecoded, ReadyRows | None]]:
    """The rows of a batch, with the records they are of."""
    if len(parts) == 1:
        yield batch, parts[0][1]
    else:
        starts = list(accumulate((count for count, _rows in parts[:-1]), initial=0))
        yield from zip(batch.cut(starts), (rows for _count, rows in parts), strict=True)


# Faster than to pickle the rows, which hold nothing but texts, numbers of 64 bits, booleans and gaps.
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_AHEAD = 3
"""Batches on their way at a time: each is about a megabyte."""
_METHODS = {(True, True): "add_and_rows", (True, False): "add", (False, True): "rows"}
"""What to ask for, by whether the records are analyzed and whether rows are wanted."""


class Worker:
    """The worker process, seen from here. Use as a context manager; it starts when it is first needed."""

    def __init__(self, options: ReadOptions, settings: PlanSettings) -> None:
        self._options = options
        # Which entities are frozen is asked only of plans; and a function cannot be sent.
        self._settings = replace(settings, is_frozen=PlanSettings().is_frozen)
        self._remote: RemoteObject | None = None
        self._own_work: Future[Analysis] | None = None

    @classmethod
    def for_files(
        cls, files: Sequence[SourceFile], options: ReadOptions, settings: PlanSettings, *, allowed: bool
    ) -> Worker | None:
        """None where it is not worth its start, cannot help or may not."""
        helps = options.batch_path and not options.rules
        if allowed and helps and sum(file.size for file in files) >= WORTHWHILE and has_room_for_two():
            return cls(options, settings)
        return None

    def ask(self, method: str, *arguments: Any) -> Future[Any]:
        """Have the worker do something after all it was asked before."""
        if self._remote is None:
            self._remote = RemoteObject(_WorkerSide, self._options, self._settings)
        return self._remote.ask(method, *arguments)

    def analyze(self, files: Sequence[SourceFile], settings: PlanSettings, meter: Meter, **options: Any) -> Analysis:
        """As :func:`~json2db_sync.analysis.json_analyzer.analyze`, with records read here and analyzed there."""
        with suppress(WorkerDied):
            return analyze(files, self._options, settings, meter, new_analyzer=self.new_analyzer, **options)
        return analyze(files, self._options, settings, meter, **options)

    def analyze_alone(self, files: Sequence[SourceFile]) -> Future[Analysis]:
        """Have the worker read and analyze the files on its own; until that is done it makes no rows."""
        self._own_work = self.ask("analyze", list(files))
        return self._own_work

    def new_analyzer(self) -> _RemoteAnalyzer:
        """Start a new analyzer in the worker."""
        self.ask("start")
        return _RemoteAnalyzer(self)

    def make_rows_by(self, plan: EntityPlan, null: Any, form: RowForm, *, checks_paths: bool) -> None:
        """From now on, rows of this entity are made by this plan, in this form.

        :param null: see :class:`BatchShredder`.
        """
        self.ask("make_rows_by", plan, null is ABSENT, form, checks_paths)

    def accompany(
        self, batches: Iterator[Batch], wants_rows: Callable[[Batch], bool], *, analyze: bool
    ) -> Iterator[tuple[Batch, Parts | None]]:
        """Batches, and the rows of those of which they are wanted; the next ones are on their way meanwhile.

        :param wants_rows: asked of every batch, in their order; only of undecoded ones rows can be made.
        :param analyze: have the records analyzed, too.
        """
        waiting: deque[tuple[Batch, Future[Any] | None]] = deque()
        try:
            for batch in batches:
                wanted = wants_rows(batch) and (self._own_work is None or self._own_work.done())
                asked = self.ask(_METHODS[analyze, wanted], batch) if wanted or analyze else None
                waiting.append((batch, asked))
                if len(waiting) > _AHEAD:
                    yield _answered(*waiting.popleft())
        except Exception:
            # What stands before comes first: what is told of a file does not depend on how far it was read ahead.
            yield from (_answered(*one) for one in waiting)
            raise
        yield from (_answered(*one) for one in waiting)

    def close(self) -> None:
        """End the worker process."""
        if self._remote is not None:
            self._remote.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def analyze_with_worker(
    files: Sequence[SourceFile],
    options: ReadOptions,
    settings: PlanSettings,
    meter: Meter,
    *,
    allowed: bool,
    check_keys: bool = True,
) -> Analysis:
    """As :func:`~json2db_sync.analysis.json_analyzer.analyze`, with a worker process where that is worth its start.

    :param allowed: may there be one?
    """
    worker = Worker.for_files(files, options, settings, allowed=allowed)
    if worker is None:
        return analyze(files, options, settings, meter, check_keys=check_keys)
    with worker:
        return worker.analyze(files, settings, meter, check_keys=check_keys)


def _answered(batch: Batch, asked: Future[Any] | None) -> tuple[Batch, Parts | None]:
    if asked is not None:
        with suppress(WorkerDied):
            if (answer := asked.result()) is not None:
                return batch, _decode(answer)
    return batch, None


class _RemoteAnalyzer:
    """The worker's analyzer.

    :raises WorkerDied: from any method, when the worker died: then all must be analyzed once more.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._waiting: deque[Future[Any]] = deque()

    @property
    def analysis(self) -> Analysis:
        """What was seen."""
        found: Analysis = self._worker.ask("analysis").result()
        return found

    def start_file(self, file: SourceFile) -> None:
        self._ask("start_file", file)

    def add(self, batch: Batch) -> None:
        self._ask("add", batch)

    def finish_file(self, records: int, layout: FileLayout) -> None:
        self._ask("finish_file", records, layout)

    def _ask(self, method: str, *arguments: Any) -> None:
        self._waiting.append(self._worker.ask(method, *arguments))
        while len(self._waiting) > _AHEAD:
            self._waiting.popleft().result()


class _WorkerSide:
    """In the worker process."""

    def __init__(self, options: ReadOptions, settings: PlanSettings) -> None:
        self._options = options
        self._settings = settings
        self._analyzer = Analyzer(options, settings)
        self._builders: dict[str, RowBuilder] = {}

    def analyze(self, files: Sequence[SourceFile]) -> Analysis:
        return analyze(files, self._options, self._settings, Meter("analyze", silent), check_keys=False)

    def start(self) -> None:
        self._analyzer = Analyzer(self._options, self._settings)

    def start_file(self, file: SourceFile) -> None:
        self._analyzer.start_file(file)

    def finish_file(self, records: int, layout: FileLayout) -> None:
        self._analyzer.finish_file(records, layout)

    def analysis(self) -> Analysis:
        return self._analyzer.analysis

    def make_rows_by(self, plan: EntityPlan, absent_is_null: bool, form: RowForm, checks_paths: bool) -> None:
        self._builders.pop(plan.entity, None)
        with suppress(NeedsRowPath):
            paths = PathCheck(plan.table) if checks_paths else None
            shredder = BatchShredder(plan, ABSENT if absent_is_null else None, paths=paths)
            self._builders[plan.entity] = RowBuilder(shredder, form, plan.table.name)

    def add(self, batch: Batch) -> None:
        self._analyzer.add(batch)

    def rows(self, batch: Batch) -> bytes | None:
        return self._rows(batch)[0]

    def add_and_rows(self, batch: Batch) -> bytes | None:
        """Both: then the records are decoded once."""
        rows, objects = self._rows(batch)
        self._analyzer.add(batch, objects)
        return rows

    def _rows(self, batch: Batch) -> tuple[bytes | None, Objects | None]:
        builder = self._builders.get(batch.entity)
        if builder is None or not isinstance(batch, Undecoded):
            return None, None
        parts, objects = builder.parts(batch)
        return _encode(parts), objects
