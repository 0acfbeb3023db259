"""Sphinx: how the documentation is built (``sphinx-build -W -b html docs docs/_build/html``)."""

import runpy
from pathlib import Path

_VERSION = Path(__file__).parent.parent / "json2db_sync" / "_version.py"

project = "json2db_sync"
author = "the developers of json2db_sync"
release = version = runpy.run_path(str(_VERSION))["__version__"]

extensions = ["myst_parser"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4

html_theme = "furo"
html_title = f"json2db_sync {release}"
