"""Windows of a long record, as views and as copies."""

from __future__ import annotations

import torch

from steps.clock import Row, compared, microseconds
from sysidc.compiler.windows import place
from sysidc.runtime.data.tape import Tape, TensorRecord
from sysidc.runtime.data.windows import WindowDataset


def windows(device: str, repetitions: int) -> list[Row]:
    u, y = torch.randn(188_000, 1), torch.randn(188_000, 1)
    record = TensorRecord("record", {"u": u, "y": y})
    layout = place((("u", "input", 1, 128),), (("y", "output", 1, 1),), "simulation")

    def views() -> None:
        WindowDataset(Tape(record.values, (record,)), layout)

    def copies() -> None:
        u.unfold(0, 128, 1).transpose(1, 2).contiguous()

    rows = compared(
        "windows of 188k samples, 128 in / 1 out",
        repetitions,
        {"ours": lambda: microseconds(views), "copied windows": lambda: microseconds(copies)},
    )
    rows[0]["bytes"], rows[1]["bytes"] = 0, u.unfold(0, 128, 1).numel() * u.itemsize
    return rows
