"""Stages of a training: what each one sets, which candidates it gets and hands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from sysidc.compiler import sentences
from sysidc.compiler.catalogue.settings import TRAIN, WHOLE_TRAINING
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.chain import flat
from sysidc.compiler.passes.nodes import place_of
from sysidc.compiler.passes.reduced_rate import at_rates
from sysidc.compiler.passes.settings import Settings, read_settings
from sysidc.compiler.plan import Node, SimulationPlan, StagePlan, TrainPlan
from sysidc.compiler.scope import Scope
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.records import dataclass, replace
from sysidc.dsl.source import Span

ANY = 10_000
"""No race has more candidates."""


@dataclass(frozen=True)
class Stage:
    """A stage as it was read: `settings` hold the defaults of what it does not write."""

    settings: Settings
    items: tuple[syntax.Setting, ...]
    keyword: Span

    @property
    def written(self) -> dict[str, Any]:
        return {name: self.settings.values[name] for name in self.settings.spans}


def stage_keyword(stage: syntax.Stage) -> Span:
    return Span(stage.span.source, stage.span.start, stage.span.start + len("stage"))


def read_stages(section: syntax.Section, mode: str, scope: Scope, findings: Findings) -> tuple[Stage, ...]:
    return tuple(_read(item, mode, scope, findings) for item in section.items if isinstance(item, syntax.Stage))


def _read(stage: syntax.Stage, mode: str, scope: Scope, findings: Findings) -> Stage:
    whole = {name for name in WHOLE_TRAINING if mode in TRAIN[name].modes}
    own = tuple(item for item in stage.items if item.key.text not in whole)
    for item in stage.items:
        if item.key.text in whole:
            findings.add(sentences.misplaced_setting(item.key.text, item.key.span))
    table = {name: row for name, row in TRAIN.items() if name not in whole}
    return Stage(read_settings("stage", own, table, scope, findings, mode), own, stage_keyword(stage))


# --- the plan ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Draft:
    """A stage with what `train` says to all of them, one for each length of `segments`."""

    values: Mapping[str, Any]
    spans: Mapping[str, Span]
    items: tuple[syntax.Setting, ...]
    keyword: Span
    segments: int | None
    first: bool

    @property
    def says_more(self) -> bool:
        """Whether it is more than one fit of all layers from random weights on all data."""
        return self.segments is not None or self.values["starts"] > 1 or bool(self.values["freeze"])


def drafts_of(
    train: Settings,
    items: tuple[syntax.Setting, ...],
    keyword: Span,
    stages: tuple[Stage, ...],
    findings: Findings,
) -> list[Draft]:
    """The stages in order, one at least, each with all of its settings."""
    if stages and len(_lengths(train.values["segments"])) > 1:
        findings.add(_several_lengths(train.spans["segments"]))
        train = replace(train, values={**train.values, "segments": None})
    if not stages:
        return _by_length(train.values, train.spans, items, keyword, True)
    drafts: list[Draft] = []
    for stage in stages:
        if drafts and "starts" in stage.settings.spans:
            findings.add(_late_starts(stage.settings.spans["starts"]))
        values = {**train.values, **stage.written}
        spans = {**train.spans, **stage.settings.spans}
        drafts += _by_length(values, spans, (*items, *stage.items), stage.keyword, not drafts)
    return drafts


PlanOf: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Span]], TrainPlan]
"""Makes a TrainPlan of settings and of the places of those that were written."""


def check_shared(train: Settings, drafts: list[Draft], nodes: tuple[Node, ...], findings: Findings) -> None:
    """Devices share the data of one fit, and not the stages of a training."""
    name = next((name for name in ("devices", "num_nodes") if train.values[name] != 1), None)
    more = _more_than_one_fit(train, drafts, nodes)
    if name is not None and more is not None:
        message = f"`{name}` shares the data of one fit, and this training has {more}"
        help = f"train it on one device: leave `{name}` out"
        findings.add(sentences.conflict(message, train.spans[name], "one fit on several devices", help))


def _more_than_one_fit(train: Settings, drafts: list[Draft], nodes: tuple[Node, ...]) -> str | None:
    if len(drafts) > 1 or drafts[0].says_more:
        return "stages, starts or segments"
    if train.values["refit"]:
        return "a refit"
    raced = _raced(nodes)
    return None if raced is None else f"a race of the sizes that `{raced}` leaves open"


def _raced(nodes: tuple[Node, ...]) -> str | None:
    """The layer that leaves sizes to a race."""
    return next((node.layer for node in flat(nodes) if "auto" in node.arguments.values()), None)


def simulation_plan(
    train: Settings, drafts: list[Draft], plan_of: PlanOf, nodes: tuple[Node, ...], findings: Findings
) -> SimulationPlan:
    """What a simulation has besides the settings of every mode, its stages included."""
    stages = stage_plans(train, drafts, plan_of, nodes, findings)
    ensemble = train.values["ensemble"]
    raced = _raced(nodes) is not None
    found = stages[-1].starts if not raced or len(stages) > 1 else drafts[-1].values["keep"] or ensemble
    if ensemble > found:
        findings.add(_too_few(ensemble, found, train.spans["ensemble"]))
    init = train.values["init"]
    linear = init is not None or "init" not in train.spans
    written = _written(train, drafts) if raced else ()
    return SimulationPlan(init, linear, train.values["initial"], stages, train.values["refit"], ensemble, written)


def _written(train: Settings, drafts: list[Draft]) -> tuple[str, ...]:
    """Of what a race of sizes fills in, the words that the file has: `stage` stands for stages of its own."""
    staged = any(draft.keyword.text == "stage" for draft in drafts)
    words = ("refit", "ensemble", "starts", "keep", "stop")
    return (*(word for word in words if word in train.spans), *(("stage",) if staged else ()))


def stage_plans(
    train: Settings, drafts: list[Draft], plan_of: PlanOf, nodes: tuple[Node, ...], findings: Findings
) -> tuple[StagePlan, ...]:
    """The stages as plans. Where sizes are raced as many candidates enter as there are structures."""
    corrected = any(node.layer == "correction" for node in flat(nodes))
    names = tuple(node.name for node in nodes)
    entering = drafts[0].values["starts"]
    stages: list[StagePlan] = []
    for draft in at_rates(train, _structure_first(drafts) if corrected else drafts, nodes, findings):
        _check_correction(draft, corrected, findings)
        keep = _kept(draft, entering if _raced(nodes) is None else ANY, train.values["ensemble"], findings)
        learned = corrected if draft.values["correction"] is None else draft.values["correction"]
        frozen, place = _frozen(draft, names, findings), place_of(draft.keyword)
        plan = plan_of(draft.values, draft.spans)
        rate = draft.values.get("decimate", 1)
        stages.append(StagePlan(plan, draft.segments, entering, keep, learned, frozen, place, rate))
        entering = keep
    return tuple(stages)


def _structure_first(drafts: list[Draft]) -> list[Draft]:
    """Where the file leaves `correction` out, corrections learn from the second stage on, and a single stage gets one
    before it: what they correct has to be found first, and their penalty is counted in what that misses."""
    if len(drafts) == 1 and drafts[0].values["correction"] is None:
        drafts = [drafts[0], replace(drafts[0], first=False)]
    return [
        replace(draft, values={**draft.values, "correction": index > 0})
        if draft.values["correction"] is None
        else draft
        for index, draft in enumerate(drafts)
    ]


def _by_length(
    values: Mapping[str, Any], spans: Mapping[str, Span], items: tuple[syntax.Setting, ...], keyword: Span, first: bool
) -> list[Draft]:
    """One stage for each length: `segments = [a, b]` is short for that."""
    lengths = _lengths(values["segments"])
    return [Draft(values, spans, items, keyword, length, first and index == 0) for index, length in enumerate(lengths)]


def _lengths(segments: int | tuple[int | None, ...] | None) -> tuple[int | None, ...]:
    return segments if isinstance(segments, tuple) else (segments,)


def _kept(draft: Draft, entering: int, ensemble: int, findings: Findings) -> int:
    """Left out, one candidate goes on, or as many as will be averaged."""
    keep: int | None = draft.values["keep"]
    if keep is None:
        return min(entering, max(1, ensemble))
    if draft.first and keep > entering:
        findings.add(_too_few(keep, entering, draft.spans["keep"]))
    return min(keep, entering)


def _check_correction(draft: Draft, corrected: bool, findings: Findings) -> None:
    if draft.values["correction"] is not None and not corrected:
        message = "`correction` says whether corrections learn, and the stack has none"
        help = "put `@correction(hidden = [8])` before a part of the stack, or leave the setting out"
        findings.add(sentences.conflict(message, draft.spans["correction"], "nothing to train", help))


def _frozen(draft: Draft, names: Sequence[str], findings: Findings) -> tuple[str, ...]:
    frozen: tuple[str, ...] = draft.values["freeze"] or ()
    written = next((item.value for item in reversed(draft.items) if item.key.text == "freeze"), None)
    places = written.items if isinstance(written, syntax.List) else ()
    known = tuple(name for name in names if not name.isdigit())
    for index, name in enumerate(frozen):
        if name not in names:
            span = places[index].span if index < len(places) else draft.spans["freeze"]
            findings.add(sentences.unknown_child(name, span, known))
    return frozen


def _too_few(wanted: int, found: int, span: Span) -> Diagnostic:
    message = f"{wanted} candidates are asked for, and {found} {'is' if found == 1 else 'are'} there"
    return sentences.conflict(
        message, span, f"more than {found}", f"write `starts = {wanted}` or more, and keep as many"
    )


def _late_starts(span: Span) -> Diagnostic:
    message = "`starts` makes the candidates of the first stage; later ones get those that were kept"
    return sentences.conflict(message, span, "not the first stage", "write it in the first stage, and `keep` there")


def _several_lengths(span: Span) -> Diagnostic:
    message = "`segments` with several lengths is short for one stage per length, and there are stages already"
    return sentences.conflict(message, span, "several lengths", "write `segments` in each stage")
