"""Which process works on a run: one at a time, known by a lock that ends with the process however that ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sysidc.runtime.runs import mistakes

LOCK = "lock"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """The folder belongs to this process inside the block. Raises RunError where another one has it."""
    try:
        file = open(folder / LOCK, "wb")  # noqa: SIM115 (open as long as the lock is held)
    except OSError as error:
        raise mistakes.unwritable(folder / LOCK, error.strerror or str(error)) from None
    with file:
        if not _lock(file):
            raise mistakes.in_use(folder)
        yield


def is_claimed(folder: Path) -> bool:
    """Whether some process works on the folder now."""
    try:
        with open(folder / LOCK, "rb+") as file:
            return not _lock(file)
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
