"""Writes random specs: well-formed ones, and ones with a size, a dtype or a window that may not fit.

Each spec comes as text and as a tree of `Item`, which is what the text says: the tests build torch modules from the
tree without asking the checker.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.layers import LAYERS

FLOATS = ("float32", "float64", "bfloat16", "float16")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8", "bool")
BUILT = tuple(LAYERS)
ACTIVATIONS = tuple(name for name in BUILT if LAYERS[name].numbers == "floating")
INITS = ("xavier_uniform", "normal, std = 0.1", "orthogonal", "eye", "sparse, sparsity = 0.5", "trunc_normal", "ones")


@dataclass
class Item:
    """A layer, or a group (`name` "group"), a repeat ("repeat") or a use of a block ("block") of `children`.

    `arguments` are (name or None, text, value); `annotations` are texts, outermost first.
    """

    name: str
    arguments: list[tuple[str | None, str, Any]] = field(default_factory=list)
    annotations: list[str] = field(default_factory=list)
    children: list[Item] = field(default_factory=list)
    count: int = 1
    block: str = ""

    def text(self) -> str:
        notes = "".join(f"@{annotation} " for annotation in self.annotations)
        inside = " ".join(child.text() for child in self.children)
        if self.name == "group":
            return f"{notes}{{ {inside} }}"
        if self.name == "repeat":
            return f"{notes}repeat {self.count} {{ {inside} }}"
        if self.name == "block":
            return f"{notes}{self.block}"
        written = ", ".join(text if name is None else f"{name} = {text}" for name, text, _ in self.arguments)
        return f"{notes}{self.name}" + (f"({written})" if written else "")


@dataclass(frozen=True)
class Spec:
    text: str
    items: list[Item]
    mode: str


@dataclass
class Flow:
    """What probably arrives; `steps` None stands for the whole record."""

    steps: int | None
    channels: int
    dtype: str


class Writer:
    """Draws one spec. `broken` is the chance of a choice that pays no heed to what arrives."""

    def __init__(self, seed: int, broken: float):
        self.rng = random.Random(seed)
        self.broken = broken
        self.blocks: list[tuple[str, Item]] = []
        self.parameters = "float32"
        self.any_length = False

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def wild(self) -> bool:
        return self.chance(self.broken)

    # --- the file ----------------------------------------------------------------------------------------------

    def spec(self) -> Spec:
        mode = self.rng.choice(("simulation", "simulation", "simulation", "prediction", "bounded"))
        signals, header, flow, promised = self.header(mode)
        items = self.rolled(flow) if mode == "prediction" and self.autonomous else self.stack(flow, 0)
        items += self.ending(flow, promised)
        blocks = "\n".join(
            f"block {name} {{ {' '.join(c.text() for c in item.children)} }}" for name, item in self.blocks
        )
        stack = "\n  ".join(item.text() for item in items)
        text = (
            f"sysid 1\nlet three = 3\nsignals {{ {signals} }}\n{blocks}\nmodel m: {header} {{\n  {stack}\n}}\n"
            f'data {{ train = "a.csv" }}\ntrain {mode} {{ {self.training(mode)} }}\n'
        )
        return Spec(text, items, mode)

    def header(self, mode: str) -> tuple[str, str, Flow, Flow]:
        rng = self.rng
        self.parameters = dtype = rng.choice(("float32", "float32", "float32", "float64", rng.choice(FLOATS)))
        n_inputs, n_outputs = rng.randint(1, 2), rng.randint(1, 3)
        self.autonomous = mode == "prediction" and self.chance(0.5)
        with_output = mode != "bounded" and (self.autonomous or self.chance(0.4))
        if mode == "bounded":
            n_outputs = 1
        inputs = {f"u{i}": rng.randint(1, 2) for i in range(n_inputs if mode != "bounded" else 1)}
        if self.autonomous:
            inputs = {}
        lowered = rng.choice(INTEGERS) if self.chance(0.25) else rng.choice(FLOATS) if self.wild() else dtype
        lines = [f"input {name} = {columns(name, count)} : {lowered}" for name, count in inputs.items()]
        lines.append(f"output y = {columns('y', n_outputs)} : {dtype}")
        whole = mode == "simulation" and self.chance(0.25)
        steps = 1 if mode != "simulation" else rng.randint(1, 6)
        known = rng.randint(1, 8)
        windows = {name: "all" if whole else str(rng.randint(1, 8)) for name in inputs}
        left = [f"{name}[{length}]" for name, length in windows.items()]
        if with_output or not left:
            left.append(f"y[{known}]")
        self.any_length = whole
        lengths = [int(length) for length in windows.values() if length != "all"]
        total = self.window(mode, lengths, known if with_output or not inputs else 0, steps)
        channels = sum(inputs.values()) + (n_outputs if with_output or not inputs else 0)
        arrives = Flow(None if whole else total, channels, lowered if inputs and not with_output else dtype)
        promised = Flow(None if whole else steps, n_outputs, dtype)
        return " ".join(lines), f"{', '.join(left)} -> y[{'all' if whole else steps}]", arrives, promised

    def window(self, mode: str, inputs: list[int], known: int, steps: int) -> int:
        """T: inputs end with the output window, or at k in prediction mode; known outputs end at k."""
        end = 0 if mode == "prediction" else steps
        firsts = [end - length + 1 for length in inputs] + ([1 - known] if known else [])
        lasts = [end for _ in inputs] + ([0] if known else [])
        return max(lasts, default=0) - min(firsts, default=0) + 1

    def training(self, mode: str) -> str:
        rng = self.rng
        parts = [rng.choice(("", "loss = L1", "loss = Huber(delta = 0.5)", "loss = SmoothL1(beta = 0.5)"))]
        parts.append(rng.choice(OPTIMIZERS))
        parts.append(rng.choice(SCHEDULERS))
        parts.append(rng.choice(("", "", "", "batch_size = 1")))
        if self.chance(0.15):
            precision = rng.choice(("float64", "float32", "bfloat16", "float16"))
            parts.append(f"precision = {precision}")
            self.parameters = precision
        if mode == "prediction":
            parts.append(
                rng.choice(("", "horizon = 3", "horizon = 2 teacher_forcing = on", "teacher_forcing = Cyclic(2)"))
            )
            if self.chance(0.15):
                parts.append("state = carried")
        if mode == "bounded":
            parts.append("kernel = Epanechnikov(bandwidth = 0.8) neighbours = 5")
            parts.append(rng.choice(("", "bound_during_training = on", "bound_crossing_penalty = 0.5")))
        return " ".join(part for part in parts if part)

    # --- the stack ---------------------------------------------------------------------------------------------

    def rolled(self, flow: Flow) -> list[Item]:
        if self.chance(0.5):
            return self.stack(flow, 0)
        channels, dtype = flow.channels, flow.dtype
        inner = self.stack(flow, 1)
        inner.append(Item("Flatten" if self.chance(0.7) else "Last"))
        inner.append(self.linear(flow, channels))
        flow.steps, flow.channels, flow.dtype = 1, channels, dtype
        rolled = Item("group", annotations=["autoregressive_residual"], children=inner)
        return [rolled] + ([self.layer(flow)] if self.chance(0.3) else [])

    def stack(self, flow: Flow, depth: int) -> list[Item]:
        return [self.element(flow, depth) for _ in range(self.rng.randint(1, 4 - min(depth, 2)))]

    def ending(self, flow: Flow, promised: Flow) -> list[Item]:
        """Layers that keep the header's promise, left out now and then."""
        items = []
        if promised.steps is not None and flow.steps != promised.steps and not self.wild():
            items.append(self.call("TimeSeriesLinear", steps=promised.steps, width=promised.channels))
            return items
        if not self.wild():
            items.append(self.linear(flow, promised.channels))
        return items

    def linear(self, flow: Flow, channels: int) -> Item:
        item = Item("Linear", [(None, str(channels), channels)])
        if flow.dtype != self.parameters and not self.wild():
            item.annotations.append(f"cast({flow.dtype} -> {self.parameters})")
            flow.dtype = self.parameters
        flow.channels = channels
        return item

    def element(self, flow: Flow, depth: int) -> Item:
        choice = self.rng.random()
        if depth < 3 and choice < 0.14:
            return self.residual(flow, depth)
        if depth < 3 and choice < 0.22:
            return self.repeated(flow, depth)
        if depth < 3 and choice < 0.34:
            return self.annotated(flow, depth)
        if depth < 2 and choice < 0.38:
            name = f"part{len(self.blocks)}"
            item = Item("block", children=self.stack(flow, depth + 1), block=name)
            self.blocks.append((name, item))
            return item
        return self.layer(flow)

    def residual(self, flow: Flow, depth: int) -> Item:
        before = Flow(flow.steps, flow.channels, flow.dtype)
        children = self.stack(flow, depth + 1)
        if not self.wild():
            children.append(self.linear(flow, before.channels))
        flow.steps, flow.channels, flow.dtype = before.steps, before.channels, before.dtype
        return Item("group", annotations=["residual"], children=children)

    def repeated(self, flow: Flow, depth: int) -> Item:
        children = self.stack(flow, depth + 1)
        return Item("repeat", children=children, count=self.rng.randint(1, 3))

    def annotated(self, flow: Flow, depth: int) -> Item:
        note = self.rng.choice(("cast", "cast", "freeze", "init", "name", "both"))
        if note in ("cast", "both"):
            target = self.parameters if self.chance(0.8) else self.rng.choice(FLOATS + INTEGERS)
            source = self.rng.choice((flow.dtype, *FLOATS, *INTEGERS))
            notes = [f"cast({source} -> {target})"]
            if note == "both":
                notes.insert(self.rng.randint(0, 1), self.rng.choice(("residual", "freeze", "cast(int64 -> float32)")))
            flow.dtype = self.parameters
        else:
            target = ""
            notes = [{"freeze": "freeze", "init": f"init({self.rng.choice(INITS)})", "name": 'name("part")'}[note]]
        if self.chance(0.6):
            item = self.layer(flow)
            item.annotations = notes + item.annotations
        else:
            item = Item("group", annotations=notes, children=self.stack(flow, depth + 1))
        flow.dtype = target or flow.dtype
        return item

    # --- layers ------------------------------------------------------------------------------------------------

    def layer(self, flow: Flow) -> Item:
        fits = [name for name in BUILT if self.fits(name, flow)]
        name = self.rng.choice(BUILT if self.wild() else [*fits, "Linear", "Linear", "Conv1d", "GRU"])
        item = Item(name)
        for argument in LAYERS[name].arguments:
            self.argument(item, argument, flow)
        if LAYERS[name].numbers == "parameters" and flow.dtype != self.parameters and not self.wild():
            item.annotations = [f"cast({flow.dtype} -> {self.parameters})"]
            flow.dtype = self.parameters
        self.follow(item, flow)
        return item

    def fits(self, name: str, flow: Flow) -> bool:
        numbers = LAYERS[name].numbers
        if numbers == "integers":
            return flow.dtype in INTEGERS and flow.dtype != "bool"
        if flow.channels > 60 and name in ("Flatten", "DelayLine", "Embedding", "SelfAttention"):
            return False  # small models do
        if flow.steps is None and name in ("Flatten", "TimeSeriesLinear", "FrequencyLinear", "Last"):
            return False
        return numbers != "floating" or flow.dtype in FLOATS

    def argument(self, item: Item, argument: Argument, flow: Flow) -> None:
        value: Any = None
        if argument.flow:
            if self.chance(0.85):
                return
            value = flow.channels + (self.rng.randint(0, 1) if self.wild() else 0)
        elif argument.name in VALUES:
            value = self.rng.choice(VALUES[argument.name])
        elif argument.name == "hidden":
            item.arguments.append((argument.name, "[3, 2]", (3, 2)))
        elif argument.name == "output_hidden":
            item.arguments.append((argument.name, "[]", ()))
        elif argument.family:
            item.arguments.append((argument.name, "Spline(knots = 5)", "Spline"))
        elif argument.name == "outputs":
            value = self.rng.choice((None, None, 1, 2))
        elif argument.name == "steps":
            value = self.rng.randint(1, 4 if self.wild() else min(4, flow.steps or 4))
        elif argument.name == "heads":
            value = self.rng.choice([n for n in (1, 2, 3) if flow.channels % n == 0 or self.wild()])
        elif argument.required:
            value = self.rng.choice((0.25, 0.5)) if "float" in argument.kind else self.rng.randint(1, 5)
        elif argument.kind == "bool" and self.chance(0.4):
            value = self.chance(0.5)
        elif argument.choices and argument.name != "initial" and self.chance(0.5):
            value = self.rng.choice(argument.choices)
        if value is not None:
            item.arguments.append((argument.name, self.written(value), value))

    def written(self, value: Any) -> str:
        if isinstance(value, bool):
            return "on" if value else "off"
        return "three" if value == 3 and self.chance(0.5) else str(value)

    def call(self, name: str, **arguments: int) -> Item:
        return Item(name, [(key, str(value), value) for key, value in arguments.items()])

    def follow(self, item: Item, flow: Flow) -> None:
        given = {name: value for name, _, value in item.arguments}
        for size in ("outputs", "out_features", "out_channels", "hidden_size", "width"):
            flow.channels = given.get(size, flow.channels)
        if item.name == "Flatten" and flow.steps:
            flow.steps, flow.channels = 1, flow.steps * flow.channels
        if item.name in ("TimeSeriesLinear", "FrequencyLinear", "Last"):
            flow.steps = given.get("steps", 1)
        if item.name == "Conv1d" and given.get("padding") == "none" and flow.steps:
            flow.steps = max(1, flow.steps - given.get("dilation", 1) * (given["kernel_size"] - 1))
        if item.name in ("DelayLine", "Embedding"):
            flow.channels *= given.get("taps") or given["embedding_dim"]
        if item.name == "Embedding":
            flow.dtype = self.parameters


VALUES: dict[str, tuple[Any, ...]] = {
    "low": (-0.5,), "high": (0.5,), "min_val": (-1, -0.5), "max_val": (0.5, 1), "num_embeddings": (300,),
    "groups": (1, 1, 1, 1, 1, 2), "kernel_size": (1, 2, 3), "dilation": (1, 1, 2), "dropout": (0,), "p": (0.1, 0.5),
    "num_layers": (1, 1, 2), "states": (1, 2, 3), "degree": (2, 3),
}  # fmt: skip

OPTIMIZERS = (
    "optimizer = AdamW", "optimizer = Adam(lr = 0.01, amsgrad = on)", "optimizer = AdamW(betas = [0.8, 0.9])",
    "optimizer = Adamax",
    "optimizer = SGD(lr = 0.1, momentum = 0.9)", "optimizer = SGD(momentum = 0.9, nesterov = on)",
    "optimizer = RMSprop(centered = on, momentum = 0.1)", "optimizer = NAdam",
    "optimizer = RAdam(decoupled_weight_decay = on)", "optimizer = Adagrad(lr_decay = 0.1)", "optimizer = Adadelta",
    "optimizer = Adafactor", "optimizer = ASGD", "optimizer = Rprop", "optimizer = LBFGS(max_iter = 2)",
    'optimizer = LBFGS(max_iter = 2, line_search_fn = "strong_wolfe")',
)  # fmt: skip

SCHEDULERS = (
    "", "", "", "scheduler = StepLR(step_size = 3)", "scheduler = MultiStepLR(milestones = [2, 4])",
    "scheduler = ConstantLR",
    "scheduler = LinearLR", "scheduler = ExponentialLR(gamma = 0.9)", "scheduler = PolynomialLR",
    "scheduler = CosineAnnealingLR(T_max = 10)", "scheduler = CosineAnnealingWarmRestarts(T_0 = 2)",
    "scheduler = CyclicLR(base_lr = 0.001, max_lr = 0.1)", "scheduler = OneCycleLR(max_lr = 0.1, cycle_momentum = off)",
    "scheduler = ReduceLROnPlateau",
)  # fmt: skip


def columns(name: str, count: int) -> str:
    return "[" + ", ".join(f"{name}_{index}" for index in range(count)) + "]"


def random_spec(seed: int) -> Spec:
    """Two of three specs are meant to be sound."""
    return Writer(seed, broken=0.15 if seed % 3 == 0 else 0.01).spec()
