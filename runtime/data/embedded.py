"""Integers that index an embedding: a value that its table lacks is a mistake in the data, told before training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sysidc.compiler.plan import Node, Plan
from sysidc.runtime.data import mistakes
from sysidc.runtime.data.record import Record

MOVES_VALUES = ("Identity", "Flatten", "DelayLine", "Last")


def check_embedded(plan: Plan, records: Iterable[Record]) -> None:
    """Raise DataError for an integer outside the table of an Embedding that the window reaches unchanged."""
    size = table_size(plan.model.nodes)
    if size is None:
        return
    for record in records:
        for window in plan.model.inputs:
            values = np.asarray(record.values[window.signal])
            wrong = np.argwhere((values < 0) | (values >= size))
            if len(wrong):
                step, channel = wrong[0]
                column = plan.signal(window.signal).columns[channel]
                raise mistakes.not_embedded(record.name, column, int(step), int(values[step, channel]), size)


def table_size(nodes: Sequence[Node]) -> int | None:
    """Entries of the Embedding that comes first in a stack, None where another layer does."""
    for node in nodes:
        if node.layer == "Embedding":
            return int(node.arguments["num_embeddings"])
        if node.children:
            return table_size(node.children)
        if node.layer not in MOVES_VALUES:
            return None
    return None
