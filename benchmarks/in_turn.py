"""Repetitions of several pieces of work, taken in turn, so that a busy machine burdens them alike; no program."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


def in_turn(measures: Mapping[str, Callable[[], float]], repetitions: int) -> dict[str, list[float]]:
    """What each measure says in every repetition; a first round warms up and does not count."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for repetition in range(repetitions + 1):
        for name, measure in measures.items():
            value = measure()
            if repetition:
                found[name].append(value)
    return found


def seconds_of(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """How far the clock goes on while the work is done once."""
    began = clock()
    work()
    return clock() - began
