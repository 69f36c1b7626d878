"""`build_model()`: the stack of a Plan as the nn.Sequential that one would write by hand."""

from __future__ import annotations

from sysidc.compiler.catalogue.installed import HOUSE, is_foreign
from sysidc.compiler.catalogue.state_rules import nominal
from sysidc.compiler.emit.equations import EQUATIONS, WRITTEN_OUT, functions
from sysidc.compiler.emit.imports import Import
from sysidc.compiler.emit.piece import NotEmitted, Piece, where
from sysidc.compiler.emit.values import call, closed, indented, keywords, literal
from sysidc.compiler.plan import CallPlan, Node, Plan

TORCH = "torch.nn."
CHAIN = "sysidc.runtime.nn.Chain"
TWO_AXES_ONLY = ("eye", "sparse")
INITIALISED = '''def initialised(
    module: nn.Module, fill: Callable[[Tensor], object]
) -> nn.Module:
    """The module with its weights, the parameters of two or more axes, filled anew."""
    for parameter in module.parameters():
        if parameter.ndim >= 2:
            fill(parameter)
    return module'''
INITIALISED_MATRICES = '''def with_matrices(
    module: nn.Module, fill: Callable[[Tensor], object]
) -> nn.Module:
    """The module with its parameters of two axes filled anew."""
    for parameter in module.parameters():
        if parameter.ndim == 2:
            fill(parameter)
    return module'''
BUILD = "build_model"
OPEN = "sizes that are left to the training (`auto`, or a bare StateSpace) cannot be compiled"
FROZEN = '''def frozen(module: nn.Module) -> nn.Module:
    """The module with weights that are not trained."""
    return module.requires_grad_(False)'''


def own_layers(plan: Plan) -> list[str]:
    """The dotted paths of the layers that are written out, in the order in which they come."""
    targets = [node.target for node in every(plan.model.nodes) if node.target.startswith(HOUSE)]
    return list(dict.fromkeys([*targets, *([CHAIN] if plan.model.chain is not None else [])]))


def every(nodes: tuple[Node, ...]) -> list[Node]:
    """All nodes, those inside others included."""
    return [found for node in nodes for found in (node, *every(node.children))]


def leaves_sizes_open(plan: Plan) -> bool:
    """Whether a training has to find sizes of the stack first."""
    return any("auto" in node.arguments.values() for node in every(plan.model.nodes))


def build_model(plan: Plan, name: str = BUILD) -> Piece:
    """The function, and what it makes layers with, which the first of several functions brings for all."""
    nodes = every(plan.model.nodes)
    if leaves_sizes_open(plan):
        raise NotEmitted(OPEN, "train it, and compile the run folder: its sizes are known")
    inits = [node.init for node in nodes if node.init is not None]
    texts, imports = [], []
    if inits:
        texts += _initialised(inits, plan.model.dtype)
        imports += [Import("collections.abc", "Callable")]
    if any(init.arguments for init in inits):
        imports += [Import("functools", "partial")]
    if any(node.freeze for node in nodes):
        texts.append(FROZEN)
    if any(node.target == EQUATIONS for node in nodes):
        texts.append(functions(nodes))
        imports += [Import("torch.nn", "functional")]
    imports += [Import(node.target.rpartition(".")[0]) for node in nodes if is_foreign(node.layer, node.target)]
    text = "\n\n\n".join([*(texts if name == BUILD else []), _function(plan, name)])
    if "OrderedDict(" in text:
        imports.append(Import("collections", "OrderedDict"))
    return Piece(text, tuple(own_layers(plan)), tuple(imports))


def _initialised(inits: list[CallPlan], dtype: str) -> list[str]:
    if dtype in ("float16", "bfloat16"):
        raise NotEmitted(f"`@init` in {dtype} cannot be compiled yet", "use `precision = float32`")
    two_axes = {init.name in TWO_AXES_ONLY for init in inits}
    texts = [INITIALISED] if False in two_axes else []
    return texts + ([INITIALISED_MATRICES] if True in two_axes else [])


def _stack(plan: Plan, indent: int) -> list[str]:
    """The expression that `build_model` returns."""
    chain = plan.model.chain
    if chain is None:
        return sequence(plan.model.nodes, indent, "")
    children = [f"{literal(node.name)}: " + "\n".join(module(node, indent + 8)) for node in plan.model.nodes]
    modules = "\n".join(["{", *indented([closed(child) for child in children], 4), "}"])
    given = {"input_channels": chain.input_channels, "known_channels": chain.known_channels}
    settings = keywords({**given, "known": chain.known, "initial": chain.initial})
    return call("Chain", [modules, *settings], indent, split=True)


def _function(plan: Plan, name: str) -> str:
    dtype = plan.model.dtype
    lines = [
        f"def {name}(seed: int = SEED) -> nn.Sequential:",
        f'    """The untrained stack: {arrives(plan)} in, {leaves(plan)} out."""',
        "    with torch.random.fork_rng(devices=[]):",
        "        torch.manual_seed(seed)",
    ]
    if dtype == "float32":
        body = _stack(plan, 8)
        return "\n".join([*lines, *indented(["return " + body[0], *body[1:]], 8)])
    body = _stack(plan, 12)
    lines += [
        "        default = torch.get_default_dtype()",
        f"        torch.set_default_dtype(torch.{dtype})",
        "        try:",
        *indented(["return " + body[0], *body[1:]], 12),
        "        finally:",
        "            torch.set_default_dtype(default)",
    ]
    return "\n".join(lines)


def arrives(plan: Plan) -> str:
    type_in = plan.model.type_in
    return f"(batch, {type_in.steps or 'time'}, {type_in.channels})"


def leaves(plan: Plan) -> str:
    type_out = plan.model.type_out
    return f"(batch, {type_out.steps or 'time'}, {type_out.channels})"


def sequence(nodes: tuple[Node, ...], indent: int, comment: str) -> list[str]:
    """nn.Sequential, with names where the children have names of their own."""
    numbered = [node.name for node in nodes] == [str(index) for index in range(len(nodes))]
    if numbered:
        children = ["\n".join(module(node, indent + 4)) for node in nodes]
        return call("nn.Sequential", children, indent, comment, split=True)
    pairs = []
    for node in nodes:
        inner = "\n".join(module(node, indent + 12))
        pairs.append("\n".join(call("", [literal(node.name), inner], indent + 8, split=True)))
    ordered = call("OrderedDict", ["\n".join(["[", *indented([closed(pair) for pair in pairs], 4), "]"])], split=True)
    return call("nn.Sequential", ["\n".join(ordered)], indent, comment, split=True)


def module(node: Node, indent: int) -> list[str]:
    """One child of a stack, with the line of the spec that it comes from."""
    lines = _bare(node, indent, where(node.place))
    if node.init is not None:
        name = "with_matrices" if node.init.name in TWO_AXES_ONLY else "initialised"
        lines = call(name, ["\n".join(lines), _fill(node.init)], indent, split=True)
    return call("frozen", ["\n".join(lines)], indent, split=True) if node.freeze else lines


def _fill(init: CallPlan) -> str:
    name = "nn.init." + init.target.rpartition(".")[2]
    arguments = keywords(init.arguments)
    return f"partial({', '.join([name, *arguments])})" if arguments else name


def _bare(node: Node, indent: int, comment: str) -> list[str]:
    if node.layer == "stack":
        return sequence(node.children, indent, "")
    name, arguments = _name(node.target), _arguments(node)
    if not node.children:
        return call(name, arguments, indent, comment)
    inner = "\n".join(module(node.children[0], indent + 4))
    split = "  # " in inner or "\n" in inner
    return call(name, [inner, *arguments], indent, comment, split=split)


def _arguments(node: Node) -> list[str]:
    given = nominal(node.arguments)
    if node.target == EQUATIONS:
        given |= dict.fromkeys(WRITTEN_OUT, ())
    if node.layer == "Linear":
        positional = [literal(given.pop("in_features")), literal(given.pop("out_features"))]
        return positional + ([] if given.pop("bias", True) else ["bias=False"])
    return [
        f"{name}=torch.{value}" if name in ("in_dtype", "out_dtype") else keywords({name: value})[0]
        for name, value in given.items()
    ]


def _name(target: str) -> str:
    """What a layer is called: those of other packages by their whole path, which their import makes known."""
    if target.startswith(TORCH):
        return "nn." + target.removeprefix(TORCH)
    return target.rpartition(".")[2] if target.startswith(HOUSE) else target
