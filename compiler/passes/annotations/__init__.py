"""What annotations make of a node: a file for each of them, `wrap.wrap` is the way in."""
