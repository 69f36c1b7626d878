"""Two processes that share a training are one process with the doubled batch."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sysidc
from sysidc.runtime.data.loaders import EpochOrder, EqualLengths, RankShare, ordered_loader

SPEC = """sysid 1
param devices = 1
param batch = 32
signals { sampling_time = 1 s  input u : float64  output y : float64 }
model m: u[8] -> y[1] { TimeSeriesLinear(steps = 1, width = 4)  Tanh  Linear(1) }
data { train = "d.csv"  test = 113  validation = 102 }
train simulation { optimizer = SGD(lr = 0.05)  epochs = 3  batch_size = batch  devices = devices }
"""


def started_by_itself(folder: Path, name: str, *words: str) -> None:
    """The command, which starts its second process."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "sysidc", "train", str(folder / "m.sysid"), "--runs", str(folder / name), *words]
    subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=200)


def curve(folder: Path, name: str) -> list[list[float]]:
    """The learning curve of the run."""
    with open(next(folder.glob(f"{name}/*/metrics.csv")), encoding="utf-8", newline="") as file:
        return [[float(value) for value in row.values()] for row in csv.DictReader(file)]


@pytest.mark.skipif(sys.platform == "win32", reason="gloo on Windows needs an address of its own")
def test_two_processes_have_the_loss_curve_of_one_with_the_doubled_batch(folder: Path) -> None:
    """600 - 113 - 102 = 385 samples are 378 windows, which fill the batches evenly."""
    (folder / "m.sysid").write_text(SPEC, encoding="utf-8")
    sysidc.load(folder / "m.sysid", batch=32).train(folder / "one")
    started_by_itself(folder, "two", "--set", "batch=16", "--set", "devices=2")
    one, two = curve(folder, "one"), curve(folder, "two")
    for first, second in zip(one, two, strict=True):
        assert second == pytest.approx(first, rel=1e-6)


@pytest.mark.parametrize(("count", "size", "world"), [(40, 4, 2), (43, 4, 2), (41, 4, 2), (47, 3, 3), (9, 1, 2)])
def test_processes_share_every_batch_equally(count: int, size: int, world: int) -> None:
    from torch.utils.data import BatchSampler

    shares = []
    for rank in range(world):
        batches = BatchSampler(EpochOrder(count, seed=0), size * world, drop_last=False)
        share = RankShare(batches, [count], size * world, rank, world)
        found = list(share)
        assert len(found) == len(share)
        shares.append(found)
    whole = list(BatchSampler(EpochOrder(count, seed=0), size * world, drop_last=False))
    for together, batch in zip(zip(*shares, strict=True), whole, strict=False):
        assert len({len(part) for part in together}) == 1
        assert {index for part in together for index in part} <= set(batch)
    seen = [index for share in shares for batch in share for index in batch]
    assert len(set(seen)) == len(seen) > count - 2 * world


def test_records_of_one_length_are_shared_and_those_left_over_wait() -> None:
    lengths = [10, 10, 10, 20, 20]
    shares = []
    for rank in range(2):
        batches = EqualLengths(range(5), 2, lengths)
        share = RankShare(batches, batches.counts, 2, rank, 2)
        found = list(share)
        assert len(found) == len(share)
        shares.append([index for batch in found for index in batch])
    assert {lengths[index] for index in shares[0]} == {10, 20} and not set(shares[0]) & set(shares[1])


@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_validation_windows_are_shared_unless_they_are_too_few(count: int) -> None:
    dataset = range(count)
    parts = []
    for rank in range(2):
        loader = ordered_loader(dataset, count, 4, processes=(rank, 2))  # type: ignore[arg-type]
        parts.append([index for batch in loader.batch_sampler for index in batch])  # type: ignore[union-attr]
    assert parts[0] + parts[1] == list(dataset) if count > 1 else parts == [[0], [0]]
