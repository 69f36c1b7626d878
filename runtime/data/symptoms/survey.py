"""All that is looked for in the records of a training, in the order in which it is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sysidc.runtime.data.record import Record
from sysidc.runtime.data.symptoms.delay import delayed_outputs
from sysidc.runtime.data.symptoms.drift import drifting_outputs, integrators
from sysidc.runtime.data.symptoms.inputs import poor_inputs
from sysidc.runtime.data.symptoms.missing import missing_values
from sysidc.runtime.data.symptoms.outliers import outlying_outputs
from sysidc.runtime.data.symptoms.period import periodic_inputs
from sysidc.runtime.data.symptoms.quantisation import quantised_outputs
from sysidc.runtime.data.symptoms.ranges import calm_validation, outside_training_range
from sysidc.runtime.data.symptoms.sampling import irregular_sampling
from sysidc.runtime.data.symptoms.saturation import saturated_outputs
from sysidc.runtime.data.symptoms.stuck import repeated_records, stuck_outputs
from sysidc.runtime.data.symptoms.symptom import Symptom

if TYPE_CHECKING:
    from sysidc.runtime.solvers.linear_model import LinearModel


def symptoms(
    train: Sequence[Record],
    validation: Sequence[Record],
    test: Sequence[Record],
    inputs: Sequence[str],
    outputs: Sequence[str],
    sampling_time: float | None = None,
    linear: LinearModel | None = None,
) -> list[Symptom]:
    """What is remarkable about records whose signals `inputs` and `outputs` are in the units of the file.

    What a fit learns from is looked for in the training part alone, what a file can have wrong in all parts. Records
    without steps are passed over. `sampling_time` in seconds is compared with the times of records that have them,
    `linear`, a linear model of the records, is looked at for integrators.
    """
    train, validation, test = ([record for record in part if len(record)] for part in (train, validation, test))
    return list(_all(train, validation, test, inputs, outputs, sampling_time, linear))


def _all(
    train: Sequence[Record],
    validation: Sequence[Record],
    test: Sequence[Record],
    inputs: Sequence[str],
    outputs: Sequence[str],
    sampling_time: float | None,
    linear: LinearModel | None,
) -> Iterator[Symptom]:
    everything = [*train, *validation, *test]
    yield from missing_values(everything, [*inputs, *outputs])
    yield from irregular_sampling(everything, sampling_time)
    yield from repeated_records([("training", train), ("validation", validation), ("test", test)])
    yield from stuck_outputs(everything, inputs, outputs)
    yield from outlying_outputs(everything, inputs, outputs)
    yield from poor_inputs(train, inputs)
    yield from saturated_outputs(train, inputs, outputs)
    yield from quantised_outputs(train, outputs)
    yield from periodic_inputs(train, inputs)
    yield from delayed_outputs(train, inputs, outputs)
    yield from drifting_outputs(train, inputs, outputs)
    yield from calm_validation(train, validation, inputs)
    yield from outside_training_range(train, test, inputs)
    if linear is not None:
        yield from integrators(linear.poles())
