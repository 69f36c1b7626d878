"""How a run folder comes to be: beside its place, whole or not at all, and what waits there after an interruption."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.claim import LOCK, claimed, is_claimed
from sysidc.runtime.runs.folder import CHECKPOINTS, ENVIRONMENT, EPOCHS, PLAN, SPEC

LOGGED = ("tensorboard", "wandb")
PARTIAL = ".partial"


def partial_folder(run: Path) -> Path:
    """Where a run lies while it is made, and where it waits after it was interrupted."""
    return run.with_name(f".{run.name}{PARTIAL}")


def final_folder(partial: Path) -> Path:
    """The run that a partial folder becomes; any other path is that of the run itself."""
    name = partial.name
    is_partial = name.startswith(".") and name.endswith(PARTIAL)
    return partial.with_name(name[1 : -len(PARTIAL)]) if is_partial else partial


def is_interrupted(run: Path) -> bool:
    """Whether a run waits to be gone on with."""
    partial = partial_folder(run)
    return (partial / PLAN).is_file() and (partial / SPEC).is_file() and not is_claimed(partial)


@contextmanager
def staged(
    folder: Path, resumed: bool = False, kept: Callable[[BaseException], bool] = lambda error: False
) -> Iterator[Path]:
    """The partial folder of a run, which takes the run's place at the end of the block.

    Where the block fails nothing stays, unless `kept(error)`. A `resumed` one keeps what it needs to go on, else it is
    empty at first. A run that was there before is replaced only at the end. Raises RunError where the folder cannot be
    made or another process works on it.
    """
    partial, before = partial_folder(folder), folder.with_name(f".{folder.name}.old")
    made = not folder.parent.exists()
    try:
        partial.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise mistakes.unwritable(folder, error.strerror or str(error)) from None
    with claimed(partial):
        _clear(partial, (LOCK, SPEC, PLAN, ENVIRONMENT, EPOCHS, CHECKPOINTS, *LOGGED) if resumed else (LOCK,))
        try:
            yield partial
        except BaseException as error:
            if not kept(error):
                _remove(partial, made)
            raise
    try:
        _clear(partial, (), (LOCK, CHECKPOINTS))
        shutil.rmtree(before, ignore_errors=True)
        if folder.exists():
            folder.rename(before)
        partial.rename(folder)
    except OSError as error:
        raise mistakes.unwritable(folder, error.strerror or str(error)) from None
    finally:
        shutil.rmtree(before, ignore_errors=True)


def _clear(folder: Path, but: Sequence[str], only: Sequence[str] | None = None) -> None:
    """Empty a folder, `but` for these names, or of these `only`; half-written files of a killed process go, too."""
    for path in folder.iterdir():
        if path.name in but or (only is not None and path.name not in only):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _remove(partial: Path, parent_too: bool) -> None:
    shutil.rmtree(partial, ignore_errors=True)
    if parent_too and not any(partial.parent.iterdir()):
        partial.parent.rmdir()
