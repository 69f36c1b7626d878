"""How well a prediction fits, in the units of the data, and the weights as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from sysidc.runtime.plain.series import Scales


def errors(predicted: Tensor, measured: Tensor, first: int) -> dict[str, float]:
    """rmse, nrmse = rmse / standard deviation and fit = 100 (1 - nrmse) of (steps, channels) from a step on.

    Steps without a prediction are left out.
    """
    first = max(first, int(torch.isnan(predicted[:, 0]).sum()))
    predicted, measured = predicted[first:], measured[first:].double()
    rmse = (predicted - measured).square().mean().sqrt()
    nrmse = rmse / measured.var(dim=0, correction=0).mean().sqrt()
    return {"rmse": float(rmse), "nrmse": float(nrmse), "fit": 100 * (1 - float(nrmse))}


def save_weights(path: Path, module: Any, scale: Scales) -> None:
    """The weights of a module and the scale of its signals."""
    tensors = {f"stack.{name}": value.contiguous() for name, value in module.model.state_dict().items()}
    for name, (shift, factor) in scale.items():
        tensors[f"normalizer.shift_{name}"] = shift.contiguous()
        tensors[f"normalizer.scale_{name}"] = factor.contiguous()
    if hasattr(module, "band"):
        tensors.update({f"band.{name}": value for name, value in module.band.state_dict().items()})
    save_file(tensors, path)


def load_weights(path: Path, module: Any) -> Scales:
    """Put the weights of a file into a module and return the scale of its signals."""
    tensors = load_file(path)
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        part, _, own = name.partition(".")
        parts.setdefault(part, {})[own] = value
    module.model.load_state_dict(parts["stack"])
    if "band" in parts:
        module.band.load_state_dict(parts["band"])
    scales = parts["normalizer"]
    signals = [name.removeprefix("shift_") for name in scales if name.startswith("shift_")]
    return {name: (scales[f"shift_{name}"], scales[f"scale_{name}"]) for name in signals}
