"""What a training tells while it runs: beforehand what it will do, then a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import lightning.pytorch as pl

from sysidc.compiler.plan import Node, Plan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.runs.epochs import Row

LINES = 20
"""At most so many plain lines for the epochs of a fit."""

REDRAW = 0.05
"""Seconds between two movements of the bar."""


def announcement(plan: Plan, data: SpecDataModule, device: str) -> list[str]:
    """Layers, parameters, windows, steps per epoch, epochs, optimiser, device."""
    model, train = plan.model, plan.train
    windows = f"{data.windows('train')} training, {data.windows('validation')} validation"
    return [
        f"{model.name}: {count_layers(model.nodes)} layers, {model.parameters} parameters, {train.mode} mode",
        f"windows: {windows}; {data.steps_per_epoch} steps per epoch, {train.epochs} epochs",
        f"optimiser: {in_brief(train.optimizer.name, dict(train.optimizer.arguments))}; device: {device}",
    ]


def count_layers(nodes: tuple[Node, ...]) -> int:
    """Layers proper, without the wrappers around them."""
    return sum(count_layers(node.children) if node.children else 1 for node in nodes)


def in_brief(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key} = {_short(value)}' for key, value in arguments.items())})"


def epoch_line(row: Row, epochs: int) -> str:
    told = [f"{name} {_short(row[name])}" for name in ("train_loss", "val_loss", "val_fit") if row[name] is not None]
    horizon = [f"horizon {row['horizon']}"] if "horizon" in row else []
    return f"epoch {row['epoch']:>{len(str(epochs))}}/{epochs}  " + "  ".join(told + horizon)


class Progress(pl.Callback):
    """Tells on `stream` how far a fit is; silent where `quiet`. Fits may follow one another, each set by `epochs`."""

    def __init__(self, epochs: int, quiet: bool, stream: TextIO | None = None):
        self.epochs, self.quiet = epochs, quiet
        self.stream = stream or sys.stderr
        self.bar: Any = None
        self._began = self._drawn = time.perf_counter()
        self._first = 0

    def say(self, line: str) -> None:
        if self.quiet:
            return
        if self.bar is not None:  # above the bar, which would else stand in the middle of the line
            self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=self.stream, flush=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Draws the bar while the block runs, where there is a terminal to draw on."""
        if self.quiet or not self.stream.isatty():
            yield
            return
        with _bar(self.stream) as self.bar:
            self.task = self.bar.add_task("training", total=None)
            try:
                yield
            finally:
                self.bar = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._began, self._first = time.perf_counter(), trainer.current_epoch
        if self.bar is not None:
            self.bar.reset(self.task, total=self.epochs, completed=self._first)

    def epoch(self, row: Row) -> None:
        """An epoch is over."""
        line = epoch_line(row, self.epochs)
        if self.bar is not None:
            self.bar.update(self.task, description=line)
        elif row["epoch"] % -(-self.epochs // LINES) == 0 or row["epoch"] == self.epochs:
            self.say(line + self._left(row["epoch"]))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        if self.bar is not None and now > self._drawn + REDRAW:
            self._drawn = now
            done = trainer.current_epoch + (batch_idx + 1) / trainer.num_training_batches
            self.bar.update(self.task, completed=done)

    def _left(self, epoch: int) -> str:
        """What the epochs to come will take, if each takes as long as those of this process did."""
        if epoch >= self.epochs or epoch <= self._first:
            return ""
        seconds = (time.perf_counter() - self._began) / (epoch - self._first) * (self.epochs - epoch)
        return f"  {duration(seconds)} left"


def _bar(stream: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    words = TextColumn("{task.description}", markup=False)
    return Bar(words, BarColumn(bar_width=16), TimeRemainingColumn(), console=Console(file=stream), transient=True)


def duration(seconds: float) -> str:
    """In words of two units at most: 8 s, 3 min 20 s, 2 h 5 min."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    return f"{minutes} min {whole % 60} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
