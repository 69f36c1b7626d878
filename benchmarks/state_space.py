"""State-space identification on the official splits: each spec of benchmarks/accuracy, some seeds, published figures.

    python benchmarks/state_space.py [NAME ...] [--seeds 5] [--runs DIR]

Choices are made by validation alone: the test records are read when a run is finished. The score is that of the data's
own rule. Published: arXiv 2405.10779 (2024) and the papers that its tables cite.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

import sysidc

FOLDER = Path(__file__).resolve().parent / "accuracy"
PUBLISHED = {
    "silverbox_test_multisine": (1e3, "mV", 0.301),
    "silverbox_test_arrow_full": (1e3, "mV", 0.26),
    "silverbox_test_arrow_full[0:32000]": (1e3, "mV", 0.259),
    "wiener_hammerstein_test": (1e3, "mV", 0.241),
    "cascaded_tanks_test": (1.0, "V", 0.306),
}
"""Record -> factor, unit and the best published figure (cascaded tanks: of the black boxes)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", default=sorted(path.stem for path in FOLDER.glob("*.sysid")))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--runs", default="runs")
    given = parser.parse_args()
    table = Table("record", "unit", "median", "worst", "published", "seconds (median)")
    told = {}
    for name in given.names:
        found, seconds = measured(name, given.seeds, given.runs)
        for record, errors in found.items():
            factor, unit, published = PUBLISHED[record]
            scaled = [factor * error for error in errors]
            told[record] = {"rmse": scaled, "unit": unit, "published": published, "seconds": seconds}
            median, worst = statistics.median(scaled), max(scaled)
            took = f"{statistics.median(seconds):.0f}"
            table.add_row(record, unit, f"{median:.4g}", f"{worst:.4g}", f"{published:g}", took)
    Console().print(table)
    print(json.dumps(told))


def measured(name: str, seeds: int, runs: str) -> tuple[dict[str, list[float]], list[float]]:
    """Test errors of every record and the wall time of every seed."""
    errors: dict[str, list[float]] = {}
    seconds = []
    for seed in range(seeds):
        began = time.perf_counter()
        run = sysidc.load(FOLDER / f"{name}.sysid", seed=seed).train(runs)
        seconds.append(time.perf_counter() - began)
        for row in run.metrics:
            errors.setdefault(row["record"], []).append(row["rmse"])
            print(f"{name}, seed {seed}: {row['record']} {row['rmse']:.6g} in {seconds[-1]:.0f} s", flush=True)
    return errors, seconds


if __name__ == "__main__":
    main()
