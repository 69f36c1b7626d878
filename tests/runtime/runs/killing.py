"""Trains specs in processes that are killed at random moments, and tells how the resumed runs ended.

    python killing.py FOLDER KILLS SEED SPEC...

Prints one JSON object: for every spec the number of kills that hit, how many processes went on from a checkpoint, and
the files of the resumed run that differ from those of the run that was never stopped. One process imports all that a
training imports and forks the others, which cost nothing to start. It trains nothing itself: torch's threads do not
survive a fork.
"""

from __future__ import annotations

import csv
import importlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sysidc.runtime import api
from sysidc.runtime.runs import resume
from sysidc.runtime.runs.staging import is_interrupted, partial_folder

SAME = ("weights.safetensors", "metrics.json", "metrics.csv", "spec.sysid")
WHOLE, CUT = Path("whole"), Path("cut")


def content(path: Path) -> object:
    """The bytes of a file; of a learning curve the rows without the seconds, which are never the same twice."""
    if path.suffix != ".csv":
        return path.read_bytes()
    with open(path, encoding="utf-8", newline="") as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


def forked(work: Callable[[], object], until: float | None = None) -> bool:
    """Whether the work ended by itself before it was killed after so many seconds."""
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    while until is None or time.monotonic() - begun < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            assert status == 0, f"the training failed: {status}"
            return True
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def tried(spec: str, kills: int, draw: random.Random) -> dict[str, object]:
    """Kill the training of a spec so many times and go on each time; the last process finishes it."""
    begun = time.monotonic()
    forked(lambda: api.load(spec).train(WHOLE))
    seconds = time.monotonic() - begun
    whole = next(path for path in WHOLE.iterdir() if not path.name.startswith("."))
    run = CUT / whole.name
    hit = went_on = 0
    differ: set[str] = set()
    while hit < kills:
        ended = False  # one run, killed again and again until it ends
        while not ended:
            waiting = is_interrupted(run)
            went_on += waiting and any((partial_folder(run) / "checkpoints").glob("*.safetensors"))
            until = draw.uniform(0.3, 1.0) * seconds if hit < kills else None
            ended = forked(lambda on=waiting: api.load(spec).train(CUT, resume=on), until)  # type: ignore[misc]
            hit += not ended
        differ |= {name for name in SAME if content(run / name) != content(whole / name)}
        differ |= {path.name for path in CUT.iterdir() if path.name != run.name}
        shutil.rmtree(run)
    shutil.rmtree(WHOLE)
    return {"kills": hit, "went_on": went_on, "differ": sorted(differ)}


def import_what_a_training_imports(spec: str) -> None:
    def listed() -> None:
        api.load(spec).train("first")
        Path("modules").write_text("\n".join(sys.modules), encoding="utf-8")

    forked(listed)
    for name in Path("modules").read_text(encoding="utf-8").split():
        with suppress(Exception):
            importlib.import_module(name)


if __name__ == "__main__":
    folder, count, seed, *specs = sys.argv[1:]
    os.chdir(folder)
    resume.SECONDS, resume.SHARE = 0.0, float("inf")  # so that a checkpoint follows every epoch
    drawn = random.Random(int(seed))
    import_what_a_training_imports(specs[0])
    print(json.dumps({spec: tried(spec, int(count), drawn) for spec in specs}))
