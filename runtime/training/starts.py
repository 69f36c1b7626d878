"""Where a candidate of a training starts: a linear model in its layers, drawn numbers in its equations, or as built."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.curve import Curve
from sysidc.runtime.nn.equations import Equations
from sysidc.runtime.solvers.block_starts import block_from_poles, random_poles, splits
from sysidc.runtime.solvers.linear_model import LinearModel
from sysidc.runtime.solvers.simulation_problem import Records
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

MOST_SPLITS = 64


class Starts:
    """Puts candidates at their starts. The linear model of the records is estimated once for all of them.

    What a candidate starts from depends on the seed, its index and the records alone.
    """

    def __init__(self, linear: bool, block: int, seed: int) -> None:
        self.linear, self.block, self.seed = linear, block, seed
        self._fitted: dict[int, LinearStart] = {}

    def begin(self, stack: torch.nn.Module, records: Sequence[Records], index: int) -> str:
        """Start candidate `index` on its way; returns what was done, in words."""
        if not isinstance(stack, Chain):
            return "random weights"
        drawn = "; ".join([*self._draw(stack, index), *stiffness(stack, records)])
        layers = linear_layers(stack) if self.linear else []
        if not layers:
            return drawn or "random weights"
        try:
            if len(layers) == 1:
                return self._one_block(stack, records, layers[0])
            if len(layers) == 2:
                return self._two_blocks(stack, records, index)
        except ValueError as error:
            return f"random weights, because no linear start could be made: {error}"
        return "random weights"

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

    def _linear(self, stack: Chain, records: Sequence[Records], states: int) -> LinearStart:
        if states not in self._fitted:
            self._fitted[states] = fit_linear(stack, records, self.block, states)
        return self._fitted[states]

    def _one_block(self, stack: Chain, records: Sequence[Records], layer: LinearLayer) -> str:
        start = self._linear(stack, records, layer.states)
        write(layer, start)
        cover_curves(stack, records)
        return f"linear model of {layer.states} states, which misses {100 * start.missed:.3g} % of the output"

    def _two_blocks(self, stack: Chain, records: Sequence[Records], index: int) -> str:
        first, second = linear_layers(stack)
        if first.outputs != 1 or first.inputs != 1 or second.outputs != 1:
            return "random weights: blocks of several channels have no linear start"
        start = self._linear(stack, records, first.states + second.states)
        inputs = [u - start.input_mean for item in records for u in item.u.double().cpu().numpy()]
        found = splits(start.model, first.states, second.states, np.random.default_rng(self.seed), inputs, MOST_SPLITS)
        if index < len(found):
            told = f"split {index + 1} of {len(found)} of a linear model that misses {100 * start.missed:.3g} %"
            blocks = found[index]
        else:
            told = "random poles"
            blocks = self._random_blocks(first.states, second.states, inputs, index)
        between = [blocks[0].simulate(u) for u in inputs]
        nothing = np.zeros(1)
        write(first, LinearStart(blocks[0].scaled(inputs), start.input_mean, nothing, 0.0))
        write(second, LinearStart(blocks[1].scaled(between), nothing, start.output_mean, 0.0))
        cover_curves(stack, records)
        return told

    def _random_blocks(self, n1: int, n2: int, inputs: list[np.ndarray], index: int) -> tuple[LinearModel, LinearModel]:
        rng = self._rng(index)
        first = block_from_poles(random_poles(n1, rng), inputs, rng)
        between = [first.simulate(u) for u in inputs]
        return first, block_from_poles(random_poles(n2, rng), between, rng)


def cover_curves(stack: Chain, records: Sequence[Records]) -> None:
    """Every curve spans what reaches it, layer after layer, all of them being the identity until then."""
    values = [item.u for item in records]
    with torch.no_grad():
        for layer in elements(stack):
            if isinstance(layer, Curve):
                cover(layer, torch.cat([value.flatten(0, 1) for value in values]))
            values = [layer(value) for value in values]
