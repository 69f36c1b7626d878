"""What scale costs: memory and speed on records of 10 and 100 million samples, time per window in the three modes.

    python benchmarks/scale.py [SAMPLES ...]

Memory is what a process has for itself, without the pages of mapped files, which the system takes back when it needs
them (RssAnon in /proc, so Linux only).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SAMPLES = (10_000_000, 100_000_000)
PIECE = 1_000_000
SECONDS = 20

RECORD = """sysid 1
signals {{ sampling_rate = 1 kHz  input u : float32  output y : float32 }}
model long: u[64] -> y[1] {{ TimeSeriesLinear(steps = 8, width = 16)  GELU  Flatten  Linear(1) }}
data {{ train = "{file}"  validation = 100_000 }}
train simulation {{ optimizer = AdamW(lr = 1e-3)  epochs = 1  batch_size = 256  time_limit = {seconds} s }}
"""

MODES = {
    "simulation": """model m: u[32] -> y[1] {{ Flatten  Linear({width})  Tanh  Linear({width})  Tanh  Linear(1) }}
train simulation {{ optimizer = AdamW(lr = 1e-3)  epochs = 3  batch_size = 64 }}""",
    "prediction": """model m: u[32], y[32] -> y[1] {{
  Flatten  Linear({width})  Tanh  Linear({width})  Tanh  Linear(1)
}}
train prediction {{ optimizer = AdamW(lr = 1e-3)  epochs = 3  batch_size = 64  horizon = 8 }}""",
    "bounded": """model m: u[32] -> y[1] {{ Flatten  Linear({width})  Tanh  Linear({width})  Tanh  Linear(1) }}
train bounded {{ optimizer = AdamW(lr = 1e-3)  epochs = 3  batch_size = 64
  kernel = Epanechnikov(bandwidth = 4)  neighbours = 64  bound_during_training = on }}""",
}


def main() -> None:
    given = tuple(int(word) for word in sys.argv[1:]) or SAMPLES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{'record':>21}  {'file':>8}  {'until trained':>13}  {'memory':>8}")
        for samples in given:
            file = write(folder, samples)
            told(folder, samples, file)
            told(folder, samples, as_parquet(folder, file))
            if samples <= 10_000_000:
                table = np.load(folder / file)
                np.savez(folder / "memory.npz", u=table["u"], y=table["y"])
                told(folder, samples, "memory.npz")
            (folder / file).unlink()
            (folder / file).with_suffix(".parquet").unlink()
        print()
        print(f"{'mode':>12}  {'parameters':>10}  {'us/window':>10}  {'ns/window/parameter':>20}")
        for mode in MODES:
            for width in (16, 64, 256):
                print_mode(folder, mode, width)


def write(folder: Path, samples: int) -> str:
    """A first-order filter's answer to noise, written piece by piece."""
    from scipy.signal import lfilter

    kind = np.dtype([("u", "f4"), ("y", "f4")])
    path = folder / f"{samples}.npy"
    table = np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=(samples,))
    generator, state = np.random.default_rng(0), np.zeros(1)
    for first in range(0, samples, PIECE):
        u = generator.standard_normal(min(PIECE, samples - first))
        y, state = lfilter([0.1], [1, -0.9], u, zi=state)
        table["u"][first : first + PIECE], table["y"][first : first + PIECE] = u, y
    table.flush()
    return path.name


def as_parquet(folder: Path, file: str) -> str:
    """The same columns as a Parquet file of a million rows in each group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = np.load(folder / file, mmap_mode="r")
    path = (folder / file).with_suffix(".parquet")
    with pq.ParquetWriter(path, pa.schema([("u", pa.float32()), ("y", pa.float32())])) as writer:
        for first in range(0, len(table), PIECE):
            piece = table[first : first + PIECE]
            writer.write_table(pa.table({"u": piece["u"].copy(), "y": piece["y"].copy()}))
    return path.name


def told(folder: Path, samples: int, file: str) -> None:
    spec = folder / "long.sysid"
    spec.write_text(RECORD.format(file=file, seconds=SECONDS), encoding="utf-8")
    command = [sys.executable, "-m", "sysidc", "train", str(spec), "--runs", str(folder / "runs"), "--quiet"]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    most = 0.0
    while process.poll() is None:
        most = max(most, own_memory(process.pid))
        time.sleep(0.05)
    seconds = time.perf_counter() - started
    assert process.returncode == 0
    size = (folder / file).stat().st_size / 1e6
    print(f"{samples:>12,} {Path(file).suffix:>8}  {size:>5.0f} MB  {seconds:>11.1f} s  {most:>5.0f} MB", flush=True)


def own_memory(pid: int) -> float:
    """MB of a process that are no pages of files."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("RssAnon")), 0.0)


def print_mode(folder: Path, mode: str, width: int) -> None:
    """The time of an epoch from the epochs behind the first."""
    import sysidc
    from sysidc.runtime.data.modules import SpecDataModule

    head = "sysid 1\nsignals { sampling_time = 10 ms  input u  output y }\n"
    table = np.load(folder / "memory.npz")
    np.savez(folder / "mode.npz", u=table["u"][:20_000], y=table["y"][:20_000])
    path = folder / "mode.sysid"
    path.write_text(head + MODES[mode].format(width=width) + '\ndata { train = "mode.npz" }\n', encoding="utf-8")
    spec = sysidc.load(path)
    clock = Clock()
    from sysidc.runtime.runs.train import train

    train(spec.compiled, runs=folder / "runs", more=[clock.callback()])
    windows = SpecDataModule(spec.plan).windows("train")
    each = (clock.ends[-1] - clock.ends[0]) / (len(clock.ends) - 1) / windows
    parameters = spec.plan.model.parameters
    print(f"{mode:>12}  {parameters:>10}  {each * 1e6:>10.2f}  {each * 1e9 / parameters:>20.2f}", flush=True)


class Clock:
    """When the epochs of a training ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def callback(self) -> object:
        from lightning.pytorch.callbacks import LambdaCallback

        return LambdaCallback(on_train_epoch_end=lambda trainer, module: self.ends.append(time.perf_counter()))


if __name__ == "__main__":
    main()
