"""What a database holds, compared by value with what the JSON said; the reading of JSON here is Python's own."""

from __future__ import annotations

import json
import lzma
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from json2db_sync import SyncRunner
from json2db_sync.databases import open_database
from json2db_sync.databases.ledger import Ledger
from json2db_sync.databases.records import RecordReader

Records = dict[str, list[dict[str, Any]]]


def stored_records(url: str) -> Records:
    """Every record of every entity, assembled from its rows."""
    with open_database(url) as database, database.reading() as connection:
        return {
            name: [stored.record for stored in RecordReader(database, connection, plan).all()]
            for name, plan in Ledger(database, connection).plans().items()
        }


def read_records(url: str) -> Records:
    """Every record of every entity, as anyone reads them through the package."""
    runner = SyncRunner(url)
    return {entity.name: list(runner.read(entity.name)) for entity in runner.report().entities}


def query(url: str, sql: str) -> list[tuple[Any, ...]]:
    """Rows as anyone's SQL sees them, without any help of the package."""
    address = url.replace("postgresql://", "postgresql+psycopg://") if "://" in url else f"sqlite:///{url}"
    engine = sa.create_engine(address, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(sql))]
    finally:
        engine.dispose()


def exact_sum(url: str, sql: str) -> Decimal:
    """The sum of one column of numbers as exact decimals; NULL counts as nothing."""
    return sum((Decimal(str(value)) for (value,) in query(url, sql) if value is not None), Decimal(0))


def load_json(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(lzma.decompress(data) if path.suffix == ".xz" else data)


def by_value(value: Any) -> str:
    """One text for equal JSON values: keys sorted, 450.0 like 450, true never like 1."""
    return json.dumps(_whole_numbers(value), sort_keys=True, ensure_ascii=True)


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def assert_same_records(stored: Iterable[Any], wanted: Iterable[Any], what: str) -> None:
    """The same records as often, in whatever order."""
    here, there = Counter(map(by_value, stored)), Counter(map(by_value, wanted))
    extra, missing = list((here - there).elements()), list((there - here).elements())
    differences = (
        f"{what}: {len(extra)} records are stored that no source holds, {len(missing)} are missing; "
        f"first stored {extra[:1]!s:.800}; first missing {missing[:1]!s:.800}"
    )
    assert here == there, differences


def emptied(url: str) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
