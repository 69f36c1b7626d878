"""A sweep from its spec to its best run: where it lies, what it tries, what it leaves behind."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sysidc.compiler.pipeline import Compiled, compile_source
from sysidc.compiler.plan import Plan, SweepPlan
from sysidc.runtime.runs.claim import claimed
from sysidc.runtime.runs.folder import write_text
from sysidc.runtime.runs.processes import is_shared
from sysidc.runtime.runs.resolved import resolved_text
from sysidc.runtime.sweep import mistakes
from sysidc.runtime.sweep.journal import Journal
from sysidc.runtime.sweep.table import Table
from sysidc.runtime.sweep.task import Task

TRIALS = "trials.csv"
BEST = "best.sysid"

Engine = Callable[[Journal, Path, Callable[[dict[str, Any]], Task], Table], None]
"""What runs the trials of a journal: processes of this machine, or a cluster."""


@dataclass(frozen=True)
class Found:
    """A finished sweep: its folder, the run of the best trial, and a row for every trial."""

    folder: Path
    best: Path
    values: Mapping[str, Any]
    rows: list[dict[str, Any]]


def search(compiled: Compiled, overrides: Mapping[str, Any], runs: Path, engine: Engine, quiet: bool = True) -> Found:
    """Run a sweep, or what is left of it. Raises DataError and RunError."""
    plan = compiled.plan
    assert plan is not None, "only a sound spec is searched"
    if plan.sweep is None:
        raise mistakes.no_domains(compiled.source.name)
    if is_shared(plan):
        raise mistakes.shared_trials()
    folder = runs / folder_name(plan)
    folder.mkdir(parents=True, exist_ok=True)
    with claimed(folder):
        journal = Journal(folder, plan.sweep, plan.train.epochs, plan.sweep.jobs)
        table = Table(plan.sweep.metric, journal.trials, quiet)
        table.say(_announced(folder, journal))
        with table.shown():
            engine(journal, folder, _tasks(compiled, plan.sweep, overrides, folder), table)
        write_text(folder / TRIALS, as_csv(list(journal.rows())))
        return _found(compiled, overrides, folder, journal)


def folder_name(plan: Plan) -> str:
    """`<name>-sweep-<short hash>`: one search, one folder, however many trials it is given."""
    assert plan.sweep is not None
    tree = {**asdict(plan.sweep), "trials": None, "jobs": None, "time_limit": None, "plan": plan.hash}
    return f"{plan.model.name}-sweep-{hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:6]}"


def with_limits(compiled: Compiled, trials: int | None, jobs: int | None) -> Compiled:
    """The same spec with the number of trials and of jobs that a command line gives."""
    plan = compiled.plan
    if plan is None or plan.sweep is None:
        return compiled
    sweep = replace(plan.sweep, trials=trials or plan.sweep.trials, jobs=jobs or plan.sweep.jobs)
    changed = replace(plan, sweep=sweep)
    return replace(compiled, make_plan=lambda: changed)


def _tasks(
    compiled: Compiled, sweep: SweepPlan, overrides: Mapping[str, Any], folder: Path
) -> Callable[[dict[str, Any]], Task]:
    source = compiled.source
    path = str((source.path or Path(source.name)).absolute())

    def task(values: dict[str, Any]) -> Task:
        return Task(source.name, path, source.text, {**overrides, **values}, sweep.metric, str(folder.absolute()))

    return task


def _announced(folder: Path, journal: Journal) -> str:
    sweep = journal.sweep
    done = f", {journal.finished} of them done before" if journal.finished else ""
    return f"{folder}: {journal.trials} trials by {sweep.sampler}{done}; {sweep.metric} of the validation part"


def _found(compiled: Compiled, overrides: Mapping[str, Any], folder: Path, journal: Journal) -> Found:
    best = journal.best()
    rows = list(journal.rows())
    if best is None:
        reasons = [row["reason"] for row in rows if row["reason"]]
        raise mistakes.all_failed(len(reasons), reasons[-1]) if reasons else mistakes.no_trial_finished(folder)
    values = {domain.param: rows[best.number][domain.param] for domain in journal.sweep.domains}
    given = {**overrides, **values}
    chosen = compile_source(compiled.source, given)
    assert chosen.plan is not None, "the best trial was trained"
    write_text(folder / BEST, resolved_text(chosen.sources, chosen.plan, given, folder))
    return Found(folder, folder / best.user_attrs["run"], values, rows)


def as_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["trial", "state"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
