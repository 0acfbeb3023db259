"""Transfers of what changed since the last one of the same two tables."""
