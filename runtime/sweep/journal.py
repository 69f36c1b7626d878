"""The journal of a sweep: an Optuna study in one file, from which a killed sweep goes on with the same trials.

One process writes it, which holds the sweep's folder. A trial that was running when the sweep was killed waits again,
under its number and with its values; what is finished stays.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sysidc.compiler.plan import SweepPlan
from sysidc.runtime.sweep import mistakes
from sysidc.runtime.sweep.drawing import (
    Values,
    distributions,
    grid_size,
    grid_values,
    neat,
    random_values,
    start_values,
)
from sysidc.runtime.sweep.task import Result, is_larger_better

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

FILE = "journal.log"
ATTEMPTS = 3
"""How often a trial is begun whose process dies before it is given up."""


class Journal:
    """The trials of a sweep in `folder`; `epochs` is the longest that one can take. Raises RunError."""

    def __init__(self, folder: Path, sweep: SweepPlan, epochs: int, jobs: int = 1):
        self.sweep, self.jobs, self.epochs = sweep, jobs, epochs
        self.trials = min(sweep.trials, grid_size(sweep)) if sweep.sampler == "grid" else sweep.trials
        self.study, self.storage = _study(folder / FILE, sweep, epochs)
        self.open: dict[int, Trial] = {}
        for trial in self.all():
            if trial.state.name == "RUNNING":
                self._wait_again(trial.number)

    def all(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    @property
    def finished(self) -> int:
        return sum(trial.state.is_finished() for trial in self.all())

    @property
    def spent(self) -> float:
        """Seconds that the sweep took before."""
        return float(self.study.user_attrs.get("spent", 0.0))

    def spend(self, seconds: float) -> None:
        self.study.set_user_attr("spent", seconds)

    def ask(self) -> tuple[int, dict[str, Any]] | None:
        """The next trial, by its number, and its values; None where all have been begun."""
        trials = self.all()
        waiting = any(trial.state.name == "WAITING" for trial in trials)
        if not waiting and len(trials) >= self.trials:
            return None
        if not waiting:
            self.study.enqueue_trial(dict(self._drawn(len(trials))))
        trial = self.study.ask(distributions(self.sweep))
        trial.set_user_attr("attempts", trial.user_attrs.get("attempts", 0) + 1)
        self.open[trial.number] = trial
        return trial.number, neat(trial.params)

    def report(self, number: int, epoch: int, value: float) -> bool:
        """Note the value of an epoch; whether the trial is to go on, which it is behind its last epoch."""
        trial = self.open[number]
        if epoch not in self.all()[number].intermediate_values:
            trial.report(value, epoch)
        return epoch >= self.epochs or not trial.should_prune()

    def tell(self, number: int, result: Result) -> None:
        """The trial is over. A value that is no number is a failure."""
        from optuna.trial import TrialState

        trial = self.open.pop(number)
        for name in ("run", "reason", "seconds"):
            trial.set_user_attr(name, getattr(result, name))
        if result.state == "complete" and result.value is not None and math.isfinite(result.value):
            self.study.tell(trial, result.value)
        else:
            self.study.tell(trial, state=TrialState.PRUNED if result.state == "pruned" else TrialState.FAIL)

    def lost(self, number: int, why: str) -> None:
        """The process of a trial died: it waits again, or is given up when that happened too often."""
        trial = self.open[number]
        if trial.user_attrs["attempts"] >= ATTEMPTS:
            self.tell(number, Result("failed", reason=f"its process died {ATTEMPTS} times: {why}"))
            return
        del self.open[number]
        self._wait_again(number)

    def finished_twin(self, number: int) -> FrozenTrial | None:
        """A complete trial with the same values."""
        values = neat(self.open[number].params)
        complete = (trial for trial in self.all() if trial.state.name == "COMPLETE")
        return next((trial for trial in complete if neat(trial.params) == values), None)

    def best(self) -> FrozenTrial | None:
        """The complete trial with the best value, the first of equal ones."""
        sign = -1 if is_larger_better(self.sweep.metric) else 1
        complete = [trial for trial in self.all() if trial.state.name == "COMPLETE"]
        return min(complete, key=lambda trial: sign * (trial.value or 0.0), default=None)

    def rows(self) -> Iterator[dict[str, Any]]:
        """{trial, state, the metric, every param, epochs, seconds, run, reason} of every trial that was begun."""
        for trial in self.all():
            if trial.params:
                yield self.row(trial.number)

    def row(self, number: int) -> dict[str, Any]:
        trial = self.all()[number]
        told, params = trial.user_attrs, neat(trial.params)
        state = {"fail": "failed"}.get(trial.state.name.lower(), trial.state.name.lower())
        return {
            "trial": number,
            "state": state,
            self.sweep.metric: trial.value if state == "complete" else None,
            **{domain.param: params.get(domain.param) for domain in self.sweep.domains},
            "epochs": max(trial.intermediate_values, default=None),
            "seconds": told.get("seconds"),
            "run": told.get("run"),
            "reason": told.get("reason"),
        }

    @property
    def failed_alone(self) -> int:
        """How many trials failed while none was finished."""
        states = [trial.state.name for trial in self.all()]
        return 0 if "COMPLETE" in states or "PRUNED" in states else states.count("FAIL")

    def _drawn(self, number: int) -> Values:
        """The values of the next trial, which is given all of them at once: one that is killed keeps them."""
        if self.sweep.sampler == "grid":
            return grid_values(self.sweep, number)
        if self.sweep.sampler == "random":
            return random_values(self.sweep, number)
        first = start_values(self.sweep) if number == 0 else None
        return self._foreseen(number) if first is None else first

    def _foreseen(self, number: int) -> Values:
        """What TPE makes of the trials until now, by the seed and the number; tried on a copy of the study."""
        import optuna

        seed = (self.sweep.seed * 1_000_003 + number) % 2**32
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=self.jobs > 1)
        name, pruner, direction = self.study.study_name, self.study.pruner, self.study.direction
        copy = optuna.create_study(study_name=name, sampler=sampler, pruner=pruner, direction=direction)
        copy.add_trials(self.all())
        return copy.ask(distributions(self.sweep)).params

    def _wait_again(self, number: int) -> None:
        from optuna.trial import TrialState

        study = self.storage.get_study_id_from_name(self.study.study_name)
        trial = self.storage.get_trial_id_from_study_id_trial_number(study, number)
        self.storage.set_trial_state_values(trial, TrialState.WAITING)


def _study(path: Path, sweep: SweepPlan, epochs: int) -> tuple[optuna.Study, Any]:
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend, JournalStorage
    except ModuleNotFoundError:
        raise mistakes.no_optuna() from None
    optuna.logging.set_verbosity(logging.ERROR)
    _mend(path)
    pruner: Any = optuna.pruners.NopPruner()
    if sweep.pruner == "hyperband":
        pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=max(1, epochs), reduction_factor=3)
    direction: Literal["minimize", "maximize"] = "maximize" if is_larger_better(sweep.metric) else "minimize"
    try:
        storage = JournalStorage(JournalFileBackend(str(path), _Alone()))  # type: ignore[arg-type]
        study = optuna.create_study(
            storage=storage, study_name="sweep", pruner=pruner, direction=direction, load_if_exists=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise mistakes.broken_journal(path, str(error)) from None
    return study, storage


def _mend(path: Path) -> None:
    """Cut off a line that a killed process did not finish."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with open(path, "rb+") as file:
            file.truncate(len(whole))


class _Alone:
    """The lock of a journal that one process writes: the folder is claimed already."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass
