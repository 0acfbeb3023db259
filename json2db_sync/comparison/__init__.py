"""Two databases held against each other: their schemas, and every value."""
