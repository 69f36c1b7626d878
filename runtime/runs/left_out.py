"""Which members of an average ran away in a test, and were not averaged there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from sysidc.runtime.data.tape import TensorRecord
from sysidc.runtime.nn.ensemble import Ensemble
from sysidc.runtime.runs.model import Trained
from sysidc.runtime.runs.records import predict_record


def left_out(trained: Trained, records: Sequence[TensorRecord]) -> Iterator[str]:
    """A line for each record that members of the ensemble run away in."""
    stack = trained.stack
    if not isinstance(stack, Ensemble):
        return
    for record in records:
        inside = stack.inside(torch.stack(_outputs(trained, stack, record))).flatten(1).all(dim=1).tolist()
        left = [str(number) for number, sound in enumerate(inside, start=1) if not sound]
        if not left:
            continue
        who = "every member" if len(left) == len(inside) else f"member {' and '.join(left)} of {len(inside)}"
        done = "what is a number is averaged all the same" if len(left) == len(inside) else "not averaged there"
        yield (
            f"warning: {who} of the average leaves the range of the training outputs by more than its width in test "
            f"record '{record.name}': {done}"
        )


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
