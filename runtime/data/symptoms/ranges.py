"""How the inputs of validation and test compare with those of training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sysidc.runtime.data.record import Record
from sysidc.runtime.data.symptoms.symptom import Symptom, channels, joined, percent

BEYOND = ((0.05, 2e-3), (0.15, 5e-4))
"""A test input leaves the training range if it does so by the first share of its width in the second share of steps."""

FEWEST = 5
"""But in no fewer steps than this: random inputs have single large values."""

CALM = 0.5
"""Validation inputs whose standard deviation is below this share of the training inputs' are named."""


def outside_training_range(train: Sequence[Record], test: Sequence[Record], inputs: Sequence[str]) -> Iterator[Symptom]:
    """One symptom for each input channel of each test record that leaves the range of the training records."""
    ranges = {name: (float(values.min()), float(values.max())) for name, values in joined(train, inputs).items()}
    for record in test:
        for name, values in channels(record, inputs):
            if name not in ranges:
                continue
            low, high = ranges[name]
            beyond = np.maximum(np.maximum(values - high, low - values), 0.0)
            count = int((beyond > 0).sum())
            share = count / len(values)
            excess = float(beyond.max()) / (high - low) if high > low else float(beyond.max() > 0)
            if count >= FEWEST and any(excess >= width and share >= often for width, often in BEYOND):
                first = record.first + int(np.argmax(beyond > 0.5 * excess * (high - low)))
                message = (
                    f"input '{name}' of test record '{record.name}' leaves the training range {low:z.4g} .. "
                    f"{high:z.4g} in {percent(share)} of the steps, by up to {percent(excess)} of its width, clearly "
                    f"from row {first} on: a model is on its own there"
                )
                numbers = {"low": low, "high": high, "share": share, "excess": excess, "row": first}
                yield Symptom("outside-training-range", name, record.name, message, numbers)


def calm_validation(train: Sequence[Record], validation: Sequence[Record], inputs: Sequence[str]) -> Iterator[Symptom]:
    """One symptom for each input channel that moves much less in the validation part than in the training part."""
    driving = joined(train, inputs)
    for name, values in joined(validation, inputs).items():
        spread = float(driving[name].std()) if name in driving else 0.0
        share = float(values.std()) / spread if spread > 0 else 1.0
        if share < CALM:
            message = (
                f"input '{name}' moves only {percent(share)} as much in the validation part as in the training part: "
                "the validation error will flatter the model"
            )
            yield Symptom("calm-validation", name, None, message, {"share": share})
