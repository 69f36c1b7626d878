"""torch's dtypes by name: which are floating, which are integers, and what two of them promote to."""

from __future__ import annotations

from functools import reduce

FLOATING = ("float16", "bfloat16", "float32", "float64")
SIGNED = ("int8", "int16", "int32", "int64")


def is_floating(dtype: str) -> bool:
    return dtype in FLOATING


def promote(dtypes: tuple[str, ...]) -> str:
    """The dtype of a tensor made of tensors of these dtypes, as torch.result_type has it for equal dimensions."""
    return reduce(_promote_two, dtypes)


def _promote_two(a: str, b: str) -> str:
    if a == b or b == "bool":
        return a
    if a == "bool":
        return b
    if is_floating(a) and is_floating(b):
        return "float32" if {a, b} == {"float16", "bfloat16"} else max(a, b, key=FLOATING.index)
    if is_floating(a) or is_floating(b):
        return a if is_floating(a) else b
    if "uint8" in (a, b):
        signed = b if a == "uint8" else a
        return "int16" if signed == "int8" else signed
    return max(a, b, key=SIGNED.index)
