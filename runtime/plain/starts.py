"""Where the candidates of a state-space model start: a linear model in their layers, or drawn numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.equations import Equations
from sysidc.runtime.plain.series import Scales
from sysidc.runtime.solvers.block_starts import block_from_poles, random_poles, splits
from sysidc.runtime.solvers.simulation_problem import Records
from sysidc.runtime.training.linear_start import LinearStart, fit_linear, linear_layers, write
from sysidc.runtime.training.starts import MOST_SPLITS, cover_curves


class OneBlock:
    """The one linear layer starts as the linear model of the records, by a subspace method of `block` steps, refined
    on its simulation error."""

    def __init__(self, block: int, seed: int) -> None:
        self.block, self.seed = block, seed
        self.fitted: LinearStart | None = None

    def linear(self, chain: Chain, records: Sequence[Records]) -> LinearStart:
        """The linear model with as many states as the layers have, estimated once."""
        if self.fitted is None:
            states = sum(layer.states for layer in linear_layers(chain))
            self.fitted = fit_linear(chain, records, self.block, states)
        return self.fitted

    def begin(self, chain: Chain, records: list[Records], index: int) -> None:
        """Start candidate `index`; where no linear model can be estimated it keeps its random weights."""
        try:
            self.fill(chain, records, index)
        except ValueError as error:
            print(f"random weights, because no linear start could be made: {error}")

    def fill(self, chain: Chain, records: list[Records], index: int) -> None:
        (layer,) = linear_layers(chain)
        write(layer, self.linear(chain, records))
        cover_curves(chain, records)


class TwoBlocks(OneBlock):
    """Two linear layers around a curve share out the poles and zeros of the linear model, each candidate in another
    way; where there is no further way the poles are random."""

    def fill(self, chain: Chain, records: list[Records], index: int) -> None:
        first, second = linear_layers(chain)
        start = self.linear(chain, records)
        inputs = [u - start.input_mean for item in records for u in item.u.double().cpu().numpy()]
        rng = np.random.default_rng(self.seed)
        found = splits(start.model, first.states, second.states, rng, inputs, MOST_SPLITS)
        if index < len(found):
            front, back = found[index]
        else:
            rng = np.random.default_rng((self.seed, index))
            front = block_from_poles(random_poles(first.states, rng), inputs, rng)
            between = [front.simulate(u) for u in inputs]
            back = block_from_poles(random_poles(second.states, rng), between, rng)
        between, nothing = [front.simulate(u) for u in inputs], np.zeros(1)
        write(first, LinearStart(front.scaled(inputs), start.input_mean, nothing, 0.0))
        write(second, LinearStart(back.scaled(between), nothing, start.output_mean, 0.0))
        cover_curves(chain, records)


class Numbers:
    """The first candidate has the learned numbers of the text, the others are drawn inside their ranges. Equations
    are in the units of the data, which `scale` tells."""

    def __init__(self, seed: int, scale: Scales, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        self.seed, self.scale, self.inputs, self.outputs = seed, scale, inputs, outputs

    def begin(self, chain: Chain, records: list[Records], index: int) -> None:
        sides = [
            torch.cat([self.scale[name][part] for name in names])
            for names in (self.inputs, self.outputs)
            for part in (0, 1)
        ]
        drawn = torch.Generator().manual_seed(int(np.random.default_rng((self.seed, index)).integers(2**31)))
        for layer in chain.modules():
            if isinstance(layer, Equations):
                layer.in_units_of(*sides)
                if index:
                    layer.draw(drawn)
