"""The ledger's figures against the rows and the single records that are stored, without reading any file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from json2db_sync.databases.ledger import STORED, Ledger, Load
from json2db_sync.model.plan import LOAD, EntityPlan
from json2db_sync.results import Check
from json2db_sync.text import counted
from json2db_sync.verification.check_builder import CheckBuilder


def check_counts(
    connection: sa.Connection, ledger: Ledger, plans: Mapping[str, EntityPlan], roots: Mapping[str, sa.Table]
) -> Check:
    """Rows are as many as were inserted, loads add up, and single records are kept as many as they count.

    :param roots: the tables of the entities themselves, where they are there.
    """
    finding = CheckBuilder("counts")
    there = ledger.exists()
    sums = ledger.sums() if there else {}
    known = ledger.load_numbers() if there else set()
    for name, table in roots.items():
        stored = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        expected = sums[name].inserted if name in sums else 0
        if stored != expected:
            finding.add(f"{table.name} has {stored:,} rows, the ledger counts {expected:,} inserted")
        lost = set(connection.execute(sa.select(table.c[LOAD]).distinct()).scalars()) - known
        if lost:
            finding.add(f"{table.name} has rows from loads that the ledger does not know: {sorted(lost)[:5]}")
    loads = ledger.loads(statuses=STORED) if there else []
    if there:
        _single_records(ledger, loads, finding)
    for name in sorted(sums.keys() - plans.keys()):
        if sums[name].read:
            finding.add(f"{name} was loaded, but its plan is gone from the ledger")
    return finding.done(
        f"the rows of {counted(len(plans), 'entity')} and the single records of {counted(len(loads), 'load')} "
        "against the ledger's figures"
    )


def _single_records(ledger: Ledger, loads: Sequence[Load], finding: CheckBuilder) -> None:
    kept, listed, latest = ledger.kept_by_load(), ledger.superseded_counts(), ledger.latest_loads()
    for load in loads:
        where = f"{load.file.name}, run {load.run}"
        if not load.counts.add_up:
            finding.add(f"{where}: the ledger's counts do not add up: {load.counts.as_dict()}")
        expected = load.counts.rejected - load.resolved
        if kept.get(load.id, 0) != expected:
            finding.add(f"{where}: {kept.get(load.id, 0):,} rejected records are kept, {expected:,} are counted")
        superseded = listed.get(load.id, 0)  # those of a file's earlier content are no longer listed
        if load.id in latest and superseded != load.counts.superseded:
            finding.add(
                f"{where}: {superseded:,} superseded records are listed, {load.counts.superseded:,} are counted"
            )
