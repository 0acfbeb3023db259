"""The operation that moves tables from one database to another."""
