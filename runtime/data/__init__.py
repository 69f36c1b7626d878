"""Data of a spec and of Python: sources, parts, scale, windows and the data modules."""
