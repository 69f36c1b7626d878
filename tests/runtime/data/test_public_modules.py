from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.testing import assert_close

from sysidc.runtime.data.prediction_module import PredictionDataModule
from sysidc.runtime.data.simulation_module import SimulationDataModule

U = np.arange(40.0)
Y = 100 + U


def test_last_of_n_inputs_meets_the_last_m_outputs() -> None:
    data = SimulationDataModule(
        U,
        Y,
        test_size=0.25,
        forward_input_window_size=5,
        forward_output_window_size=5,
        forward_output_mask=3,
        batch_size=64,
        dtype=torch.float64,
    )
    x, y = next(iter(data.train_dataloader()))
    assert x.shape == (26, 5, 1) and y.shape == (26, 2, 1)
    assert_close(y[:, :, 0], 100 + x[:, 3:, 0])
    assert sorted(x[:, 0, 0].tolist()) == list(range(26))


def test_windows_come_backward_first_and_inputs_before_outputs() -> None:
    data = SimulationDataModule(
        U,
        Y,
        test_size=30,
        forward_input_window_size=2,
        backward_input_window_size=3,
        forward_output_window_size=4,
        backward_output_window_size=5,
        backward_input_mask=1,
    )
    first = [window[0, :, 0].tolist() for window in next(iter(data.test_dataloader()))]
    assert first == [[12, 13], [110, 111, 112, 113, 114], [15, 16], [115, 116, 117, 118]]


def test_shift_moves_the_windows_and_none_leaves_its_part() -> None:
    data = SimulationDataModule(
        U, Y, test_size=20, forward_input_window_size=4, forward_output_window_size=4, shift=3, batch_size=64
    )
    x, y = next(iter(data.test_dataloader()))
    assert x[:, 0, 0].tolist() == [20, 23, 26, 29, 32, 35]
    assert y.max().item() == 138


def test_validation_is_the_end_of_what_the_test_leaves() -> None:
    data = SimulationDataModule(
        U, Y, test_size=10, validation_size=0.2, forward_input_window_size=2, forward_output_window_size=2
    )
    steps = [
        {int(step) for x, _ in loader for step in x.flatten()}
        for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    ]
    assert steps == [set(range(24)), set(range(24, 30)), set(range(30, 40))]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"test_size": 35}, "the train part has 5 samples; one window needs 9"),
        ({"test_size": 8}, "the test part has 8 samples; one window needs 9"),
        ({"test_size": 40}, "test_size is a share below 1 or a number of samples below 40, not 40"),
        ({"forward_output_mask": 4}, "a mask of 4 steps leaves nothing of a window of 4"),
    ],
    ids=["train too short", "test too short", "nothing left", "mask too long"],
)
def test_what_does_not_fit_is_told_with_its_length(settings: dict[str, Any], message: str) -> None:
    sizes: dict[str, Any] = {"backward_output_window_size": 5, "forward_output_window_size": 4}
    with pytest.raises(ValueError, match=message):
        SimulationDataModule(U, Y, **(sizes | settings))


def test_inputs_and_outputs_are_equally_long() -> None:
    with pytest.raises(ValueError, match="inputs have 40 samples, outputs 39"):
        SimulationDataModule(U, Y[1:], forward_input_window_size=2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_dtype_is_that_of_the_batches(dtype: torch.dtype) -> None:
    data = PredictionDataModule(np.arange(40), dtype=dtype)
    assert {tensor.dtype for batch in data.train_dataloader() for tensor in batch} == {dtype}


def test_prediction_targets_follow_their_window() -> None:
    states = np.stack([U, Y], axis=1)
    data = PredictionDataModule(states, n_backward_time_steps=3, n_forward_time_steps=4, train_shift=2, batch_size=64)
    x, y = next(iter(data.train_dataloader()))
    assert x.shape == (7, 3, 2) and y.shape == (7, 4, 2)
    assert_close(torch.cat([x, y], dim=1).diff(dim=1), torch.ones(7, 6, 2))
    assert sorted(x[:, 0, 0].tolist()) == [0, 2, 4, 6, 8, 10, 12]


def test_horizon_may_grow_while_validation_keeps_its_own() -> None:
    data = PredictionDataModule(U, validation_size=0.4, n_forward_time_steps=2)
    before = [y.clone() for _, y in data.val_dataloader()]
    data.n_forward_time_steps = 6
    assert {y.shape[1] for _, y in data.train_dataloader()} == {6}
    assert_close([y for _, y in data.val_dataloader()], before)
    data.n_forward_time_steps = 12
    with pytest.raises(ValueError, match="the train part has 12 samples; one window needs 13"):
        data.train_dataloader()


def test_test_targets_are_laid_end_to_end_at_the_horizon_asked_for() -> None:
    data = PredictionDataModule(U, test_size=17, n_backward_time_steps=2)
    y = torch.cat([y for _, y in data.test_dataloader(n_forward_time_steps=5)])
    assert y.flatten().tolist() == list(range(25, 40))


def test_order_is_new_each_epoch_and_the_same_for_every_number_of_workers() -> None:
    def orders(n_workers: int) -> list[list[float]]:
        torch.manual_seed(5)
        data = PredictionDataModule(U, n_workers=n_workers)
        return [torch.cat([x for x, _ in data.train_dataloader()]).flatten().tolist() for _ in range(2)]

    first, second = orders(0)
    assert first != second
    assert orders(2) == [first, second]


def test_frames_and_files_hold_the_same_data(tmp_path: Path) -> None:
    frame = pd.DataFrame({"u": U, "y": Y, "other": 0.0})
    path = tmp_path / "a.csv"
    frame.to_csv(path, index=False)
    pairs = [
        (
            SimulationDataModule.from_csv(str(path), "u", ["y"], forward_input_window_size=3),
            SimulationDataModule.from_pandas(frame, ["u"], "y", forward_input_window_size=3),
        ),
        (PredictionDataModule.from_csv(str(path)), PredictionDataModule.from_pandas(frame)),
        (PredictionDataModule.from_csv(str(path), "y"), PredictionDataModule.from_pandas(frame, "y")),
    ]
    for one, other in pairs:
        assert_close(list(one.test_dataloader()), list(other.test_dataloader()))
