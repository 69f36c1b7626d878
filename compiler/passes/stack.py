"""From elements of the stack to nodes: blocks opened, repeats written out, sizes and dtypes followed layer by layer.

After a mistake the flow goes on with what was promised, so that one mistake is told once; where nothing was promised
the type is unknown (None) and the layers behind it are judged by name and arguments alone.
"""

from __future__ import annotations

from sysidc.compiler import sentences
from sysidc.compiler.binding import MISSING, judge
from sysidc.compiler.catalogue import installed
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.layers import LAYERS, PER_STEP
from sysidc.compiler.dynamics.layer import Surroundings, equations_layer
from sysidc.compiler.findings import Findings
from sysidc.compiler.passes.annotations.annotated import Annotated
from sysidc.compiler.passes.annotations.wrap import wrap
from sysidc.compiler.passes.blocks import block_scope, warn_unused_parameters
from sysidc.compiler.passes.layer import MOST_NODES, catalogue_layer
from sysidc.compiler.passes.nodes import Built, leaving, rename, sequential, unknown_node
from sysidc.compiler.passes.rows import missing_layer
from sysidc.compiler.plan import ChainPlan, TensorType
from sysidc.compiler.program import Program
from sysidc.compiler.scope import Scope
from sysidc.dsl import syntax
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.records import dataclass, field, replace
from sysidc.dsl.source import Span

DEEPEST = 60
MOST_ELEMENTS = 100_000
"""Elements that are opened, empty ones too: a block of empty blocks has no layers and no end."""
REPEAT_COUNT = Argument("count", "int", low=1, high=10_000)


@dataclass
class Context:
    """What the stack is built for: `chain` where it is one state-space model, `outputs` channels that are promised."""

    program: Program
    findings: Findings
    mode: str
    dtype: str
    precision: str | None
    header_span: Span
    same_signals: bool
    horizon: int | None
    chain: ChainPlan | None = None
    outputs: int | None = None
    surroundings: Surroundings | None = None
    used_blocks: set[str] = field(default_factory=set)
    steps_of_rollout: int | None = None
    rollout_span: Span | None = None
    nodes: int = 0
    elements: int = 0
    parameters: int = 0
    stopped: bool = False


class StackBuilder:
    """Builds the nodes of a stack; `open_blocks` are the blocks that are being expanded, innermost last.

    `ends` tells that what is being built decides the channels that leave the model.
    """

    def __init__(self, context: Context):
        self.context = context
        self.findings = context.findings
        self.program = context.program
        self.open_blocks: list[str] = []
        self.open_annotations: list[str] = []
        self.depth = 0
        self.ends = True

    def build(
        self, elements: tuple[syntax.Element, ...], arrives: TensorType | None, scope: Scope, top: bool = False
    ) -> tuple[list[Built], TensorType | None]:
        """The nodes of a stack in order, and the type that leaves it."""
        built: list[Built] = []
        ends, last = self.ends, last_of(elements)
        for index, element in enumerate(elements):
            self.ends = ends and index >= last
            for node in self._element(element, arrives, scope, top):
                built.append(node)
                arrives = leaving(node)
            if self.context.stopped:
                break
            if self._opens_unknown(element):
                arrives = None
        self.ends = ends
        return built, arrives

    def _opens_unknown(self, element: syntax.Element) -> bool:
        return isinstance(element, syntax.Layer) and not self._is_known(element.name.text)

    def _is_known(self, name: str) -> bool:
        return name in self.program.blocks or name in self.program.dynamics or installed.layer(name) is not None

    def _element(self, element: syntax.Element, arrives: TensorType | None, scope: Scope, top: bool) -> list[Built]:
        self.depth += 1
        self.context.elements += 1
        try:
            if self.context.elements > MOST_ELEMENTS:
                self.stop(sentences.too_many_layers(element.span, MOST_NODES))
                return []
            if self.depth > DEEPEST:
                self.stop(sentences.stack_too_deep(element.span, DEEPEST))
                return []
            if element.annotations or (element.label and not self._is_layer(element)):
                node = self._wrapped(element, element.annotations, arrives, scope, top)
                return [self._labelled(node, element)] if node else []
            if isinstance(element, syntax.Group):
                return self.build(element.elements, arrives, scope, top)[0]
            if isinstance(element, syntax.Repeat):
                return self._repeat(element, arrives, scope, top)
            return self._named(element, arrives, scope, top)
        finally:
            self.depth -= 1

    def _is_layer(self, element: syntax.Element) -> bool:
        return isinstance(element, syntax.Layer) and element.name.text not in self.program.blocks

    def stop(self, diagnostic: Diagnostic) -> None:
        """Tell it, and build no more."""
        self.findings.add(diagnostic)
        self.context.stopped = True

    # --- wrappers ----------------------------------------------------------------------------------------------

    def _wrapped(
        self,
        element: syntax.Element,
        annotations: tuple[syntax.Annotation, ...],
        arrives: TensorType | None,
        scope: Scope,
        top: bool,
    ) -> Built | None:
        """The element inside its annotations, the first of which is outermost."""
        if not annotations:
            return self._bare(element, arrives, scope)
        if len(annotations) > DEEPEST:
            self.stop(sentences.stack_too_deep(element.span, DEEPEST))
            return None
        annotation, inner = annotations[0], annotations[1:]

        def build_inner(inner_arrives: TensorType | None) -> Built | None:
            self.open_annotations.append(annotation.name.text)
            try:
                return self._wrapped(element, inner, inner_arrives, scope, top=False)
            finally:
                self.open_annotations.pop()

        return wrap(Annotated(self, annotation, element, arrives, scope, top, build_inner))

    def _bare(self, element: syntax.Element, arrives: TensorType | None, scope: Scope) -> Built | None:
        """The element without annotations as ONE node: a stack of several becomes an nn.Sequential."""
        plain = replace(element, annotations=(), label=None)
        built = self._element(plain, arrives, scope, top=False)
        if len(built) == 1 or not built:
            return built[0] if built else None
        return sequential(built, element.span, self.findings)

    def _labelled(self, built: Built, element: syntax.Element) -> Built:
        label = element.label
        return rename(built, label.text, label.span, self.findings) if label else built

    def named(self, built: Built, name: str, span: Span) -> Built:
        """The node under the name that an annotation gives it."""
        return rename(built, name, span, self.findings)

    # --- repeats, blocks, layers -------------------------------------------------------------------------------

    def _repeat(self, element: syntax.Repeat, arrives: TensorType | None, scope: Scope, top: bool) -> list[Built]:
        count = judge("repeat", REPEAT_COUNT, element.count, scope, self.findings)
        if count is MISSING:
            count = 1
        built: list[Built] = []
        ends = self.ends
        for index in range(count):
            self.ends = ends and index == count - 1
            self.context.elements += 1
            if self.context.elements > MOST_ELEMENTS:
                self.stop(sentences.too_many_layers(element.span, MOST_NODES))
                break
            nodes, arrives = self.build(element.elements, arrives, scope, top)
            built.extend(nodes)
            if self.context.stopped:
                break
        self.ends = ends
        return built

    def _named(self, element: syntax.Layer, arrives: TensorType | None, scope: Scope, top: bool) -> list[Built]:
        name = element.name.text
        if name in self.program.blocks:
            return self._block(element, self.program.blocks[name], arrives, top, scope)
        if name in self.program.dynamics:
            self.context.used_blocks.add(name)
            equations = equations_layer(self, element, arrives, scope, tuple(self.open_annotations))
            return [self._labelled(equations, element)]
        entry = installed.layer(name)
        if entry is None:
            self.findings.add(missing_layer(element.name, self.program))
            return [unknown_node(element, LAYERS["Identity"])]
        built = catalogue_layer(self, element, entry, arrives, scope)
        return [self._labelled(built, element)] if built else []

    def _block(
        self,
        element: syntax.Layer,
        block: syntax.Block,
        arrives: TensorType | None,
        top: bool,
        scope: Scope,
    ) -> list[Built]:
        name = element.name.text
        self.context.used_blocks.add(name)
        if name in self.open_blocks:
            self.stop(sentences.recursive_block(name, element.name.span, block.name.span))
            return []
        inner = block_scope(element, block, self.program.scope, scope, self.findings)
        if inner is None:
            self.context.stopped = True
            return []
        self.open_blocks.append(name)
        try:
            return self.build(block.elements, arrives, inner, top)[0]
        finally:
            self.open_blocks.pop()
            warn_unused_parameters(block, inner, self.findings)


def last_of(elements: tuple[syntax.Element, ...]) -> int:
    """The index of the last element that may change the number of channels; -1 where none does."""
    keeping = PER_STEP - {"Linear"}
    for index in range(len(elements) - 1, -1, -1):
        element = elements[index]
        if not isinstance(element, syntax.Layer) or element.annotations or element.name.text not in keeping:
            return index
    return -1
