"""The canonical layout of a file; `canonical.format_source` is the way in."""
