from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysidc.compiler.plan import Place, SourcePlan, SplitPlan
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.record import Record
from sysidc.runtime.data.splits import Needs, Parts, split

OWN = SourcePlan("file", "own.csv", None, {}, Place("a.sysid", 1, 1, 1, 1))


def record(length: int, name: str = "a", piece: bool = False) -> Record:
    return Record(name, {"y": np.arange(float(length))[:, None]}, None, 0, piece)


def own(sources: Sequence[SourcePlan]) -> list[Record]:
    return [record(7, "own")]


def cut(records: list[Record], validation: SplitPlan, test: SplitPlan, needed: int = 1) -> Parts:
    return split(records, validation, test, Needs(needed, needed, needed), own)


def steps(records: list[Record]) -> list[list[float]]:
    return [record.values["y"][:, 0].tolist() for record in records]


@given(
    st.lists(st.integers(20, 60), min_size=1, max_size=3),
    st.floats(0.1, 0.4),
    st.one_of(st.integers(1, 8), st.floats(0.1, 0.4)),
)
def test_parts_are_contiguous_and_make_up_the_record(lengths: list[int], share: float, tested: float) -> None:
    test = SplitPlan(samples=tested) if isinstance(tested, int) else SplitPlan(share=tested)
    parts = cut([record(length) for length in lengths], SplitPlan(share=share), test)
    joined = [a + b + c for a, b, c in zip(*map(steps, (parts.train, parts.validation, parts.test)), strict=True)]
    assert joined == steps([record(length) for length in lengths])


def test_validation_is_a_share_of_what_the_test_leaves() -> None:
    parts = cut([record(100)], SplitPlan(share=0.2), SplitPlan(samples=50))
    assert [len(parts.train[0]), len(parts.validation[0]), len(parts.test[0])] == [40, 10, 50]


def test_a_part_may_have_sources_of_its_own() -> None:
    parts = cut([record(10)], SplitPlan(samples=4), SplitPlan(sources=(OWN,)))
    assert [part.name for part in parts.test] == ["own"]
    assert [len(parts.train[0]), len(parts.validation[0])] == [6, 4]


@pytest.mark.parametrize(
    ("validation", "test", "message"),
    [
        (SplitPlan(share=0.2), SplitPlan(), "the validation part of record 'a' has 4 samples; one window needs 8"),
        (SplitPlan(share=0.65), SplitPlan(), "the train part of record 'a' has 7 samples; one window needs 8"),
        (SplitPlan(), SplitPlan(samples=1), "the test part of record 'a' has 1 sample; one window needs 8"),
        (SplitPlan(), SplitPlan(sources=(OWN,)), "the test part of record 'own' has 7 samples; one window needs 8"),
        (SplitPlan(), SplitPlan(samples=20), "20 samples of record 'a' are asked for test; there are 20"),
        (SplitPlan(share=0.01), SplitPlan(), "the validation part of record 'a' has 0 samples"),
    ],
    ids=["validation", "train", "test", "own test", "nothing left", "no sample"],
)
def test_a_part_without_a_window_is_told(validation: SplitPlan, test: SplitPlan, message: str) -> None:
    with pytest.raises(DataError, match=message):
        cut([record(20)], validation, test, needed=8)


def test_one_short_record_among_many_is_named() -> None:
    with pytest.raises(DataError, match="'short' has 5"):
        cut([record(20), record(5, "short")], SplitPlan(), SplitPlan(), needed=8)


def test_pieces_left_by_gaps_may_be_too_short_as_long_as_one_is_not() -> None:
    parts = cut([record(5, "tiny", piece=True), record(20, "big", piece=True)], SplitPlan(), SplitPlan(), needed=8)
    assert [part.name for part in parts.train] == ["big"]
    with pytest.raises(DataError, match="'tiny' has 5"):
        cut([record(5, "tiny", piece=True)], SplitPlan(), SplitPlan(), needed=8)
