"""Layers with state as one operation over a record of any length, which torch.export and ONNX can express."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

from sysidc.runtime.nn.chain import Chain
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.nn.state import StateLayer, run, state_layers
from sysidc.runtime.runs import mistakes


class Scanned(nn.Module):
    """u (batch, time, inputs) -> y (batch, time, outputs), from the state at which the layer rests."""

    def __init__(self, layer: StateLayer):
        super().__init__()
        self.layer = layer

    def forward(self, u: Tensor) -> Tensor:
        return scanned(self.layer, self.layer.rest().expand(u.shape[0], -1), u)


class ScannedChain(nn.Module):
    """A chain over its input (batch, time, channels), from a state that needs no search."""

    def __init__(self, chain: Chain):
        super().__init__()
        if chain.initial == "estimate":
            raise mistakes.not_exported(
                "the state at the start of a record is searched for (initial = estimate), which no file format holds",
                "export the model step by step with --step: its state is an input then",
            )
        if any(getattr(layer, "solver", None) == "implicit" for layer in state_layers(chain)):
            raise mistakes.not_exported(
                "an implicit solver searches in every step, which no format holds inside a loop over time",
                "export one step with --format torch --step",
            )
        self.chain = chain

    def forward(self, x: Tensor) -> Tensor:
        u, y = self.chain.parted(x)
        encoded = self.chain.initial == "encoder"
        first = self.chain.start(u, y) if encoded else self.chain.rest().expand(u.shape[0], -1)
        return scanned(self.chain, first, u)


def scanned(layer: StateLayer | Chain, first: Tensor, u: Tensor) -> Tensor:
    """From the state `first` (batch, states) over u: one operation in a graph, a plain loop elsewhere."""
    if not torch.compiler.is_exporting():
        return run(layer, first, u)[1]

    def one(x: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        after, y = layer.step(x, now)
        return after, y.clone()

    _, outputs = scan(one, first.to(u.dtype).clone(), u.transpose(0, 1), dim=0)
    by_batch: Tensor = outputs.transpose(0, 1)
    return by_batch


def with_scans(stack: nn.Module) -> nn.Module:
    """A copy of a stack in which nothing loops over time by itself."""
    if isinstance(stack, Chain):
        return ScannedChain(stack)
    if isinstance(stack, Ensemble):
        averaged = Ensemble([with_scans(member) for member in stack.members], stack.low, stack.high)
        averaged.behind.copy_(stack.behind)
        return averaged
    copied = deepcopy(stack)
    if isinstance(copied, StateLayer):
        return Scanned(copied)
    for module in list(copied.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, StateLayer) and not isinstance(module, Scanned):
                setattr(module, name, Scanned(child))
    return copied


def has_state(stack: nn.Module) -> bool:
    return any(isinstance(module, StateLayer) for module in stack.modules())


def at_rest(chain: Chain) -> Tensor:
    """The state of a chain of which nothing is known, (states)."""
    return chain.rest().detach() if chain.states else torch.zeros(0)
