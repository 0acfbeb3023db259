"""Work beside the main thread: a second process, background threads."""
