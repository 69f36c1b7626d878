"""What a sweep tells while it runs: a live table on a terminal, a line per trial elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from sysidc.runtime.tables import cell

LONGEST = 16
"""Rows of the live table: the running trials and the latest of the others."""


class Table:
    """Told of trials as they begin, go on and end. Silent where `quiet`."""

    def __init__(self, metric: str, trials: int, quiet: bool, stream: TextIO | None = None):
        self.metric, self.trials, self.quiet = metric, trials, quiet
        self.stream = stream or sys.stderr
        self.running: dict[int, dict[str, Any]] = {}
        self.done: dict[int, Mapping[str, Any]] = {}
        self.live: Any = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Draws the table while the block runs, where there is a terminal to draw on."""
        if self.quiet or not self.stream.isatty():
            yield
            return
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(file=self.stream), transient=True, auto_refresh=False) as self.live:
            yield
        self.live = None
        self._tell_reasons()

    def say(self, line: str) -> None:
        if not self.quiet:
            print(line, file=self.stream, flush=True)

    def begun(self, number: int, values: Mapping[str, Any]) -> None:
        self.running[number] = {"trial": number, "state": "running", **values}
        self.draw()

    def epoch(self, number: int, epoch: int, value: float) -> None:
        self.running[number].update({"epochs": epoch, self.metric: value})
        self.draw()

    def over(self, row: Mapping[str, Any]) -> None:
        self.running.pop(row["trial"], None)
        self.done[row["trial"]] = row
        if self.live is None:
            self.say(self._line(row))
        self.draw()

    def lost(self, number: int, code: int) -> None:
        self.running.pop(number, None)
        if self.live is None:
            self.say(f"trial {number + 1}: its process ended with code {code}; it is begun again")

    def draw(self) -> None:
        if self.live is not None:
            latest = sorted(self.done)[-max(1, LONGEST - len(self.running)) :]
            rows = [*(self.done[number] for number in latest), *self.running.values()]
            self.live.update(drawn(rows, f"{len(self.done)}/{self.trials} trials"), refresh=True)

    def _tell_reasons(self) -> None:
        """Why trials failed, each reason once: the live table has no room for it."""
        reasons = [row["reason"] for row in self.done.values() if row["reason"]]
        for reason in dict.fromkeys(reasons):
            self.say(f"{reasons.count(reason)} of {self.trials} trials failed: {reason}")

    def _line(self, row: Mapping[str, Any]) -> str:
        hidden = ("trial", "state", "run", "seconds", "reason", "epochs", self.metric)
        values = "  ".join(f"{name} = {cell(value)}" for name, value in row.items() if name not in hidden)
        outcome = f"{self.metric} {cell(row[self.metric])}" if row["state"] == "complete" else row["state"]
        why = f" ({row['reason']})" if row["reason"] else ""
        return f"trial {row['trial'] + 1:>{len(str(self.trials))}}/{self.trials}  {values}  {outcome}{why}"


def drawn(rows: list[Mapping[str, Any]], title: str = "") -> Any:
    """Rows of trials as a rich table; columns without any value stay away."""
    from rich import box
    from rich.table import Table as Drawing

    names = list(dict.fromkeys(name for row in rows for name in row if row[name] is not None and name != "reason"))
    table = Drawing(*names, box=box.SIMPLE, caption=title or None)
    for row in rows:
        table.add_row(*(cell(row.get(name)) for name in names))
    return table
