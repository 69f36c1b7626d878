"""What a training step costs in each mode, beside a plain PyTorch loop: medians of interleaved repetitions.

    python benchmarks/training.py [NAME ...] [--accelerator cpu|cuda] [--repetitions N] [--json PATH]

NAME is one or more of windows, linear, mlp, unroll, gru, bounded, reference, others. One thread; on the CPU the time of
this process, on a GPU that of the clock. The repetitions of all variants of a row are taken in turn, so that a busy
machine burdens them alike; read the ratios rather than the times.
SYSIDC_REFERENCE names the folder of the reference toolbox (pydentification); deepSI and nnodely take part where they
are installed beside sysidc. Rows without them are left out, and told so. The rows are made in benchmarks/steps.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from steps.bounded import bounded
from steps.clock import Row
from steps.fits import linear, perceptron
from steps.other_packages import others, reference
from steps.roll_outs import recurrent, unrolled
from steps.windows import windows

BENCHMARKS: dict[str, Callable[[str, int], list[Row]]] = {
    "windows": windows,
    "linear": linear,
    "mlp": perceptron,
    "unroll": unrolled,
    "gru": recurrent,
    "bounded": bounded,
    "reference": reference,
    "others": others,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(BENCHMARKS), metavar="NAME")
    parser.add_argument("--accelerator", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.accelerator == "cuda" and not torch.cuda.is_available():
        sys.exit("torch finds no GPU here")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    rows: list[Row] = []
    for name in given.names:
        rows += BENCHMARKS[name](given.accelerator, given.repetitions)
    print_table(rows)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def print_table(rows: list[Row]) -> None:
    table = Table("work", "variant", "median us", "lowest", "highest", "times ours")
    for row in rows:
        if "median_us" in row:
            numbers = (f"{row[key]:.1f}" for key in ("median_us", "lowest_us", "highest_us"))
            table.add_row(row["work"], row["variant"], *numbers, f"{row['ratio']:.2f}")
        else:
            table.add_row(row["work"], row["variant"], "", "", "", row["note"])
    Console().print(table)


if __name__ == "__main__":
    main()
