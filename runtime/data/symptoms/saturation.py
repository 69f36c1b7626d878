"""An output that piles up at its largest or smallest value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sysidc.runtime.data.record import Array, Record
from sysidc.runtime.data.symptoms.symptom import Symptom, channels, joined, percent, runs

BAND = 0.002
"""Values within this share of the range from an extreme lie at the extreme."""

CROWDED = 8
"""A pile-up holds this many times more values than the bands beside it; an undisturbed sine has 3.5 times more."""

SMALLEST_SHARE = 0.002
"""And this share of all values."""

LASTING = 3
"""And stays for this many steps at least once."""


def saturated_outputs(records: Sequence[Record], inputs: Sequence[str], outputs: Sequence[str]) -> Iterator[Symptom]:
    """One symptom for each end of the range of each output channel where values pile up, over all records.

    None where an input piles up as much: an output may well settle under an input that switches between two levels.
    """
    switching = max((_crowd(end * u)[0] for u in joined(records, inputs).values() for end in (1, -1)), default=0.0)
    for name, values in joined(records, outputs).items():
        for end, word in ((1, "largest"), (-1, "smallest")):
            share, crowded = _crowd(end * values)
            if crowded and share >= SMALLEST_SHARE and share > switching:
                limit = float(end * (end * values).max())
                if _stays(records, outputs, name, limit, BAND * float(np.ptp(values))):
                    message = (
                        f"output '{name}' is at its {word} value {limit:.6g} in {percent(share)} of the steps: "
                        "it saturates there, or is cut off"
                    )
                    yield Symptom("saturated-output", name, None, message, {"limit": limit, "share": share})


def _crowd(values: Array) -> tuple[float, bool]:
    """The share of values at the largest one, and whether that is many more than in the five bands below."""
    width = BAND * float(np.ptp(values))
    if width == 0:
        return 1.0, False
    below = (values.max() - values) / width
    top, beside = int((below <= 1).sum()), int(((below > 1) & (below <= 6)).sum())
    return top / len(values), top >= CROWDED * max(1.0, beside / 5)


def _stays(records: Sequence[Record], outputs: Sequence[str], name: str, limit: float, width: float) -> bool:
    for record in records:
        values = dict(channels(record, outputs)).get(name)
        if values is not None and runs(np.abs(values - limit) <= width)[1].max(initial=0) >= LASTING:
            return True
    return False
