"""Resolved equations in words, as `show` prints them: what is printed is the block again."""

from __future__ import annotations

import pytest

from sysidc.compiler.dynamics.wording import lines_of
from tests.dynamics.blocks import arguments_of

BODY = (
    "state x = 2 * level, v = 0  learn k = 0.1 in 0 .. most  learn d = -1e-6  "
    "let q = -k * (x - v) ** 2 / (x * (v - u)) - (x - (v + d)) ** -2  "
    "let r = (-x) ** 2 ** v + max(x, -v, 3) - clip(u, 0, half)  "
    "der(x) = q - (r - x) * -v // 2  der(v) = 1 - x - v  y = x"
)
FILE = "param level = 5 in 1 .. 9  let most = 2 * level  let half = 20 ms"


def test_resolved_equations_are_printed_with_their_numbers() -> None:
    assert lines_of(arguments_of(BODY, more=FILE)) == [
        "state x = 10",
        "state v = 0",
        "learn k = 0.1 in 0 .. 10",
        "learn d = -1e-06",
        "let q = -k * (x - v) ** 2 / (x * (v - u)) - (x - (v + d)) ** -2",
        "let r = (-x) ** 2 ** v + max(x, -v, 3) - clip(u, 0, 0.02)",
        "der(x) = q - (r - x) * -v // 2",
        "der(v) = 1 - x - v",
        "y = x",
    ]


def test_what_is_printed_resolves_to_the_same_equations() -> None:
    given = arguments_of(BODY, more=FILE)
    again = arguments_of("  ".join(lines_of(given)))
    assert again == given


def test_learned_numbers_are_printed_as_they_became() -> None:
    assert "learn k = 0.25 in 0 .. 10" in lines_of(arguments_of(BODY, more=FILE), {"k": 0.25})


@pytest.mark.parametrize("channels", ["c", "c, d"])
def test_channels_are_told_where_there_are_several(channels: str) -> None:
    several = "," in channels
    y, z = ("y[0]", "  y[1] = 2 * w[1]") if several else ("y", "")
    signals = f"sampling_time = 1 s  input w = [a, b]  output y = [{channels}]"
    body = f"state x = 0  learn k = 1  der(x) = w[0] - k * x * w[1]  {y} = x{z}"
    lines = lines_of(arguments_of(body, signals=signals, header="w[all] -> y[all]"))
    assert lines[2:] == ["der(x) = w[0] - k * x * w[1]", f"{y} = x", *([z.strip()] if z else [])]
