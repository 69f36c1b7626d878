"""What a sweep takes: the Wiener-Hammerstein example's own search space with one job and with two, and what it finds.

    python benchmarks/sweep.py [SPEC] [--trials N] [--epochs N]

The overhead of a trial is what the sweep took with one job less what its trials took, the start of the worker included.
Beside wall time, which others on the machine lengthen, stands what the processes themselves needed: with one job they
wait for each other; with two the command itself, measured where all trials are done, comes first, the rest is shared.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPEC = Path(__file__).resolve().parents[1] / "examples" / "wiener_hammerstein.sysid"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", nargs="?", type=Path, default=SPEC)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--epochs", type=int, help="of a trial (default: those of the file)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.spec.parent) as name:
        spec = Path(name).parent / f".{Path(name).name}.sysid"
        spec.write_text(shortened(given.spec.read_text(encoding="utf-8"), given.epochs), encoding="utf-8")
        try:
            report(spec, Path(name), given.trials)
        finally:
            spec.unlink()


def shortened(text: str, epochs: int | None) -> str:
    if epochs is not None:
        text = re.sub(r"(epochs|T_max)(\s*=\s*)\d+", rf"\g<1>\g<2>{epochs}", text)
    return text + "\nsweep { sampler = random  pruner = none }\n"


def report(spec: Path, folder: Path, trials: int) -> None:
    seconds, needed = {}, {}
    for jobs in (1, 2):
        started, before = time.perf_counter(), processor_time()
        rows = sweep(spec, folder / str(jobs), trials, jobs)
        seconds[jobs], needed[jobs] = time.perf_counter() - started, processor_time() - before
        trained = sum(row["seconds"] for row in rows)
        print(f"{jobs} jobs: {seconds[jobs]:.1f} s, {needed[jobs]:.1f} s of processors", flush=True)
        print(f"  {trained / trials:.2f} s per trial in its worker", flush=True)
        if jobs == 1:
            print(f"overhead per trial, start of the worker included: {(seconds[1] - trained) / trials:.2f} s")
    before = processor_time()
    sweep(spec, folder / "2", trials, 2)
    alone = processor_time() - before
    told = needed[1] / (alone + (needed[2] - alone) / 2)
    print(
        f"two jobs are {seconds[1] / seconds[2]:.2f} times as fast; by the time of processors alone, {told:.2f} times"
    )
    best = min(rows, key=lambda row: row["rmse"])
    print("best: " + ", ".join(f"{name} = {best[name]}" for name in best if name not in ("run", "reason", "state")))
    own = spec.with_name(f"{spec.stem}-own.sysid")
    own.write_text(spec.read_text(encoding="utf-8").replace("sampler = random", "sampler = TPE"), encoding="utf-8")
    try:
        (first,) = sweep(own, folder / "own", 1, 1)  # TPE begins with the values of the file
    finally:
        own.unlink()
    print(f"the file's own values: rmse {first['rmse']:.6g}; the best of the sweep: {best['rmse']:.6g}")


def processor_time() -> float:
    """Seconds of all processes that have ended, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def sweep(spec: Path, runs: Path, trials: int, jobs: int) -> list[dict[str, float]]:
    words = ["--trials", str(trials), "--jobs", str(jobs), "--output", "json", "--quiet"]
    done = subprocess.run([*command("sweep", spec, runs), *words], stdout=subprocess.PIPE, text=True, check=True)
    rows: list[dict[str, float]] = json.loads(done.stdout)["trials"]
    return rows


def command(verb: str, spec: Path, runs: Path) -> list[str]:
    return [sys.executable, "-m", "sysidc", verb, str(spec), "--runs", str(runs)]


if __name__ == "__main__":
    main()
