"""What a training tells while it runs: beforehand what it will do, then a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import lightning.pytorch as pl

from sysidc.compiler.plan import Node, Plan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.runs.epochs import Row

LINES = 20


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
    """Tells on `stream` how far the training is; silent where `quiet`."""

    def __init__(self, epochs: int, quiet: bool, stream: TextIO | None = None):
        self.epochs, self.quiet = epochs, quiet
        self.stream = stream or sys.stderr
        self.bar: Any = None

    def say(self, line: str) -> None:
        if not self.quiet:
            print(line, file=self.stream, flush=True)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Draws the bar while the block runs, where there is a terminal to draw on."""
        if self.quiet or not self.stream.isatty():
            yield
            return
        from rich.console import Console
        from rich.progress import Progress as Bar

        with Bar(console=Console(file=self.stream), transient=True) as self.bar:
            self.task = self.bar.add_task("training", total=None)
            yield
        self.bar = None

    def epoch(self, row: Row) -> None:
        """An epoch is over."""
        line = epoch_line(row, self.epochs)
        if self.bar is not None:
            self.bar.update(self.task, description=line)
        elif row["epoch"] % -(-self.epochs // LINES) == 0 or row["epoch"] == self.epochs:
            self.say(line)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.bar is not None:
            done = trainer.current_epoch + (batch_idx + 1) / trainer.num_training_batches
            self.bar.update(self.task, total=self.epochs, completed=done)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
