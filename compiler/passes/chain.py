"""Is a stack one state-space model? Told by the names of its layers, before shapes flow: a chain receives the inputs
alone, its known outputs start the state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sysidc.compiler import sentences
from sysidc.compiler.binding import Bound
from sysidc.compiler.catalogue import installed
from sysidc.compiler.catalogue.layers import LAYERS, PER_STEP, SYSTEMS
from sysidc.compiler.catalogue.state_rules import encoder, states_of
from sysidc.compiler.dtypes import is_floating
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.header import Header
from sysidc.compiler.passes.nodes import Built
from sysidc.compiler.passes.signals import Measured
from sysidc.compiler.plan import ChainPlan, Node, TensorType
from sysidc.compiler.program import Program
from sysidc.dsl import syntax
from sysidc.dsl.records import dataclass, replace
from sysidc.dsl.source import Span

DEEPEST = 60
FROM_OUTPUTS = ("estimate", "encoder")
"""Starts that read the known outputs."""
STRONGEST = ("estimate", "encoder", "washout", "zero")


@dataclass(frozen=True)
class Traits:
    """What the names tell: all layers `fits` into a chain, some are `stateful`, one is a `system` by itself, one
    `asks` for a start of its own, one part is `corrected`; `equations` need no input."""

    fits: bool = True
    stateful: bool = False
    system: bool = False
    asks: bool = False
    corrected: bool = False
    equations: bool = False

    def __or__(self, other: Traits) -> Traits:
        return Traits(
            self.fits and other.fits,
            self.stateful or other.stateful,
            self.system or other.system,
            self.asks or other.asks,
            self.corrected or other.corrected,
            self.equations or other.equations,
        )


class Reader:
    """Reads the traits of stacks; a block is read once."""

    def __init__(self, program: Program):
        self.program = program
        self.blocks: dict[str, Traits] = {}

    def stack(self, elements: Iterable[syntax.Element], depth: int = 0) -> Traits:
        found = Traits()
        for element in elements:
            found |= self.element(element, depth)
        return found

    def element(self, element: syntax.Element, depth: int = 0) -> Traits:
        found = self._annotations(element.annotations)
        if depth > DEEPEST:
            return Traits(fits=False)
        if not isinstance(element, syntax.Layer):
            return found | self.stack(element.elements, depth + 1)
        return found | self._layer(element, depth)

    def _annotations(self, annotations: tuple[syntax.Annotation, ...]) -> Traits:
        names = [annotation.name.text for annotation in annotations]
        casts = [annotation for annotation in annotations if annotation.name.text == "cast"]
        fits = "autoregressive_residual" not in names and all(_keeps_reals(cast) for cast in casts)
        return Traits(fits=fits, corrected="correction" in names)

    def _layer(self, layer: syntax.Layer, depth: int) -> Traits:
        name = layer.name.text
        if name in self.program.blocks:
            if name not in self.blocks:
                self.blocks[name] = Traits()  # a block inside itself is told where the stack is built
                self.blocks[name] = self.stack(self.program.blocks[name].elements, depth + 1)
            return self.blocks[name]
        given = {argument.name.text for argument in layer.arguments if argument.name}
        if name in self.program.dynamics:
            return Traits(True, True, True, _asks(layer), "correction" in given, equations=True)
        entry = installed.layer(name)
        if entry is None:
            return Traits()  # told where the stack is built
        fits = entry.stateful or entry.per_step or name in PER_STEP
        return Traits(fits, entry.stateful, name in SYSTEMS, entry.stateful and _asks(layer))


def _keeps_reals(cast: syntax.Annotation) -> bool:
    arrow = cast.arguments[0].value if cast.arguments else None
    if not isinstance(arrow, syntax.Arrow):
        return True
    ends = (arrow.left, arrow.right)
    return all(isinstance(end, syntax.Name) and is_floating(end.text) for end in ends)


def _asks(layer: syntax.Layer) -> bool:
    return any(
        argument.name is not None
        and argument.name.text == "initial"
        and isinstance(argument.value, syntax.Name)
        and argument.value.text in STRONGEST[:-1]
        for argument in layer.arguments
    )


# --- the chain of a model ------------------------------------------------------------------------------------------


def find_chain(
    program: Program, measured: Measured, header: Header | None, mode: str, initial: str | None
) -> ChainPlan | None:
    """The chain that a model is, None where it is none; `initial` is the setting of `train`."""
    model = program.sections.get("model")
    if header is None or mode != "simulation" or not isinstance(model, syntax.Model):
        return None
    traits = Reader(program).stack(model.elements)
    asks = traits.asks or (traits.stateful and initial not in (None, "zero"))
    inputs, known = _channels(measured, header)
    if not traits.fits or not (inputs or traits.equations) or not (traits.system or asks):
        return None
    start = initial or ("estimate" if known else "zero")
    return ChainPlan(inputs, known, header.known if known else 0, start)


def check_driven(measured: Measured, header: Header | None, chain: ChainPlan | None, findings: Findings) -> None:
    """A whole record follows an input, or from equations alone."""
    if header is None or chain is not None or header.outputs[0].steps is not None:
        return
    if all(measured.signals[window.signal].role == "output" for window in header.inputs):
        findings.add(sentences.nothing_whole(header.promise_span))


def _channels(measured: Measured, header: Header) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Channels of the inputs, and of the outputs in the order of the right-hand side, if all of them are known."""
    places: dict[str, tuple[int, ...]] = {}
    first = 0
    for window in header.inputs:
        last = first + len(measured.signals[window.signal].columns)
        places[window.signal] = tuple(range(first, last))
        first = last
    inputs = [places[name] for name in places if measured.signals[name].role == "input"]
    outputs = [places.get(window.signal) for window in header.outputs]
    known = () if None in outputs else tuple(channel for channels in outputs for channel in channels or ())
    return tuple(channel for channels in inputs for channel in channels), known


def arriving(header: Header | None, chain: ChainPlan | None) -> TensorType | None:
    """The type that reaches the first layer."""
    if header is None or chain is None:
        return header.arrives if header else None
    return replace(header.arrives, channels=chain.inputs)


# --- starts --------------------------------------------------------------------------------------------------------


def start_of(bound: Bound, chain: ChainPlan | None, mode: str, findings: Findings) -> str:
    """How a layer's state is found at the start: its own word, else that of `train`."""
    written: str | None = bound["initial"]
    if written is None:
        return chain.initial if chain else "zero"
    if written != "zero":
        _check_start(written, bound.spans["initial"], chain, mode, findings)
    return written


def check_setting(
    initial: str | None, span: Span | None, chain: ChainPlan | None, nodes: tuple[Node, ...], findings: Findings
) -> None:
    """`initial` of `train`."""
    if initial is None or span is None:
        return
    if not any(is_stateful(node) for node in flat(nodes)):
        message = "`initial` says how a state is found, and no layer of the stack has one"
        findings.add(sentences.conflict(message, span, "nothing to start", "leave it out"))
    elif initial != "zero":
        _check_start(initial, span, chain, "simulation", findings)


def check_innovations(built: list[Built], chain: ChainPlan | None, findings: Findings) -> None:
    """The error of one step is that of the model's output: only the layer that gives it can see it."""
    for index, entry in enumerate(built):
        if not any(node.arguments.get("innovations") for node in flat((entry.node,))):
            continue
        if chain is None:
            message = "`innovations` are errors of a chain in `simulation` mode, and this stack is none"
            findings.add(sentences.conflict(message, entry.tail, "sees no error", "leave `innovations` out"))
        elif index < len(built) - 1 or entry.node.children:
            message = "`innovations` are errors of the model's output, which this layer does not give by itself"
            help = "put it last and under no annotation, or leave `innovations` out"
            findings.add(sentences.conflict(message, entry.tail, "another layer gives the output", help))


def _check_start(word: str, span: Span, chain: ChainPlan | None, mode: str, findings: Findings) -> None:
    if chain is None:
        findings.add(sentences.no_chain_to_start(word, mode, span))
    elif word in FROM_OUTPUTS and not chain.known_channels:
        findings.add(sentences.initial_without_outputs(word, span))


def with_starts(chain: ChainPlan | None, nodes: tuple[Node, ...]) -> ChainPlan | None:
    """The chain with the start that its layers ask for; where they differ, the one that reads most."""
    words = {node.arguments["initial"] for node in flat(nodes) if "initial" in node.arguments}
    if chain is None or not words:
        return chain
    return replace(chain, initial=min(words, key=STRONGEST.index))


def counted(nodes: tuple[Node, ...], chain: ChainPlan | None) -> int:
    """Parameters of the whole stack, those that find the state at the start included."""
    count = sum(node.parameters for node in nodes)
    if chain is None or chain.initial != "encoder":
        return count
    return count + encoder(total_states(nodes), chain.known * (chain.inputs + chain.outputs))


def total_states(nodes: Iterable[Node]) -> int:
    return sum(states_of(node.layer, node.arguments) for node in flat(nodes) if is_stateful(node))


def is_stateful(node: Node) -> bool:
    entry = LAYERS.get(node.layer)
    return node.layer == "dynamics" or (entry is not None and entry.stateful)


def flat(nodes: Iterable[Node]) -> Iterator[Node]:
    """All nodes, those inside wrappers included."""
    for node in nodes:
        yield node
        yield from flat(node.children)
