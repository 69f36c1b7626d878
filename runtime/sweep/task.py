"""What is asked of a trial and what comes back, as plain values that travel between processes. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sysidc.compiler.lower import is_growing

Watch: TypeAlias = Callable[[int, float], bool]
"""Given an epoch and its value, whether the trial is to go on."""


@dataclass(frozen=True)
class Task:
    """A trial to be run: the spec as text with the path that it is read from, and the words for its params."""

    name: str
    path: str
    text: str
    values: Mapping[str, Any]
    metric: str
    runs: str


@dataclass(frozen=True)
class Result:
    """`state` is "complete", "pruned" or "failed"; a failed trial has a `reason`, a complete one `value` and `run`."""

    state: str
    value: float | None = None
    run: str | None = None
    reason: str | None = None
    seconds: float = 0.0


def is_larger_better(metric: str) -> bool:
    return metric == "r2" or is_growing(metric)
