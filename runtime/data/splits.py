"""Which samples train, validate and test: contiguous parts, each its own record, so no window meets two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sysidc.compiler.plan import SourcePlan, SplitPlan
from sysidc.runtime.data import mistakes
from sysidc.runtime.data.errors import DataError
from sysidc.runtime.data.record import Record


@dataclass(frozen=True)
class Needs:
    """Samples that a record of each part must have, and what for."""

    train: int
    validation: int
    test: int
    purpose: str = "one window"


@dataclass(frozen=True)
class Parts:
    train: list[Record]
    validation: list[Record]
    test: list[Record]


def split(
    records: Sequence[Record],
    validation: SplitPlan,
    test: SplitPlan,
    needs: Needs,
    load: Callable[[Sequence[SourcePlan]], list[Record]],
) -> Parts:
    """The test part is taken from the end of every record, then the validation part from the end of what remains.

    A part with sources of its own is loaded instead. Raises DataError where a part is too short for one window; pieces
    left over by gaps are passed over as long as others suffice.
    """
    parts = Parts([], [], [])
    refused: list[DataError] = []
    for record in records:
        try:
            train, *held_out = _cut(record, validation, test, needs)
        except DataError as error:
            refused.append(error)
            if not record.piece:
                raise
            continue
        parts.train.append(train)
        parts.validation.extend(held_out[0])
        parts.test.extend(held_out[1])
    if not parts.train:
        raise refused[0]
    parts.validation.extend(_own(validation, "validation", needs.validation, needs.purpose, load))
    parts.test.extend(_own(test, "test", needs.test, needs.purpose, load))
    return parts


def _cut(
    record: Record, validation: SplitPlan, test: SplitPlan, needs: Needs
) -> tuple[Record, list[Record], list[Record]]:
    length = len(record)
    tested = _samples(test, length, record.name, "test")
    validated = _samples(validation, length - tested, record.name, "validation")
    trained = length - tested - validated
    sizes = (("train", trained, needs.train), ("validation", validated, needs.validation), ("test", tested, needs.test))
    for (part, present, needed), plan in zip(sizes, (None, validation, test), strict=True):
        if (plan is None or _is_cut(plan)) and present < needed:
            raise mistakes.too_short(record.name, part, needed, present, needs.purpose)
    return (
        record.part(0, trained),
        [record.part(trained, trained + validated)] if validated else [],
        [record.part(trained + validated, length)] if tested else [],
    )


def _is_cut(plan: SplitPlan) -> bool:
    return bool(plan.share) or bool(plan.samples)


def _samples(plan: SplitPlan, length: int, record: str, part: str) -> int:
    if plan.samples is not None:
        if plan.samples >= length:
            raise mistakes.part_too_large(record, part, plan.samples, length)
        return plan.samples
    return 0 if plan.share is None else round(plan.share * length)


def _own(
    plan: SplitPlan, part: str, needed: int, purpose: str, load: Callable[[Sequence[SourcePlan]], list[Record]]
) -> list[Record]:
    """The records of a part with sources of its own, each long enough."""
    records = load(plan.sources) if plan.sources else []
    kept = [record for record in records if len(record) >= needed]
    short = [record for record in records if len(record) < needed]
    for record in short:
        if not record.piece or not kept:
            raise mistakes.too_short(record.name, part, needed, len(record), purpose).at(plan.sources[0].place)
    return kept
