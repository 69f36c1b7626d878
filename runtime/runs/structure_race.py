"""The race of a training that leaves structures open: what the records show decides who enters, and on what."""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor, nn

from sysidc.compiler.lower import is_second_order
from sysidc.compiler.plan import StagePlan
from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.runs.backwards import LARGER, runs_away
from sysidc.runtime.runs.candidate_fit import Manner, stack_of
from sysidc.runtime.runs.candidates import Candidate, Entry, weights_of
from sysidc.runtime.runs.fitting import Keep
from sysidc.runtime.runs.left_over import MUCH, left_over
from sysidc.runtime.runs.open_race import opened, with_a_tame_one, with_the_smallest
from sysidc.runtime.runs.periodic_records import averaged
from sysidc.runtime.runs.race import MUCH_WORSE, Race
from sysidc.runtime.runs.structures import (
    deeper,
    draws,
    innovates,
    is_linear,
    is_tame,
    order_of,
    outlook,
    structures,
    with_innovations,
    with_one_more_state,
)
from sysidc.runtime.runs.wrong_loss import is_wrong, one_step_error
from sysidc.runtime.training.preparation import records_of_part
from sysidc.runtime.training.starts import MANY
from sysidc.runtime.training.stops import Settled

NEAR = 1.15
"""A simulation error in validation of so many times the least is about as good where something unmeasured drives the
system: most of it is that. In training it tells nothing: there the others were fitted to what drove the system."""

AHEAD = 1.05
"""Models with innovations that miss so many times the least one step ahead are not averaged: most of that is noise."""

NEARLY = 1.2
"""Models without innovations that miss so many times the least are not averaged, unless the file says how many are."""

STRAIGHT = 1.02
"""A linear model that misses so many times the least one step ahead is about as good as one that bends."""

WILD = 1e6
"""Times its error that a candidate which runs away is ranked by: behind all that do not."""

REACH = 1e3
"""Widths of the training outputs' range that the outputs of an integrator may leave it by."""

INNOVATIONS, MEMBERS = 4, 3
"""So many of the best candidates are trained with innovations, too, and so many at least of them are averaged: what
drives the system unmeasured makes the numbers of each uncertain."""

DEEPER_STARTS = 2
"""Starts of each network of two layers that joins: these differ more than those of one layer."""

NEW, REFIT = 1.15, 5
"""A model that misses so many times more of the validation part than of the training part goes on for so many epochs
with both."""

EARLY, LAST = (1e-2, 5), (5e-3, 10)
"""A fit ends where the squared error falls by less than this share in so many epochs: in heats, in the last stage."""


class StructureRace(Race):
    """A `Race` between structures, then between the starts of the best."""

    def open(self) -> None:
        """Fill in what the plan leaves open, by what the records show."""
        self.innovating, self.most = False, math.inf
        self.again: set[str] = set()
        periods = averaged(self.data) if self.plan.data.validation.share else None
        if periods is not None:
            self.data, self.whole = periods.data, periods.whole
            self.place.say(periods.told)
        seen = outlook(self.data, self.block)
        self.integrating = seen.integrator is not None
        if seen.integrator is not None:
            told = "the state that adds up is kept out of the networks, segments grow, nothing stops early"
            self.place.say(f"{seen.integrator}; {told}")
        found = structures(self.plan, seen.orders, self.integrating)
        self.plans = {structure.name: structure.plan for structure in found}
        samples = sum(self.data.tapes["train"].lengths)
        self.simulation = opened(self.simulation, samples, self.integrating)

    def manner(self, number: int, structure: str) -> Manner:
        """Weights are kept by what chooses between candidates."""
        keep: Keep = "worse of both ahead" if innovates(self.plans[structure]) else "worse of both"
        if self.integrating or "stop" in self.simulation.written or not is_second_order(self.plan):
            return Manner(keep=keep)
        return Manner([Settled(*(LAST if number == len(self.stages) - 1 else EARLY))], keep)

    def rank(self, candidate: Candidate) -> float:
        """Models with innovations are judged by what they are trained for, where they simulate at all: a simulation of
        what something unmeasured drives says little, one that runs away enough."""
        if candidate.wild:
            return WILD * candidate.score
        if not innovates(self.plans[candidate.structure]):
            return candidate.score
        return candidate.ahead if candidate.val_error <= self.most else math.inf

    @property
    def much_worse(self) -> float:
        if self.innovating:
            return AHEAD
        return MUCH_WORSE if "ensemble" in self.simulation.written else NEARLY

    def spare(self, others: list[Candidate]) -> list[Candidate]:
        return [candidate for candidate in others if self.missed(candidate) < math.inf]

    def missed(self, candidate: Candidate) -> float:
        return candidate.ahead if innovates(self.plans[candidate.structure]) else candidate.fit_error

    def kept(self, stage: StagePlan) -> int:
        more = self.innovating and "keep" not in self.simulation.written
        return max(stage.keep, self.averaged) if more else stage.keep

    @property
    def averaged(self) -> int:
        several = super().averaged
        return max(several, MEMBERS) if self.innovating and "ensemble" not in self.simulation.written else several

    def output_range(self) -> tuple[Tensor, Tensor]:
        """Nothing bounds what adds up."""
        low, high = super().output_range()
        reach = REACH * (high - low) if self.integrating else 0.0
        return low - reach, high + reach

    def judged(self, made: Candidate) -> Candidate:
        if self.integrating:
            return made
        if not runs_away(self._stack(made), records_of_part(self.data), *self.output_range()):
            return made
        told = self.label(made.structure, made.index)
        self.place.say(f"  {told}: runs away on the training inputs backwards and {LARGER:g} times as large")
        return replace(made, wild=True)

    def _stack(self, candidate: Candidate) -> nn.Sequential:
        stack = stack_of(self.plans[candidate.structure], candidate.index)
        stack.load_state_dict(candidate.weights)
        return stack

    def chosen(self, ranked: list[Candidate]) -> list[Candidate]:
        """A linear model with innovations that is about as good as the best is taken alone."""
        sound = [candidate for candidate in ranked if not candidate.wild]
        found = super().chosen(sound or ranked)
        if not self.innovating or "ensemble" in self.simulation.written:
            return found
        near = [candidate for candidate in found if self.rank(candidate) <= STRAIGHT * self.rank(found[0])]
        return [candidate for candidate in near if is_linear(self.plans[candidate.structure])][:1] or found

    def _refitted(self, chosen: list[Candidate]) -> list[Candidate]:
        """Where the file leaves it open a single model goes on from where it is for a few epochs on all data, if the
        validation part shows what the training part does not. Each model is judged behind its refit."""
        if len(chosen) == 1 and "refit" not in self.simulation.written:
            (best,) = chosen
            if best.val_error <= NEW * best.fit_error:
                return chosen
            chosen = [replace(best, before=best.weights, epochs=min(REFIT, self.stages[-1].train.epochs))]
        return [self._kept(*pair) for pair in zip(chosen, super()._refitted(chosen), strict=True)]

    def _kept(self, before: Candidate, behind: Candidate) -> Candidate:
        """A model stays as it was where what a refit makes of it runs away, or misses more of all data than it did."""
        lost = not before.wild and self.judged(behind).wild
        missed = self.fitter.missed(before, self.plans[before.structure], self.stages[-1])
        if not lost and (innovates(self.plans[before.structure]) or behind.fit_error <= missed):
            return behind
        told = self.label(before.structure, before.index)
        self.place.say(f"  {told}: stays as it was before the refit, and misses {missed:.4g}")
        return replace(before, fit_error=missed)

    def label(self, structure: str, index: int) -> str:
        """A candidate is called by its structure, and by its start where there are several."""
        several = self.stages[0].starts > 1 or index
        return f"{structure}, start {index + 1}" if several else structure

    def going_on(self, number: int, kept: list[Candidate]) -> list[Candidate | Entry]:
        """Further starts of the best structure join where the next stage has more of them and they differ."""
        following = self.stages[number + 1].starts if number + 1 < len(self.stages) else 0
        alike = self.simulation.linear_start and not draws(self.plans[kept[0].structure])
        if following <= len(kept) or alike:
            return list(kept)
        begun = self.stages[0].starts + (kept[0].structure in self.again)
        more = range(begun, begun + following - len(kept))
        return [*kept, *((kept[0].structure, index) for index in more)]

    def joined(self, number: int, stage: StagePlan, ranked: list[Candidate]) -> list[Candidate]:
        if number == 0 and not self.integrating:
            ranked = self._begun_again(number, stage, self._with_more_states(number, stage, ranked))
        if number == max(0, len(self.stages) - 2) and not self.integrating:
            ranked = self._with_innovations(number, stage, ranked)
            ranked = ranked if self.innovating else self._with_deeper(number, stage, ranked)
        ranked = with_the_smallest(ranked, self.kept(stage), self.rank)
        return with_a_tame_one(ranked, self.averaged, self._is_tame)

    def _with_more_states(self, number: int, stage: StagePlan, ranked: list[Candidate]) -> list[Candidate]:
        """The candidates with further ones of one more state each, as long as the best has the most that were tried."""
        most = max(map(order_of, self.plans))
        more = with_one_more_state(self.plan, most, [candidate.structure for candidate in ranked[: stage.keep]])
        if order_of(ranked[0].structure) < most or not more:
            return ranked
        self.place.say(f"  the best has {most} states, the most that were tried: one more is tried")
        self.plans |= {item.name: item.plan for item in more}
        joined = self.stage(number, stage, [(item.name, 0) for item in more])
        return self._with_more_states(number, stage, sorted([*ranked, *joined], key=self.rank))

    def _begun_again(self, number: int, stage: StagePlan, ranked: list[Candidate]) -> list[Candidate]:
        """The candidates with a second start of each that goes on and has networks of many states: how far these come
        depends on the coordinates that they begin in."""
        last = number == len(self.stages) - 1
        if last or "starts" in self.simulation.written or not self.simulation.linear_start:
            return ranked
        names = [candidate.structure for candidate in ranked[: stage.keep]]
        names = [name for name in names if order_of(name) >= MANY and draws(self.plans[name])]
        if not names:
            return ranked
        self.again |= set(names)
        return sorted([*ranked, *self.stage(number, stage, [(name, 1) for name in names])], key=self.rank)

    def _is_tame(self, candidate: Candidate) -> bool:
        """What bends it is bounded."""
        return not candidate.wild and is_tame(self.plans[candidate.structure])

    def _with_innovations(self, number: int, stage: StagePlan, ranked: list[Candidate]) -> list[Candidate]:
        """The candidates of the race; where simulation error is the wrong loss the best ones with innovations in their
        place, if their simulation error is about that of the others, which were fitted to it."""
        error = one_step_error(self.data)
        least = min(candidate.fit_error for candidate in ranked)
        if not is_wrong([least], error):
            return ranked
        self.place.say(
            f"the simulation error of every structure stays above {least:.4g}, {least / (error or 1):.2g} times the "
            "one-step error: something unmeasured drives the system; structures with innovations join the race"
        )
        found = (self._innovating(candidate) for candidate in ranked)
        several = [made for made in found if made is not None][:INNOVATIONS]
        if not several:
            return ranked
        self.most = NEAR * ranked[0].score
        joined = self.stage(number, stage, [*several])
        near = [candidate for candidate in joined if not candidate.wild and self.rank(candidate) < math.inf]
        self.innovating = bool(near)
        if near:
            return near
        self.place.say("  they simulate worse, and stay behind")
        return ranked

    def _innovating(self, candidate: Candidate) -> Candidate | None:
        """A candidate with innovations, at the weights that the other one had before this heat: what that has learned
        since is the more of what drove the system unmeasured."""
        plan = with_innovations(self.plans[candidate.structure])
        if plan is None:
            return None
        name = f"{candidate.structure}, innovations"
        self.plans[name] = plan
        weights = {**weights_of(stack_of(plan, candidate.index)), **candidate.before}
        return replace(candidate, structure=name, weights=weights, before=weights, epochs=0, wild=False)

    def _with_deeper(self, number: int, stage: StagePlan, ranked: list[Candidate]) -> list[Candidate]:
        """The candidates of the race, and networks of two layers where what the best one misses is no noise."""
        if not is_second_order(self.plan):
            return ranked
        orders = [order_of(candidate.structure) for candidate in ranked]
        found = deeper(self.plan, sorted({orders[0], min(orders)}))
        stack = self._stack(ranked[0])
        share = left_over(stack, self.fitter.unsplit()) if found and isinstance(stack, Chain) else 0.0
        if share <= MUCH:
            return ranked
        self.place.say(
            f"{share:.0%} of what the best one misses can be foretold: the system bends otherwise; networks of two "
            "layers join the race"
        )
        self.plans |= {structure.name: structure.plan for structure in found}
        starts = self.stages[0].starts if "starts" in self.simulation.written else DEEPER_STARTS
        entries: list[Candidate | Entry] = [(item.name, index) for item in found for index in range(starts)]
        return sorted([*ranked, *self.stage(number, stage, entries)], key=self.rank)
