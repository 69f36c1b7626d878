"""Does the stack keep the header's promise? Shape and dtype, what output steps depend on, what there is to learn."""

from __future__ import annotations

from sysidc.compiler import sentences
from sysidc.compiler.dtypes import is_floating
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.header import Header
from sysidc.compiler.passes.nodes import Built
from sysidc.compiler.plan import Node, TensorType
from sysidc.dsl.diagnostics import Edit, Fix
from sysidc.dsl.source import Span


def check_promise(header: Header, built: list[Built], leaves: TensorType, findings: Findings) -> bool:
    """Shape and dtype of what leaves the stack against the right-hand side of the header: is the promise kept?"""
    promised, last = header.promised, built[-1]
    if leaves.channels != promised.channels or not _steps_fit(header, leaves):
        fix = _mend_channels(last, promised.channels) if leaves.channels != promised.channels else None
        crop = header.arrives.steps if header.layout else None
        findings.add(sentences.header_shape(last.tail, header.promise_span, leaves, promised, crop, fix))
        return False
    if leaves.dtype != promised.dtype:
        findings.add(sentences.header_dtype(last.tail, header.promise_span, leaves, promised))
        return False
    return True


def _steps_fit(header: Header, leaves: TensorType) -> bool:
    """The promised steps are there, or all steps of the window still are and the last M of them are taken."""
    if header.promised.steps is None:
        return leaves.steps is None and leaves.cut in (0, header.known)
    if leaves.steps == header.promised.steps:
        return True
    return leaves.steps == header.arrives.steps and leaves.steps is not None and leaves.steps > header.promised.steps


def _mend_channels(last: Built, channels: int) -> Fix | None:
    if last.channels is None or not last.channels.text.replace("_", "").isdigit():
        return None
    return Fix(f"end with {channels} channels", (Edit(last.channels, str(channels)),))


def check_time(
    header: Header, mode: str, interval: tuple[int | None, int | None], last: Built, findings: Findings
) -> None:
    """Warns of outputs that depend on later inputs and of windows shorter than the receptive field."""
    back, ahead = interval
    if mode == "simulation":
        seen = look_ahead(header, ahead)
        if seen is None or seen > 0:
            findings.add(sentences.acausal(last.tail, header.promise_span, seen))
    if back is not None and header.layout is not None:
        field = back + (ahead or 0) + 1
        window = header.layout.steps
        if field > window:
            findings.add(sentences.short_window(header.span, window, field))


def check_learning(name: Span, nodes: tuple[Node, ...], findings: Findings) -> None:
    """Is there a parameter that training can move? Frozen ones and those before a cast to integers stay as they are."""
    if sum(node.parameters for node in nodes) == 0:
        findings.add(sentences.no_parameters(name))
    elif not _learns(nodes, False, False):
        findings.add(sentences.no_gradient(name))


def _learns(nodes: tuple[Node, ...], learned: bool, frozen: bool) -> bool:
    """Whether what leaves the nodes depends differentiably on parameters, given whether what arrives does."""
    for node in nodes:
        learned = _node_learns(node, learned and is_floating(node.type_in.dtype), frozen or node.freeze)
    return learned


def _node_learns(node: Node, learned: bool, frozen: bool) -> bool:
    if not is_floating(node.type_out.dtype):
        return False
    if node.layer == "cast":
        return _learns(node.children, learned and is_floating(node.arguments["in_dtype"]), frozen)
    if node.children:
        inner = _learns(node.children, learned, frozen)
        return inner or (learned and node.layer != "stack")
    return learned or (node.parameters > 0 and not frozen)


def look_ahead(header: Header, ahead: int | None) -> int | None:
    """Steps that an output may lie before an input that it depends on; None: as many as the record has.

    The window ends with the output, so its last step has nothing after it: M - 1 steps at most.
    """
    if header.promised.steps is None:
        return ahead
    return header.promised.steps - 1 if ahead is None else min(ahead, header.promised.steps - 1)


def receptive_field(arrives: TensorType, interval: tuple[int | None, int | None]) -> int | None:
    """Steps that one output depends on, at most the window's; None: all of a record."""
    back, ahead = interval
    if back is None or ahead is None:
        return arrives.steps
    field = back + ahead + 1
    return field if arrives.steps is None else min(field, arrives.steps)
