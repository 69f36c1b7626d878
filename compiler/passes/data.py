"""The data section: where records come from and how they are parted. Files are judged elsewhere, by reading them."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from sysidc.compiler import sentences
from sysidc.compiler.binding import Bound, bind
from sysidc.compiler.catalogue.generators import GENERATORS
from sysidc.compiler.catalogue.settings import BENCHMARK, DATA, ENDINGS, FILE_OPTIONS, FILE_READERS
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.nodes import place_of
from sysidc.compiler.passes.settings import Settings, read_settings
from sysidc.compiler.passes.signals import Measured
from sysidc.compiler.plan import DataPlan, SourcePlan, SplitPlan
from sysidc.compiler.program import Program
from sysidc.compiler.values import CallValue, Interval, Value, describe
from sysidc.dsl import syntax
from sysidc.dsl.source import Span

DEFAULT_VALIDATION = 0.2
ROWS = "a range of whole numbers, the first below the end"


def read_data(program: Program, measured: Measured, findings: Findings) -> DataPlan | None:
    section = program.sections.get("data")
    if not isinstance(section, syntax.Section):
        return None
    items = tuple(item for item in section.items if isinstance(item, syntax.Setting))
    for item in section.items:
        if isinstance(item, syntax.Stage):
            findings.add(sentences.stage_outside_train(item.span))
    settings = read_settings("data", items, DATA, program.scope, findings)
    if not items:
        findings.add(sentences.missing_setting("data", "train", section.keyword, "records to learn from"))
    sources = _Sources(program, measured, findings)
    _check_rest(settings, findings)
    return DataPlan(
        str(program.folder),
        sources.read(settings.values["train"]),
        _split(settings, "validation", sources, SplitPlan(share=DEFAULT_VALIDATION), findings),
        _split(settings, "test", sources, SplitPlan(), findings),
        settings.values["normalize"] or "none",
        settings.values["missing"],
    )


def _check_rest(settings: Settings, findings: Findings) -> None:
    """Validation and test together leave a part to learn from."""
    test, validation = settings.values["test"], settings.values["validation"]
    shares = [value for value in (test, validation) if isinstance(value, float)]
    if len(shares) == 2 and max(shares) < 1 <= sum(shares):
        findings.add(sentences.nothing_left("test", settings.spans["test"], settings.spans["validation"]))


def _split(settings: Settings, name: str, sources: _Sources, default: SplitPlan, findings: Findings) -> SplitPlan:
    value = settings.values[name]
    if value is None:
        return default
    if isinstance(value, int):
        return SplitPlan(samples=value)
    if isinstance(value, float):
        if value >= 1:
            findings.add(sentences.whole_split(name, settings.spans[name]))
        return SplitPlan(share=value)
    return SplitPlan(sources=sources.read(value))


class _Sources:
    """Turns strings and calls into sources; what they name is checked against the signals."""

    def __init__(self, program: Program, measured: Measured, findings: Findings):
        self.program = program
        self.measured = measured
        self.findings = findings

    def read(self, written: Any) -> tuple[SourcePlan, ...]:
        if written is None:
            return ()
        values = written if isinstance(written, tuple) else (written,)
        found = [self._source(value) for value in values]
        return tuple(source for source in found if source is not None)

    def _source(self, value: Value) -> SourcePlan | None:
        if isinstance(value.plain, str):
            return self._file(value.plain, value.span, {})
        call = value.plain
        assert isinstance(call, CallValue)
        if call.name in FILE_READERS:
            return self._reader(call, value.span)
        if call.name in GENERATORS:
            return self._generator(call, value.span)
        if call.name == "benchmark":
            bound = bind("benchmark", value.span, _arguments(call), BENCHMARK, call.scope, self.findings)
            return SourcePlan("benchmark", None, bound["name"], {}, place_of(value.span)) if bound.sound else None
        assert isinstance(call.node, syntax.Call)
        known = (*FILE_READERS, *GENERATORS, "benchmark")
        self.findings.add(sentences.unknown_member("data source", call.name, call.node.name.span, known))
        return None

    def _file(self, path: str, span: Span, options: dict[str, Any]) -> SourcePlan | None:
        ending = PurePath(path).suffix.lower()
        if ending not in ENDINGS:
            self.findings.add(sentences.unknown_format(path, span, tuple(ENDINGS)))
            return None
        defaults = {option.name: option.default for option in FILE_OPTIONS if option.name != "path"}
        return SourcePlan("file", path, None, {"format": ENDINGS[ending], **defaults, **options}, place_of(span))

    def _reader(self, call: CallValue, span: Span) -> SourcePlan | None:
        bound = bind(call.name, span, _arguments(call), FILE_READERS[call.name], call.scope, self.findings)
        if not bound.sound:
            return None
        options = {name: value for name, value in bound.values.items() if name != "path"}
        if not self._options_fit(call.name, options, bound):
            return None
        if options["rows"] is not None:
            options["rows"] = tuple(int(end) for end in options["rows"])
        defaults = {option.name: option.default for option in FILE_OPTIONS if option.name != "path"}
        return SourcePlan("file", bound["path"], None, {"format": call.name, **defaults, **options}, place_of(span))

    def _options_fit(self, reader: str, options: dict[str, Any], bound: Bound) -> bool:
        rows, separator = options["rows"], options.get("separator", ",")
        if rows is not None and (rows[0] >= rows[1] or rows != tuple(int(end) for end in rows)):
            shown = describe(Interval(*rows))
            self.findings.add(sentences.wrong_kind(reader, "rows", shown, bound.spans["rows"], ROWS))
            return False
        if len(separator) != 1:
            shown = describe(separator)
            self.findings.add(
                sentences.wrong_kind(reader, "separator", shown, bound.spans["separator"], "one character")
            )
            return False
        return True

    def _generator(self, call: CallValue, span: Span) -> SourcePlan | None:
        generator = GENERATORS[call.name]
        bound = bind(call.name, span, _arguments(call), generator.arguments, call.scope, self.findings)
        for name, signal in self.measured.signals.items():
            for column in signal.columns:
                if column not in generator.columns:
                    where = self.measured.spans[name]
                    self.findings.add(sentences.generator_column(call.name, column, where, generator.columns, span))
        return SourcePlan("generator", None, call.name, dict(bound.values), place_of(span)) if bound.sound else None


def _arguments(call: CallValue) -> tuple[syntax.Argument, ...]:
    return call.node.arguments if isinstance(call.node, syntax.Call) else ()
