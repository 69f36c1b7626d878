"""What may be typed at a place; `items.complete` is the way in."""
