"""The commands, one function each; loaded when their help or they themselves are wanted."""
