"""What is measured: the signals section as values, its names and dtypes checked."""

from __future__ import annotations

from collections.abc import Mapping

from sysidc.compiler import sentences
from sysidc.compiler.catalogue.settings import DTYPES, SIGNALS
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.settings import read_settings
from sysidc.compiler.plan import SignalPlan
from sysidc.compiler.program import Program
from sysidc.dsl import syntax
from sysidc.dsl.records import dataclass
from sysidc.dsl.source import Span


@dataclass(frozen=True)
class Measured:
    """Signals by name, where each was declared, and the sampling time in seconds."""

    signals: Mapping[str, SignalPlan]
    spans: Mapping[str, Span]
    sampling_time: float | None


def read_signals(program: Program, findings: Findings) -> Measured:
    section = program.sections.get("signals")
    if not isinstance(section, syntax.Signals):
        return Measured({}, {}, None)
    settings = tuple(item for item in section.items if isinstance(item, syntax.Setting))
    values = read_settings("signals", settings, SIGNALS, program.scope, findings)
    signals: dict[str, SignalPlan] = {}
    spans: dict[str, Span] = {}
    for item in section.items:
        if isinstance(item, syntax.Signal):
            _declare(item, signals, spans, findings)
    return Measured(signals, spans, _sampling_time(values.values, values.spans, findings))


def _declare(item: syntax.Signal, signals: dict[str, SignalPlan], spans: dict[str, Span], findings: Findings) -> None:
    name = item.name.text
    if name in signals:
        findings.add(sentences.duplicate_definition(name, item.name.span, spans[name]))
        return
    dtype = item.dtype.text if item.dtype else "float32"
    if item.dtype and dtype not in DTYPES:
        findings.add(sentences.unknown_dtype(dtype, item.dtype.span, DTYPES))
        dtype = "float32"
    columns = item.columns if item.columns is not None else (item.name,)
    names = tuple(column.value if isinstance(column, syntax.String) else column.text for column in columns)
    _check_columns(columns, names, findings)
    signals[name] = SignalPlan(name, item.role, names, dtype, item.unit.value if item.unit else None)
    spans[name] = item.name.span


def _check_columns(
    columns: tuple[syntax.Name | syntax.String, ...], names: tuple[str, ...], findings: Findings
) -> None:
    for index, column in enumerate(names):
        if not column.strip():
            findings.add(sentences.empty_column(columns[index].span))
        if column in names[:index]:
            findings.add(sentences.duplicate_definition(column, columns[index].span, columns[names.index(column)].span))


def _sampling_time(values: Mapping[str, float | None], spans: Mapping[str, Span], findings: Findings) -> float | None:
    if len(spans) == 2:
        findings.add(sentences.sampling_twice(spans["sampling_rate"], spans["sampling_time"]))
    if values.get("sampling_time"):
        return values["sampling_time"]
    rate = values.get("sampling_rate")
    return 1 / rate if rate else None
