"""Is everything there, and right? Tables, values, sources and ledger are checked."""
