"""Where the candidates of a model with equations start: as the text has it, or with numbers drawn in their ranges."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sysidc.runtime.nn.equations import Equations
from sysidc.runtime.plain.series import Scales
from sysidc.runtime.solvers.simulation_problem import Records
from sysidc.runtime.training.starts import Starts


class EquationStarts(Starts):
    """Equations are in the units of the data, which `scale` tells them first."""

    def __init__(self, block: int, seed: int, scale: Scales, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        super().__init__(linear=False, block=block, seed=seed)
        self.scale, self.inputs, self.outputs = scale, inputs, outputs

    def begin(self, stack: torch.nn.Module, records: Sequence[Records], index: int) -> str:
        shift_u, scale_u = (torch.cat([self.scale[name][part] for name in self.inputs]) for part in (0, 1))
        shift_y, scale_y = (torch.cat([self.scale[name][part] for name in self.outputs]) for part in (0, 1))
        for layer in stack.modules():
            if isinstance(layer, Equations):
                layer.in_units_of(shift_u, scale_u, shift_y, scale_y)
        return super().begin(stack, records, index)
