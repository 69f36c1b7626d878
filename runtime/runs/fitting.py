"""One fit by Lightning's Trainer: seeded, on the right number of threads, its warnings kept, resumed where it was."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import nn

from sysidc.compiler.lower import callbacks, is_second_order, several_steps_at_once, training_module
from sysidc.compiler.plan import Plan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.checkpoints import TreeCheckpoints
from sysidc.runtime.runs.epochs import EpochWatch, LearningCurve, Row
from sysidc.runtime.runs.loggers import loggers
from sysidc.runtime.runs.mistakes import RunError
from sysidc.runtime.runs.processes import is_shared, rank
from sysidc.runtime.runs.progress import Progress
from sysidc.runtime.runs.resume import LiveCheckpoints, Progressed
from sysidc.runtime.runs.wrong_loss import BestAhead
from sysidc.runtime.training import BestWeights
from sysidc.runtime.training.step import TrainingModule

LIGHTNING_PRECISION = {"16-mixed": "16-mixed", "bf16-mixed": "bf16-mixed"}
"""Every other precision is the dtype of the stack itself, and Lightning converts nothing."""

WORTH_SHARING = 2_000_000
"""Products in one optimiser step (parameters times windows) from which on several threads are faster than one."""

NOTHING_TO_VALIDATE = "Total length of .* across ranks is zero"
"""What Lightning says of a refit, whose validation part is trained on."""

Keep: TypeAlias = Literal["validated", "worse of both", "worse of both ahead", "last"]
"""Which weights of a fit are kept: those of the lowest `val_loss`, of the lowest of the worse of the errors in training
and validation, in free run or one step ahead, or the last."""


@dataclass
class Workplace:
    """What the fits of a run share: where they write, what they tell, what is kept of them, who else watches, and how
    many processes may fit candidates side by side."""

    folder: Path
    runs: Path
    progress: Progress
    progressed: Progressed
    log: list[str]
    more: Sequence[pl.Callback] = ()
    jobs: int = 1

    def say(self, line: str) -> None:
        self.log.append(line)
        self.progress.say(line)


@dataclass(frozen=True)
class Fit:
    """What a fit took: the rows of its learning curve, seconds, and the epoch whose weights were kept."""

    rows: list[Row]
    seconds: float
    best_epoch: int | None


def fit_once(
    plan: Plan,
    module: TrainingModule,
    data: SpecDataModule,
    name: str,
    place: Workplace,
    keep: Keep = "validated",
    stops: Sequence[pl.Callback] = (),
) -> Fit:
    """Train the module as the plan says; it holds the weights to keep afterwards. Raises RunError.

    `stops` may end the training before the plan does.
    """
    curve = LearningCurve(place.progress.epoch)
    live = LiveCheckpoints(place.progressed, name, curve)
    best = _best(keep, data)
    kept = [] if keep == "last" else [best]
    # processes that share a training would have to save at the same moment
    watching = place.more if is_shared(plan) else (*place.more, live)
    with seeded(plan.train.seed), threads_of(plan), quiet_lightning(place.log):
        trainer = _trainer(plan, place, curve, [*kept, *stops, *watching])
        try:
            _run(trainer, module, data, live.resumed)
        except RunError as error:
            if error.id != "diverged" or best.best_epoch is None:
                raise
            best.put_back(module)
            place.say(f"stopped: {error}; the best weights, those of epoch {best.best_epoch + 1}, are kept")
    best_epoch = None if best.best_epoch is None else best.best_epoch + 1
    return Fit(curve.rows, live.seconds, best_epoch)


def _best(keep: Keep, data: SpecDataModule) -> BestWeights:
    if keep == "worse of both ahead":
        return BestAhead(data.val_dataloader())
    return BestWeights(and_training=keep == "worse of both")


def module_of(plan: Plan, data: SpecDataModule, stack: nn.Sequential) -> TrainingModule:
    """The training module of the plan around a stack. Raises RunError for a schedule shorter than the training."""
    _require_schedule(plan, data.steps_per_epoch * plan.train.epochs)
    outputs = [window.signal for window in plan.model.outputs]
    scale = data.normalizer.join(outputs)[1].float()
    module = training_module(plan, stack, scale, data.steps_per_epoch, data.several)
    assert isinstance(module, TrainingModule)
    return module


def _require_schedule(plan: Plan, steps: int) -> None:
    call = plan.train.scheduler
    total = call.arguments.get("total_steps") if call is not None else None
    if total is not None and total < steps:
        raise mistakes.short_schedule(total, steps)


def _trainer(plan: Plan, place: Workplace, curve: LearningCurve, watching: Sequence[pl.Callback]) -> pl.Trainer:
    trainer = _made(plan, place, curve, watching)
    if plan.train.precision == "16-mixed" and trainer.strategy.root_device.type == "cpu":
        raise mistakes.no_float16(plan.train.precision)  # Lightning would take bfloat16 instead
    return trainer


def _made(plan: Plan, place: Workplace, curve: LearningCurve, watching: Sequence[pl.Callback]) -> pl.Trainer:
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
            callbacks=[*callbacks(plan), EpochWatch(curve), place.progress, *watching],
            logger=[curve, *(() if rank(plan) else loggers(plan, place.folder, place.runs))],
            reload_dataloaders_every_n_epochs=int(growing),
            default_root_dir=place.folder,
            plugins=[TreeCheckpoints()],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            inference_mode=not is_second_order(plan),  # which knows no forward differentiation
            log_every_n_steps=1,
        )
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        raise mistakes.no_device(train.accelerator, " ".join(str(error).split())) from None


def _run(trainer: pl.Trainer, module: pl.LightningModule, data: SpecDataModule, checkpoint: str | None) -> None:
    """Lightning turns Ctrl-C into an exit and lets later ones go unheard; here it stays a KeyboardInterrupt."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(module, datamodule=data, ckpt_path=checkpoint)
    except SystemExit:
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None
    except torch.OutOfMemoryError as error:
        raise mistakes.too_large(str(error).splitlines()[0]) from None


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch's random state follows the seed inside and is as it was afterwards."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def threads_of(plan: Plan) -> Iterator[None]:
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
def quiet_lightning(log: list[str]) -> Iterator[None]:
    """What Lightning and torch have to say goes to the run's log instead of the terminal, once; what they will do
    otherwise one day (FutureWarning, DeprecationWarning) is for their callers and not for users."""
    lightning = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in lightning]
    for logger in lightning:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for early in (FutureWarning, DeprecationWarning, PendingDeprecationWarning):
                warnings.simplefilter("ignore", early)
            warnings.filterwarnings("ignore", NOTHING_TO_VALIDATE)
            yield
    finally:
        for logger, level in zip(lightning, levels, strict=True):
            logger.setLevel(level)
    told = dict.fromkeys(f"{warning.category.__name__}: {warning.message}" for warning in caught)
    log.extend(line for line in told if line not in log)
