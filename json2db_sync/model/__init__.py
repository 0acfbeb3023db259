"""What a record, a plan and a kind are. Pure values and functions: no file, no database, no screen."""
