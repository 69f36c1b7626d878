"""The sweep section and the domains of params: what a sweep searches, and by which rules."""

from __future__ import annotations

from math import prod

from sysidc.compiler import sentences
from sysidc.compiler.catalogue.settings import SWEEP
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.settings import Settings, read_settings
from sysidc.compiler.plan import DomainPlan, SweepPlan
from sysidc.compiler.program import Program
from sysidc.compiler.scope import Unknown, evaluate
from sysidc.compiler.values import Interval, Plain
from sysidc.dsl import syntax


def read_sweep(program: Program, findings: Findings) -> SweepPlan | None:
    """What a sweep of the file does; None where no param has a domain that an override leaves open."""
    section = program.sections.get("sweep")
    items: tuple[syntax.Setting, ...] = ()
    if isinstance(section, syntax.Section):
        items = tuple(item for item in section.items if isinstance(item, syntax.Setting))
        if not any(param.domain for param in program.params.values()):
            findings.add(sentences.nothing_to_search(section.keyword))
    settings = read_settings("sweep", items, SWEEP, program.scope, findings)
    open_params = [param for name, param in program.params.items() if param.domain and name not in program.fixed]
    domains = [domain for param in open_params if (domain := _domain(param, program)) is not None]
    if settings.values["sampler"] == "grid":
        _require_points(open_params, domains, settings, findings)
    return _plan(settings, tuple(domains)) if domains else None


def _domain(param: syntax.Param, program: Program) -> DomainPlan | None:
    assert param.domain is not None
    try:
        start = evaluate(param.value, program.scope).plain
        values = evaluate(param.domain.values, program.scope).plain
    except Unknown:  # what is wrong with them has been reported
        return None
    words = _in_words(start, param.value)
    if isinstance(values, Interval):
        whole = all(isinstance(number, int) for number in (start, values.low, values.high))
        return DomainPlan(param.name.text, words, None, values.low, values.high, param.domain.log, whole)
    assert isinstance(values, tuple) and isinstance(param.domain.values, syntax.List)
    listed = zip(values, param.domain.values.items, strict=True)
    return DomainPlan(param.name.text, words, tuple(_in_words(value.plain, item) for value, item in listed))


def _in_words(plain: Plain, written: syntax.Expression) -> int | float | str:
    """A number as it is; everything else as it was written, to be given to the param again."""
    number = isinstance(plain, int | float) and not isinstance(plain, bool)
    return plain if number else written.span.text  # type: ignore[return-value]


def _require_points(
    params: list[syntax.Param], domains: list[DomainPlan], settings: Settings, findings: Findings
) -> None:
    for param in params:
        endless = any(domain.param == param.name.text and domain.points is None for domain in domains)
        if endless and param.domain is not None:
            span = settings.spans.get("sampler")
            findings.add(sentences.grid_over_range(param.name.text, param.domain.values.span, span))


def _plan(settings: Settings, domains: tuple[DomainPlan, ...]) -> SweepPlan:
    values = settings.values
    points = [domain.points for domain in domains]
    trials = values["trials"]
    if values["sampler"] == "grid" and None not in points:
        whole = prod(len(found) for found in points if found is not None)
        trials = min(trials, whole) if "trials" in settings.spans else whole
    return SweepPlan(
        domains,
        trials,
        values["metric"],
        values["sampler"],
        values["pruner"],
        values["seed"],
        values["time_limit"],
        values["jobs"],
    )
