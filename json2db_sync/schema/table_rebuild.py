"""Rebuild an entity's tables: every stored record is assembled and shredded again into fresh ones."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
import xxhash

from json2db_sync.databases import tables
from json2db_sync.databases.base import Database
from json2db_sync.databases.dialect import Values
from json2db_sync.databases.records import BATCH, RecordReader, StoredRecord
from json2db_sync.errors import ValidationError
from json2db_sync.model import plan as names
from json2db_sync.model.aliases import Aliases
from json2db_sync.model.jsontext import content_id, encode
from json2db_sync.model.plan import EntityPlan
from json2db_sync.model.record_key import key_of
from json2db_sync.model.shredder import EntityShredder
from json2db_sync.workers.batching import batched


def rebuild(
    database: Database, connection: sa.Connection, old: EntityPlan, new: EntityPlan, renamed: dict[str, str]
) -> int:
    """Carry all records from the tables of one plan to those of another, which take their place; returns how many.

    :param renamed: ids to follow; each that a record had gets its new one as value.

    :raises ValidationError: when stored records share the new key.
    """
    aliases = {table.name: _alias(table.name) for table in new.tables}
    database.create_replacements(connection, new, aliases)
    try:
        rows = _Copy(database, connection, old, new, aliases, renamed).run()
    except sa.exc.IntegrityError as error:
        raise ValidationError(
            f"the rows of {old.table.name} cannot be carried over to the key {', '.join(new.key or ())}: "
            "stored records share it",
            hint="choose another key (processing.keys), or discard the rows and load them again: --empty",
            entity=new.entity,
            reason="duplicate_keys",
            table=old.table.name,
        ) from error
    database.put_in_place(connection, old, new, aliases)
    return rows


def _alias(table: str) -> str:
    return f"json2db_new_{xxhash.xxh3_64_hexdigest(table.encode())}"


class _Copy:
    """Carries the records of an entity from its tables to their replacements."""

    def __init__(
        self,
        database: Database,
        connection: sa.Connection,
        old: EntityPlan,
        new: EntityPlan,
        aliases: Mapping[str, str],
        renamed: dict[str, str],
    ) -> None:
        self._renamed = renamed
        self._database = database
        self._connection = connection
        self._old = old
        self._new = new
        self._shape = EntityShredder(new)
        self._tables = tables.build(new, database.type_of, aliases=aliases, foreign_keys=False, indexes=False)

    def run(self) -> int:
        count = 0
        stored = RecordReader(self._database, self._connection, self._old, own=True)
        for batch in batched(stored.all(), BATCH):
            rows: dict[str, list[Values]] = {table.name: [] for table in self._new.tables}
            for record in batch:
                self._shred(record, rows)
            for name, table in self._tables.items():
                self._database.insert(self._connection, table, rows[name])
            count += len(batch)
        return count

    def _id(self, stored: StoredRecord) -> str | int:
        text = str(stored.id)
        if (self._old.key, self._old.aliases) != (self._new.key, self._new.aliases):
            before, now = (Aliases(plan.aliases).plain(stored.record) for plan in (self._old, self._new))
            made_of_content = key_of(before, self._old.key or ()) is None
            known = text if made_of_content else content_id(stored.record)
            text = key_of(now, self._new.key or ()) or known
            if str(stored.id) in self._renamed:
                self._renamed[str(stored.id)] = text
        return self._new.typed_id(text)

    def _mark(self, column: str, value: object) -> object:
        """What a column for marks holds, as it is stored."""
        return value if value is None or column != names.STUB else encode(self._database.decode_json(value))

    def _shred(self, stored: StoredRecord, rows: dict[str, list[Values]]) -> None:
        row, children = self._shape.shred(stored.record)
        id_ = self._id(stored)
        values = dict(zip(self._shape.root.stored_columns, row, strict=True))
        kept = {name: stored.own[name] for name in (names.DATA_SOURCE, names.LOAD, names.HASH)}
        kept |= {custom.name: stored.own[custom.name] for custom in self._old.custom}
        kept |= dict.fromkeys(custom.name for custom in self._new.custom if custom not in self._old.custom)
        kept |= {name: self._mark(name, stored.own.get(name)) for name in self._new.lifecycle.columns}
        kept[self._new.created_at] = stored.own[self._old.created_at]
        kept[self._new.updated_at] = stored.own[self._old.updated_at]
        rows[self._new.table.name].append({**values, **kept, names.ID: id_})
        for table, child_rows in children.items():
            columns = self._shape.tables[table].stored_columns
            rows[table] += [{names.PARENT_ID: id_, **dict(zip(columns, child, strict=True))} for child in child_rows]
