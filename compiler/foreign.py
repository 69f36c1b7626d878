"""Builds a layer of an installed package, and holds it to what its row promised: shape, dtype, count and time."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from sysidc.compiler.catalogue.installed import package_of
from sysidc.compiler.plan import Node

if TYPE_CHECKING:
    from torch import Tensor, nn

STEPS = 48
"""So long a window is tried where the layer serves any length."""


class ForeignLayerError(Exception):
    """A layer of another package that cannot be built, or is not what its row says; the message says which."""


def foreign_module(node: Node) -> nn.Module:
    """The module of a node. Raises ForeignLayerError."""
    told = f"`{node.layer}` of the package {package_of(node.layer) or node.target.partition('.')[0]}"
    module_name, _, name = node.target.rpartition(".")
    try:
        module: nn.Module = getattr(importlib.import_module(module_name), name)(**node.arguments)
        wrong = _broken_promise(module, node)
    except Exception as error:  # another package's code may fail in any way
        raise ForeignLayerError(f"{told} cannot be built: {type(error).__name__}: {error}") from error
    if wrong is not None:
        raise ForeignLayerError(f"{told} is not what its row says: {wrong}")
    return module


def _broken_promise(module: nn.Module, node: Node) -> str | None:
    """In one pass without dropout, over two windows that differ in one step."""
    import torch

    count = sum(parameter.numel() for parameter in module.parameters())
    if count != node.parameters:
        return f"it has {count} parameters, {node.parameters} are promised"
    arriving = _two_windows(node)
    if arriving.device.type == "meta":
        return None
    training = module.training
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        leaving = module.eval()(arriving)
    module.train(training)
    return _wrong_type(leaving, node) or _wrong_reach(leaving, node)


def _two_windows(node: Node) -> Tensor:
    """(2, steps, channels) in the dtype that arrives; the middle step differs, in every channel."""
    import torch

    steps = _steps(node)
    dtype = getattr(torch, node.type_in.dtype)
    window = torch.rand(steps, node.type_in.channels, generator=torch.Generator().manual_seed(0)).round(decimals=2)
    both = torch.stack([window, window])
    both[1, steps // 2] = 1 - both[1, steps // 2]
    return both.to(torch.get_default_device(), dtype)


def _steps(node: Node) -> int:
    return node.type_in.steps or STEPS + node.type_out.cut


def _wrong_type(leaving: object, node: Node) -> str | None:
    import torch

    steps = node.type_out.steps or _steps(node) - (node.type_out.cut - node.type_in.cut)
    promised = (2, steps, node.type_out.channels)
    if not isinstance(leaving, torch.Tensor):
        return f"it returns a {type(leaving).__name__}, not a tensor"
    if tuple(leaving.shape) != promised:
        return f"it returns {tuple(leaving.shape)}, {promised} is promised"
    dtype = str(leaving.dtype).removeprefix("torch.")
    return None if dtype == node.type_out.dtype else f"it returns {dtype}, {node.type_out.dtype} is promised"


def _wrong_reach(leaving: Tensor, node: Node) -> str | None:
    """An output step that follows an input step outside of the promised interval; judged where steps are kept."""
    steps, middle = leaving.shape[1], _steps(node) // 2
    if steps != _steps(node):
        return None
    first = 0 if node.look_ahead is None else middle - node.look_ahead
    last = steps if node.look_back is None else middle + node.look_back
    differs = (leaving[0] != leaving[1]).flatten(1).any(1).nonzero().flatten().tolist()
    outside = next((step for step in differs if not first <= step <= last), None)
    if outside is None:
        return None
    side = f"{outside - middle} steps before" if outside > middle else f"{middle - outside} steps after"
    return f"an output step depends on the input {side} it, which is not promised"
