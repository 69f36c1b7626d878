from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor
from torch.testing import assert_close

from sysidc.compiler.plan import Plan, SignalPlan, SourcePlan, SplitPlan
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.layouts import free_run_layout
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.data.windows import stack_input

MakePlan: TypeAlias = Callable[..., Plan]
Source: TypeAlias = Callable[..., SourcePlan]
Write: TypeAlias = Callable[..., Path]

RAMP = np.arange(100.0)


@pytest.fixture
def ramp(write: Write, source: Source) -> SourcePlan:
    """u[k] = k, y[k] = 1000 + k: a value tells its step."""
    return source(write("ramp.csv", u=RAMP, y=1000 + RAMP))


def batches(loader: Iterable[Any]) -> list[tuple[Tensor, ...]]:
    return [tuple(tensor.clone() for tensor in batch) for batch in loader]


def starts(loader: Iterable[Any]) -> list[list[float]]:
    return [batch[0][:, 0, 0].tolist() for batch in loader]


def flat(lists: list[list[float]]) -> list[float]:
    return list(chain.from_iterable(lists))


def test_simulation_input_ends_with_the_output(make_plan: MakePlan, ramp: SourcePlan) -> None:
    data = SpecDataModule(make_plan({"u": 8}, {"y": 3}, [ramp]))
    x, y = data.dataset("train")[0]
    assert_close(x[:, 0], torch.arange(8.0, dtype=torch.float64))
    assert_close(y[:, 0], 1000 + torch.arange(5.0, 8.0, dtype=torch.float64))


def test_known_outputs_end_before_the_first_predicted_step(make_plan: MakePlan, ramp: SourcePlan) -> None:
    data = SpecDataModule(make_plan({"u": 6, "y": 2}, {"y": 4}, [ramp]))
    x, y = data.dataset("train")[10]
    assert_close(x[:, 0], torch.arange(10.0, 16.0, dtype=torch.float64))
    assert x[:, 1].tolist() == [1010, 1011, 0, 0, 0, 0]
    assert y[:, 0].tolist() == [1012, 1013, 1014, 1015]


def test_input_window_shorter_than_the_output_leaves_no_step_unpredicted(make_plan: MakePlan, ramp: SourcePlan) -> None:
    data = SpecDataModule(make_plan({"u": 2}, {"y": 5}, [ramp]))
    x, y = data.dataset("train")[0]
    assert x[:, 0].tolist() == [3, 4]
    assert y[:, 0].tolist() == [1000, 1001, 1002, 1003, 1004]


def test_prediction_batches_hold_window_horizon_and_the_inputs_between(make_plan: MakePlan, ramp: SourcePlan) -> None:
    plan = make_plan({"y": 3, "u": 2}, {"y": 1}, [ramp], mode="prediction", horizon=4)
    x, y, u = SpecDataModule(plan).dataset("train")[5]
    assert x[:, 0].tolist() == [1005, 1006, 1007]
    assert x[:, 1].tolist() == [0, 6, 7]
    assert y[:, 0].tolist() == [1008, 1009, 1010, 1011]
    assert u[:, 0].tolist() == [8, 9, 10]


def test_one_step_ahead_needs_no_future_input(make_plan: MakePlan, ramp: SourcePlan) -> None:
    plan = make_plan({"y": 3, "u": 2}, {"y": 1}, [ramp], mode="prediction", horizon=1)
    _, y, u = next(iter(SpecDataModule(plan).train_dataloader()))
    assert y.shape == (32, 1, 1) and u.shape == (32, 0, 1)


def test_autonomous_prediction_has_no_third_part(make_plan: MakePlan, ramp: SourcePlan) -> None:
    plan = make_plan({"y": 3}, {"y": 1}, [ramp], mode="prediction", horizon=2)
    assert len(SpecDataModule(plan).dataset("train")[0]) == 2


def test_training_horizon_follows_the_attribute_and_validation_does_not(make_plan: MakePlan, ramp: SourcePlan) -> None:
    plan = make_plan({"y": 3}, {"y": 1}, [ramp], mode="prediction", horizon=1, validation_horizon=8)
    data = SpecDataModule(plan)
    before = batches(data.val_dataloader())
    data.n_forward_time_steps = 4
    assert next(iter(data.train_dataloader()))[1].shape[1] == 4
    assert data.windows("train") == 80 - 3 - 4 + 1
    assert before[0][1].shape[1] == 8
    assert_close(batches(data.val_dataloader()), before)
    assert starts(data.val_dataloader()) == [[1080, 1082, 1084, 1086, 1088]]


def test_a_horizon_that_outgrows_the_record_is_told(make_plan: MakePlan, ramp: SourcePlan) -> None:
    data = SpecDataModule(make_plan({"y": 3}, {"y": 1}, [ramp], mode="prediction"))
    data.n_forward_time_steps = 78
    with pytest.raises(DataError, match="a horizon of 78 steps needs 81 samples; the training part of 'ramp' has 80"):
        data.train_dataloader()


def test_simulation_validates_on_windows_laid_end_to_end(make_plan: MakePlan, ramp: SourcePlan) -> None:
    data = SpecDataModule(make_plan({"u": 6}, {"y": 4}, [ramp]))
    predicted = torch.cat([y for _, y in data.val_dataloader()]).flatten() - 1000
    assert predicted.tolist() == list(range(82, 98))


def test_whole_record_window_predicts_all_after_the_known_steps(
    make_plan: MakePlan, write: Write, source: Source
) -> None:
    sources = [source(write(f"{steps}.csv", u=np.arange(steps), y=np.arange(steps))) for steps in (20, 30, 20)]
    plan = make_plan({"u": None, "y": 5}, {"y": None}, sources, validation=SplitPlan())
    shapes = {(tuple(x.shape), tuple(y.shape)) for x, y in SpecDataModule(plan).train_dataloader()}
    assert shapes == {((2, 20, 2), (2, 15, 1)), ((1, 30, 2), (1, 25, 1))}


def test_no_window_crosses_the_border_of_two_records(make_plan: MakePlan, write: Write, source: Source) -> None:
    first, second = np.arange(20.0), 500 + np.arange(30.0)
    sources = [source(write("a.csv", u=first, y=first)), source(write("b.csv", u=second, y=second))]
    data = SpecDataModule(make_plan({"u": 4}, {"y": 1}, sources, validation=SplitPlan()))
    assert data.windows("train") == 17 + 27
    assert all((x.diff(dim=1) == 1).all() for x, _ in data.train_dataloader())


def test_training_validation_and_test_windows_share_no_sample(make_plan: MakePlan, ramp: SourcePlan) -> None:
    data = SpecDataModule(make_plan({"u": 5}, {"y": 2}, [ramp], test=SplitPlan(samples=30)))
    loaders = (data.train_dataloader(), data.val_dataloader(), data.test_dataloader())
    seen = [{step for x, _ in loader for step in x.flatten().tolist()} for loader in loaders]
    assert max(seen[0]) < min(seen[1]) and max(seen[1]) < min(seen[2])


def test_order_depends_on_seed_and_epoch_alone(make_plan: MakePlan, ramp: SourcePlan) -> None:
    plan = make_plan({"u": 4}, {"y": 1}, [ramp], seed=3)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    data = SpecDataModule(plan)
    loader = data.train_dataloader()
    first, second = starts(loader), starts(loader)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(2)
    again = SpecDataModule(plan, n_workers=2).train_dataloader()
    assert starts(again) == first != second
    assert starts(again) == second
    assert sorted(flat(first)) == sorted(flat(second))


def test_loaders_made_anew_each_epoch_go_through_the_same_orders(make_plan: MakePlan, ramp: SourcePlan) -> None:
    plan = make_plan({"u": 4}, {"y": 1}, [ramp])
    loader = SpecDataModule(plan).train_dataloader()
    kept = [starts(loader), starts(loader)]
    data = SpecDataModule(plan)
    assert [starts(data.train_dataloader()), starts(data.train_dataloader())] == kept


class Watching(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1, dtype=torch.float64)
        self.seen: dict[int, list[float]] = {}

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        self.seen.setdefault(self.current_epoch, []).extend(batch[0][:, 0, 0].tolist())
        loss: Tensor = self.layer(batch[0].flatten(1)).mean()
        return loss

    def validation_step(self, batch: list[Tensor], _: int) -> None:
        return None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


@pytest.mark.parametrize("reload", [0, 1], ids=["one loader", "a loader per epoch"])
def test_trainer_sees_the_order_of_each_epoch(
    make_plan: MakePlan, ramp: SourcePlan, tmp_path: Path, reload: int
) -> None:
    plan = make_plan({"u": 4}, {"y": 1}, [ramp])
    module, data = Watching(), SpecDataModule(plan)
    trainer = Trainer(
        max_epochs=3,
        reload_dataloaders_every_n_epochs=reload,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        default_root_dir=tmp_path,
    )
    trainer.fit(module, datamodule=data)
    loader = SpecDataModule(plan).train_dataloader()
    assert module.seen == {epoch: flat(starts(loader)) for epoch in range(3)}


def test_a_last_batch_of_one_sample_is_dropped(make_plan: MakePlan, ramp: SourcePlan) -> None:
    plan = make_plan({"u": 4}, {"y": 1}, [ramp], batch_size=19)
    data = SpecDataModule(plan)
    assert data.windows("train") == 77
    assert [len(x) for x, _ in data.train_dataloader()] == [19] * 4
    assert data.steps_per_epoch == 4


def test_scale_is_fitted_on_the_training_part_alone(make_plan: MakePlan, write: Write, source: Source) -> None:
    y = np.concatenate([np.tile([0.0, 2.0], 40), np.full(20, 1e6)])
    plan = make_plan({"u": 4}, {"y": 1}, [source(write("a.csv", u=y, y=y))], normalize="standard")
    data = SpecDataModule(plan)
    assert_close(data.normalizer.shift("y"), torch.tensor([1.0], dtype=torch.float64))
    assert_close(data.normalizer.scale("y"), torch.tensor([1.0], dtype=torch.float64))
    assert data.validation_records[0].values["y"][0].item() == 1e6 - 1


def test_signals_of_two_dtypes_are_promoted_as_torch_promotes(
    make_plan: MakePlan, write: Write, source: Source
) -> None:
    signals = (SignalPlan("u", "input", ("u",), "int64", None), SignalPlan("y", "output", ("y",), "float32", None))
    plan = make_plan({"u": 4, "y": 2}, {"y": 2}, [source(write("a.csv", u=RAMP, y=RAMP))], signals=signals)
    x, y = SpecDataModule(plan).dataset("train")[0]
    assert x.dtype == y.dtype == torch.float32
    alone = SpecDataModule(make_plan({"u": 4}, {"y": 2}, [plan.data.train[0]], signals=signals))
    assert alone.dataset("train")[0][0].dtype == torch.int64


def test_without_a_validation_part_there_is_no_loader(make_plan: MakePlan, ramp: SourcePlan) -> None:
    data = SpecDataModule(make_plan({"u": 4}, {"y": 1}, [ramp], validation=SplitPlan()))
    assert data.val_dataloader() == [] and data.validation_records == ()
    assert data.windows("validation") == 0


def test_whole_record_input_shows_outputs_before_the_first_predicted_step_only(
    make_plan: MakePlan, ramp: SourcePlan
) -> None:
    plan = make_plan({"u": 6, "y": 2}, {"y": 4}, [ramp], validation=SplitPlan(), any_length=True)
    record = SpecDataModule(plan).train_records[0]
    layout = free_run_layout(plan, len(record))
    x = stack_input(record.values, layout, torch.tensor([layout.known]))
    assert x.shape == (1, 100, 2) and layout.known == 2
    assert_close(x[0, :, 0], torch.arange(100.0, dtype=torch.float64))
    assert x[0, :, 1].tolist() == [1000, 1001] + [0] * 98


def test_loading_a_batch_is_fast(make_plan: MakePlan, source: Source) -> None:
    generated = SourcePlan("generator", None, "wiener_hammerstein", {"samples": 188_000}, source("").place)
    data = SpecDataModule(make_plan({"u": 128}, {"y": 1}, [generated], batch_size=256))
    loader = iter(data.train_dataloader())
    next(loader)
    begin = time.perf_counter()
    for _ in range(100):
        next(loader)
    assert (time.perf_counter() - begin) / 100 < 2e-3
