"""What a `StateSpace` that leaves its sizes to the race may become: orders, and what bends the linear part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sysidc.compiler.catalogue.entry import Effect, Shape
from sysidc.compiler.catalogue.layers import LAYERS
from sysidc.compiler.catalogue.state_rules import polynomial_state_space, state_space
from sysidc.compiler.plan import Node, Plan
from sysidc.runtime.data.modules import SpecDataModule
from sysidc.runtime.data.symptoms.drift import integrators
from sysidc.runtime.solvers.arx import arx
from sysidc.runtime.solvers.hankel import Pair
from sysidc.runtime.solvers.subspace import subspace
from sysidc.runtime.training.preparation import pairs_of_part

ORDERS = (2, 3, 4)
"""States that are always tried: a linear fit cannot tell how many a nonlinear model needs."""

HIGHEST, NEAREST = 8, 1.02
"""The highest order that a linear simulation may suggest, and how much more than the least it may miss."""

WIDTH = 8
DEGREE = 3

MOST_PARAMETERS = 500
"""Larger structures are not tried: a race gives them too little time to learn."""

NETWORKS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "linear": ((), ()),
    "network in f": ((WIDTH,), ()),
    "networks in f and h": ((WIDTH,), (WIDTH,)),
}
"""Hidden widths of the state equation's network and of the output's."""

DEEPER: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {"two layers in f": ((WIDTH, WIDTH), ())}
"""What joins late, where the others leave something to learn: one layer bends, the next one cuts, as where a tank is
full. It takes more epochs to show what it can do."""

POLYNOMIAL = f"polynomial of degree {DEGREE}"
LONGEST = 20_000

SHARE = 0.1
"""Records shorter than this share of the longest say nothing about orders, and would shorten the blocks of all."""


@dataclass(frozen=True)
class Structure:
    """A plan whose sizes are all numbers, and its name in words; the plan as it was written has the name ""."""

    name: str
    plan: Plan


def is_open(plan: Plan) -> bool:
    """Whether a layer leaves sizes to the race."""
    return any(_is_open(node) for node in _all(plan.model.nodes))


def structures(plan: Plan, orders: Sequence[int], integrating: bool = False) -> list[Structure]:
    """Every structure that the plan leaves open, for each of the orders where these are open too.

    Of an integrating system the state that adds up is kept out of the networks, and no polynomial is made of it.
    """
    node = _open_node(plan)
    states = list(orders) if node.arguments["states"] == "auto" else [node.arguments["states"]]
    found = [
        Structure(f"{order} states, {name}", _with(plan, node, made))
        for order in states
        for name, made in _choices(node, order, integrating)
    ]
    return [item for item in found if item.plan.model.parameters <= MOST_PARAMETERS] or found


def with_one_more_state(plan: Plan, order: int, names: Sequence[str]) -> list[Structure]:
    """Those of the named structures that have `order` states, with one more, where the plan leaves the states open."""
    node = _open_node(plan)
    if node.arguments["states"] != "auto" or order >= HIGHEST:
        return []
    kinds = {_kind(name) for name in names if order_of(name) == order}
    return [item for item in structures(plan, [order + 1]) if _kind(item.name) in kinds]


def deeper(plan: Plan, orders: Sequence[int]) -> list[Structure]:
    """The structures of `DEEPER` that the plan leaves open, of those orders that are small: larger ones take long."""
    node = _open_node(plan)
    found = [
        Structure(f"{order} states, {name}", _with(plan, node, made))
        for order in orders
        if order <= max(ORDERS)
        for name, made in _networks(node, node.arguments, order, DEEPER)
    ]
    return [item for item in found if item.plan.model.parameters <= MOST_PARAMETERS]


def order_of(name: str) -> int:
    """The states of a named structure."""
    return int(name.partition(" ")[0])


def _kind(name: str) -> str:
    """What a named structure is besides its states."""
    return name.partition(", ")[2]


@dataclass(frozen=True)
class Outlook:
    """What a linear model foretells of a nonlinear one: the orders to try, and in words whether it integrates."""

    orders: tuple[int, ...]
    integrator: str | None


def outlook(part: SpecDataModule, block: int) -> Outlook:
    """The orders that are tried: a few small ones, and the one that the singular values of a subspace fit suggest."""
    pairs = [(u - u.mean(axis=0), y - y.mean(axis=0)) for u, y in pairs_of_part(part, LONGEST)]
    longest = max((len(u) for u, _ in pairs), default=0)
    pairs = [pair for pair in pairs if len(pair[0]) >= SHARE * longest]
    integrator = _integrator(pairs, block)
    try:
        suggested = subspace(pairs, block).model.order
    except ValueError:
        return Outlook(ORDERS, integrator)
    return Outlook(tuple(sorted({*ORDERS, suggested, _nearest_order(pairs, block)})), integrator)


def _integrator(pairs: Sequence[Pair], block: int) -> str | None:
    """In words, where the outputs add up. A subspace fit moves a pole at one away from it, and slower ones to it; the
    prediction one step ahead does not, because outputs that add up are far larger than what it misses."""
    found = arx(pairs, block)
    if found is None:
        return None
    told = next(integrators(found.poles()), None)
    return None if told is None else told.message


def _nearest_order(pairs: Sequence[Pair], block: int) -> int:
    """The lowest order whose linear model simulates nearly as well as that of any order.

    What a nonlinear system bends counts as noise in a linear fit, and hides the smaller of its singular values.
    """
    missed = []
    for order in range(1, HIGHEST + 1):
        try:
            missed.append(float(np.linalg.norm(subspace(pairs, block, order).error)))
        except ValueError:  # the records are too short for it
            break
    return 1 + next(index for index, error in enumerate(missed) if error <= NEAREST * min(missed))


def innovates(plan: Plan) -> bool:
    """Whether the last layer is trained one step ahead."""
    return bool(plan.model.nodes[-1].arguments.get("innovations"))


def with_innovations(plan: Plan) -> Plan | None:
    """The plan with innovations in its last layer; None where this has them, or cannot have them."""
    node = plan.model.nodes[-1]
    if node.arguments.get("innovations", True) or node.children:
        return None
    sized = _polynomially if node.layer == "PolynomialStateSpace" else _sized
    return _with(plan, node, sized(node, {**node.arguments, "innovations": True}))


def draws(plan: Plan) -> bool:
    """Whether starts differ from each other: some layer has weights that no linear model and no rule sets."""
    return any(not node.children and not _is_determined(node) for node in _all(plan.model.nodes))


def is_tame(plan: Plan) -> bool:
    """Whether no layer is a polynomial of the states, which leaves the finite numbers where it is left alone."""
    return all(node.layer != "PolynomialStateSpace" for node in _all(plan.model.nodes))


def is_linear(plan: Plan) -> bool:
    """Whether nothing bends it."""
    return is_tame(plan) and not draws(plan)


def _is_determined(node: Node) -> bool:
    if node.layer == "StateSpace":
        return not (node.arguments["hidden"] or node.arguments["output_hidden"])
    return node.layer in ("LinearDynamics", "PolynomialStateSpace")


def _choices(node: Node, order: int, integrating: bool) -> Iterator[tuple[str, Node]]:
    given = node.arguments
    if integrating and not given["integrators"]:
        given = {**given, "integrators": 1}
    yield from _networks(node, given, order, NETWORKS)
    if given["hidden"] == given["output_hidden"] == "auto":
        if not given["integrators"]:
            yield POLYNOMIAL, _polynomial(node, order)
    elif "auto" in (given["hidden"], given["output_hidden"]):
        yield from _half_open(node, given, order)


def _networks(
    node: Node, given: Mapping[str, Any], order: int, networks: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
) -> Iterator[tuple[str, Node]]:
    fixed = {word: value for word, value in given.items() if value != "auto"}
    for name, (hidden, output_hidden) in networks.items():
        made = {"states": order, "hidden": hidden, "output_hidden": output_hidden}
        if all(fixed.get(word, value) == value for word, value in made.items()):
            yield name, _sized(node, {**given, **made})


def _half_open(node: Node, given: Mapping[str, Any], order: int) -> Iterator[tuple[str, Node]]:
    """One of the two networks is written: the other one is tried with and without."""
    for widths in ((), (WIDTH,)):
        made = {word: widths for word in ("hidden", "output_hidden") if given[word] == "auto"}
        yield f"{' and '.join(made)} {list(widths)}", _sized(node, {**given, **made, "states": order})


def _sized(node: Node, arguments: dict[str, Any]) -> Node:
    effect = state_space(arguments, Shape(node.type_in.steps, node.type_in.channels))
    assert isinstance(effect, Effect)
    return replace(node, arguments=arguments, parameters=effect.parameters)


def _polynomial(node: Node, order: int) -> Node:
    names = ("inputs", "outputs", "innovations", "initial")
    arguments = {**{name: node.arguments[name] for name in names}, "states": order, "degree": DEGREE}
    return _polynomially(node, arguments)


def _polynomially(node: Node, arguments: dict[str, Any]) -> Node:
    effect = polynomial_state_space(arguments, Shape(node.type_in.steps, node.type_in.channels))
    assert isinstance(effect, Effect)
    layer = LAYERS["PolynomialStateSpace"]
    return replace(node, layer=layer.name, target=layer.target, arguments=arguments, parameters=effect.parameters)


def _open_node(plan: Plan) -> Node:
    """The first layer that leaves sizes to the race."""
    return next(node for node in _all(plan.model.nodes) if _is_open(node))


def _is_open(node: Node) -> bool:
    return "auto" in [value for value in node.arguments.values() if isinstance(value, str)]


def _all(nodes: Sequence[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _all(node.children)


def _with(plan: Plan, old: Node, new: Node) -> Plan:
    """The plan with one node exchanged; the wrappers around it are counted anew."""
    nodes = tuple(_exchanged(node, old, new) for node in plan.model.nodes)
    parameters = plan.model.parameters + new.parameters - old.parameters
    return replace(plan, model=replace(plan.model, nodes=nodes, parameters=parameters))


def _exchanged(node: Node, old: Node, new: Node) -> Node:
    if node is old:
        return new
    if not node.children:
        return node
    children = tuple(_exchanged(child, old, new) for child in node.children)
    grown = sum(child.parameters for child in children) - sum(child.parameters for child in node.children)
    return replace(node, children=children, parameters=node.parameters + grown)
