"""How long `sysidc check` takes, in processes of its own: beside an empty Python, beside importing lightning, for 1,000
files in one call.

    python benchmarks/check.py

Prints a table, and the same as JSON on the last line. Bytecode and the grammar's table are kept, as they are where
sysidc is installed.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

SPEC = Path(__file__).resolve().parents[1] / "examples" / "lorenz.sysid"
SOURCES = Path(__file__).resolve().parents[1] / "src"
FILES = 1_000
RUNS = {"check": 25, "pass": 25, "lightning": 3, "files": 3}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPYCACHEPREFIX": folder, "XDG_CACHE_HOME": folder, "PYTHONPATH": str(SOURCES)}
        many = Path(folder, "many")
        many.mkdir()
        for number in range(FILES):
            (many / f"{number}.sysid").write_bytes(SPEC.read_bytes())
        check = [sys.executable, "-c", "import sys; from sysidc.runtime.cli import main; sys.exit(main())", "check"]
        commands = {
            "check": [*check, str(SPEC)],
            "pass": [sys.executable, "-c", "pass"],
            "lightning": [sys.executable, "-c", "import lightning"],
            "files": [*check, str(many)],
        }
        seconds = measured(commands, environment)
    report(seconds)
    return 0


def measured(commands: Mapping[str, Sequence[str]], environment: Mapping[str, str]) -> dict[str, float]:
    """The median wall time of each command. They take turns, so that a busy moment hits all of them."""
    found: dict[str, list[float]] = {name: [] for name in commands}
    for name in commands:
        timed(commands[name], environment)  # writes the bytecode, and reads what is cold
    for turn in range(max(RUNS.values())):
        for name, command in commands.items():
            if turn < RUNS[name]:
                found[name].append(timed(command, environment))
    return {name: statistics.median(times) for name, times in found.items()}


def timed(command: Sequence[str], environment: Mapping[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def report(seconds: Mapping[str, float]) -> None:
    lines = len(SPEC.read_text(encoding="utf-8").splitlines())
    rows = (
        ("python -c pass", seconds["pass"], ""),
        (
            f"sysidc check, {lines} lines",
            seconds["check"],
            f"{seconds['check'] / seconds['pass']:.1f} x python -c pass",
        ),
        ("import lightning", seconds["lightning"], f"{seconds['lightning'] / seconds['check']:.0f} x sysidc check"),
        (f"sysidc check, {FILES} files", seconds["files"], f"{seconds['files'] / FILES * 1e3:.2f} ms a file"),
    )
    print(f"{'command':<28} {'ms':>8}")
    for name, median, beside in rows:
        print(f"{name:<28} {median * 1e3:8.0f}  {beside}".rstrip())
    print(json.dumps({name: round(median, 4) for name, median in seconds.items()}))


if __name__ == "__main__":
    sys.exit(main())
