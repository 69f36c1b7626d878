"""A process that runs trials one after the other: tasks come in as lines of JSON, epochs and results go out.

It imports torch once, and ends when its input does, so that no trial outlives its sweep.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from dataclasses import asdict
from typing import Any, TextIO


def main() -> None:
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no message
    from sysidc.runtime.sweep.task import Task
    from sysidc.runtime.sweep.trial import run_trial

    _tell(out, {"ready": True})
    while True:
        task = Task(**json.loads(lines.get()))

        def watch(epoch: int, value: float) -> bool:
            _tell(out, {"epoch": epoch, "value": value})
            return bool(json.loads(lines.get()))

        _tell(out, {"result": asdict(run_trial(task, watch))})


def _listen(lines: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        lines.put(line)
    os._exit(0)


def _tell(out: TextIO, message: dict[str, Any]) -> None:
    print(json.dumps(message), file=out, flush=True)


if __name__ == "__main__":
    main()
