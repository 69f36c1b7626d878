"""What a sweep tells while it runs: a table on a terminal, lines elsewhere; why trials fail is never lost."""

from __future__ import annotations

import io
from typing import Any

import pytest

from sysidc.runtime.sweep.table import Table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def row(number: int, state: str, value: float | None, reason: str | None = None) -> dict[str, Any]:
    return {"trial": number, "state": state, "rmse": value, "width": 4, "epochs": 2, "run": None, "reason": reason}


def told(stream: io.StringIO) -> str:
    table = Table("rmse", 4, False, stream)
    with table.shown():
        table.begun(0, {"width": 4})
        table.epoch(0, 1, 0.75)
        table.over(row(0, "complete", 0.5))
        for number in (1, 2):
            table.begun(number, {"width": 4})
            table.over(row(number, "failed", None, "a width of 0"))
        table.begun(3, {"width": 4})
        table.lost(3, -9)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")


def test_a_terminal_shows_trials_as_they_run_and_at_the_end_why_some_failed() -> None:
    text = told(Terminal())
    assert "running" in text and "0.75" in text and "1/4 trials" in text and "3/4 trials" in text
    assert text.count("a width of 0") == 1
    assert text.rstrip().endswith("2 of 4 trials failed: a width of 0")


def test_elsewhere_every_trial_gets_a_line() -> None:
    assert told(io.StringIO()).splitlines() == [
        "trial 1/4  width = 4  rmse 0.5",
        "trial 2/4  width = 4  failed (a width of 0)",
        "trial 3/4  width = 4  failed (a width of 0)",
        "trial 4: its process ended with code -9; it is begun again",
    ]
