"""Stages that learn from one sample in so many: only equations in continuous time know what lies between samples, and
only the last stage, at the full rate, tells what was learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sysidc.compiler import sentences
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.chain import flat, is_stateful
from sysidc.compiler.passes.settings import Settings
from sysidc.compiler.plan import Node
from sysidc.dsl.records import replace

if TYPE_CHECKING:
    from sysidc.compiler.passes.stages import Draft

FULL = {"decimate": 1}


def at_rates(train: Settings, drafts: list[Draft], nodes: tuple[Node, ...], findings: Findings) -> list[Draft]:
    """The stages with the last one at the full rate: what `train` says to all of them counts for those before it, and a
    single stage gets one before it."""
    slow = next((draft for draft in drafts if _is_slow(draft.values)), None)
    if slow is None:
        return drafts
    if not _may_be_slow(slow, drafts, nodes, findings):
        return [replace(draft, values={**draft.values, **FULL}) for draft in drafts]
    last = drafts[-1]
    span = last.spans.get("decimate")
    if _is_slow(last.values) and span is not None and span is not train.spans.get("decimate"):
        message = "the last stage says what was learned, and it would learn at a reduced rate"
        findings.add(sentences.conflict(message, span, "in the last stage", "add a stage behind it: `stage { }`"))
    before = drafts[:-1] or [last]
    following = replace(last, first=last.first and len(drafts) > 1, values={**last.values, **FULL})
    return [*before, following]


def _is_slow(values: Mapping[str, Any]) -> bool:
    return bool(values.get("decimate", 1) > 1)


def _may_be_slow(slow: Draft, drafts: list[Draft], nodes: tuple[Node, ...], findings: Findings) -> bool:
    """Reports what stands in the way of longer steps."""
    last_slow = max(index for index, draft in enumerate(drafts) if _is_slow(draft.values))
    corrected = next((draft for draft in drafts[: last_slow + 1] if draft.values.get("correction")), None)
    discrete = next((node for node in flat(nodes) if not _is_timeless(node)), None)
    help = "leave `decimate` out"
    if discrete is not None:
        label = discrete.arguments["name"] if discrete.layer == "dynamics" else discrete.layer
        told = f"`decimate` makes steps longer, and `{label}` moves from sample to sample"
        help = f"equations with `der` alone know what lies between samples: {help}"
    elif nodes and nodes[0].type_in.steps is not None:
        told = f"`decimate` thins records out, and the header asks for windows of {nodes[0].type_in.steps} steps"
        help = f"write `[all]` in the header, or {help}"
    elif corrected is not None and corrected is not drafts[-1]:
        told = "a correction is added from sample to sample, so it cannot learn at a reduced rate, nor before it"
        help = f"write `correction = off` in the stages up to this one, or {help}"
    else:
        return True
    findings.add(sentences.conflict(told, slow.spans["decimate"], "a reduced rate", help))
    return False


def _is_timeless(node: Node) -> bool:
    """Whether a layer does the same at any rate: it has no state and looks at one step, or it is integrated."""
    if node.layer == "dynamics":
        return bool(node.arguments["kind"] == "der")
    if node.children:
        return True
    return not is_stateful(node) and node.look_back == 0 and node.look_ahead == 0
