"""Records on disk give the same windows, scales and mistakes as records in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import sysidc
from sysidc.runtime.data import array_file, loaders
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.mapped import MappedSignal
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.data.record import Array
from sysidc.runtime.data.table import Request

SPEC = """sysid 1
signals {{ sampling_time = 1 s  input u = [a, b] : float32  output y : float32 }}
model m: u[5], y[2] -> y[3] {{ Flatten  Linear(3)  TimeSeriesLinear(steps = 3, width = 1) }}
data {{ train = {train}  validation = 25 %  normalize = {scale} }}
train simulation {{ optimizer = AdamW(lr = 1e-3)  epochs = 2  batch_size = 16 }}
"""


def columns(steps: int = 90, seed: int = 0) -> Array:
    drawn = 3 + 2 * np.random.default_rng(seed).standard_normal((steps, 3))
    kinds = [("a", "f8"), ("b", "f4"), ("y", "f4")]
    return np.array([tuple(row) for row in drawn], dtype=kinds)


def module(folder: Path, train: str, scale: str = "standard") -> SpecDataModule:
    path = folder / "m.sysid"
    path.write_text(SPEC.format(train=train, scale=scale), encoding="utf-8")
    return SpecDataModule(sysidc.load(path).plan)


def is_on_disk(found: SpecDataModule) -> bool:
    signal: Any = found.tapes["train"].values["u"]
    return isinstance(signal, MappedSignal)


def save(folder: Path, name: str, table: Array) -> None:
    np.save(folder / f"{name}.npy", table)
    np.savez(folder / f"{name}.npz", a=table["a"], b=table["b"], y=table["y"])


@pytest.mark.parametrize("scale", ["standard", "minmax", "none"])
def test_windows_from_disk_are_those_from_memory(tmp_path: Path, scale: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysidc.runtime.data.mapped.PIECE", 17)
    save(tmp_path, "one", columns())
    save(tmp_path, "two", columns(70, seed=1))
    disk = module(tmp_path, '["one.npy", "two.npy"]', scale)
    memory = module(tmp_path, '["one.npz", "two.npz"]', scale)
    assert is_on_disk(disk)
    for name in ("shift", "scale"):
        for signal in ("u", "y"):
            torch.testing.assert_close(
                getattr(disk.normalizer, name)(signal), getattr(memory.normalizer, name)(signal), rtol=1e-12, atol=1e-12
            )
    for one, two in zip(disk.train_dataloader(), memory.train_dataloader(), strict=True):
        torch.testing.assert_close(one, two)
    for one, two in zip(disk.val_dataloader(), memory.val_dataloader(), strict=True):
        torch.testing.assert_close(one, two)


def test_a_run_from_disk_is_the_run_from_memory(tmp_path: Path) -> None:
    save(tmp_path, "one", columns())
    path = tmp_path / "m.sysid"
    scores = []
    for ending in ("npy", "npz"):
        train = f'"one.{ending}"  test = 20 %'
        path.write_text(SPEC.format(train=train, scale="standard"), encoding="utf-8")
        scores.append(sysidc.load(path).train(tmp_path / "runs").metrics)
    assert [row["rmse"] for row in scores[0]] == pytest.approx([row["rmse"] for row in scores[1]], rel=1e-5)


def test_an_array_without_names_has_columns_by_number(tmp_path: Path) -> None:
    table = np.random.default_rng(0).standard_normal((50, 2))
    np.save(tmp_path / "plain.npy", table)
    read = array_file.read_npy(str(tmp_path / "plain.npy"), Request(("c1", "c0"), (10, 20)))
    assert read.mapped
    np.testing.assert_array_equal(np.stack([read.columns["c0"], read.columns["c1"]], axis=1), table[10:20])


def test_a_large_parquet_file_is_unpacked_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    import pandas as pd

    table = columns()
    frame = pd.DataFrame({name: table[name] for name in ("a", "b", "y")})
    frame.to_parquet(tmp_path / "one.parquet", row_group_size=20)
    save(tmp_path, "one", table)
    monkeypatch.setattr(array_file, "IN_MEMORY", 100)
    disk, memory = module(tmp_path, '"one.parquet"'), module(tmp_path, '"one.npz"')
    assert is_on_disk(disk)
    for one, two in zip(disk.train_dataloader(), memory.train_dataloader(), strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize(
    ("value", "id"), [(np.nan, "missing-value"), (np.inf, "infinite-value")], ids=["missing", "infinite"]
)
def test_a_value_that_is_none_is_told_with_its_row(tmp_path: Path, value: float, id: str) -> None:
    table = columns()
    table["b"][61] = value
    save(tmp_path, "one", table)
    with pytest.raises(DataError, match="61") as told:
        module(tmp_path, '"one.npy"')
    assert told.value.id == id


def test_gaps_on_disk_are_not_filled(tmp_path: Path) -> None:
    save(tmp_path, "one", columns())
    with pytest.raises(DataError, match="stays on disk"):
        module(tmp_path, '"one.npy"  missing = interpolate')


@pytest.mark.parametrize("count", [5, 64, 1000, 12_345])
def test_a_long_order_is_a_permutation_that_seed_and_epoch_draw(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders, "DRAWN_AT_ONCE", 4)
    monkeypatch.setattr(loaders, "PIECE", 100)
    order = list(loaders.EpochOrder(count, seed=1))
    assert sorted(order) == list(range(count))
    assert order == list(loaders.EpochOrder(count, seed=1))
    assert count < 10 or order != list(loaders.EpochOrder(count, seed=2))
    assert count < 10 or order != list(loaders.EpochOrder(count, seed=1, epoch=1))


def test_a_long_order_looks_like_one_drawn_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rank correlation with the order of time, and of neighbours, has the standard deviation 1 / sqrt(n)."""
    monkeypatch.setattr(loaders, "DRAWN_AT_ONCE", 4)
    order = np.array(list(loaders.EpochOrder(20_000, seed=3)), dtype=float)
    for other in (np.arange(20_000.0), np.roll(order, 1)):
        assert abs(np.corrcoef(order, other)[0, 1]) < 4 / np.sqrt(20_000)
