"""New initial weights for a network, and the best of several draws."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from torch import nn


def redraw_parameters(network: nn.Module) -> None:
    """Draw all weights anew through every submodule's `reset_parameters`, frozen ones excepted."""
    for module in network.modules():
        own = list(module.parameters(recurse=False))
        reset = getattr(module, "reset_parameters", None)
        if reset is not None and (not own or any(parameter.requires_grad for parameter in own)):
            reset()


def keep_best_draw(
    network: nn.Module, redraw: Callable[[nn.Module], None], share: Callable[[], float], draws: int, tolerance: float
) -> float:
    """Redraw at most `draws` times while `share()` exceeds the tolerance; keeps the best draw, returns its share.

    The weights that the network comes with are the first draw. Later draws replace it only where they are better.
    """
    best_share = share()
    best = deepcopy(network.state_dict())
    for _ in range(draws):
        if best_share <= tolerance:
            break
        redraw(network)
        found = share()
        if found < best_share:
            best_share, best = found, deepcopy(network.state_dict())
    network.load_state_dict(best)
    return best_share
