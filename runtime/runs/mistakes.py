"""Why a run cannot go on although its spec is sound: one exception, one constructor per mistake."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sysidc.dsl.diagnostics import Diagnostic, Severity
from sysidc.dsl.source import Source, Span


class RunError(Exception):
    """What keeps a run from being made or used: `id` is a kebab-case word, `message` a sentence, `help` what to do."""

    def __init__(self, id: str, message: str, help: str | None = None):
        super().__init__(id, message, help)
        self.id = id
        self.message = message
        self.help = help

    def __str__(self) -> str:
        return self.message if self.help is None else f"{self.message} (help: {self.help})"


def missing_package(package: str, purpose: str, command: str) -> RunError:
    return RunError("missing-package", f"{purpose} needs the package '{package}', which is not installed", command)


def no_device(accelerator: str, why: str) -> RunError:
    return RunError("no-device", f'accelerator = "{accelerator}" cannot be had here: {why}', "accelerator = cpu")


def no_float16(precision: str) -> RunError:
    message = f'precision = "{precision}" needs a GPU: Lightning scales float16 gradients nowhere else'
    return RunError("no-device", message, 'precision = "bf16-mixed", or accelerator = cuda')


def diverged(
    what: str, value: float, step: int, epoch: int, learning_rate: float | None, searches: bool = True
) -> RunError:
    """`searches` is off where an LBFGS takes its steps unseen, without a line search; `learning_rate` is None in
    second-order training, whose steps never raise the training loss."""
    at = "" if learning_rate is None else f" at the learning rate {learning_rate:g}"
    message = f"{what} became {value} behind step {step}, in epoch {epoch}{at}"
    help = "a smaller learning rate, `gradient_clip`, or `normalize = standard`"
    if learning_rate is None:
        help = "fewer states or a lower degree, a `Clip` behind them, or longer records"
    search = "`LBFGS(line_search_fn = strong_wolfe)`, whose steps stop where the loss would rise; or "
    return RunError("diverged", message, help if searches else search + help)


def equations_diverged(hints: Sequence[str]) -> RunError:
    message = "the simulation of the equations leaves the finite numbers at every start"
    return RunError(
        "diverged", message, "; ".join(hints) or "start values and ranges closer to the system, or `substeps`"
    )


def short_schedule(total_steps: int, steps: int) -> RunError:
    message = f"OneCycleLR is over after {total_steps} steps, the training takes {steps}"
    return RunError("short-schedule", message, "leave `total_steps` out: it follows epochs and data")


def too_large(why: str) -> RunError:
    return RunError(
        "out-of-memory", f"the device has too little memory for this training: {why}", "a smaller batch_size"
    )


def no_run(path: Path, missing: str) -> RunError:
    return RunError("no-run", f"'{path}' is no finished run: it has no {missing}", "give a folder that `train` made")


def broken_run(path: Path, why: str) -> RunError:
    return RunError("broken-run", f"'{path}' cannot be read: {why}")


def unwritable(path: Path, why: str) -> RunError:
    return RunError("unwritable", f"'{path}' cannot be written: {why}")


def in_use(path: Path) -> RunError:
    return RunError("run-in-use", f"another process is training '{path}'", "wait for it, or stop it")


def not_interrupted(path: Path) -> RunError:
    help = "leave --resume out, or list the runs there are: sysidc runs"
    return RunError("not-interrupted", f"there is no interrupted run '{path}' to go on with", help)


def changed_spec(path: Path, differences: Sequence[str]) -> RunError:
    message = f"'{path}' was begun with another spec:\n{_indented(differences)}"
    return RunError("changed-spec", message, "go on with the spec as it was, or begin anew without --resume")


def changed_data(path: Path, differences: Sequence[str]) -> RunError:
    message = f"'{path}' was begun with other data:\n{_indented(differences)}"
    return RunError("changed-data", message, "go on with the data as they were, or begin anew without --resume")


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def no_runs(path: Path, why: str) -> RunError:
    return RunError(
        "no-runs", f"the runs in '{path}' cannot be listed: {why}", "give the folder that `train` wrote into"
    )


def no_test_part(name: str) -> RunError:
    return RunError("no-test-part", f"{name} has no test part to score", "test = 20 % in the data section")


def unknown_ending(path: Path, known: tuple[str, ...]) -> RunError:
    return RunError("unknown-format", f"the ending of '{path}' names no known format", f"one of {', '.join(known)}")


def no_horizon(mode: str) -> RunError:
    return RunError("no-horizon", f"a model of mode {mode} predicts whole records; only prediction mode has a horizon")


def not_compiled(message: str, help: str | None = None) -> RunError:
    return RunError("not-compiled", message, help)


def not_exported(message: str, help: str | None = None) -> RunError:
    return RunError("not-exported", message, help)


def library(source: Source) -> Diagnostic:
    """A file of definitions alone where a model is asked for."""
    message = "this file is a library for `use`: it has no model to build or train"
    return Diagnostic("library-file", Severity.ERROR, message, Span(source, 0, min(1, len(source.text))))
