"""How long the roll-out of prediction training is in each epoch: the arithmetic of the length schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

LENGTH_WORDS = ("ar_length", "length")


def step_length(epoch: int, base: int, step_size: int, gamma: int, max_length: int | None = None) -> int:
    """min(base gamma^(epoch // step_size), max_length), epochs counted from 0."""
    return grown_length(base, gamma, epoch // step_size, max_length)


def multi_step_length(
    epoch: int, base: int, milestones: Sequence[int], gamma: int = 2, max_length: int | None = None
) -> int:
    """min(base gamma^(milestones reached at `epoch`), max_length); a milestone given twice counts twice."""
    return grown_length(base, gamma, bisect_right(sorted(milestones), epoch), max_length)


def grown_length(base: int, factor: int, times: int, max_length: int | None = None) -> int:
    """min(base factor^times, max_length), without forming numbers far above the cap."""
    if factor == 1 or max_length is None:
        return _capped(base * factor**times, max_length)
    length = base
    for _ in range(times):
        if length >= max_length:
            break
        length *= factor
    return _capped(length, max_length)


def largest_length(name: str, arguments: Mapping[str, Any], base: int, epochs: int) -> int:
    """The longest roll-out that a schedule (Step, MultiStep, OnPlateau, Combined) can reach within `epochs` epochs.

    A plateau schedule grows fastest where nothing ever improves: once every `patience` validations, the last of which
    acts in no epoch.
    """
    cap = arguments.get("max_length")
    if name == "Step":
        return step_length(max(epochs - 1, 0), base, arguments["step_size"], arguments["gamma"], cap)
    if name == "MultiStep":
        return multi_step_length(max(epochs - 1, 0), base, arguments["milestones"], arguments.get("gamma", 2), cap)
    changes = max(epochs - 1, 0) // max(arguments["patience"], 1)
    if name == "OnPlateau":
        return grown_length(base, arguments["factor"], changes, cap)
    if name == "Combined":
        factor = arguments["length_factor"] if "length_factor" in arguments else arguments["ar_length_factor"]
        return grown_length(base, factor, _length_changes(arguments["cycles"], changes), cap)
    raise ValueError(f"no length schedule is called {name}")


def _length_changes(cycles: Sequence[str], changes: int) -> int:
    """How many of the first `changes` words of the endlessly repeated cycle lengthen the roll-out."""
    rounds, rest = divmod(changes, len(cycles))
    is_length = [word in LENGTH_WORDS for word in cycles]
    return rounds * sum(is_length) + sum(is_length[:rest])


def _capped(length: int, max_length: int | None) -> int:
    return length if max_length is None else min(length, max_length)
