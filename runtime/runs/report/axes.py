"""What the axes of a record's charts are called and in which unit its time is told."""

from __future__ import annotations

from sysidc.runtime.runs.report.evidence import RecordTraces

UNITS = ((3 * 3600.0, 3600.0, "h"), (600.0, 60.0, "min"), (1.0, 1.0, "s"), (1e-3, 1e-3, "ms"), (0.0, 1e-6, "µs"))
"""From which duration in seconds on, how many seconds, and the unit's name."""


def time_axis(record: RecordTraces) -> tuple[float, float, str]:
    """(start, step, label): in steps where the plan knows no sampling time."""
    if record.sampling_time is None:
        return 0.0, 1.0, "step"
    duration = record.steps * record.sampling_time
    seconds, unit = next((seconds, unit) for least, seconds, unit in UNITS if duration >= least)
    return record.start / seconds, record.sampling_time / seconds, f"time [{unit}]"


def with_unit(name: str, unit: str) -> str:
    return f"{name} [{unit}]" if unit else name


def frequency_label(sampling_time: float | None) -> str:
    return "frequency [cycles per sample]" if sampling_time is None else "frequency [Hz]"


def counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
