"""Drawing keeps extremes and gaps, packs numbers without visible loss, and puts ticks where they can be read."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sysidc.runtime.data.record import Array
from sysidc.runtime.runs.report.drawing.highlight import highlighted
from sysidc.runtime.runs.report.drawing.scale import Scale, fitting
from sysidc.runtime.runs.report.drawing.table import cells, words
from sysidc.runtime.runs.report.drawing.thinning import MISSING, envelope, packed

VALUES = arrays.arrays(np.float64, st.integers(1, 300), elements=st.floats(-1e6, 1e6) | st.just(np.nan))


@given(VALUES, st.integers(2, 50))
def test_a_thinned_record_keeps_every_extreme_near_its_place(values: Array, most: int) -> None:
    kept, every = envelope(values, most)
    assert len(kept) <= most + 2 or len(values) <= most
    known = values[np.isfinite(values)]
    assert np.isfinite(kept).any() == (known.size > 0)
    if known.size:
        assert np.nanmin(kept) == known.min() and np.nanmax(kept) == known.max()
        assert abs(np.nanargmax(kept) * every - np.nanargmax(values)) <= 2 * every


@given(VALUES)
@example(np.array([5e-324, 0.0]))
def test_packed_numbers_are_right_to_a_part_in_60_000_of_their_range(values: Array) -> None:
    found = packed(values)
    numbers = np.frombuffer(base64.b64decode(found["data"]), dtype="<u2")
    assert ((numbers == MISSING) == np.isnan(values)).all()
    known = np.isfinite(values)
    if known.any():
        error = np.abs(found["low"] + found["step"] * numbers[known] - values[known])
        assert error.max() <= np.ptp(values[known]) / 60_000 + np.finfo(np.float64).tiny


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e6), st.integers(3, 9))
def test_ticks_lie_on_the_axis_and_no_two_say_the_same(low: float, span: float, most: int) -> None:
    scale = Scale(low, low + span)
    ticks = scale.ticks(most)
    assert all(low - 1e-6 * span <= value <= low + (1 + 1e-6) * span for value, _ in ticks)
    assert len({label for _, label in ticks}) == len(ticks) <= most + 1


@given(st.floats(-12, 8), st.floats(0.05, 14), st.integers(4, 9))
def test_ticks_of_a_logarithm_lie_on_the_axis_and_differ(low: float, decades: float, most: int) -> None:
    scale = Scale(10**low, 10 ** (low + decades), log=True)
    ticks = scale.ticks(most)
    assert all(-1e-6 <= float(scale.place(np.array(value))) <= 1 + 1e-6 for value, _ in ticks)
    assert len({label for _, label in ticks}) == len(ticks) and (ticks or decades < 0.3)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (Scale(0, 1), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (Scale(-3e-7, 1e-7), ["\u22123·10⁻⁷", "\u22122·10⁻⁷", "\u22121·10⁻⁷", "0", "1·10⁻⁷"]),
        (Scale(0, 51_200), ["0", "10\u202f000", "20\u202f000", "30\u202f000", "40\u202f000", "50\u202f000"]),
        (Scale(1e-6, 1e-1, log=True), ["10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹"]),
        (Scale(0.03, 0.6, log=True), ["0.05", "0.1", "0.2", "0.5"]),
    ],
    ids=["plain", "small", "large", "decades", "less-than-two-decades"],
)
def test_labels_read_as_people_write(scale: Scale, expected: list[str]) -> None:
    assert [label for _, label in scale.ticks()] == expected


def test_a_scale_holds_all_that_is_finite() -> None:
    scale = fitting([np.array([1.0, np.nan, 5.0]), np.array([np.inf, -2.0])])
    assert scale.low < -2 and scale.high > 5
    assert fitting([np.empty(0)]).low < fitting([np.empty(0)]).high
    assert fitting([np.full(3, 7.0)]).low < 7 < fitting([np.full(3, 7.0)]).high
    assert not fitting([np.zeros(3)], log=True).log


def test_a_column_of_numbers_has_its_points_below_one_another() -> None:
    assert cells([0.02158, 1.97381, None]) == ["0.0216", "1.9738", "\u2013"]
    assert cells([1e-9, 3.0]) == ["1·10⁻⁹", "3"]
    assert words(-12345) == "\u221212\u202f345"


class Words(HTMLParser):
    """What a browser shows of some HTML."""

    def __init__(self, html: str):
        super().__init__()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data


def test_highlighting_changes_no_character() -> None:
    text = (
        'sysid 1 # a < b\nparam lr = 1e-3 in 1e-4 .. 1e-2 log\ndata { train = "a&b.csv" test = 30 % }\n@freeze Tanh\n'
    )
    shown = highlighted(text)
    for kind, word in {"comment": "# a &lt; b", "number": "30 %", "string": "&quot;a&amp;b.csv&quot;"}.items():
        assert f'<span class="{kind}">{word}</span>' in shown
    assert Words(shown).text == text
