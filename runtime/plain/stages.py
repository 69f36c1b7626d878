"""A training in stages: candidates are raced, the best go on, are refitted and averaged."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.correction import Correction
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.plain.series import Record
from sysidc.runtime.plain.training import KeepBest, Training
from sysidc.runtime.plain.windows import stacked
from sysidc.runtime.solvers.simulation_problem import Records
from sysidc.runtime.training.linear_start import remember
from sysidc.runtime.training.preparation import standardise

MUCH_WORSE = 2.0
"""A model whose error is this many times that of the best is not averaged with it."""


@dataclass(frozen=True)
class Candidate:
    """A start on its way: the weights that it has reached and those that its last stage began with, its root mean
    square errors on the training and the validation part, and the epoch whose weights were kept."""

    index: int
    weights: dict[str, Tensor] = field(default_factory=dict)
    before: dict[str, Tensor] = field(default_factory=dict)
    fit_error: float = math.inf
    val_error: float = math.inf
    epochs: int = 0

    @property
    def score(self) -> float:
        """What chooses: a model has to fit what it saw and what it did not see."""
        return max(self.fit_error, self.val_error)


@dataclass(eq=False)
class Stages:
    """`make(index)` gives a fresh experiment, `fit(experiment, train, validation, epochs, seconds)` trains it and
    tells what was best, `batches(records)` hands out what it is judged by. `limit` is the time for all, in seconds.
    """

    make: Callable[[int], Training]
    fit: Callable[..., KeepBest]
    batches: Callable[[list[Record]], Any]
    train: list[Record]
    validation: list[Record]
    limit: float | None = field(default=None, kw_only=True)
    began: float = field(default_factory=time.perf_counter, init=False)

    def prepare(self, model: nn.Module, part: list[Record], index: int) -> None:
        """Put a fresh model at the start of candidate `index`."""

    def choose(self, model: nn.Module, correction: bool, freeze: Sequence[str]) -> None:
        """Corrections learn where a stage has them on; named children that it freezes do not."""
        for name in freeze:
            model.get_submodule(name).requires_grad_(False)

    def settle(self, model: nn.Module, part: list[Record], prior: bool) -> None:
        """What follows from the data and is not trained; `prior` asks for that of the states at a start."""

    def stage(
        self,
        going: Sequence[Candidate],
        epochs: int,
        samples: int | None = None,
        correction: bool = True,
        freeze: Sequence[str] = (),
        share: float = 1.0,
    ) -> list[Candidate]:
        """Train all candidates on the first `samples` of the training part; the best comes first."""
        part = first_samples(self.train, samples)
        behind: list[Candidate] = []
        for position, candidate in enumerate(going):
            seconds = self.allowed(share, len(going) - position)
            if seconds == 0 and behind and not candidate.weights:
                break  # the time is up; the others are not tried
            made = self.one(candidate, part, epochs, correction, freeze, seconds)
            print(f"start {made.index + 1}: rmse {made.fit_error:.4g} in training, {made.val_error:.4g} in validation")
            behind.append(made)
        return sorted(behind, key=lambda candidate: candidate.score)

    def one(
        self,
        candidate: Candidate,
        part: list[Record],
        epochs: int,
        correction: bool,
        freeze: Sequence[str],
        seconds: float | None,
    ) -> Candidate:
        """A candidate behind a stage; it stays where it was if training made it worse."""
        experiment = self.make(candidate.index)
        model = experiment.model
        if candidate.weights:
            model.load_state_dict(candidate.weights)
        else:
            self.prepare(model, part, candidate.index)
        self.choose(model, correction, freeze)
        self.settle(model, part, prior=not candidate.weights)
        before, errors, kept = weights_of(model), self.errors(experiment, part), 0
        if seconds is None or seconds > 0:
            best = self.fit(experiment, part, self.validation, epochs, seconds)
            kept = best.epoch if best.rmse <= errors[1] else 0
        if not kept:
            model.load_state_dict(before)
        self.settle(model, part, prior=True)
        reached = self.errors(experiment, part)
        if not max(reached) < math.inf:
            model.load_state_dict(before)
            reached = errors
        return Candidate(candidate.index, weights_of(model), before, *reached, kept)

    def refit(
        self, chosen: Sequence[Candidate], correction: bool = True, freeze: Sequence[str] = ()
    ) -> list[Candidate]:
        """The last stage once more, from where it began, validation part included, for as many epochs as were best."""
        whole = unsplit(self.train, self.validation)
        again = []
        for position, candidate in enumerate(chosen):
            seconds = self.allowed(1.0, len(chosen) - position)
            again.append(self.again(candidate, whole, correction, freeze, seconds))
        return again

    def again(
        self,
        candidate: Candidate,
        whole: list[Record],
        correction: bool,
        freeze: Sequence[str],
        seconds: float | None,
    ) -> Candidate:
        if not candidate.epochs or seconds == 0:
            return candidate
        experiment = self.make(candidate.index)
        experiment.model.load_state_dict(candidate.before)
        self.choose(experiment.model, correction, freeze)
        self.fit(experiment, whole, [], candidate.epochs, seconds)
        self.settle(experiment.model, whole, prior=True)
        error = root_mean_square(experiment, self.batches(whole))
        if not error < math.inf:
            return candidate
        print(f"start {candidate.index + 1} refitted: rmse {error:.4g}")
        return replace(candidate, weights=weights_of(experiment.model), fit_error=error)

    def finished(self, chosen: Sequence[Candidate], outputs: Sequence[str]) -> Training:
        """The experiment with the model of the best candidate, or with the mean of several."""
        least = min(candidate.fit_error for candidate in chosen)
        sound = [candidate for candidate in chosen if candidate.fit_error <= MUCH_WORSE * least] or chosen[:1]
        experiments = [self.make(candidate.index) for candidate in sound]
        for experiment, candidate in zip(experiments, sound, strict=True):
            experiment.model.load_state_dict(candidate.weights)
        if len(experiments) > 1:
            values = torch.cat([stacked([record[name] for name in outputs]) for record in self.train])
            models = [experiment.model for experiment in experiments]
            experiments[0].model = Ensemble(models, values.amin(dim=0), values.amax(dim=0))
        return experiments[0].eval()

    def allowed(self, share: float, left: int) -> float | None:
        """Seconds for one of the candidates that are left, a share of what is left of the limit."""
        if self.limit is None:
            return None
        return max(0.0, self.limit - (time.perf_counter() - self.began)) * share / left

    def errors(self, experiment: Training, part: list[Record]) -> tuple[float, float]:
        """Root mean square errors on a part of the training data and on the validation part."""
        seen, unseen = (self.batches(records) if records else [] for records in (part, self.validation))
        return root_mean_square(experiment, seen), root_mean_square(experiment, unseen)


@dataclass(eq=False, kw_only=True)
class ChainStages(Stages):
    """Stages of a state-space model: `begin(model, records, index)` gives it a start; the prior of the states at the
    start of a record and the units of corrections are taken from what it simulates."""

    inputs: Sequence[str]
    outputs: Sequence[str]
    known: int
    begin: Callable[[Chain, list[Records], int], str]

    def records_of(self, part: list[Record], dtype: torch.dtype) -> list[Records]:
        """Records as a chain runs over them, the known outputs apart."""
        found = []
        for record in part:
            y = stacked([record[name] for name in self.outputs])[None].to(dtype)
            u = stacked([record[name] for name in self.inputs])[None].to(dtype) if self.inputs else y[..., :0]
            found.append(Records(u, y[:, : self.known], y[:, self.known :], 0))
        return found

    def prepare(self, model: nn.Module, part: list[Record], index: int) -> None:
        assert isinstance(model, Chain)
        told = self.begin(model, self.records_of(part, next(model.parameters()).dtype), index)
        print(f"start {index + 1}: {told}")

    def choose(self, model: nn.Module, correction: bool, freeze: Sequence[str]) -> None:
        for module in model.modules():
            if isinstance(module, Correction):
                module.network.requires_grad_(correction)
        super().choose(model, correction, freeze)

    def settle(self, model: nn.Module, part: list[Record], prior: bool) -> None:
        assert isinstance(model, Chain)
        records = self.records_of(part, next(model.parameters()).dtype)
        if prior and model.initial == "estimate":
            remember(model, records)
        standardise(model, records)


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


@torch.no_grad()
def root_mean_square(experiment: Training, batches: Any) -> float:
    """sqrt(mean(e^2)) in the units of the data, infinite where it is no number."""
    experiment.eval()
    squares: list[Tensor] = []
    for batch in batches:
        prediction, target = experiment.compare(batch)
        squares.append(((prediction.double() - target.double()) * experiment.scale).square().flatten())
    experiment.train()
    error = float(torch.cat(squares).mean().sqrt()) if squares else math.inf
    return math.inf if math.isnan(error) else error


def first_samples(records: list[Record], samples: int | None) -> list[Record]:
    """The first so many samples: whole records, and the first part of the one that they end in; None is all."""
    if samples is None:
        return records
    kept: list[Record] = []
    for record in records:
        if samples > 0:
            kept.append({name: values[:samples] for name, values in record.items()})
            samples -= len(next(iter(record.values())))
    return kept


def members_in(weights: Path) -> int:
    """How many models the weights of a run belong to, 0 for one that is not a mean of several."""
    return len({name.split(".")[2] for name in load_file(weights) if name.startswith("stack.members.")})


def unsplit(train: list[Record], validation: list[Record]) -> list[Record]:
    """Training records with the validation part that was cut from their ends joined again."""
    return [
        {name: torch.cat([values, end[name]]) for name, values in record.items()}
        for record, end in zip(train, validation, strict=True)
    ]
