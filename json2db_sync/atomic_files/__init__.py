"""Files that are published together: each wholly old or wholly new, and the set all old or all new.

::

    with FileSet(directory, BackupRules(keep=10)) as files:      # one writer at a time
        with files.stage("sources.json") as stream:              # written beside, seen by nobody
            stream.write(...)
        if files.staged("sources.json").read_bytes() == ...:
            files.discard("sources.json")                        # nothing new: the published one stays
        published = files.commit()                               # backed up and replaced, all or none

What is in the files is nobody's business here.
"""

from __future__ import annotations

from json2db_sync.atomic_files.backups import Backup, BackupRules, find_backup, list_backups
from json2db_sync.atomic_files.file_set import FileSet, Published, restore
from json2db_sync.atomic_files.places import STAGING

__all__ = ["STAGING", "Backup", "BackupRules", "FileSet", "Published", "find_backup", "list_backups", "restore"]
