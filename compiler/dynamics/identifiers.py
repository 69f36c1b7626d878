"""Python names for what equations name, so that the source that is written from them reads like the block."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

from sysidc.compiler.dynamics.formulas import channel_name

TAKEN = ("torch", "functional", "states", "inputs", "numbers", "float", "self")
"""Names that the source around the formulas uses itself."""


def identifiers(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Name of a state, a learned number, a let or a channel (`u[0]`) to a Python name of its own."""
    found: dict[str, str] = {}
    taken = {*keyword.kwlist, *TAKEN}
    for name, wanted in _wanted(arguments):
        found[name] = free_name(wanted, taken)
        taken.add(found[name])
    return found


def _wanted(arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    own = [row["name"] for part in ("states", "learn", "lets") for row in arguments[part]]
    channels = [
        (
            channel_name(("input", row["name"], channel)),
            row["name"] if row["channels"] == 1 else f"{row['name']}_{channel}",
        )
        for row in arguments["inputs"]
        for channel in range(row["channels"])
    ]
    return [(name, name) for name in own] + channels


def free_name(wanted: str, taken: Collection[str]) -> str:
    """The wanted name, or one like it that Python takes and nothing else has."""
    plain = unicodedata.normalize("NFKC", wanted)
    plain = plain if plain.isidentifier() else "v_" + re.sub(r"\W", "_", plain, flags=re.ASCII)
    name, count = plain, 1
    while name in taken:
        count += 1
        name = f"{plain}_{count}" if count > 2 else f"{plain}_"
    return name
