"""Plans held against the database: what differs, and the tables made, migrated or rebuilt."""
