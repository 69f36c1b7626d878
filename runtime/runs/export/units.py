"""The scale of a model as a module: from the units of the data to the network's and back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sysidc.compiler.plan import Plan
from sysidc.runtime.data.normalizer import Normalizer


class Units(nn.Module):
    """z = (x - shift) / scale for the channels on the header's left, y = z scale + shift for those on its right."""

    shift: Tensor
    scale: Tensor
    output_shift: Tensor
    output_scale: Tensor

    def __init__(self, plan: Plan, normalizer: Normalizer):
        super().__init__()
        for prefix, windows in (("", plan.model.inputs), ("output_", plan.model.outputs)):
            shift, scale = normalizer.join([window.signal for window in windows])
            self.register_buffer(f"{prefix}shift", shift.clone())
            self.register_buffer(f"{prefix}scale", scale.clone())

    def encode(self, x: Tensor) -> Tensor:
        """x (..., channels) -> float64 of the same shape; NaN stays NaN."""
        return (x - self.shift) / self.scale

    def typical(self, z: Tensor) -> Tensor:
        """Normalised numbers z (..., channels) as they are measured, in their dtype; integers are what they are."""
        return (z * self.scale + self.shift).to(z.dtype) if z.is_floating_point() else z

    def decode(self, y: Tensor) -> Tensor:
        """y (..., outputs) -> the same shape and dtype."""
        return (y * self.output_scale + self.output_shift).to(y.dtype) if y.is_floating_point() else y


def is_output(plan: Plan) -> Tensor:
    """Which channels on the header's left are outputs, (channels,)."""
    marks = [
        plan.signal(window.signal).role == "output"
        for window in plan.model.inputs
        for _ in plan.signal(window.signal).columns
    ]
    return torch.tensor(marks)
