"""The operations that hold two databases against each other."""
