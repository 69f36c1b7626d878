"""Candidates of a race fitted side by side, in processes of their own, to the same numbers as one after the other."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from sysidc.runtime.runs.candidate_fit import Fitter, Task
from sysidc.runtime.runs.devices import device_of
from sysidc.runtime.runs.fitting import Workplace
from sysidc.runtime.runs.progress import Progress
from sysidc.runtime.runs.resume import Interrupted, Progressed

WORTH = 10.0
"""Seconds of work from which on it pays to start processes, each of which imports torch and Lightning first."""

LARGEST = 4_000_000
"""Samples of all records beyond which no process gets a copy of them."""

LOOK = 0.2
"""Seconds between two looks at whether to stop."""

SAVED, AT_ONCE = 1, 2
"""How processes are told to stop: when what they do is saved, or as they are."""


class SideBySide:
    """Up to `jobs` processes for the fits of a race.

    They write the outcomes of their fits into the checkpoints of the run, where this process finds them as if it had
    been interrupted behind them; so nothing else knows whether they exist. They end with this process, whatever ends
    it, and save what they have begun when it is asked to stop.
    """

    def __init__(self, fitter: Fitter, place: Workplace, jobs: int) -> None:
        self.fitter, self.place = fitter, place
        self.jobs = jobs if _can_share(fitter, place) else 1
        self._pool: ProcessPoolExecutor | None = None
        self._stop: Any = None
        self._given: dict[str, Future[list[str]]] = {}

    @property
    def began(self) -> bool:
        """Whether there were or are such processes."""
        return self._stop is not None

    def offer(self, tasks: Sequence[Task], seconds: Sequence[float]) -> None:
        """Hand out the tasks that are left where that pays; `seconds` are what those before them took."""
        if min(self.jobs, len(tasks)) < 2 or torch.get_num_threads() > 1 or not all(map(_is_free, tasks)):
            return
        if self._pool is None:
            if not seconds or sum(seconds) / len(seconds) * len(tasks) < WORTH:
                return
            self._begin()
        assert self._pool is not None
        try:
            with _unheard(signal.SIGINT):
                self._submit(tasks)
        except (BrokenProcessPool, OSError):  # the latter where a process is lost while another one begins
            self._lost()

    def _submit(self, tasks: Sequence[Task]) -> None:
        assert self._pool is not None
        for task in sorted(tasks, key=_work, reverse=True):  # the longest first: none is left alone in the end
            if task.name not in self._given and self.place.progressed.outcome(task.name) is None:
                self._given[task.name] = self._pool.submit(_fitted, pickle.dumps(task))

    def wait(self, name: str) -> None:
        """Until the task is over, where it was handed out; says what was said there. Raises what it raised."""
        future = self._given.pop(name, None)
        while future is not None:
            try:
                for line in future.result(LOOK):
                    self.place.say(line)
                return
            except TimeoutError:
                if self.place.progressed.stopping:
                    self._stop.value = SAVED
            except BrokenProcessPool:
                self._lost()
                return

    def _lost(self) -> None:
        """With one process the pool loses them all, and the race goes on in this one."""
        self.place.say("a process that helped was lost; what it had begun is gone on with here")
        self._end()
        self._given, self._pool, self.jobs = {}, None, 1

    def __enter__(self) -> SideBySide:
        return self

    def __exit__(self, kind: type[BaseException] | None, *more: object) -> None:
        """What the processes still do is saved where the run is to stop, and dropped where it has failed."""
        if self._pool is None:
            return
        self._stop.value = SAVED
        try:
            if kind is not None and not issubclass(kind, Interrupted):
                self._end()
            self._pool.shutdown(cancel_futures=True)
        except KeyboardInterrupt:
            self._end()
            raise

    def _end(self) -> None:
        self._stop.value = AT_ONCE

    def _begin(self) -> None:
        spawned = multiprocessing.get_context("spawn")
        self._stop = spawned.RawValue("b", 0)  # without a lock, which a process that dies might hold
        given = (pickle.dumps(self.fitter), self.place.progressed.folder, self._stop)
        self._pool = ProcessPoolExecutor(self.jobs, spawned, _ready, given)
        self.place.say(f"  the others are fitted by {self.jobs} processes side by side")


def _can_share(fitter: Fitter, place: Workplace) -> bool:
    """Not what a user's callbacks or loggers watch, nor what fills a GPU or the memory."""
    train = fitter.plan.train
    samples = sum(sum(tape.lengths) for tape in fitter.data.tapes.values())
    return device_of(fitter.plan) == "cpu" and not place.more and set(train.loggers) <= {"csv"} and samples <= LARGEST


@contextmanager
def _unheard(number: int) -> Iterator[None]:
    """Processes that begin in the block never hear this signal, not even while they import; this one does behind it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(task: Task) -> int:
    return task.plan.model.parameters


def _is_free(task: Task) -> bool:
    """Whether neither the clock nor the tasks before it bear on a task."""
    return task.allowed is None and task.stage.train.time_limit is None and task.stage.decimate == 1


# --- in the other process ----------------------------------------------------------------------------------------

_here: tuple[Fitter, Path, Progressed] | None = None


def _ready(fitter: bytes, folder: Path, stop: Any) -> None:
    """Ctrl-C reaches all processes of a terminal: only the first one answers, and sets `stop`."""
    global _here
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    progressed = Progressed(folder)
    _here = pickle.loads(fitter), folder, progressed
    threading.Thread(target=_watch, args=(progressed, stop), daemon=True).start()


def _watch(progressed: Progressed, stop: Any) -> None:
    first = multiprocessing.parent_process()
    while first is not None and first.is_alive():
        if stop.value == AT_ONCE:
            break
        progressed.stopping = stop.value == SAVED
        time.sleep(LOOK)
    os._exit(1)


def _fitted(task: bytes) -> list[str]:
    """The outcome is left in the checkpoints; returns what was to be said."""
    assert _here is not None
    fitter, folder, progressed = _here
    given: Task = pickle.loads(task)
    place = Workplace(folder, folder.parent, Progress(0, quiet=True), progressed, [])
    fitter.once(given, fitter.part(given.stage, given.refit), place)
    return place.log
