"""Worker processes on this machine: each gets a trial, tells its epochs and its result, and is replaced if it dies."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sysidc.runtime.sweep.journal import Journal
from sysidc.runtime.sweep.table import Table
from sysidc.runtime.sweep.task import Result, Task

SAME_MISTAKE = 3
"""After so many trials that failed, none having finished, the sweep is not worth going on with."""


def run_pool(journal: Journal, folder: Path, task: Callable[[dict[str, Any]], Task], table: Table) -> None:
    """The trials of a journal on as many processes of this machine as the sweep has jobs."""
    Pool(journal, folder, task, journal.sweep.jobs, table).run(journal.sweep.time_limit)


class Worker:
    """A process and the number of the trial that it is at."""

    def __init__(self, index: int, folder: Path, threads: int, inbox: queue.SimpleQueue[tuple[Worker, str]]):
        self.trial: int | None = None
        environment = {"OMP_NUM_THREADS": str(threads), **os.environ, "PYTHONWARNINGS": "ignore"}
        with open(folder / f"worker-{index}.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sysidc.runtime.sweep.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env=environment,
            )
        threading.Thread(target=self._listen, args=(inbox,), daemon=True).start()

    def send(self, message: Any) -> None:
        assert self.process.stdin is not None
        with suppress(OSError):  # it died, which its output tells
            print(json.dumps(message), file=self.process.stdin, flush=True)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _listen(self, inbox: queue.SimpleQueue[tuple[Worker, str]]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            inbox.put((self, line))
        self.process.wait()
        inbox.put((self, ""))


@dataclass
class Pool:
    """Runs the trials of a journal on `jobs` workers, `task(values)` being what a worker is given."""

    journal: Journal
    folder: Path
    task: Callable[[dict[str, Any]], Task]
    jobs: int
    table: Table

    def run(self, time_limit: float | None) -> None:
        """All trials, or as many as the time allows; those that are running then wait for the next time."""
        self.inbox: queue.SimpleQueue[tuple[Worker, str]] = queue.SimpleQueue()
        self.workers: dict[int, Worker] = {}
        self.values: dict[int, dict[str, Any]] = {}
        self.started = time.monotonic() - self.journal.spent
        try:
            self._fill()
            while self.values and not self._is_late(time_limit) and not self._is_hopeless():
                self._wait()
                self._fill()
        finally:
            for worker in self.workers.values():
                worker.stop()
            self.journal.spend(time.monotonic() - self.started)

    def _fill(self) -> None:
        """Give every idle worker a trial, as long as there are any."""
        for index in range(self.jobs):
            worker = self.workers.get(index)
            if worker is not None and worker.trial is not None:
                continue
            asked = self._next()
            if asked is None:
                return
            if worker is None:
                threads = max(1, (os.cpu_count() or 1) // self.jobs)
                worker = self.workers[index] = Worker(index, self.folder, threads, self.inbox)
            worker.trial, values = asked
            self.values[worker.trial] = values
            self.table.begun(worker.trial, values)
            worker.send(asdict(self.task(values)))

    def _next(self) -> tuple[int, dict[str, Any]] | None:
        """The next trial that needs a training: one whose values were tried before has its result already."""
        while (asked := self.journal.ask()) is not None:
            twin = self.journal.finished_twin(asked[0])
            if twin is None:
                return asked
            self._over(asked[0], Result("complete", twin.value, twin.user_attrs["run"]))
        return None

    def _wait(self) -> None:
        try:
            worker, line = self.inbox.get(timeout=0.5)
        except queue.Empty:
            self.table.draw()
            return
        if worker not in self.workers.values():
            return
        if not line:
            self._died(worker)
        else:
            self._heard(worker, json.loads(line))

    def _heard(self, worker: Worker, message: dict[str, Any]) -> None:
        number = worker.trial
        if number is None or "ready" in message:
            return
        if "result" in message:
            worker.trial = None
            self._over(number, Result(**message["result"]))
            return
        epoch, value = message["epoch"], message["value"]
        worker.send(self.journal.report(number, epoch, value))
        self.table.epoch(number, epoch, value)

    def _over(self, number: int, result: Result) -> None:
        self.values.pop(number, None)
        self.journal.tell(number, result)
        self.journal.spend(time.monotonic() - self.started)
        self.table.over(self.journal.row(number))

    def _died(self, worker: Worker) -> None:
        index = next(index for index, known in self.workers.items() if known is worker)
        del self.workers[index]
        if worker.trial is not None:
            del self.values[worker.trial]
            self.journal.lost(worker.trial, f"exit code {worker.process.returncode}")
            self.table.lost(worker.trial, worker.process.returncode)

    def _is_late(self, time_limit: float | None) -> bool:
        return time_limit is not None and time.monotonic() - self.started > time_limit

    def _is_hopeless(self) -> bool:
        return self.journal.failed_alone >= max(SAME_MISTAKE, self.jobs)
