"""The mistake of the user that data can hold: one exception, drawn by the command line, carried by the Python API."""

from __future__ import annotations

from sysidc.compiler.plan import Place


class DataError(Exception):
    """Data that a spec cannot be run on.

    `id` is a kebab-case word, `message` one sentence that names the file and the column or row, `place` the source in
    the spec (None where the data came from Python), `help` what to do about it.
    """

    def __init__(self, id: str, message: str, place: Place | None = None, help: str | None = None):
        super().__init__(id, message, place, help)
        self.id = id
        self.message = message
        self.place = place
        self.help = help

    def __str__(self) -> str:
        return self.message if self.help is None else f"{self.message} (help: {self.help})"

    def at(self, place: Place | None) -> DataError:
        """The same mistake with its place in the spec, where it has none yet."""
        return self if self.place is not None else DataError(self.id, self.message, place, self.help)
