"""Tables as CSV files: a data package (https://specs.frictionlessdata.io) that loses nothing, and those of others."""
