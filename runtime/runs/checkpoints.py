"""A checkpoint as one safetensors file: tensors as they are, all else as JSON in its header. Never a pickle.

JSON holds None, truth values, whole numbers, finite floats, texts, lists and dicts by text as they are. What it has not
stands as a dict with one key that begins with "$": `{"$tuple": [...]}`, `{"$tensor": "12"}`.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.folder import written

TREE = "tree"

ALIGNED = 64
"""Elements; a tensor that begins at a multiple of them in its memory lies as torch would lay it by itself."""

Tensors: TypeAlias = dict[str, Tensor]


class TreeCheckpoints(CheckpointIO):
    """How Lightning writes and reads checkpoints here. Raises RunError where the file cannot be written or read."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        write_tree(Path(path), checkpoint)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        found: dict[str, Any] = read_tree(Path(path))
        return found

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def write_tree(path: Path, value: Any) -> None:
    """`path` holds the value or, where that fails, what it held before. Raises RunError; TypeError for unknown types.

    A tensor is stored from the CPU's memory, whatever device it is on, without its gradient.
    """
    tensors: Tensors = {}
    tree = json.dumps(encode(value, tensors), allow_nan=False, separators=(",", ":"))
    with written(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={TREE: tree}))


def read_tree(path: Path) -> Any:
    """What `write_tree` stored, its tensors on the CPU. Raises RunError for a file that it did not write."""
    try:
        with safe_open(path, framework="pt") as file:
            tree = json.loads((file.metadata() or {})[TREE])
            names = file.keys()
            # in memory of torch's own: a sum may depend on how its terms are aligned
            return decode(tree, {name: file.get_tensor(name).clone() for name in names})
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise mistakes.broken_run(path, " ".join(str(error).split())) from None


def encode(value: Any, tensors: Tensors, where: str = "checkpoint") -> Any:
    """The value as JSON has it, its tensors put into `tensors`. Raises TypeError that says where an unknown type is."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return float(value) if math.isfinite(value) else {"$float": str(float(value))}
        case Tensor():
            return _tensor(value, tensors, where)
        case list():
            return [encode(item, tensors, f"{where}[{index}]") for index, item in enumerate(value)]
        case Counter():
            return {"$counter": _pairs(value, tensors, where)}
        case Mapping():
            return _mapping(value, tensors, where)
        case torch.Size():
            return {"$size": list(value)}
        case tuple() if type(value) is tuple:
            return {"$tuple": encode(list(value), tensors, where)}
        case torch.dtype():
            return {"$dtype": str(value).removeprefix("torch.")}
        case torch.device():
            return {"$device": str(value)}
    raise TypeError(
        f"{where} is a {type(value).__module__}.{type(value).__qualname__}: a checkpoint has no form for it"
    )


def decode(tree: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The value that was encoded. Raises ValueError for a form that `encode` does not give."""
    if isinstance(tree, list):
        return [decode(item, tensors) for item in tree]
    if not isinstance(tree, dict):
        return tree
    mark = next(iter(tree), "")
    if not mark.startswith("$"):
        return {key: decode(item, tensors) for key, item in tree.items()}
    if len(tree) != 1 or mark not in FORMS:
        raise ValueError(f"no checkpoint: it holds the unknown form {mark}")
    return FORMS[mark](tree[mark], tensors)


FORMS: dict[str, Callable[[Any, Mapping[str, Tensor]], Any]] = {
    "$float": lambda text, _: float(text),
    "$tensor": lambda name, tensors: tensors[name],
    "$complex": lambda name, tensors: torch.view_as_complex(tensors[name]),
    "$strided": lambda told, tensors: _strided(told, tensors),
    "$counter": lambda pairs, tensors: Counter(dict(_items(pairs, tensors))),
    "$dict": lambda pairs, tensors: dict(_items(pairs, tensors)),
    "$size": lambda sizes, _: torch.Size(sizes),
    "$tuple": lambda items, tensors: tuple(decode(items, tensors)),
    "$dtype": lambda name, _: getattr(torch, name),
    "$device": lambda name, _: torch.device(name),
}


def _tensor(value: Tensor, tensors: Tensors, where: str) -> dict[str, Any]:
    if value.layout != torch.strided or value.is_quantized:
        raise TypeError(f"{where} is a tensor of layout {value.layout}, {value.dtype}: a checkpoint has no form for it")
    whole = value.detach().cpu().resolve_conj().resolve_neg()
    lead = whole.storage_offset() % ALIGNED
    if lead == 0 and whole.stride() == torch.empty(whole.shape, device="meta").stride():
        return _numbers(whole, tensors)
    # products and sums round by how their factors lie in memory: what lies otherwise than it would by itself is told
    span = sum((size - 1) * stride for size, stride in zip(whole.shape, whole.stride(), strict=True)) + 1
    line = whole.as_strided((lead + span if whole.numel() else 0,), (1,), whole.storage_offset() - lead)
    return {"$strided": [_numbers(line, tensors), list(whole.shape), list(whole.stride()), lead]}


def _numbers(whole: Tensor, tensors: Tensors) -> dict[str, Any]:
    name = str(len(tensors))
    pairs = torch.view_as_real(whole) if whole.is_complex() else whole
    tensors[name] = pairs.clone(memory_format=torch.contiguous_format)  # safetensors refuses memory that is shared
    return {"$complex" if whole.is_complex() else "$tensor": name}


def _strided(told: Any, tensors: Mapping[str, Tensor]) -> Tensor:
    line, shape, stride, lead = told
    numbers: Tensor = decode(line, tensors)
    return numbers.as_strided(shape, stride, lead if numbers.numel() else 0)


def _mapping(value: Mapping[Any, Any], tensors: Tensors, where: str) -> dict[str, Any]:
    """By text where every key is one that cannot be taken for a form, else as pairs."""
    if all(isinstance(key, str) and not key.startswith("$") for key in value):
        return {key: encode(item, tensors, f"{where}.{key}") for key, item in value.items()}
    return {"$dict": _pairs(value, tensors, where)}


def _pairs(value: Mapping[Any, Any], tensors: Tensors, where: str) -> list[list[Any]]:
    return [[encode(key, tensors, where), encode(item, tensors, f"{where}.{key}")] for key, item in value.items()]


def _items(pairs: Any, tensors: Mapping[str, Tensor]) -> list[tuple[Any, Any]]:
    return [(decode(key, tensors), decode(item, tensors)) for key, item in pairs]
