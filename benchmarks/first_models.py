"""What `sysidc new --data` reaches on a folder of recordings, beside the best linear model of each.

    python benchmarks/first_models.py ../shared/data [NAME ...]

For NAME_train.csv a spec is written with the last NAME_test*.csv as its test, checked against both files, trained and
scored. The linear models are `LinearDynamics` of several orders, fitted to their simulation error and started from the
same number of known samples; the best on the test record is shown, which favours them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ORDERS = (1, 2, 3, 4, 6)
LINEAR = """sysid 1
signals {{ input u : float32  output y : float32 }}
model linear: u[all], y[{known}] -> y[all] {{ LinearDynamics(states = {order}) }}
data {{ train = "{train}"  test = "{test}" }}
train simulation {{
  optimizer = LevenbergMarquardt(damping = 1e-2)
  init = Subspace(block = 20)
  initial = estimate
  stage {{ segments = [8_000] epochs = 10 }}
  stage {{ segments = [40_000] epochs = 6 }}
}}
test {{ initial_steps = {known} }}
"""


def main(data: Path, names: list[str]) -> None:
    print(f"{'data set':<20} {'new --data':>12} {'linear':>12} {'order':>6}")
    with TemporaryDirectory() as folder:
        for train in sorted(data.glob("*_train.csv")):
            name = train.stem.removesuffix("_train")
            if names and name not in names:
                continue
            test = max(data.glob(f"{name}_test*.csv"))
            spec = Path(folder, f"{name}.sysid")
            sysidc("new", str(spec), "--data", str(train), "--test", str(test))
            sysidc("check", "--data", str(spec))
            scored = error(spec)
            known = re.search(r"initial_steps = (\d+)", spec.read_text(encoding="utf-8"))
            linear = {order: linear_error(order, known[1] if known else "5", train, test, folder) for order in ORDERS}
            best = min(linear, key=lambda order: linear[order])
            print(f"{name:<20} {scored:12.6f} {linear[best]:12.6f} {best:6}", flush=True)


def linear_error(order: int, known: str, train: Path, test: Path, folder: str) -> float:
    spec = Path(folder, "linear.sysid")
    spec.write_text(LINEAR.format(order=order, known=known, train=train, test=test), encoding="utf-8")
    return error(spec)


def error(spec: Path) -> float:
    """Root mean square on the test record, in the units of the file."""
    told = json.loads(sysidc("train", str(spec), "--output", "json"))
    return float(next(row["rmse"] for row in told["metrics"] if row["split"] == "test"))


def sysidc(verb: str, *given: str) -> str:
    command = [sys.executable, "-m", "sysidc", verb, *given]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
