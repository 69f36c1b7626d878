"""From a Plan to a finished run folder: data, stack, Lightning, score; all of it appears at once or not at all."""

from __future__ import annotations

import logging
import signal
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from sysidc.compiler.lower import build_stack, callbacks, several_steps_at_once, training_module
from sysidc.compiler.pipeline import Compiled
from sysidc.compiler.plan import Plan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.data.tape import TensorRecord
from sysidc.runtime.runs import folder as files
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.environment import environment
from sysidc.runtime.runs.epochs import EpochWatch, LearningCurve, as_csv
from sysidc.runtime.runs.evaluate import Row, score, scored_records
from sysidc.runtime.runs.loggers import loggers, require_packages
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.predict import prediction_columns, write_columns
from sysidc.runtime.runs.processes import rank
from sysidc.runtime.runs.progress import Progress, announcement
from sysidc.runtime.runs.report import write_report
from sysidc.runtime.runs.resolved import resolved_text
from sysidc.runtime.training import BestWeights
from sysidc.runtime.training.step import TrainingModule

LIGHTNING_PRECISION = {"16-mixed": "16-mixed", "bf16-mixed": "bf16-mixed"}
"""Every other precision is the dtype of the stack itself, and Lightning converts nothing."""


WORTH_SHARING = 2_000_000
"""Products in one optimiser step (parameters times windows) from which on several threads are faster than one."""


@dataclass(frozen=True)
class Outcome:
    """A fitted model, its learning curve, what was to be told on the way, and what it took."""

    trained: Trained
    curve: LearningCurve
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
) -> Path:
    """Train, score and leave a run folder below `runs`; returns its path.

    A finished run of the same plan is replaced at the very end. `more` callbacks see the training. Of several processes
    that share it the first one writes. Raises DataError and RunError; nothing is left behind.
    """
    plan = compiled.plan
    assert plan is not None, "only a sound spec is trained"
    require_packages(plan)
    data = SpecDataModule(plan, several=several_steps_at_once(plan))
    run = runs / files.folder_name(plan)
    if rank(plan):
        fit(plan, data, runs, runs, quiet=True, more=more)
        return run
    with files.staged(run) as folder:
        outcome = fit(plan, data, folder, runs, quiet, more)
        records = scored_records(plan)
        rows = score(outcome.trained, records)
        files.write_text(folder / files.SPEC, resolved_text(compiled.sources, plan, overrides or {}, run))
        files.write_plan(folder, plan, run)
        _write_outcome(folder, outcome, rows, records)
    return run


def fit(
    plan: Plan, data: SpecDataModule, folder: Path, runs: Path, quiet: bool, more: Sequence[pl.Callback] = ()
) -> Outcome:
    """Train on the data of a plan. The weights with the lowest val_loss are kept. Raises RunError."""
    device = device_of(plan)
    progress = Progress(plan.train.epochs, quiet)
    log = announcement(plan, data, device)
    for line in log:
        progress.say(line)
    module = _module(plan, data)
    curve = LearningCurve(progress.epoch)
    started = time.perf_counter()
    with _seeded(plan.train.seed), _threads(plan), _quiet_lightning(log), progress.running():
        threads = torch.get_num_threads()
        trainer = _trainer(plan, folder, runs, curve, progress, more)
        _run(trainer, module, data)
    seconds = time.perf_counter() - started
    log.append(f"trained {len(curve.rows)} epochs in {seconds:.1f} s")
    return Outcome(Trained(plan, module.cpu().eval(), data.normalizer.cpu()), curve, log, device, threads, seconds)


def device_of(plan: Plan) -> str:
    """The device that the plan trains on. Raises RunError where this machine has none."""
    wanted = plan.train.accelerator
    if wanted in ("cuda", "gpu") and not torch.cuda.is_available() and not _has_mps(wanted):
        raise mistakes.no_device(wanted, "torch finds no GPU")
    if wanted == "mps" and not torch.backends.mps.is_available():
        raise mistakes.no_device(wanted, "torch finds no Metal device")
    if wanted in ("cuda", "gpu", "auto") and torch.cuda.is_available():
        return f"cuda ({torch.cuda.get_device_name(0)})"
    return "mps" if wanted != "cpu" and torch.backends.mps.is_available() else "cpu"


def _has_mps(wanted: str) -> bool:
    return wanted == "gpu" and torch.backends.mps.is_available()


def _module(plan: Plan, data: SpecDataModule) -> TrainingModule:
    _require_schedule(plan, data.steps_per_epoch * plan.train.epochs)
    outputs = [window.signal for window in plan.model.outputs]
    scale = data.normalizer.join(outputs)[1].float()
    module = training_module(plan, build_stack(plan), scale, data.steps_per_epoch, data.several)
    assert isinstance(module, TrainingModule)
    return module


def _require_schedule(plan: Plan, steps: int) -> None:
    call = plan.train.scheduler
    total = call.arguments.get("total_steps") if call is not None else None
    if total is not None and total < steps:
        raise mistakes.short_schedule(total, steps)


def _trainer(
    plan: Plan, folder: Path, runs: Path, curve: LearningCurve, progress: Progress, more: Sequence[pl.Callback]
) -> pl.Trainer:
    train = plan.train
    growing = train.prediction is not None and train.prediction.autoregression is not None
    try:
        return pl.Trainer(
            max_epochs=train.epochs,
            accelerator=train.accelerator,
            devices=train.devices,
            strategy=train.strategy,
            num_nodes=train.num_nodes,
            use_distributed_sampler=False,  # the data module shares out the windows
            precision=LIGHTNING_PRECISION.get(train.precision, "32-true"),  # type: ignore[arg-type]
            gradient_clip_val=None if several_steps_at_once(plan) else train.gradient_clip,
            callbacks=[*callbacks(plan), BestWeights(), EpochWatch(curve), progress, *more],
            logger=[curve, *(() if rank(plan) else loggers(plan, folder, runs))],
            reload_dataloaders_every_n_epochs=int(growing),
            default_root_dir=folder,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
        )
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        raise mistakes.no_device(train.accelerator, " ".join(str(error).split())) from None


def _run(trainer: pl.Trainer, module: pl.LightningModule, data: SpecDataModule) -> None:
    """Lightning turns Ctrl-C into an exit and lets later ones go unheard; here it stays a KeyboardInterrupt."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, datamodule=data)
    except SystemExit:
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None
    except torch.OutOfMemoryError as error:
        raise mistakes.too_large(str(error).splitlines()[0]) from None


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """torch's random state follows the seed inside and is as it was afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def _threads(plan: Plan) -> Iterator[None]:
    """One thread for a network so small that handing its work to several would cost more than doing it."""
    before = torch.get_num_threads()
    horizon = plan.train.prediction.validation_horizon if plan.train.prediction is not None else 1
    if plan.model.parameters * plan.train.batch_size * horizon < WORTH_SHARING:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet_lightning(log: list[str]) -> Iterator[None]:
    """What Lightning and torch have to say goes to the run's log instead of the terminal."""
    lightning = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in lightning]
    for logger in lightning:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        for logger, level in zip(lightning, levels, strict=True):
            logger.setLevel(level)
    log.extend(dict.fromkeys(f"{warning.category.__name__}: {warning.message}" for warning in caught))


def _write_outcome(folder: Path, outcome: Outcome, rows: list[Row], records: tuple[TensorRecord, ...]) -> None:
    trained = outcome.trained
    trained.save(folder)
    parts = [(record.name, prediction_columns(trained, record)) for record in records]
    for index, (name, columns) in enumerate(parts):
        write_columns(folder / files.PREDICTIONS / f"{index:02d}-{_file_name(name)}.csv", [(name, columns)])
    files.write_json(folder / files.METRICS, rows)
    files.write_text(folder / files.EPOCHS, as_csv(outcome.curve.rows))
    files.write_json(
        folder / files.ENVIRONMENT, environment(trained.plan, outcome.device, outcome.threads, outcome.seconds)
    )
    files.write_text(folder / files.LOG, "\n".join(outcome.log) + "\n")
    write_report(folder)


def _file_name(record: str) -> str:
    return "".join(character if character.isalnum() or character in "-_.[]" else "_" for character in record)
