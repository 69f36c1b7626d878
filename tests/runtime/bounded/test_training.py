"""What the training module compares, holds, redraws and stores."""

from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.testing import assert_close
from torch.utils.data import DataLoader, TensorDataset

from sysidc.runtime.bounded.kernels import epanechnikov
from sysidc.runtime.training.bounded import BoundedSimulationTrainingModule
from sysidc.runtime.training.redraw import keep_best_draw, redraw_parameters

SGD = partial(torch.optim.SGD, lr=0.1)


class Level(nn.Module):
    """A network that says one number, whatever it sees."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.level.expand(len(x), 1, 1)


class Windows(pl.LightningDataModule):
    def __init__(self, count: int = 400) -> None:
        super().__init__()
        self.x, self.y = windows(count)
        self.n = 3 * count // 4

    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(self.x[: self.n], self.y[: self.n]), batch_size=32, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(TensorDataset(self.x[self.n :], self.y[self.n :]), batch_size=32)


def windows(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    u = 2 * torch.rand(count + 1, generator=generator, dtype=torch.float64) - 1
    x = torch.stack((u[:-1], u[1:]), dim=1).unsqueeze(2)
    y = torch.tanh(x[:, 1:] + 0.6 * x[:, :1])
    return x, y + 0.05 * torch.randn(y.shape, generator=generator, dtype=torch.float64)


def bounded(network: nn.Module, **settings: Any) -> BoundedSimulationTrainingModule:
    defaults = {"kernel": epanechnikov, "bandwidth": 0.2, "lipschitz": 1.2, "delta": 0.1, "neighbours": 32}
    return BoundedSimulationTrainingModule(network, SGD, **{**defaults, **settings}).double()


def prepared(network: nn.Module, **settings: Any) -> BoundedSimulationTrainingModule:
    module = bounded(network, **settings)
    module.prepare(*windows(300))
    return module


def trainer(epochs: int, root: Path) -> pl.Trainer:
    return pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=root,
    )


@pytest.mark.parametrize("level", [-9.0, 0.0, 9.0])
def test_the_output_is_the_network_clamped_into_the_band(level: float) -> None:
    module = prepared(Level(level)).eval()
    x, _ = windows(50, seed=1)
    estimate, lower, upper = module.band(x)
    output = module(x)
    assert output.shape == estimate.shape == (50, 1, 1)
    assert torch.equal(output, torch.full_like(output, level).clamp(lower, upper))
    assert torch.equal(torch.cat([module(window[None]) for window in x]), output)


def test_in_training_the_output_is_clamped_only_when_asked() -> None:
    x, _ = windows(20)
    assert (prepared(Level(9.0)).train()(x) == 9).all()
    held = prepared(Level(9.0), bound_during_training=True).train()
    assert torch.equal(held(x), held.eval()(x))


def test_the_gradient_of_the_clamped_loss_passes_straight_through() -> None:
    module = prepared(Level(9.0), bound_during_training=True)
    x, y = windows(300)
    loss = module.training_step((x, y), 0)
    (gradient,) = torch.autograd.grad(loss, list(module.module.parameters()))
    estimate, half = module.error_band.leave_one_out()
    border = (estimate + half).view(-1, 1, 1)
    assert_close(loss, mse_loss(border, y))
    assert_close(gradient, 2 * (border - y).mean())
    assert gradient > 0.1  # downwards, into the band


def test_inside_the_band_value_and_gradient_are_those_of_the_network() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 1), nn.Unflatten(1, (1, 1))).double()
    module = prepared(network, noise=20.0, bound_during_training=True)  # a band that is nowhere in the way
    x, y = windows(40)
    held = torch.autograd.grad(module.training_step((x, y), 0), list(network.parameters()))
    free = torch.autograd.grad(mse_loss(network(x), y), list(network.parameters()))
    for one, other in zip(held, free, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("hold", [False, True])
def test_the_penalty_is_the_mean_squared_excess_of_the_unclamped_output(hold: bool) -> None:
    x, y = windows(300)
    free = prepared(Level(9.0), bound_during_training=hold)
    fined = prepared(Level(9.0), bound_during_training=hold, bound_crossing_penalty=3.0)
    estimate, half = fined.error_band.leave_one_out()
    excess = 9.0 - (estimate + half)
    losses = [module.training_step((x, y), 0) for module in (free, fined)]
    assert_close(losses[1] - losses[0], 3 * excess.square().mean())
    slopes = [
        torch.autograd.grad(loss, list(m.module.parameters())) for loss, m in zip(losses, (free, fined), strict=True)
    ]
    assert_close(slopes[1][0] - slopes[0][0], 6 * excess.mean())


def test_training_rows_leave_themselves_out_with_and_without_an_index() -> None:
    module = prepared(Level(9.0), bound_during_training=True)
    x, y = windows(300)
    rows = torch.tensor([5, 250, 17])
    by_key = module.training_step((x[rows], y[rows]), 0)
    by_index = module.training_step((x[rows], y[rows], rows), 0)
    assert torch.equal(by_key, by_index)
    estimate, half = module.error_band.leave_one_out()
    assert_close(by_key, mse_loss((estimate + half)[rows].view(-1, 1, 1), y[rows]))


def test_windows_that_were_not_prepared_use_every_sample() -> None:
    module = prepared(Level(9.0), bound_during_training=True)
    x, y = windows(30, seed=5)
    loss = module.training_step((x, y), 0)
    _, _, upper = module.band(x)
    assert_close(loss, mse_loss(upper, y))


def test_training_finds_the_system_and_logs_every_score(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1), nn.Unflatten(1, (1, 1)))
    module = BoundedSimulationTrainingModule(
        network,
        partial(torch.optim.Adam, lr=1e-2),
        partial(torch.optim.lr_scheduler.ReduceLROnPlateau, patience=50),
        kernel=epanechnikov,
        bandwidth=0.2,
        lipschitz=1.2,
        delta=0.1,
        radius=0.2,
        bound_during_training=True,
        output_scale=torch.tensor([1000.0]),
    )
    data = Windows()
    data.x, data.y = data.x.float(), data.y.float()
    fit = trainer(20, tmp_path)
    fit.fit(module, data)
    scores = {name: float(value) for name, value in fit.callback_metrics.items()}
    assert {"train_loss", "val_loss", "val_rmse", "val_nrmse", "val_fit"} <= set(scores)
    assert scores["val_rmse"] == pytest.approx(1000 * scores["val_loss"] ** 0.5, rel=1e-4)
    assert scores["val_rmse"] < 90
    assert scores["val_fit"] == pytest.approx(100 * (1 - scores["val_nrmse"]))
    assert len(module.error_band.points) == 300
    rows = fit.predict(module, data.val_dataloader())
    assert rows is not None
    for row in rows:
        assert isinstance(row, dict)
        assert (row["y_lower"] <= row["y_kernel"]).all() and (row["y_kernel"] <= row["y_upper"]).all()
        assert row["y_predicted"].shape == row["y_kernel"].shape


def test_the_stored_state_predicts_without_the_data(tmp_path: Path) -> None:
    module = prepared(Level(0.1), lipschitz="estimate").eval()
    save_file(module.state_dict(), tmp_path / "weights.safetensors")
    again = bounded(Level(0.0), lipschitz="estimate").eval()
    again.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    x, _ = windows(50, seed=1)
    assert torch.equal(again(x), module(x))
    for one, other in zip(again.band(x), module.band(x), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("tolerance", "draws", "expected", "calls"),
    [(0.0, 5, 0.1, 5), (0.0, 1, 0.5, 1), (0.25, 5, 0.2, 2), (1.0, 5, 0.6, 0), (0.0, 0, 0.6, 0)],
    ids=["best of all", "one draw", "good enough", "good from the start", "none allowed"],
)
def test_the_best_of_the_allowed_draws_is_kept(tolerance: float, draws: int, expected: float, calls: int) -> None:
    shares = [0.5, 0.2, 0.9, 0.1, 0.4]
    network = Level(0.6)
    drawn: list[float] = []

    def redraw(module: nn.Module) -> None:
        drawn.append(shares[len(drawn)])
        nn.init.constant_(network.level, drawn[-1])

    found = keep_best_draw(network, redraw, lambda: network.level.item(), draws, tolerance)
    assert found == network.level.item() == expected
    assert len(drawn) == calls


def test_weights_are_redrawn_until_the_validation_predictions_lie_in_the_band(tmp_path: Path) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(2, 1)
    nn.init.constant_(linear.bias, 50.0)
    network = nn.Sequential(nn.Flatten(), linear, nn.Unflatten(1, (1, 1))).double()
    module = bounded(network, max_reinit=3, reinit_tolerance=0.9)
    trainer(0, tmp_path).fit(module, Windows())
    assert linear.bias.abs() < 1


def test_frozen_weights_are_not_redrawn() -> None:
    frozen, free = nn.Linear(2, 1).requires_grad_(False), nn.Linear(1, 1)
    nn.init.constant_(frozen.bias, 50.0)
    before = free.weight.clone()
    redraw_parameters(nn.Sequential(frozen, nn.Sequential(nn.Tanh(), free)))
    assert frozen.bias == 50
    assert free.weight != before


def test_a_module_that_saw_no_data_says_so(tmp_path: Path) -> None:
    data = Windows()
    with pytest.raises(RuntimeError, match="datamodule"):
        trainer(1, tmp_path).fit(bounded(Level(0.0)), data.train_dataloader(), data.val_dataloader())
