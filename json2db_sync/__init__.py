"""JSON into database tables you can trust, and back.

::

    from json2db_sync import SyncRunner

    result = SyncRunner(db_path="production.db", data_source="../api_sync").full_workflow(cutoff_days=30)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from json2db_sync._version import __version__

if TYPE_CHECKING:
    from json2db_sync.config import JSON2DBConfig
    from json2db_sync.runner import SyncRunner
    from json2db_sync.runner_json2db_sync import JSON2DBSyncRunner

__all__ = ["JSON2DBConfig", "JSON2DBSyncRunner", "SyncRunner", "__version__"]

_HOMES = {
    "JSON2DBConfig": "json2db_sync.config",
    "JSON2DBSyncRunner": "json2db_sync.runner_json2db_sync",
    "SyncRunner": "json2db_sync.runner",
}


def __getattr__(name: str) -> Any:
    # Loaded where used, so that the command line answers --help at once.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
