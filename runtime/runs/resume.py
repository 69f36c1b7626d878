"""What is kept of a run while it is made, so that a later process goes on where this one was stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.checkpoints import read_tree, write_tree
from sysidc.runtime.runs.environment import read_environment
from sysidc.runtime.runs.epochs import LearningCurve, Row, as_csv
from sysidc.runtime.runs.folder import CHECKPOINTS, EPOCHS, write_text
from sysidc.runtime.runs.mistakes import RunError

SECONDS = 2.0
"""At most so often a checkpoint is written; where writing takes long, so seldom that it costs 5 % of the time."""

SHARE = 0.05


class Interrupted(KeyboardInterrupt):
    """A run was stopped and waits in its partial folder."""


class Progressed:
    """`checkpoints/` of a partial run folder: each finished fit with its outcome, and the fit that is under way.

    A run is one fit or several, each with a name of its own. `stopping` asks the fit to end at the next epoch whose
    state is saved; `saved` tells whether there is anything to go on with.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stopping = False

    @property
    def saved(self) -> bool:
        return any((self.folder / CHECKPOINTS).glob("*.safetensors"))

    def worth_keeping(self, error: BaseException) -> bool:
        """Whether another process should go on after this error: not where the same would happen again, and not where
        a callback ended the fit."""
        if isinstance(error, RunError):
            return self.saved and error.id != "diverged"
        stopped = not isinstance(error, Exception) or isinstance(error, OSError | MemoryError)
        return self.saved and (stopped or not self._under_way)

    def live(self, fit: str) -> Path:
        """The checkpoint of a fit that is under way."""
        return self.folder / CHECKPOINTS / f"{fit}.live.safetensors"

    def outcome(self, fit: str) -> Any:
        """What `finish` was given, None for a fit that has not finished. Raises RunError."""
        path = self._finished(fit)
        return read_tree(path) if path.is_file() else None

    def finish(self, fit: str, outcome: Any) -> None:
        """Keep what a fit led to: tensors, numbers, texts, and lists and dicts of them. Raises RunError.

        Raises Interrupted where the run is to stop.
        """
        write_tree(self._finished(fit), outcome)
        self.live(fit).unlink(missing_ok=True)
        self.stop_if_asked()

    def stop_if_asked(self) -> None:
        if self.stopping:
            raise Interrupted

    @property
    def _under_way(self) -> bool:
        return any((self.folder / CHECKPOINTS).glob("*.live.safetensors"))

    def _finished(self, fit: str) -> Path:
        return self.folder / CHECKPOINTS / f"{fit}.safetensors"


@contextmanager
def interruption_told(run: Path, progressed: Progressed) -> Iterator[None]:
    """Turns a KeyboardInterrupt into an Interrupted that tells how to go on, where something was saved."""
    try:
        yield
    except KeyboardInterrupt:
        told = f"interrupted; to go on: sysidc train --resume {run}" if progressed.saved else "interrupted"
        raise Interrupted(told) from None


class LiveCheckpoints(pl.Callback):
    """Saves a fit at the end of epochs and, where a checkpoint is there, goes on from it: pass `resumed` to the fit.

    A checkpoint holds what Lightning's does (model, optimiser, schedulers, callbacks, epochs done) and the learning
    curve, the time spent, the metrics that callbacks see, the horizon and torch's random states. The last epoch of a
    fit is not saved: after it comes the outcome. An epoch counts as over when its row is complete, which is after all
    that Lightning does in it.
    """

    def __init__(self, progressed: Progressed, fit: str, curve: LearningCurve) -> None:
        self.progressed, self.curve = progressed, curve
        self.path = progressed.live(fit)
        self.before = 0.0
        self._started = self._due = time.perf_counter()
        self._trainer: pl.Trainer | None = None
        self._random: dict[str, Any] | None = None
        self._unsaved = False

    @property
    def resumed(self) -> str | None:
        """The checkpoint to go on from, as `Trainer.fit(ckpt_path=...)` takes it."""
        return str(self.path) if self.path.is_file() else None

    @property
    def seconds(self) -> float:
        """Spent on the fit until now, by this process and those before it."""
        return self.before + time.perf_counter() - self._started

    def epoch(self, row: Row) -> None:
        """An epoch is over and counted."""
        trainer = self._trainer
        assert trainer is not None, "the callback belongs to the trainer"
        if trainer.should_stop or row["epoch"] == trainer.max_epochs:
            return
        self._unsaved = True
        if self.progressed.stopping or time.perf_counter() >= self._due:
            self._save(trainer)

    # --- writing -----------------------------------------------------------------------------------------------

    def _save(self, trainer: pl.Trainer) -> None:
        begun = time.perf_counter()
        trainer.save_checkpoint(self.path)
        write_text(self.progressed.folder / EPOCHS, as_csv(self.curve.rows))
        self._unsaved = False
        now = time.perf_counter()
        self._due = now + max(SECONDS, (now - begun) / SHARE)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        _count_epoch(checkpoint["loops"]["fit_loop"])
        checkpoint["run"] = {
            "rows": self.curve.rows,
            "seconds": self.seconds,
            "horizon": getattr(trainer.datamodule, "n_forward_time_steps", None),  # type: ignore[attr-defined]
            "metrics": dict(trainer.callback_metrics),
            "random": random_states(),
        }

    # --- going on ----------------------------------------------------------------------------------------------

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._trainer = trainer
        self.curve.told.append(self.epoch)

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        run = checkpoint["run"]
        self.curve.rows[:] = run["rows"]
        self.before = run["seconds"]
        self._random = run["random"]
        self._metrics = run["metrics"]
        data = trainer.datamodule  # type: ignore[attr-defined]
        if isinstance(data, SpecDataModule):
            data.go_on(len(self.curve.rows), run["horizon"])

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._random is not None:
            trainer.callback_metrics.update(self._metrics)
            restore_random_states(self._random)
            self._random = None

    # --- stopping ----------------------------------------------------------------------------------------------

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop_if_saved()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._stop_if_saved()

    def _stop_if_saved(self) -> None:
        """A step is over; where an epoch waits to be saved, its successor's end is not far, and saves both."""
        if not self._unsaved:
            self.progressed.stop_if_asked()


def _count_epoch(loop: dict[str, Any]) -> None:
    """Lightning counts an epoch as completed after its metrics are logged, which is where it is saved here."""
    for count in loop["epoch_progress"].values():
        count["completed"] = count["processed"]
    loop["epoch_loop.state_dict"]["_batches_that_stepped"] += 1


def random_states() -> dict[str, Any]:
    """Of torch's own generators: the CPU's and each GPU's."""
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}


def restore_random_states(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["cpu"])
    if torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])


def require_same_data(partial: Path, hashes: dict[str, str]) -> None:
    """Raises RunError with the files that differ from those that a run was begun with."""
    before = read_environment(partial).get("data", {})
    names = [name for name in dict.fromkeys([*before, *hashes]) if before.get(name) != hashes.get(name)]
    if names:
        told = [f"{name}: {_hash(before.get(name))} -> {_hash(hashes.get(name))}" for name in names]
        raise mistakes.changed_data(partial, told)


def _hash(value: str | None) -> str:
    return "absent" if value is None else f"sha256 {value[:12]}"
