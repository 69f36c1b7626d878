"""Which models ran away in a simulation, and what was done about it, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from sysidc.runtime.data.tape import TensorRecord
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.records import Predicted, predict_record

FAR = "leaves the range of the training outputs by more than its width"


def ran_away(trained: Trained, records: Sequence[TensorRecord]) -> Iterator[str]:
    """A line for each test record in which the model, or members of an ensemble, run away."""
    if isinstance(trained.stack, Ensemble) or trained.output_range is not None:
        for record in records:
            yield from told_of(trained, record, predict_record(trained, record.values), "test record")


def told_of(trained: Trained, record: TensorRecord, predicted: Predicted, kind: str) -> Iterator[str]:
    """A line where what was predicted for a record runs away."""
    where = f"in {kind} '{record.name}'"
    if isinstance(trained.stack, Ensemble):
        yield from _members(trained, trained.stack, record, where)
    else:
        yield from of_outputs(trained, predicted, where)


def of_outputs(trained: Trained, predicted: Predicted, where: str, begin: int = 0) -> Iterator[str]:
    """A line where the outputs of a single model run away; `begin` is the number of their first step."""
    if trained.output_range is None:
        return
    first = begin + predicted.first
    y = torch.cat(list(predicted.outputs.values()), dim=1)[predicted.first :]
    low, high = torch.tensor(trained.output_range, dtype=torch.float64)
    away = (~((y >= 2 * low - high) & (y <= 2 * high - low)).all(dim=1)).nonzero()[:, 0]
    lost = (~y.isfinite().all(dim=1)).nonzero()[:, 0]
    if len(away):
        told = f"warning: the model {FAR} {where}, from step {first + int(away[0])} on: it is no guide there"
        yield told + (f", and gives no numbers from step {first + int(lost[0])} on" if len(lost) else "")


def _members(trained: Trained, stack: Ensemble, record: TensorRecord, where: str) -> Iterator[str]:
    y = torch.stack(_outputs(trained, stack, record))
    steps = stack.outside(y).sum(dim=2)
    first = stack.behind == 0
    left = (steps > 0).any(dim=1) & first
    if not left.any():
        return
    window = int(steps.amin(dim=0).argmax())  # the one that is worst off
    least, counting = int(steps[:, window].amin()), _named(stack.counts(steps)[:, window])
    who = "every member" if bool((left == first).all()) else f"member {_named(left)} of {len(left)}"
    if least:
        done = f"member {counting}, out of it in the fewest steps ({least} of {y.shape[2]}), counts alone, held there"
    elif bool((stack.counts(steps).any(dim=1) & ~first).any()):
        done = f"member {_named(stack.counts(steps).any(dim=1) & ~first)}, which misses more, stands in there"
    else:
        done = "not averaged there"
    yield f"warning: {who} of the average {FAR} {where}: {done}"


def _named(members: Tensor) -> str:
    return " and ".join(str(number + 1) for number in members.nonzero()[:, 0].tolist())


def _outputs(trained: Trained, stack: Ensemble, record: TensorRecord) -> list[Tensor]:
    """What each member returns for a record, (windows, steps, outputs)."""
    found: list[list[Tensor]] = [[] for _ in stack.members]

    def keep(member: int) -> Any:
        return lambda module, given, output: found[member].append(output)

    hooks = [module.register_forward_hook(keep(index)) for index, module in enumerate(stack.members)]
    try:
        predict_record(trained, record.values)
    finally:
        for hook in hooks:
            hook.remove()
    return [torch.cat(outputs) for outputs in found]
