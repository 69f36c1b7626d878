"""Numbers on a command line."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from math import inf


def positive(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise ArgumentTypeError(f"a whole number from 1 on, not '{word}'")
    return int(word)


def share(word: str) -> float:
    """What Ray takes: any share of one device, or whole devices."""
    try:
        number = float(word)
    except ValueError:
        number = -1.0
    if not 0 <= number < inf or (number > 1 and number % 1):
        raise ArgumentTypeError(f"a number between 0 and 1, or a whole one, not '{word}'")
    return number


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
