"""The steps of the way from JSON to tables. Each takes plain arguments; none calls a later one or knows a screen."""
