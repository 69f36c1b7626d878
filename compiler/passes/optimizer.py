"""Which optimiser a training gets that writes none: Levenberg-Marquardt where the model is small enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sysidc.compiler.catalogue.installed import is_foreign, layer
from sysidc.compiler.catalogue.optimizers import OPTIMIZERS
from sysidc.compiler.passes.chain import counted, flat, is_stateful
from sysidc.compiler.plan import CallPlan, ChainPlan, Node
from sysidc.dsl.records import dataclass

SECOND_ORDER = "LevenbergMarquardt"
MOST_PARAMETERS = 500
"""Above it the normal equations of Gauss-Newton cost more than they save."""
FIRST_ORDER_SETTINGS = ("loss", "scheduler", "gradient_clip", "batch_size")
"""Settings that a file writes for first-order training; written ones say what is meant."""
RANDOM = ("Dropout", "BatchNorm1d")
EPOCHS = {SECOND_ORDER: 60}
OPEN_EPOCHS = 300
FIRST_ORDER_EPOCHS = 100


@dataclass(frozen=True)
class Choice:
    """The optimiser of a training that writes none, and why."""

    optimizer: CallPlan
    reason: str

    @property
    def second_order(self) -> bool:
        return self.optimizer.name == SECOND_ORDER


def choose(
    mode: str,
    values: Mapping[str, object],
    spans: Iterable[str],
    nodes: tuple[Node, ...],
    chain: ChainPlan | None,
    whole: bool,
) -> Choice:
    """`spans` are the settings that `train` or a stage writes; `whole` tells that windows are whole records."""
    count = counted(nodes, chain)
    against = _against(mode, values, set(spans), nodes, chain, whole)
    if count > MOST_PARAMETERS:
        against = against or f"{count:_} parameters, more than {MOST_PARAMETERS}"
    if against is not None:
        return Choice(default_call("AdamW"), against)
    told = f"{count:_} parameter{'' if count == 1 else 's'}"
    return Choice(default_call(SECOND_ORDER), f"{told}, all with local derivatives")


def _against(
    mode: str,
    values: Mapping[str, object],
    written: set[str],
    nodes: tuple[Node, ...],
    chain: ChainPlan | None,
    whole: bool,
) -> str | None:
    """What speaks against second order, besides the number of parameters."""
    if mode != "simulation":
        return f"`{mode}` mode"
    for name in FIRST_ORDER_SETTINGS:
        if name in written and not (name == "loss" and _is_mse(values["loss"])):
            return f"`{name}` is written"
    if values["precision"] not in (None, "float64"):
        return "a precision other than float64"
    if values["accelerator"] not in ("cpu", "cuda"):
        return "an accelerator for first-order training"
    random = without_local_derivatives(nodes)
    if random is not None:
        return f"`{random}` has no local derivatives"
    foreign = next((node.layer for node in flat(nodes) if _is_unknown(node)), None)
    if foreign is not None:
        return f"`{foreign}` comes from another package, which does not say `per_step`"
    if chain is None:
        return _windowed(nodes, whole)
    return None


def _is_unknown(node: Node) -> bool:
    """A layer of another package may do what no derivative in forward mode follows."""
    if not is_foreign(node.layer, node.target):
        return False
    entry = layer(node.layer)
    return entry is None or not entry.per_step


def _windowed(nodes: tuple[Node, ...], whole: bool) -> str | None:
    """Outside of a chain the derivatives are those of a window: a short one without states."""
    state = next((node.layer for node in flat(nodes) if is_stateful(node)), None)
    if state is not None:
        return f"`{state}` outside of a chain"
    return "whole records without a state" if whole else None


def _is_mse(loss: object) -> bool:
    return isinstance(loss, CallPlan) and loss.name == "MSE"


def without_local_derivatives(nodes: tuple[Node, ...]) -> str | None:
    """The first layer whose output is not a function of its own step and window alone."""
    for node in flat(nodes):
        if node.layer in RANDOM or node.arguments.get("dropout"):
            return node.layer
    return None


def default_call(name: str) -> CallPlan:
    row = OPTIMIZERS[name]
    return CallPlan(row.name, row.target, {argument.name: argument.default for argument in row.arguments})


def default_epochs(optimizer: CallPlan, nodes: Iterable[Node]) -> int:
    """A training that races structures ends where it gains no more, which is long before these epochs are over."""
    if optimizer.name == SECOND_ORDER and any("auto" in _words(node) for node in flat(nodes)):
        return OPEN_EPOCHS
    return EPOCHS.get(optimizer.name, FIRST_ORDER_EPOCHS)


def _words(node: Node) -> list[object]:
    return [value for value in node.arguments.values() if isinstance(value, str)]


def written_second_order(optimizers: Iterable[object]) -> bool:
    return any(isinstance(call, CallPlan) and call.name == SECOND_ORDER for call in optimizers)
