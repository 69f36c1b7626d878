"""Settings, signals and equations: a line each, or several where a value is long."""

from __future__ import annotations

from typing import Any

from sysidc.dsl import syntax
from sysidc.dsl.formatter import printing
from sysidc.dsl.formatter.alignment import INDENT, Line, filled, listed
from sysidc.dsl.formatter.page import WIDTH, Page
from sysidc.dsl.records import dataclass
from sysidc.dsl.source import Source, Span


def setting(page: Page, item: syntax.Setting | syntax.Stage, indent: int) -> None:
    if isinstance(item, syntax.Stage):
        page.braces("stage", item.items, item.span, indent, setting)
        return
    first, *more = _wrapped(page, item.value, len(INDENT * indent + item.key.text) + len(" = "))
    offset = len("= ") + (1 + first.index("[") if first.startswith("[") else 1 + first.find("("))
    page.add(Line(indent, [f"{item.key.text} ", f"= {first}"], "setting", "", tuple(more), offset), item.span)


def _wrapped(page: Page, value: syntax.Expression, column: int) -> list[str]:
    """The lines of a value: a list of several lines keeps an item a line, a long call fills its lines."""
    flat = printing.expression(value)
    long = column + len(flat) > WIDTH
    if isinstance(value, syntax.List) and value.items and (long or not page.single(value.span)):
        return listed([printing.expression(item) for item in value.items])
    if isinstance(value, syntax.Call) and value.arguments and long:
        texts = [printing.argument(item) for item in value.arguments]
        return filled(f"{value.name.text}(", texts, WIDTH - column - len(value.name.text) - 1)
    return [flat]


def signal_item(page: Page, item: syntax.Setting | syntax.Signal, indent: int) -> None:
    if isinstance(item, syntax.Setting):
        setting(page, item, indent)
        return
    name = item.name.text + (f" = {printing.columns(item)}" if item.columns is not None else "")
    rest = (f": {item.dtype.text}" if item.dtype else "") + (f" {item.unit.span.text}" if item.unit else "")
    page.add(Line(indent, [f"{item.role} ", f"{name} ", rest], "signal"), item.span)


def dynamics(page: Page, head: str, item: syntax.Dynamics) -> None:
    page.braces(head, _statements(item.items, page.source), item.span, 0, _statement)


def _statement(page: Page, item: Any, indent: int) -> None:
    match item:
        case _States(states=states):
            starts = ", ".join(f"{state.name.text} = {printing.expression(state.value)}" for state in states)
            page.add(Line(indent, [f"state {starts}"]), item.span)
        case syntax.Learn(name=name, value=value, range=bounds):
            cells = [f"learn {name.text} ", f"= {printing.expression(value)} "]
            cells += [f"in {printing.expression(bounds)}"] if bounds else []
            page.add(Line(indent, cells, "learn"), item.span)
        case syntax.Let(name=name, value=value):
            page.add(Line(indent, [f"let   {name.text} ", f"= {printing.expression(value)}"], "let"), item.span)
        case syntax.Equation(function=function, target=target, index=index, value=value):
            place = target.text + (f"[{printing.expression(index)}]" if index else "")
            left = f"{function.text}({place})" if function else place
            page.add(Line(indent, [f"{left} = {printing.expression(value)}"]), item.span)


@dataclass(frozen=True)
class _States:
    """The starts of one `state` line."""

    states: tuple[syntax.State, ...]

    @property
    def span(self) -> Span:
        return self.states[0].span.to(self.states[-1].span)


def _statements(items: tuple[Any, ...], source: Source) -> list[Any]:
    """The items of a dynamics block, the starts of one `state` line together."""
    found: list[Any] = []
    for item in items:
        previous = found[-1] if found else None
        if not isinstance(item, syntax.State):
            found.append(item)
        elif isinstance(previous, _States) and "," in source.text[previous.span.end : item.span.start]:
            found[-1] = _States((*previous.states, item))
        else:
            found.append(_States((item,)))
    return found
