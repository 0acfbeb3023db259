"""What stands behind the runner's methods: the surroundings of an operation, planning, and families of operations."""
