"""What the defaults reach without tuning: a bare `StateSpace` and an empty `train` on every system of the generators.

    python benchmarks/defaults.py [NAME ...] [--seed N] [--runs DIR]

White noise of 1 % of the output's standard deviation is added to training and test records, so that no model can do
better than that on the test. The linear model is the best in validation of `ORDERS` orders, each a linear state space
fitted to its simulation error from the same kind of start.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

import sysidc
from sysidc.runtime.data.generators import generate

NOISE = 0.01
ORDERS = range(1, 9)
LINEAR = "StateSpace(states = {order}, hidden = [], output_hidden = [])"


@dataclass(frozen=True)
class System:
    generator: str
    samples: int
    constants: tuple[tuple[str, float], ...] = ()

    def source(self, seed: int, noise: float) -> str:
        given = {"samples": self.samples, "seed": seed, "noise": noise, **dict(self.constants)}
        return f"{self.generator}({', '.join(f'{name} = {value}' for name, value in given.items())})"

    def deviation(self, seed: int) -> float:
        """Standard deviation of the output without noise."""
        arguments = {"samples": self.samples, "seed": seed, **dict(self.constants)}
        return float(np.std(generate(self.generator, arguments, clean=True)["y"]))


SYSTEMS = {
    "linear": System("duffing", 4_000, (("k3", 0.0),)),
    "duffing": System("duffing", 4_000),
    "bouc_wen": System("bouc_wen", 8_000),
    "wiener_hammerstein": System("wiener_hammerstein", 8_000),
    "two_tanks": System("cascaded_tanks", 4_000, (("amplitude", 1.0), ("offset", 3.0))),
    "overflowing_tanks": System("cascaded_tanks", 4_000),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", default=list(SYSTEMS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs")
    given = parser.parse_args()
    table = Table("system", "noise", "defaults", "over noise", "linear", "order", "linear over defaults", "seconds")
    rows = []
    with TemporaryDirectory() as scratch:
        for name in given.names:
            row = measured(SYSTEMS[name], given.seed, Path(given.runs or scratch) / name)
            rows.append({"system": name, **row})
            noise, defaults, linear = row["noise"], row["defaults"], row["linear"]
            shown = (noise, defaults, defaults / noise, linear, row["order"], linear / defaults, row["seconds"])
            table.add_row(name, *(f"{value:.4g}" for value in shown))
            print(json.dumps(rows[-1]), flush=True)
    Console().print(table)


def measured(system: System, seed: int, folder: Path) -> dict[str, float]:
    """Test errors of the defaults and of the best linear model, the noise, and the wall time of the defaults."""
    noise = NOISE * system.deviation(seed + 1)
    began = time.perf_counter()
    test, _ = trained("StateSpace", system, seed, noise, folder / "defaults")
    seconds = time.perf_counter() - began
    linear = [trained(LINEAR.format(order=n), system, seed, noise, folder / f"linear-{n}") for n in ORDERS]
    order = min(range(len(linear)), key=lambda index: linear[index][1])
    return {
        "noise": noise,
        "defaults": test,
        "linear": linear[order][0],
        "order": ORDERS[order],
        "seconds": seconds,
    }


def trained(layer: str, system: System, seed: int, noise: float, folder: Path) -> tuple[float, float]:
    """Root mean square errors on the test record and on the validation part."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "defaults.sysid"
    path.write_text(
        "sysid 1\nsignals { input u : float64  output y : float64 }\n"
        f"data {{ train = {system.source(seed + 1, noise)}  test = {system.source(seed + 101, noise)} }}\n"
        f"model m: u[all], y[20] -> y[all] {{ {layer} }}\n"
        f"train simulation {{ seed = {seed} }}\n",
        encoding="utf-8",
    )
    run = sysidc.load(path).train(folder)
    with (run.path / "metrics.csv").open(encoding="utf-8") as file:
        validation = min(float(row["val_rmse"]) for row in csv.DictReader(file) if row["val_rmse"])
    return run.metrics[0]["rmse"], validation


if __name__ == "__main__":
    main()
