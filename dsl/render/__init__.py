"""Diagnostics for people and for machines: every module has one `render(diagnostics, files)`."""
