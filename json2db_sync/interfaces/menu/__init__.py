"""The guided menu: one list at a time, the plan before anything changes, a way on after everything."""
