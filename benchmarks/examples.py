"""Trains each spec that is named and prints how long that took and how the test went.

python benchmarks/examples.py SPEC ...
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def main(specs: list[str]) -> int:
    print(f"{'spec':<24} {'seconds':>8}  {'signal':<8} {'horizon':>8} {'nrmse':>9} {'fit':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for spec in specs:
            seconds, rows = train(Path(spec).resolve(), Path(folder))
            for row in rows:
                horizon = "free run" if row["horizon"] is None else row["horizon"]
                scores = f"{row['nrmse']:9.4f} {row['fit']:7.2f}"
                print(f"{Path(spec).stem:<24} {seconds:8.1f}  {row['signal']:<8} {horizon:>8} {scores}", flush=True)
    return 0


def train(spec: Path, folder: Path) -> tuple[float, list[dict[str, Any]]]:
    """Wall time of `sysidc train` in a process of its own, and the rows of its test score; the run goes to `folder`."""
    command = [sys.executable, "-m", "sysidc", "train", str(spec), "--output", "json"]
    started = time.perf_counter()
    finished = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.perf_counter() - started
    return seconds, [row for row in json.loads(finished.stdout)["metrics"] if row["split"] == "test"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
