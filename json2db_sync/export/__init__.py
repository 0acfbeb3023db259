"""The way back: tables as JSON files that people commit, compare and restore from."""
