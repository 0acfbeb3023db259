"""Reading that goes on while the database is away: from its exports, as long as they are sound and fresh enough."""

from __future__ import annotations

from json2db_sync.export.fallback.breaker import BREAKER, Breaker
from json2db_sync.export.fallback.export import Export, moment_of
from json2db_sync.export.fallback.exports import Exports
from json2db_sync.export.fallback.fallback_read import Fallback, NoFallback, RecordId, age_text, without_map_key
from json2db_sync.export.fallback.reading import Reading

__all__ = [
    "BREAKER", "Breaker", "Export", "Exports", "Fallback", "NoFallback", "Reading", "RecordId", "age_text",
    "moment_of", "without_map_key",
]  # fmt: skip
