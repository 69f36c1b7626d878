"""Reads the `key = value` lines of a section against its table: unknown, repeated, and misplaced ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sysidc.compiler import sentences
from sysidc.compiler.binding import MISSING, Bound, bind, judge
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.settings import FAMILIES, Setting
from sysidc.compiler.findings import Findings
from sysidc.compiler.plan import CallPlan
from sysidc.compiler.scope import Scope
from sysidc.compiler.values import CallValue, Value
from sysidc.dsl import syntax
from sysidc.dsl.records import dataclass
from sysidc.dsl.source import Span

MOST_UNKNOWN = 100
"""Unknown settings of a section that are told before its rest is left alone."""


@dataclass(frozen=True)
class Settings:
    """Values by name, defaults filled in; `spans` of those that were written;

    Not `complete`: a setting is unknown, which may be one that is missing.
    """

    values: Mapping[str, Any]
    spans: Mapping[str, Span]
    complete: bool = True


def read_settings(
    section: str,
    items: Sequence[syntax.Setting],
    table: Mapping[str, Setting],
    scope: Scope,
    findings: Findings,
    mode: str | None = None,
) -> Settings:
    """The settings of a section. A value with a mistake is reported and replaced by its default."""
    values: dict[str, Any] = {}
    spans: dict[str, Span] = {}
    unknown: list[str] = []
    for item in items:
        if len(unknown) > MOST_UNKNOWN:
            break
        if item.key.text not in table:
            unknown.append(item.key.text)
        setting = _known(section, item, table, spans, findings, mode)
        if setting is None:
            continue
        spans[setting.name] = item.key.span
        judged = judge(section, setting.argument, item.value, scope, findings)
        if judged is not MISSING:
            values[setting.name] = _called(setting, judged, findings)
    for setting in table.values():
        if setting.name not in values or values[setting.name] is MISSING:
            values[setting.name] = _default(setting)
    if not unknown:
        _require(section, table, spans, items, findings)
    return Settings(values, spans, not unknown)


def _known(
    section: str,
    item: syntax.Setting,
    table: Mapping[str, Setting],
    spans: Mapping[str, Span],
    findings: Findings,
    mode: str | None,
) -> Setting | None:
    key = item.key.text
    setting = table.get(key)
    if setting is None:
        known = tuple(name for name, row in table.items() if mode is None or mode in row.modes)
        findings.add(sentences.unknown_setting(section, key, item.key.span, known))
        return None
    if key in spans:
        findings.add(sentences.setting_twice(key, item.key.span, spans[key]))
        return None
    if mode is not None and mode not in setting.modes:
        findings.add(sentences.setting_of_other_mode(key, item.key.span, mode, setting.modes))
        return None
    return setting


def _default(setting: Setting) -> Any:
    default = setting.argument.default
    if setting.argument.family and isinstance(default, str):
        return _defaults_of(setting.argument.family, default)
    return None if setting.argument.required else default


def _defaults_of(family: str, name: str) -> CallPlan:
    row = FAMILIES[family][name]
    return CallPlan(row.name, row.target, {argument.name: argument.default for argument in row.arguments})


def _require(
    section: str,
    table: Mapping[str, Setting],
    spans: Mapping[str, Span],
    items: Sequence[syntax.Setting],
    findings: Findings,
) -> None:
    for setting in table.values():
        if setting.argument.required and setting.name not in spans and items:
            findings.add(sentences.missing_setting(section, setting.name, items[-1].span, setting.argument.about))


def _called(setting: Setting, judged: Any, findings: Findings) -> Any:
    """A call becomes a CallPlan; every other value stays."""
    family = setting.argument.family
    if family is None or not isinstance(judged, Value):
        return judged
    return call_plan(family, judged, findings)


def with_calls(bound: Bound, table: Sequence[Argument], findings: Findings) -> Bound:
    """The arguments of a layer, calls among them bound to the rows of their families."""
    values, sound = dict(bound.values), bound.sound
    for argument in table:
        if argument.family is not None and isinstance(values[argument.name], Value):
            values[argument.name] = call_plan(argument.family, values[argument.name], findings)
            sound = sound and values[argument.name] is not MISSING
    return Bound(values, bound.spans, sound)


def call_plan(family: str, value: Value, findings: Findings) -> Any:
    """Bind a call to the row of its family; MISSING where a mistake was reported."""
    plain = value.plain
    name = plain.name if isinstance(plain, CallValue) else plain.text  # type: ignore[union-attr]
    row = FAMILIES[family].get(name)
    if row is None:
        findings.add(sentences.unknown_member(family, name, _name_span(value), tuple(FAMILIES[family])))
        return MISSING
    arguments = plain.node.arguments if isinstance(plain, CallValue) and isinstance(plain.node, syntax.Call) else ()
    scope = plain.scope if isinstance(plain, CallValue) else Scope(findings)
    bound = bind(name, value.span, arguments, row.arguments, scope, findings)
    return CallPlan(row.name, row.target, dict(bound.values)) if bound.sound else MISSING


def _name_span(value: Value) -> Span:
    node = value.plain.node if isinstance(value.plain, CallValue) else None
    return node.name.span if isinstance(node, syntax.Call) else value.span
