"""The words of a text that is being typed; `scan.scan` is the way in."""
