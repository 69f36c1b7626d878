"""`sysidc train` with a checkpoint after every epoch, stopped in a given one.

    python stopping.py EPOCH HOW ARGUMENT...

HOW is `signal`, Ctrl-C as the terminal sends it, `twice`, two of them, or `full`, from then on no file can grow, as on
a full disk.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import Any

from sysidc.runtime.cli import main
from sysidc.runtime.runs import resume
from sysidc.runtime.runs.epochs import EpochWatch


def ctrl_c(times: int) -> None:
    for _ in range(times):
        os.kill(os.getpid(), signal.SIGINT)
    print("went on")


STOPS = {
    "signal": lambda: ctrl_c(1),
    "twice": lambda: ctrl_c(2),
    "full": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
}


class StopsIn(EpochWatch):
    """Watches as always, and stops when the epoch begins."""

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        super().on_train_epoch_start(trainer, pl_module)
        if trainer.current_epoch + 1 == epoch:
            STOPS[how]()


if __name__ == "__main__":
    epoch, how = int(sys.argv[1]), sys.argv[2]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
    resume.SECONDS, resume.SHARE = 0.0, float("inf")
    from sysidc.runtime.runs import fitting

    setattr(fitting, "EpochWatch", StopsIn)  # noqa: B010
    sys.exit(main(sys.argv[3:]))
