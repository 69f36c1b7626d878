from __future__ import annotations

import time
import tracemalloc

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from sysidc.compiler.windows import Layout, place
from sysidc.runtime.data.record import Record
from sysidc.runtime.data.tape import Tape, lay
from sysidc.runtime.data.windows import WindowDataset, anchors_of, end_to_end, gather, window_count


def tape(*lengths: int, channels: int = 1) -> Tape:
    records = [
        Record(str(index), {"u": (torch.randn(length, channels)).numpy()}) for index, length in enumerate(lengths)
    ]
    return lay(records, {"u": torch.float32})


def layout(steps: int, horizon: int, known: int = 0) -> Layout:
    left = (("u", "input", 1, steps), *((("y", "output", 1, known),) if known else ()))
    return place(left, (("y", "output", 1, horizon),), "simulation")


def test_making_windows_of_a_long_record_copies_nothing() -> None:
    record = Record("a", {"u": torch.randn(188_000, 1).numpy()})
    tracemalloc.start()
    begin = time.perf_counter()
    laid = lay([record], {"u": torch.float32})
    dataset = WindowDataset(laid, place((("u", "input", 1, 128),), (("u", "output", 1, 1),), "simulation"))
    elapsed = time.perf_counter() - begin
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(dataset) == 188_000 - 127
    assert dataset.values["u"].data_ptr() == record.values["u"].ctypes.data
    assert peak < 100_000
    assert elapsed < 5e-3


def test_records_are_views_of_the_tape() -> None:
    laid = tape(20, 30)
    assert laid.records[1].values["u"].data_ptr() == laid.values["u"][20:].data_ptr()


@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(1, 9), st.integers(1, 5), st.integers(1, 4))
def test_windows_are_all_that_fit_and_none_crosses_a_border(
    lengths: list[int], steps: int, horizon: int, stride: int
) -> None:
    placed = layout(steps, horizon)
    anchors = anchors_of(lengths, placed, stride)
    expected, offset = [], 0
    for length in lengths:
        behind = max(steps - horizon, 0)
        expected += [offset + start + behind for start in range(0, length - behind - horizon + 1, stride)]
        offset += length
    assert anchors.at(torch.arange(len(anchors))).tolist() == expected
    assert len(anchors) == sum(window_count(length, placed, stride) for length in lengths)


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 7), st.integers(0, 4))
def test_end_to_end_windows_predict_every_step_once(length: int, steps: int, horizon: int, known: int) -> None:
    placed = layout(steps, horizon, known)
    told = [
        step for anchor, skip in end_to_end(length, placed) for step in range(anchor + skip, anchor + placed.horizon)
    ]
    assert told == (list(range(placed.known, length)) if length >= placed.span else [])


def test_a_batch_is_its_windows_side_by_side() -> None:
    laid = tape(40, 25, channels=3)
    dataset = WindowDataset(laid, place((("u", "input", 3, 7),), (("u", "output", 3, 2),), "simulation"))
    indices = [3, 30, 40, len(dataset) - 1]
    x, y = dataset.__getitems__(indices)
    for row, index in enumerate(indices):
        assert_close(x[row], dataset[index][0])
        assert_close(y[row], dataset[index][1])
    assert_close(dataset[-1][0], laid.records[1].values["u"][-7:])
    with pytest.raises(IndexError):
        dataset[len(dataset)]


def test_a_window_without_steps_is_empty() -> None:
    window = place((("u", "input", 1, 1),), (("u", "output", 1, 1),), "prediction").inputs[0]
    empty = type(window)(window.signal, window.role, 1, 1, 0)
    assert gather(torch.randn(5, 2), torch.tensor([5, 1]), empty).shape == (2, 0, 2)
