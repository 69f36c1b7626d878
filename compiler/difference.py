"""How two Plans differ in meaning: network, data, training, test; and whether the weights of one fit the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sysidc.compiler.plan import ChainPlan, Plan, to_json

Tree: TypeAlias = dict[str, Any]

AREAS = {"sampling_time": "signals", "signals": "signals", "model": "network", "data": "data", "train": "training"}
DERIVED = ("place", "folder", "hash", "plan_version", "name", "chosen")
UNSIZED = ("initial", "penalty")
"""Arguments that say how weights are used and not how many there are."""
ABSENT = object()


@dataclass(frozen=True)
class Difference:
    """One value that differs: where it is, and what it is in either Plan; "absent" where one has none."""

    area: str
    path: str
    first: str
    second: str


def differences(first: Plan, second: Plan) -> tuple[Difference, ...]:
    """All that differs in meaning, in the order of the Plan: names of files and their layout do not count."""
    left, right = to_json(first), to_json(second)
    for tree in (left, right):
        tree["model"]["nodes"] = _flat(tree["model"]["nodes"])
        _tell_once(tree["train"])
    found = []
    for key in left:
        if key in DERIVED:
            continue
        for path, one, other in _compare(left[key], right[key], ()):
            found.append(Difference(AREAS.get(key, key), ".".join((key, *path)), _shown(one), _shown(other)))
    return tuple(found)


def _tell_once(train: dict[str, Any]) -> None:
    """Leaves of every stage what it says otherwise than the whole training."""
    for stage in (*train["stages"], *(train["simulation"] or {"stages": ()})["stages"]):
        stage["train"] = {
            key: value
            for key, value in stage["train"].items()
            if key not in ("simulation", "stages") and value != train[key]
        }


def weights_fit(first: Plan, second: Plan) -> bool:
    """Whether the weights of one stack can be loaded into the other: same names, same sizes, same dtype."""
    return (
        first.model.dtype == second.model.dtype
        and _weights(_nodes(first)) == _weights(_nodes(second))
        and _start_weights(first.model.chain) == _start_weights(second.model.chain)
    )


def _start_weights(chain: ChainPlan | None) -> tuple[bool, int | None]:
    """What a chain stores besides its layers: the states seen in training, and an encoder of so many numbers."""
    seen = chain.known * (chain.inputs + chain.outputs) if chain and chain.initial == "encoder" else None
    return chain is not None, seen


def _nodes(plan: Plan) -> list[Tree]:
    """As a file holds them: a plan that was read has lists where one that was compiled has tuples."""
    found: list[Tree] = to_json(plan)["model"]["nodes"]
    return found


def _weights(nodes: Sequence[Tree], prefix: str = "") -> list[tuple[str, str, tuple[tuple[str, Any], ...]]]:
    found = []
    for node in nodes:
        name, children = prefix + node["name"], node["children"]
        if children:
            found += _weights(children, f"{name}.")
        if node["parameters"] > sum(child["parameters"] for child in children):
            sizes = tuple(sorted((key, str(value)) for key, value in node["arguments"].items() if key not in UNSIZED))
            found.append((name, node["target"], sizes))
    return found


def _flat(nodes: Sequence[Tree], prefix: str = "") -> dict[str, Any]:
    """Layers by their name in the stack: what each is and what it is called with."""
    found: dict[str, Any] = {}
    for node in nodes:
        name = prefix + node["name"]
        extra: dict[str, Any] = {"freeze": True} if node["freeze"] else {}
        extra |= {"init": node["init"]["name"]} if node["init"] else {}
        found[name] = {"layer": node["layer"], **node["arguments"], **extra}
        found |= _flat(node["children"], f"{name}/")
    return found


def _compare(one: Any, other: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys([*one, *other]):
            if key not in DERIVED or path[-1:] in (("optimizer",), ("loss",), ("scheduler",), ("kernel",)):
                yield from _compare(one.get(key, ABSENT), other.get(key, ABSENT), (*path, key))
    elif isinstance(one, list) and isinstance(other, list) and any(isinstance(item, dict) for item in one + other):
        for index in range(max(len(one), len(other))):
            left = one[index] if index < len(one) else ABSENT
            right = other[index] if index < len(other) else ABSENT
            yield from _compare(left, right, (*path, str(index)))
    elif one != other:
        yield path, one, other


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "absent"
    if isinstance(value, dict):
        name = value.get("name") or value.get("layer")
        arguments = value.get("arguments") or {key: item for key, item in value.items() if key not in ("layer", "name")}
        words = ", ".join(f"{key} = {_shown(item)}" for key, item in arguments.items() if not isinstance(item, dict))
        return f"{name}({words})" if name else f"{{{words}}}"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return f"[{', '.join(_shown(item) for item in value)}]"
    return "none" if value is None else str(value)
