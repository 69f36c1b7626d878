"""Which run `--resume` means: one that waits to be gone on with, of the same spec, or one that is finished."""

from __future__ import annotations

from pathlib import Path

from sysidc.compiler.difference import differences
from sysidc.compiler.plan import Plan
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.claim import is_claimed
from sysidc.runtime.runs.folder import PLAN, WEIGHTS, folder_name, read_plan
from sysidc.runtime.runs.staging import PARTIAL, final_folder, is_interrupted, partial_folder


def to_resume(plan: Plan | None, runs: Path, word: str = "") -> Path:
    """The run that `word` names, as `runs/name-hash`, `name-hash` or by its partial folder; without, that of the plan.

    Raises RunError where there is none, where another process works on it, and with all that differs where it was begun
    with another spec than the plan's.
    """
    assert word or plan is not None
    run = _named(runs, word) if word else runs / folder_name(plan)  # type: ignore[arg-type]
    found = begun(run)
    if found is None and not word and plan is not None:
        found = _of_another_spec(plan, runs)
    if found is None:
        raise mistakes.not_interrupted(run)
    if plan is not None:
        _require_same_spec(found, plan)
    return run


def begun(run: Path) -> Path | None:
    """The folder that a run lies in now: the partial one where it was interrupted, else its own where it is finished.

    Raises RunError where another process works on it.
    """
    if is_claimed(partial_folder(run)):
        raise mistakes.in_use(run)
    if is_interrupted(run):
        return partial_folder(run)
    return run if is_finished(run) else None


def is_finished(run: Path) -> bool:
    return (run / PLAN).is_file() and (run / WEIGHTS).is_file()


def _named(runs: Path, word: str) -> Path:
    path = final_folder(Path(word))
    inside = runs / path
    return inside if begun(path) is None and begun(inside) else path


def _of_another_spec(plan: Plan, runs: Path) -> Path | None:
    """The newest interrupted run of a model of the same name."""
    waiting = [path for path in runs.glob(f".{plan.model.name}-*{PARTIAL}") if is_interrupted(final_folder(path))]
    return max(waiting, key=lambda path: path.stat().st_mtime, default=None)


def _require_same_spec(folder: Path, plan: Plan) -> None:
    found = differences(read_plan(folder), plan)
    if found:
        raise mistakes.changed_spec(folder, [f"{item.path}: {item.first} -> {item.second}" for item in found])
