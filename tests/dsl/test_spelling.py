"""Spelling: which known word was meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysidc.dsl.spelling import closest, distance, is_slip

LAYERS = ("Linear", "LayerNorm", "ReLU", "GELU", "GRU", "Conv1d", "StateSpace")
WORDS = st.text("abcd", max_size=6)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        pytest.param("linear", "Linear", id="case"),
        pytest.param("relu", "ReLU", id="case-beats-distance"),
        pytest.param("Liner", "Linear", id="one-letter-missing"),
        pytest.param("Lienar", "Linear", id="neighbours-swapped"),
        pytest.param("StatSpaec", "StateSpace", id="two-slips-in-a-long-word"),
        pytest.param("Cnv1", None, id="two-slips-in-a-short-word"),
        pytest.param("kernel", None, id="another-word"),
        pytest.param("x" * 100_000, None, id="a-word-beyond-reason"),
    ],
)
def test_the_closest_word_is_the_one_that_was_meant(word: str, meant: str | None) -> None:
    assert closest(word, LAYERS) == meant


def test_ties_go_to_the_first_candidate() -> None:
    assert closest("cat", ("bat", "hat")) == "bat"


@given(WORDS, WORDS)
def test_distance_is_symmetric_and_zero_only_between_equal_words(left: str, right: str) -> None:
    assert distance(left, right) == distance(right, left)
    assert (distance(left, right) == 0) == (left == right)


@given(WORDS, WORDS)
def test_distance_lies_between_the_difference_and_the_maximum_of_the_lengths(left: str, right: str) -> None:
    assert abs(len(left) - len(right)) <= distance(left, right) <= max(len(left), len(right))


@pytest.mark.parametrize(
    ("word", "meant", "sure"),
    [("gelu", "GELU", True), ("Linaer", "Linear", True), ("MAE", "MSE", False), ("Adamax2", "AdamW", False)],
    ids=["case", "one swap", "a short word", "two edits"],
)
def test_a_sure_slip_is_a_case_or_one_edit_of_a_long_word(word: str, meant: str, sure: bool) -> None:
    assert is_slip(word, meant) is sure
