"""Ctrl-C while a model is trained: the first lets the step end and its work be saved, the second ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from sysidc.runtime.runs.resume import Progressed

GENTLE = ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL))
"""What is answered so, where nobody else answers it."""


@contextmanager
def gentle_stop(progressed: Progressed, say: Callable[[str], None]) -> Iterator[None]:
    """Inside the block SIGINT and SIGTERM set `progressed.stopping`; when that is set they raise KeyboardInterrupt.

    Outside the main thread, and where a program has handlers of its own, nothing changes.
    """

    def answer(number: int, frame: FrameType | None) -> None:
        if progressed.stopping:
            raise KeyboardInterrupt
        progressed.stopping = True
        say("stopping after this step; again to stop at once, without what was not saved")

    replaced = []
    if threading.current_thread() is threading.main_thread():
        replaced = [(number, usual) for number, usual in GENTLE if signal.getsignal(number) is usual]
    try:
        for number, _ in replaced:
            signal.signal(number, answer)
        yield
    finally:
        for number, usual in replaced:
            signal.signal(number, usual)
