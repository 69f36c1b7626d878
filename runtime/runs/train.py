"""From a Plan to a finished run folder: data, stack, Lightning, score; all of it appears at once or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import nn

from sysidc.compiler.lower import build_stack, several_steps_at_once
from sysidc.compiler.pipeline import Compiled
from sysidc.compiler.plan import Plan, from_json, to_json
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.data.tape import TensorRecord
from sysidc.runtime.runs import folder as files
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.devices import device_of
from sysidc.runtime.runs.environment import data_hashes, environment
from sysidc.runtime.runs.epochs import as_csv
from sysidc.runtime.runs.evaluate import Row, score, scored_records
from sysidc.runtime.runs.fitting import Workplace, fit_once, module_of, threads_of
from sysidc.runtime.runs.gentle_stop import gentle_stop
from sysidc.runtime.runs.learned import tell_numbers
from sysidc.runtime.runs.loggers import require_packages
from sysidc.runtime.runs.model import Trained, members_of
from sysidc.runtime.runs.predict import prediction_columns, write_columns
from sysidc.runtime.runs.processes import is_shared, rank
from sysidc.runtime.runs.progress import Progress, announcement
from sysidc.runtime.runs.ran_away import ran_away
from sysidc.runtime.runs.record_warnings import record_warnings
from sysidc.runtime.runs.report import write_report
from sysidc.runtime.runs.resolved import resolved_text
from sysidc.runtime.runs.resume import Progressed, interruption_told, require_same_data
from sysidc.runtime.runs.stages import is_raced, race
from sysidc.runtime.runs.staging import partial_folder, staged
from sysidc.runtime.runs.waiting import begun
from sysidc.runtime.training.preparation import begin, settle

FIT = "fit"
"""The name of the one fit of a run among its checkpoints."""


@dataclass(frozen=True)
class Outcome:
    """A fitted model, its learning curve, what was to be told on the way, and what it took."""

    trained: Trained
    rows: list[Row]
    log: list[str]
    device: str
    threads: int
    seconds: float


def train(
    compiled: Compiled,
    overrides: Mapping[str, object] | None = None,
    runs: Path = files.RUNS,
    quiet: bool = True,
    more: Sequence[pl.Callback] = (),
    jobs: int = 1,
) -> Path:
    """Train, score and leave a run folder below `runs`; returns its path.

    A finished run of the same plan is replaced at the very end, one that was interrupted at once. `more` callbacks see
    the training. Up to `jobs` processes fit candidates of a race side by side, to the same numbers. Of several
    processes that share a training the first one writes. Raises DataError and RunError, after which nothing is left
    behind; Interrupted where a later process can go on.
    """
    plan = compiled.plan
    assert plan is not None, "only a sound spec is trained"
    run = runs / files.folder_name(plan)
    return _make(run, plan, resolved_text(compiled.sources, plan, overrides or {}, run), quiet, more, jobs)


def go_on(run: Path, quiet: bool = True, jobs: int = 1) -> Path:
    """Finish a run that was interrupted, to the same numbers as without the interruption; returns its path.

    A finished run stays as it is. Raises RunError where there is none, or where its data are not those that it was
    begun with.
    """
    partial = begun(run)
    if partial is None:
        raise mistakes.not_interrupted(run)
    if partial == run:
        return run
    spec = (partial / files.SPEC).read_text(encoding="utf-8")
    return _make(run, files.read_plan(partial), spec, quiet, jobs=jobs, resumed=True)


def _make(
    run: Path,
    plan: Plan,
    spec: str,
    quiet: bool,
    more: Sequence[pl.Callback] = (),
    jobs: int = 1,
    resumed: bool = False,
) -> Path:
    require_packages(plan)
    data = SpecDataModule(plan, several=several_steps_at_once(plan))
    if rank(plan):
        fit(plan, data, run.parent, run.parent, quiet=True, more=more)
        return run
    hashes = data_hashes(plan)
    if resumed:
        require_same_data(partial_folder(run), hashes)
    progressed = Progressed(partial_folder(run))
    with interruption_told(run, progressed), staged(run, resumed, progressed.worth_keeping) as folder:
        files.write_text(folder / files.SPEC, spec)
        files.write_plan(folder, plan, run)
        files.write_json(folder / files.ENVIRONMENT, environment(plan, hashes, device_of(plan), 0, None))
        outcome = fit(plan, data, folder, run.parent, quiet, more, progressed, jobs)
        files.write_plan(folder, outcome.trained.plan, run)
        records = scored_records(plan)
        rows = score(outcome.trained, records)
        for line in ran_away(outcome.trained, records):
            outcome.log.append(line)
            Progress(plan.train.epochs, quiet).say(line)
        told = environment(plan, hashes, outcome.device, outcome.threads, outcome.seconds)
        files.write_json(folder / files.ENVIRONMENT, told)
        _write_outcome(folder, outcome, rows, records)
    return run


def fit(
    plan: Plan,
    data: SpecDataModule,
    folder: Path,
    runs: Path,
    quiet: bool,
    more: Sequence[pl.Callback] = (),
    progressed: Progressed | None = None,
    jobs: int = 1,
) -> Outcome:
    """Train on the data of a plan. Raises RunError.

    With `progressed` what is done is saved there, and what was done is not done again.
    """
    progressed = progressed or Progressed(folder)
    done = progressed.outcome(FIT)
    if done is not None:
        return _outcome_of(plan, done)
    device = device_of(plan)
    progress = Progress(plan.train.epochs, quiet)
    log: list[str] = []
    place = Workplace(folder, runs, progress, progressed, log, more, jobs)
    warnings = record_warnings(plan, sum(data.tapes["train"].lengths)) if plan.train.mode == "simulation" else ()
    for line in (*announcement(plan, data, device), *warnings):
        place.say(line)
    with threads_of(plan), progress.running(), gentle_stop(progressed, progress.say):
        threads = torch.get_num_threads()
        if is_raced(plan):
            trained, rows, seconds = race(plan, data, place)
        else:
            trained, rows, seconds = _alone(plan, data, place)
    outcome = Outcome(trained, rows, log, device, threads, seconds)
    if not is_shared(plan):
        progressed.finish(FIT, _as_tree(outcome))
    return outcome


def _alone(plan: Plan, data: SpecDataModule, place: Workplace) -> tuple[Trained, list[Row], float]:
    stack = build_stack(plan)
    assert isinstance(stack, nn.Sequential)
    if plan.model.chain is not None:
        place.say(begin(stack, data))
    module = module_of(plan, data, stack)
    fitted = fit_once(plan, module, data, FIT, place)
    place.log.append(f"trained {len(fitted.rows)} epochs in {fitted.seconds:.1f} s")
    trained = Trained(plan, module.cpu().eval(), data.normalizer.cpu())
    if plan.model.chain is not None:
        settle(stack, data, prior=True)
        if not rank(plan):
            tell_numbers(stack, data, place)
    return trained, fitted.rows, fitted.seconds


def _as_tree(outcome: Outcome) -> dict[str, Any]:
    """All of an outcome that a checkpoint can hold."""
    own = {field.name: getattr(outcome, field.name) for field in fields(outcome)}
    trained = outcome.trained
    more = {"plan": to_json(trained.plan), "members": trained.member_trees(), "output_range": trained.output_range}
    return {**own, "trained": trained.state(), **more}


def _outcome_of(plan: Plan, tree: dict[str, Any]) -> Outcome:
    """The race of structures may have left another plan than the one that was written."""
    raced = from_json(tree.pop("plan"))
    own = replace(plan, model=raced.model)
    members = members_of(own, tree.pop("members"))
    trained = replace(Trained.of_state(own, tree["trained"], members), output_range=tree.pop("output_range"))
    return Outcome(**{**tree, "trained": trained})


def _write_outcome(folder: Path, outcome: Outcome, rows: list[Row], records: tuple[TensorRecord, ...]) -> None:
    trained = outcome.trained
    trained.save(folder)
    parts = [(record.name, prediction_columns(trained, record)) for record in records]
    for index, (name, columns) in enumerate(parts):
        write_columns(folder / files.PREDICTIONS / f"{index:02d}-{_file_name(name)}.csv", [(name, columns)])
    files.write_json(folder / files.METRICS, rows)
    files.write_text(folder / files.EPOCHS, as_csv(outcome.rows))
    files.write_text(folder / files.LOG, "\n".join(outcome.log) + "\n")
    write_report(folder)


def _file_name(record: str) -> str:
    return "".join(character if character.isalnum() or character in "-_.[]" else "_" for character in record)
