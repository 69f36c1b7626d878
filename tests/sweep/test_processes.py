"""Two processes that share a training are one process with all the data, whoever starts them."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
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


WINDOWS = """sysid 1
param devices = 1
signals { sampling_time = 1 s  input u : float64  output y : float64 }
model m: u[8] -> y[1] { TimeSeriesLinear(steps = 1, width = 2)  Tanh  Linear(1) }
data { train = "d.csv"  test = 113  validation = 102 }
train simulation { optimizer = LevenbergMarquardt  epochs = 4  devices = devices }
"""

RECORDS = """sysid 1
param devices = 1
signals { sampling_time = 1 s  input u : float64  output y : float64 }
model m: u[all], y[5] -> y[all] { LinearDynamics(2)  Curve(Polynomial(3)) }
data { train = ["a.csv", "b.csv", "c.csv"] }
train simulation { optimizer = LevenbergMarquardt  epochs = 5  devices = devices }
"""

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
not_on_windows = pytest.mark.skipif(sys.platform == "win32", reason="gloo on Windows needs an address of its own")


def training(folder: Path, name: str, *words: str) -> list[str]:
    return ["-m", "sysidc", "train", str(folder / "m.sysid"), "--runs", str(folder / name), *words]


def finished(*processes: subprocess.Popen[str]) -> None:
    try:
        for process in processes:
            told, _ = process.communicate(timeout=200)
            assert process.returncode == 0, told
    finally:
        for process in processes:
            process.kill()


def started(words: list[str], **variables: str) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen([sys.executable, *words], env={**ENVIRONMENT, **variables}, text=True, **pipes)  # type: ignore[call-overload,no-any-return]


def started_by_itself(folder: Path, name: str, *words: str) -> None:
    """The command, which starts its second process."""
    finished(started(training(folder, name, *words)))


def started_by_torchrun(folder: Path, name: str, *words: str) -> None:
    torchrun = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", free_port()]
    finished(started([*torchrun, *training(folder, name, *words)]))


def started_by_slurm(folder: Path, name: str, *words: str) -> None:
    """Two tasks that see what `srun --ntasks-per-node 2` sets."""
    job = {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "m", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2"}
    node = {"SLURM_NODEID": "0", "SLURM_NODELIST": "localhost", "MASTER_PORT": free_port()}
    tasks = [{**job, **node, "SLURM_PROCID": rank, "SLURM_LOCALID": rank} for rank in "01"]
    finished(*[started(training(folder, name, *words), **task) for task in tasks])


def free_port() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def curve(folder: Path, name: str) -> list[list[float]]:
    """The learning curve of the run."""
    with open(next(folder.glob(f"{name}/*/metrics.csv")), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [[float(row[name]) for name in ("train_loss", "val_loss", "val_rmse", "val_fit")] for row in rows]


@not_on_windows
def test_two_processes_have_the_loss_curve_of_one_with_the_doubled_batch(folder: Path) -> None:
    """600 - 113 - 102 = 385 samples are 378 windows, which fill the batches evenly."""
    (folder / "m.sysid").write_text(SPEC, encoding="utf-8")
    sysidc.load(folder / "m.sysid", batch=32).train(folder / "one")
    started_by_itself(folder, "two", "--set", "batch=16", "--set", "devices=2")
    one, two = curve(folder, "one"), curve(folder, "two")
    for first, second in zip(one, two, strict=True):
        assert second == pytest.approx(first, rel=1e-6)


@not_on_windows
def test_normal_equations_add_up_over_the_windows_of_two_processes_under_torchrun(folder: Path) -> None:
    (folder / "m.sysid").write_text(WINDOWS, encoding="utf-8")
    sysidc.load(folder / "m.sysid").train(folder / "one")
    started_by_torchrun(folder, "two", "--set", "devices=2")
    one, two = curve(folder, "one"), curve(folder, "two")
    assert len(one) == 4 and one[-1][1] < one[0][1]
    for first, second in zip(one, two, strict=True):
        assert second == pytest.approx(first, rel=1e-6)


@not_on_windows
def test_normal_equations_add_up_over_the_records_of_two_processes_under_slurm(folder: Path) -> None:
    """Three records: one process simulates one of them, the other one two."""
    generator = np.random.default_rng(1)
    for name, steps in (("a", 300), ("b", 300), ("c", 250)):
        u = generator.standard_normal(steps)
        y = np.tanh(np.convolve(u, [0, 0.5, 0.3, 0.1])[:steps])
        np.savetxt(folder / f"{name}.csv", np.c_[u, y], delimiter=",", header="u,y", comments="")
    (folder / "m.sysid").write_text(RECORDS, encoding="utf-8")
    sysidc.load(folder / "m.sysid").train(folder / "one")
    started_by_slurm(folder, "two", "--set", "devices=2")
    one, two = curve(folder, "one"), curve(folder, "two")
    assert len(one) == 5 and one[-1][0] < 0.5 * one[0][0]
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
