"""What records are made of: counted, and inferred plans and schemas."""
