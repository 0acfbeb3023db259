"""The places of a run's files in the order from old to new: known files keep theirs, new ones come after them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from json2db_sync.databases.base import Database
from json2db_sync.databases.ledger import Ledger, StoredFile
from json2db_sync.results import Note
from json2db_sync.sources import SourceFile
from json2db_sync.sources.added_fields import SOURCE_NAME
from json2db_sync.sources.file_order import UNDATED, Order, bare, fields_of, order_of, prefix_of
from json2db_sync.text import counted


def in_order(
    database: Database, files: Sequence[SourceFile], run: int, order: Order
) -> tuple[list[SourceFile], list[Note]]:
    """The files at their places, from old to new.

    :param run: the ledger's number of the run that is about to load them.
    """
    with database.transaction() as connection:
        ledger = Ledger(database, connection)
        others = [entity for entity, place in ledger.newest_places().items() if order_of(place) != order]
        notes = [note for entity in others for note in _reordered(ledger, entity, order)]
        known = ledger.files_of_paths(file.path for file in files)
        newest = {entity: prefix_of(place) for entity, place in ledger.newest_places().items()}
    # What bears no date is taken for what there is now: it stands with the newest that bears one.
    for file in files:
        newest[file.entity] = max(newest.get(file.entity, UNDATED), file.dates)
    placed = []
    names = [fields[SOURCE_NAME] for one in known.values() if SOURCE_NAME in (fields := fields_of(one.sort_key))]
    for file in files:
        stored = known.get(str(file.path))
        # What a file's records got from where it is stays, and a source that was given a name keeps it.
        given = {SOURCE_NAME: names[0]} if names else {}
        file = replace(file, fields={**given, **file.fields, **(fields_of(stored.sort_key) if stored else {})})
        if stored is not None and (order != "modified" or stored.mtime_ns == file.mtime_ns):
            file = replace(file, place=bare(stored.sort_key))
        else:
            file = file.placed(order, run, newest[file.entity])
        placed.append(file)
    return sorted(placed, key=lambda file: file.order), notes


def _reordered(ledger: Ledger, entity: str, order: Order) -> Iterator[Note]:
    """Give the files of an entity their places in another order; where it differs they are loaded again."""
    stored = ledger.files_of_entity(entity)
    places = {file.id: place for file, place in _places(stored, ledger.first_runs(entity), order)}
    ledger.place_files(places)
    ranks = [file.id for file in sorted(stored, key=lambda file: (file.sort_key, file.id))]
    if ranks != sorted(places, key=lambda number: (places[number], number)):
        ledger.reload_entity(entity)
        text = (
            f"{entity}: files count from old to new by another order now (data_source.order = {order}), so "
            f"{counted(len(stored), 'file')} of it {'is' if len(stored) == 1 else 'are'} loaded again"
        )
        yield Note(text, "order_changed", entity, len(stored), setting="data_source.order")


def _places(stored: Sequence[StoredFile], first_runs: dict[int, int], order: Order) -> Iterator[tuple[StoredFile, str]]:
    """The places that the files would have, had the order been this from the first run on."""
    by_run: dict[int, list[StoredFile]] = defaultdict(list)
    for file in stored:
        by_run[first_runs.get(file.id, 0)].append(file)
    newest = UNDATED
    for run, together in sorted(by_run.items()):
        newest = max([newest, *(file.source_file().dates for file in together)])
        for file in together:
            yield file, file.source_file().placed(order, run, newest).order
