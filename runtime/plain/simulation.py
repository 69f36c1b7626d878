"""Simulation: the outputs of a whole window, or of a whole record, are compared at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sysidc.runtime.plain.series import Record
from sysidc.runtime.plain.training import Training
from sysidc.runtime.plain.windows import Window, Windows, shown, stacked


class Simulation(Training):
    """loss(y^, y), y^ being the last M steps of what the model makes of the window x."""

    def compare(self, batch: Any) -> tuple[Tensor, Tensor]:
        x, y = batch
        prediction: Tensor = self.model(x)
        return prediction[:, -y.shape[1] :], y


@torch.no_grad()
def free_run(model: nn.Module, record: Record, inputs: Sequence[str], known: dict[str, int]) -> Tensor:
    """(steps, outputs) in one run over a normalised record, NaN in the first steps.

    `known` gives for each output signal among the inputs how many of its first steps the model may see.
    """
    model.eval()
    first = max(known.values(), default=0)
    x = stacked([shown(record[name], first, known.get(name)) for name in inputs])
    y: Tensor = model(x[None])[0]
    y = y[-min(len(y), len(x) - first) :]
    empty = y.new_full((len(x) - len(y), y.shape[1]), torch.nan)
    return torch.cat([empty, y])


@torch.no_grad()
def by_windows(model: nn.Module, record: Record, inputs: Sequence[Window], outputs: Sequence[Window]) -> Tensor:
    """(steps, outputs) from windows laid end to end over a normalised record, NaN in the first steps.

    The last window ends with the record and fills only what is missing.
    """
    model.eval()
    steps, horizon = len(next(iter(record.values()))), outputs[0][2]
    dataset = Windows([record], inputs, outputs)
    starts = list(range(0, len(dataset), horizon))
    if starts[-1] != len(dataset) - 1:
        starts.append(len(dataset) - 1)
    channels = sum(record[name].shape[1] for name, _, _ in outputs)
    result = torch.full((steps, channels), torch.nan, dtype=torch.float64)
    for part in torch.split(torch.tensor(starts), 256):
        x, _ = dataset.__getitems__(part.tolist())
        for start, y in zip(part.tolist(), model(x)[:, -horizon:].double(), strict=True):
            anchor = int(dataset.anchors[start])
            free = torch.isnan(result[anchor : anchor + horizon])
            result[anchor : anchor + horizon] = torch.where(free, y, result[anchor : anchor + horizon])
    return result


@torch.no_grad()
def by_own_windows(model: nn.Module, record: Record, inputs: Sequence[Window], outputs: Sequence[Window]) -> Tensor:
    """As `by_windows`, window after window, each fed with the model's own outputs after the initial steps."""
    model.eval()
    steps, horizon = len(next(iter(record.values()))), outputs[0][2]
    own = {name: values.clone() for name, values in record.items()}
    dataset = Windows([own], inputs, outputs)
    done = first = int(dataset.anchors[0])
    predicted = {name for name, _, _ in outputs} & {name for name, _, _ in inputs}
    for name in predicted:
        dataset.values[name][first:] = 0
    channels = [record[name].shape[1] for name, _, _ in outputs]
    result = torch.full((steps, sum(channels)), torch.nan, dtype=torch.float64)
    while done < steps:
        anchor = min(done, int(dataset.anchors[-1]))
        behind = anchor + horizon
        x, _ = dataset.__getitems__([anchor - first])
        y = model(x)[0, -horizon:][done - behind :]
        result[done:behind] = y.double()
        for (name, _, _), part in zip(outputs, torch.split(y, channels, dim=1), strict=True):
            if name in predicted:
                dataset.values[name][done:behind] = part.to(dataset.values[name].dtype)
        done = behind
    return result
