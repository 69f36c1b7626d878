"""Nodes as they are built: with the text that they came from, in sequence, under names of their own."""

from __future__ import annotations

from sysidc.compiler import sentences
from sysidc.compiler.binding import Bound
from sysidc.compiler.catalogue.entry import Effect, Layer
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.header import at_precision
from sysidc.compiler.plan import Node, Place, TensorType
from sysidc.dsl import syntax
from sysidc.dsl.records import dataclass, replace
from sysidc.dsl.source import Span

TAKEN_NAMES = frozenset(
    name
    for line in (
        "T_destination add_module append apply bfloat16 buffers call_super_init children compile cpu cuda double",
        "dump_patches eval extend extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half",
        "insert ipu load_state_dict modules mtia named_buffers named_children named_modules named_parameters",
        "parameters pop register_backward_hook register_buffer register_forward_hook register_forward_pre_hook",
        "register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook",
        "register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook",
        "register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty",
        "train training type xpu zero_grad",
        "encoder_bias encoder_in encoder_line encoder_out free initial input_channels known known_channels layers",
        "noise parted remember rest simulate start state_cloud state_covariance state_mean states step",
    )
    for name in line.split()
)
"""Attributes of nn.Sequential and, in the last two lines, of a chain, which a child cannot be named after."""


@dataclass(frozen=True)
class Built:
    """A node with the text that it came from: `tail` is the layer whose output it returns, `channels` the place where
    that layer's output size is written, `label` that of the node's own name."""

    node: Node
    tail: Span
    channels: Span | None = None
    label: Span | None = None


def leaving(built: Built) -> TensorType | None:
    """The type that leaves a node, None where it is unknown."""
    return None if built.node.type_out.channels == 0 else built.node.type_out


UNKNOWN = TensorType(None, 0, "float32")
"""Stands in nodes behind a mistake; never part of a Plan."""


def unknown_node(element: syntax.Layer, entry: Layer) -> Built:
    node = Node("", entry.name, entry.target, {}, UNKNOWN, UNKNOWN, 0, 0, 0, place_of(element.span))
    return Built(node, element.span)


def layer_node(
    element: syntax.Layer, entry: Layer, bound: Bound, effect: Effect, arrives: TensorType, dtype: str
) -> Built:
    shape = effect.shape
    leaves = TensorType(shape.steps, shape.channels, dtype, shape.cut)
    back, ahead = effect.time
    node = Node(
        "",
        entry.name,
        entry.target,
        dict(effect.arguments),
        arrives,
        leaves,
        back,
        ahead,
        effect.parameters,
        place_of(element.span),
        fixed=effect.fixed,
    )
    return Built(node, element.span, _size_span(entry, bound))


def _size_span(entry: Layer, bound: Bound) -> Span | None:
    for name in ("out_features", "out_channels", "hidden_size", "width"):
        if name in bound.spans:
            return bound.spans[name]
    return None


def sequential(built: list[Built], span: Span, findings: Findings) -> Built:
    """Several nodes as one nn.Sequential."""
    nodes = numbered(built, findings)
    unknown = any(leaving(entry) is None for entry in built)
    node = Node(
        "",
        "stack",
        "torch.nn.Sequential",
        {},
        nodes[0].type_in,
        UNKNOWN if unknown else nodes[-1].type_out,
        *chained([(node.look_back, node.look_ahead) for node in nodes]),
        sum(node.parameters for node in nodes),
        place_of(span),
        children=nodes,
        fixed=any(node.fixed for node in nodes),
    )
    return Built(node, built[-1].tail, built[-1].channels)


def chained(intervals: list[tuple[int | None, int | None]]) -> tuple[int | None, int | None]:
    """Dependency intervals of layers one behind the other add up; None (all of the window) absorbs."""

    def total(reaches: list[int | None]) -> int | None:
        return None if any(reach is None for reach in reaches) else sum(reach or 0 for reach in reaches)

    return total([back for back, _ in intervals]), total([ahead for _, ahead in intervals])


def numbered(built: list[Built], findings: Findings) -> tuple[Node, ...]:
    """Children of an nn.Sequential: those without a name of their own are named by their position.

    A name that a repeat or a block brings several times is counted on: `readout`, `readout_2`.
    """
    seen: dict[str, list[Span | None]] = {}
    nodes = []
    for index, entry in enumerate(built):
        name = entry.node.name or str(index)
        before = seen.setdefault(name, [])
        if before and entry.label is not None and before[0] is not None and before[0] != entry.label:
            findings.add(sentences.duplicate_label(name, entry.label, before[0]))
        nodes.append(replace(entry.node, name=f"{name}_{len(before) + 1}" if before else name))
        before.append(entry.label)
    return tuple(nodes)


def rename(built: Built, name: str, span: Span, findings: Findings) -> Built:
    """The same node under a name of its own."""
    if not name or name.isdigit() or "." in name or name in TAKEN_NAMES:
        findings.add(sentences.taken_name(name, span))
        return built
    return replace(built, node=replace(built.node, name=name), label=span)


def at_double(node: Node) -> Node:
    """The node in float64, as `precision = float64` would have built it."""
    casts = {
        name: at_precision(node.arguments[name], "float64")
        for name in ("in_dtype", "out_dtype")
        if name in node.arguments
    }
    return replace(
        node,
        arguments={**node.arguments, **casts},
        type_in=replace(node.type_in, dtype=at_precision(node.type_in.dtype, "float64")),
        type_out=replace(node.type_out, dtype=at_precision(node.type_out.dtype, "float64")),
        children=tuple(at_double(child) for child in node.children),
    )


def place_of(span: Span) -> Place:
    line, column = span.start_position
    end_line, end_column = span.end_position
    return Place(span.source.name, line, column, end_line, end_column)
