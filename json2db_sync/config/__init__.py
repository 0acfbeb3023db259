"""Configuration: every setting once, from arguments, environment, ``.env``, a file and defaults, in this order.

Each setting has a flat variable (``JSON2DB_BATCH_SIZE``) and a place in a section of the JSON or TOML file
(``{"processing": {"batch_size": 2000}}``).
"""

from __future__ import annotations

from json2db_sync.config.layers import CONFIG_FILE, Layer
from json2db_sync.config.settings import JSON2DBConfig, Setting

__all__ = ["CONFIG_FILE", "JSON2DBConfig", "Layer", "Setting"]
