"""Records into tables: a run, its files, their entities."""
