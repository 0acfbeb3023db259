"""Where files come from and how bytes become records. Knows nothing of databases."""

from json2db_sync.sources.batch import Record
from json2db_sync.sources.discovery import Source, SourceSettings, Window, discover, window
from json2db_sync.sources.files import SourceFile
from json2db_sync.sources.reader import RecordReader

__all__ = ["Record", "RecordReader", "Source", "SourceFile", "SourceSettings", "Window", "discover", "window"]
