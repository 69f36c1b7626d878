"""Where a candidate of a training starts: a linear model in its layers, drawn numbers in its equations, or as built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.curve import Curve, Spline
from sysidc.runtime.nn.equations import Equations
from sysidc.runtime.nn.lru import LRU
from sysidc.runtime.nn.recurrent import Recurrent
from sysidc.runtime.nn.state_space import StateSpace
from sysidc.runtime.solvers.block_starts import block_from_poles, random_poles, several_between
from sysidc.runtime.solvers.cascade_starts import CascadeStart, cascade_starts
from sysidc.runtime.solvers.hankel import Pair
from sysidc.runtime.solvers.linear_model import LinearModel
from sysidc.runtime.solvers.modes import modes
from sysidc.runtime.solvers.simulation_problem import Records
from sysidc.runtime.solvers.static_curve import StaticCurve
from sysidc.runtime.solvers.stiffness import stiffness
from sysidc.runtime.training.linear_start import (
    LinearLayer,
    LinearStart,
    cover,
    elements,
    fit_linear,
    linear_layers,
    write,
)
from sysidc.runtime.training.lru_start import lru_and_head, write_head, write_lru
from sysidc.runtime.training.recurrent_start import cells_and_head, write_cells

ENOUGH = 6_000
"""Samples of each record that cascades are compared on."""

MANY = 4
"""States from which on some may be nearly the same."""

MOST = 64
MIRRORED = "; its poles outside the unit circle are mirrored into it"


class Starts:
    """Puts candidates at their starts. The linear model of the same records is estimated once for all of them.

    What a candidate starts from depends on the seed, its index and the records alone, not on those before it.
    """

    def __init__(self, linear: bool, block: int, seed: int) -> None:
        self.linear, self.block, self.seed = linear, block, seed
        self._fitted: dict[tuple[int | None, ...], LinearStart] = {}
        self._shared: dict[tuple[int, ...], list[CascadeStart]] = {}

    def begin(self, stack: torch.nn.Module, records: Sequence[Records], index: int) -> str:
        """Start candidate `index` on its way; returns what was done, in words."""
        if not isinstance(stack, Chain):
            return "random weights"
        drawn = "; ".join([*self._draw(stack, index), *stiffness(stack, records)])
        linear = self._begin_linear(stack, records, index) if self.linear else None
        return linear or drawn or "random weights"

    def _begin_linear(self, stack: Chain, records: Sequence[Records], index: int) -> str | None:
        """The linear model of the records, or one for each of two blocks; None for layers that cannot take it."""
        layers, cells, lru = linear_layers(stack), cells_and_head(stack), lru_and_head(stack)
        try:
            if cells is not None:
                return self._cells(stack, records, *cells, index)
            if lru is not None:
                return self._lru(stack, records, *lru)
            if len(layers) == 1:
                return self._one_block(stack, records, layers[0], index)
            if len(layers) == 2:
                return self._two_blocks(stack, records, layers, index)
        except ValueError as error:
            return f"random weights, because no linear start could be made: {error}"
        return None

    def _draw(self, stack: Chain, index: int) -> list[str]:
        """Numbers of equations: those of the text for the first candidate, drawn inside their ranges for the others."""
        equations = [layer for layer in stack.modules() if isinstance(layer, Equations)]
        if not equations:
            return []
        if index == 0:
            return ["the numbers of the text"]
        generator = torch.Generator().manual_seed(self._rng(index).integers(2**31).item())
        for layer in equations:
            layer.draw(generator)
        return ["numbers drawn inside their ranges"]

    def _rng(self, index: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, index))

    def _linear(self, stack: Chain, records: Sequence[Records], states: int | None) -> LinearStart:
        key = (states, *(item.u.shape[1] for item in records))
        if key not in self._fitted:
            self._fitted[key] = fit_linear(stack, records, self.block, states)
        return self._fitted[key]

    def _one_block(self, stack: Chain, records: Sequence[Records], layer: LinearLayer, index: int) -> str:
        """Every second start of a large state space is in levelled coordinates: of many states some are nearly the same
        in the coordinates that a linear fit ends in, and a network does not see what is between them."""
        start, told = self._linear(stack, records, room(layer)), ""
        bent = isinstance(layer, StateSpace) and (layer.f is not None or layer.h is not None)
        if index % 2 and bent and layer.states >= MANY:
            start = replace(start, model=start.model.levelled([u for u, _ in start.centred(records)]))
            told = ", in levelled coordinates"
        place(layer, start)
        cover_curves(stack, records)
        return start.told + told

    def _cells(
        self, stack: Chain, records: Sequence[Records], cells: Recurrent, head: torch.nn.Linear, index: int
    ) -> str:
        """A model of as many states as there are cells, less those that show the outputs."""
        start = self._linear(stack, records, head.in_features - head.out_features)
        write_cells(cells, head, start, [u for u, _ in start.centred(records)], first=index == 0)
        return start.told

    def _lru(self, stack: Chain, records: Sequence[Records], layer: LRU, head: torch.nn.Linear | None) -> str:
        """A model of the order that the records suggest, or of the next lower one whose modes find room."""
        start = self._linear(stack, records, None)
        while len(found := modes(start.model.stabilised())) > layer.modes:
            start = self._linear(stack, records, min(start.model.order - 1, 2 * layer.modes))
        write_lru(layer, found)
        if head is not None:
            write_head(head, start, records)
        cover_curves(stack, records)
        return start.told + ("" if start.model.stabilised() is start.model else MIRRORED)

    def _two_blocks(self, stack: Chain, records: Sequence[Records], layers: Sequence[LinearLayer], index: int) -> str:
        first, second = layers
        if first.inputs != 1 or second.outputs != 1 or first.outputs != second.inputs:
            return "random weights: blocks of several inputs or outputs have no linear start"
        n1, n2 = room(first), room(second)
        start = self._linear(stack, records, n1 + n2)
        blocks, curve, told = self._cascade(records, start, n1, n2, index)
        before, behind = several_between(*blocks, channels=first.outputs)
        nothing = np.zeros(first.outputs)
        place(first, LinearStart(before, start.input_mean, nothing, 0.0))
        place(second, LinearStart(behind, nothing, start.output_mean, 0.0))
        cover_curves(stack, records)
        if curve is not None:
            bend_between(stack, first, curve)
        return told

    def _cascade(
        self, records: Sequence[Records], start: LinearStart, n1: int, n2: int, index: int
    ) -> tuple[tuple[LinearModel, LinearModel], StaticCurve | None, str]:
        """Both blocks of candidate `index` with states of even size, the curve between them, and what was done."""
        pairs = start.centred(records)
        found, inputs = self._cascades(pairs, start, n1, n2), [u for u, _ in pairs]
        if index < len(found):
            best, spread = found[index], float(np.concatenate([y for _, y in pairs]).std())
            missed = 100 * best.curve.error / spread
            first, second, curve = best.first, best.second, best.curve
            told = f"cascade {index + 1} of {len(found)}, which misses {missed:.3g} % of the output"
        else:
            (first, second), curve, told = self._random_blocks(n1, n2, inputs, index), None, "random poles"
        between = [first.simulate(u) for u in inputs]
        return (first.scaled(inputs), second.scaled(between)), curve, told

    def _cascades(self, pairs: Sequence[Pair], start: LinearStart, n1: int, n2: int) -> list[CascadeStart]:
        """The ways to share a linear model out between two blocks, found once for all candidates, best first."""
        key = (n1, n2, *(len(u) for u, _ in pairs))
        if key not in self._shared:
            rng = np.random.default_rng(self.seed)
            some = [(u[:ENOUGH], y[:ENOUGH]) for u, y in pairs]
            self._shared[key] = cascade_starts(some, start.model, n1, n2, rng, most=MOST)
        return self._shared[key]

    def _random_blocks(self, n1: int, n2: int, inputs: list[np.ndarray], index: int) -> tuple[LinearModel, LinearModel]:
        rng = self._rng(index)
        first = block_from_poles(random_poles(n1, rng), inputs, rng)
        between = [first.simulate(u) for u in inputs]
        return first, block_from_poles(random_poles(n2, rng), between, rng)


def room(layer: LinearLayer) -> int:
    """The states of a linear model that a layer holds wherever its poles lie."""
    return layer.modes if isinstance(layer, LRU) else layer.states


def place(layer: LinearLayer, start: LinearStart) -> None:
    """Put a linear model into a layer."""
    if isinstance(layer, LRU):
        write_lru(layer, modes(start.model.stabilised()))
    else:
        write(layer, start)


def cover_curves(stack: Chain, records: Sequence[Records]) -> None:
    """Every curve spans what reaches it, layer after layer, all of them being the identity until then."""
    values = [item.u for item in records]
    with torch.no_grad():
        for layer in elements(stack):
            if isinstance(layer, Curve):
                cover(layer, torch.cat([value.flatten(0, 1) for value in values]))
            values = [layer(value) for value in values]


def bend_between(stack: Chain, first: LinearLayer, curve: StaticCurve) -> None:
    """A spline right behind the first block takes the shape of the curve."""
    found = list(elements(stack))
    behind = found[found.index(first) + 1]
    if isinstance(behind, Curve) and isinstance(behind.curve, Spline):
        behind.curve.follow(lambda x: torch.as_tensor(curve(x.double().cpu().numpy())).to(x))
