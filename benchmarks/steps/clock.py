"""The clock of the steps, and the rows that stand beside each other."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from in_turn import in_turn, seconds_of

Row = dict[str, Any]
Variant = Callable[[], float]
"""Does its work once and returns the microseconds of one step."""


def compared(work: str, repetitions: int, variants: dict[str, Variant]) -> list[Row]:
    """A row per variant; `ratio` is how many times the first one's time it takes the others, median by median."""
    times = in_turn(variants, repetitions)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ours = next(iter(medians.values()))
    return [
        {
            "work": work,
            "variant": name,
            "median_us": round(median, 2),
            "lowest_us": round(min(times[name]), 2),
            "highest_us": round(max(times[name]), 2),
            "ratio": round(median / ours, 3),
        }
        for name, median in medians.items()
    ]


def seconds(device: str) -> float:
    """A clock: on the CPU the time that this process had, so that other processes do not count."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def microseconds(work: Callable[[], object], device: str = "cpu", steps: int = 1) -> float:
    return seconds_of(work, lambda: seconds(device)) / steps * 1e6
