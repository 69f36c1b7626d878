"""All that is found out about a recording, each finding a sentence with its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sysidc.runtime.data.record import Record
from sysidc.runtime.data.symptoms import Symptom, symptoms
from sysidc.runtime.inspection import sentences
from sysidc.runtime.inspection.cascade import Cascade, cascade
from sysidc.runtime.inspection.channels import Channels, prepared
from sysidc.runtime.inspection.impulse import ImpulseResponse, impulse_response
from sysidc.runtime.inspection.linearity import Linearity, linearity
from sysidc.runtime.inspection.noise import noise_level
from sysidc.runtime.inspection.order import Order, find_order
from sysidc.runtime.inspection.recording import Recording

WORTH_TELLING = 3
"""A delay is told, and taken off before the order is found, from this many steps on."""

VALIDATION = 0.2
"""The part at the end of every record that a spec holds back when it says nothing."""


@dataclass(frozen=True)
class Findings:
    """`told` in the order of the page; `delays` of each input in steps, 0 for what is not worth telling; `noise`
    relative to the outputs' movement. What could not be found out is None."""

    recording: Recording
    test: Recording | None
    told: tuple[Symptom, ...]
    measured: Channels
    response: ImpulseResponse | None
    delays: tuple[int, ...]
    order: Order | None
    linearity: Linearity | None
    cascade: Cascade | None
    noise: float | None

    def has(self, id: str) -> list[Symptom]:
        return [symptom for symptom in self.told if symptom.id == id]

    @property
    def linear(self) -> bool | None:
        """None where nothing tells."""
        if self.has("saturated-output"):
            return False
        return None if self.linearity is None else self.linearity.linear


def inspect(recording: Recording, test: Recording | None = None) -> Findings:
    """`test`, of the same columns, is looked at for what its records have wrong and for ranges that it leaves."""
    roles = recording.roles
    measured = prepared(recording.records, roles.inputs, roles.outputs)
    response = impulse_response(measured)
    delays = _delays(response, len(roles.inputs), len(roles.outputs))
    order = find_order(measured, delays) if roles.inputs else None
    judged = None if order is None else linearity(measured.delayed(delays), order)
    blocks = None if order is None or judged is None or judged.linear or any(delays) else cascade(measured, order)
    noise = noise_level(measured)
    found = [*_about_file(recording), *_about_records(recording, test, order)]
    if response is not None:
        found += _about_answers(response, measured)
    if order is not None:
        found += sentences.order(order, delays, recording.sampling_time)
    if judged is not None:
        found += [sentences.linearity(judged, noise, [s.signal for s in found if s.id == "saturated-output"])]
    if blocks is not None and blocks.clear:
        found += [sentences.cascade(blocks)]
    if noise is not None:
        found += [sentences.noise(noise)]
    return Findings(recording, test, tuple(found), measured, response, delays, order, judged, blocks, noise)


def _delays(response: ImpulseResponse | None, inputs: int, outputs: int) -> tuple[int, ...]:
    """The shortest delay of each input to any output that answers it."""
    if response is None:
        return (0,) * inputs
    found = [[response.delay(q, i) for q in range(outputs) if response.answers(q, i)] for i in range(inputs)]
    shortest = [min((-1 if delay is None else delay for delay in delays), default=0) for delays in found]
    return tuple(delay if delay >= WORTH_TELLING else 0 for delay in shortest)


def _about_file(recording: Recording) -> Iterator[Symptom]:
    yield sentences.sampling(recording)
    for guess in recording.roles.guessed:
        yield Symptom("role", None, None, guess)
    for column in recording.columns.values():
        if column.note:
            yield Symptom("left-out", column.name, None, f"column '{column.name}' is left out: {column.note}")
        elif not recording.role(column.name) and not column.moves:
            told = f"column '{column.name}' is left out: it never changes"
            yield Symptom("left-out", column.name, None, told)
    yield from _twins(recording)
    yield from _repeated_rows(recording.records)


def _twins(recording: Recording) -> Iterator[Symptom]:
    """Columns that hold the same numbers."""
    columns = [column for column in recording.columns.values() if column.values is not None and column.moves]
    for index, column in enumerate(columns):
        for other in columns[:index]:
            if np.array_equal(column.values, other.values, equal_nan=True):  # type: ignore[arg-type]
                told = f"column '{column.name}' holds the same numbers as '{other.name}'"
                yield Symptom("same-column", column.name, None, told)


def _repeated_rows(records: Sequence[Record]) -> Iterator[Symptom]:
    """Rows that are the row before once more, where the signals are fine enough for that to be no chance."""
    for record in records:
        values = np.concatenate(list(record.values.values()), axis=1)
        if max(len(np.unique(column)) for column in values.T) < len(values) // 2:
            continue
        same = np.flatnonzero((values[1:] == values[:-1]).all(axis=1))
        if len(same):
            row = record.first + int(same[0]) + 1
            told = (
                f"{len(same)} of {len(values)} rows of record '{record.name}' repeat the row before, the first is row "
                f"{row}: samples that were lost and filled?"
            )
            yield Symptom("repeated-rows", None, record.name, told, {"count": len(same), "row": row})


def _about_records(recording: Recording, test: Recording | None, order: Order | None) -> list[Symptom]:
    """What `symptoms` tells, the delay apart, which is found here for all inputs together."""
    parts: tuple[list[Record], list[Record]] = ([], [])
    for record in recording.records:
        cut = len(record) - round(VALIDATION * len(record))
        parts[0].append(record.part(0, cut))
        parts[1].append(record.part(cut, len(record)))
    tested = () if test is None else test.records
    roles = recording.roles
    model = None if order is None or order.states == 0 else order.model
    found = symptoms(*parts, tested, roles.inputs, roles.outputs, recording.sampling_time, model)
    distinct = {(told.id, told.signal, told.message): told for told in found if told.id != "delay"}
    return list(distinct.values())


def _about_answers(response: ImpulseResponse, measured: Channels) -> Iterator[Symptom]:
    for i, given in enumerate(measured.inputs):
        for q, output in enumerate(measured.outputs):
            delay = response.delay(q, i)
            if not response.answers(q, i):
                told = f"output '{output}' shows no linear answer to input '{given}'"
                yield Symptom("no-answer", output, None, told)
            elif delay is not None and delay >= WORTH_TELLING:
                told = f"output '{output}' answers input '{given}' only after {delay} steps"
                yield Symptom("delay", output, None, told, {"steps": delay})
