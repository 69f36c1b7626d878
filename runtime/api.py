"""A spec and its run from Python: `load`, `Spec`, `open_run`, `Run`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sysidc.compiler.pipeline import Compiled, compile_source
from sysidc.compiler.plan import Plan
from sysidc.compiler.program import read_source
from sysidc.dsl.diagnostics import Diagnostic, SpecError

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from sysidc.runtime.runs.model import RunModel, Trained
    from sysidc.runtime.runs.predict import Data


def load(path: str | Path, **params: object) -> Spec:
    """Check a spec, `params` overriding its params.

    Raises SpecError, which carries the diagnostics; UnreadableFile; OverrideError for a param that is none.
    """
    compiled = compile_source(read_source(Path(path)), params)
    if compiled.plan is None:
        from sysidc.runtime.runs import mistakes

        raise SpecError((mistakes.library(compiled.source),) if compiled.is_library else compiled.diagnostics)
    return Spec(compiled, params)


@dataclass(frozen=True, repr=False)
class Spec:
    """A spec without errors. `diagnostics` are its warnings."""

    compiled: Compiled
    params: Mapping[str, object]

    def __repr__(self) -> str:
        model, mode = self.plan.model, self.plan.train.mode
        return f"<Spec {self.compiled.source.name}: {model.name}, {model.parameters} parameters, {mode} mode>"

    @property
    def plan(self) -> Plan:
        assert self.compiled.plan is not None
        return self.compiled.plan

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.compiled.diagnostics

    def build(self) -> nn.Sequential:
        """The bare stack, (batch, time, channels) in and out, in the units that the network sees; untrained."""
        from sysidc.compiler.lower import build_stack

        return build_stack(self.plan)

    def train(self, runs: str | Path = "runs", quiet: bool = True, resume: bool = False, jobs: int = 1) -> Run:
        """Train and score; leaves a folder below `runs`.

        With `resume` a run of this spec that was interrupted is gone on with, and one that is finished is opened. Up to
        `jobs` processes fit the candidates of a race side by side, to the same numbers; as with every process that
        Python spawns, a script that asks for more than one has its work below `if __name__ == "__main__":`.
        Raises DataError and RunError.
        """
        from sysidc.runtime.runs.train import go_on, train
        from sysidc.runtime.runs.waiting import to_resume

        if resume:
            return open_run(go_on(to_resume(self.plan, Path(runs)), quiet, jobs))
        return open_run(train(self.compiled, self.params, Path(runs), quiet, jobs=jobs))


def open_run(path: str | Path) -> Run:
    """A finished run from its folder. Raises RunError where there is none."""
    from sysidc.runtime.runs.folder import read_plan

    return Run(Path(path), read_plan(Path(path)))


@dataclass(frozen=True, repr=False)
class Run:
    """What a training left in its folder."""

    path: Path
    plan: Plan

    def __repr__(self) -> str:
        return f"<Run {self.path}: {self.plan.model.name}, {self.plan.train.mode} mode>"

    @cached_property
    def trained(self) -> Trained:
        """The stack with the scale and the band that belong to it."""
        from sysidc.runtime.runs.model import Trained

        return Trained.load(self.path, self.plan)

    @cached_property
    def model(self) -> RunModel:
        """The trained model in the units of the data, (batch, time, channels) in and out."""
        from sysidc.runtime.runs.model import RunModel

        return RunModel(self.trained)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The score: rows {split, record, signal, horizon, rmse, nrmse, r2, fit, mae}. Raises RunError."""
        from sysidc.runtime.runs.folder import read_metrics

        return read_metrics(self.path)

    def predict(self, data: Data, horizon: int | None = None) -> pd.DataFrame:
        """Predictions for a file, a frame or columns by name, in the units of the data.

        Columns: step (and time), the inputs, y where it was measured, y_predicted, in bounded mode y_lower, y_upper and
        y_kernel; `record` in front where there are several. Warns where a simulation runs away. Raises DataError and
        RunError.
        """
        from sysidc.runtime.runs.predict import as_frame, predict_data

        def say(line: str) -> None:
            warnings.warn(line.removeprefix("warning: "), stacklevel=4)

        return as_frame(predict_data(self.trained, data, horizon, say))
