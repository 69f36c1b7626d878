"""What a run folder says of its parameters, read without torch: standard errors, directions left open, error bands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sysidc.runtime.runs import mistakes
from sysidc.runtime.runs.folder import PARAMETERS, UNCERTAINTY

Row = dict[str, Any]

MOST_NAMES = 6
"""Entries of a tensor that are named one by one; of more the tensor is named."""
KINDS = {" * ": "product", " / ": "ratio", " + ": "sum", " - ": "difference"}


@dataclass(frozen=True)
class Uncertainty:
    """`parameters` are rows {name, value, standard_error}, `undetermined` rows {names, directions}, `bands` rows
    {split, record, signal, half_width}; all empty where the run tells nothing."""

    parameters: list[Row] = field(default_factory=list)
    undetermined: list[Row] = field(default_factory=list)
    bands: list[Row] = field(default_factory=list)

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers of equations by name."""
        return {row["name"]: row["value"] for row in self.parameters if is_number(row["name"])}

    def sentences(self) -> list[str]:
        """One for each group of parameters that the data do not determine."""
        return [sentence(row["names"], row["directions"], row.get("form", "")) for row in self.undetermined]


def read_uncertainty(folder: Path) -> Uncertainty:
    """Raises RunError for a file that is damaged."""
    more = _json(folder / UNCERTAINTY, {})
    return Uncertainty(_json(folder / PARAMETERS, []), more.get("undetermined", []), more.get("band", []))


def is_number(name: str) -> bool:
    """Whether a parameter is a number of equations and no entry of a tensor, which stands behind its layer's name."""
    return "." not in name


def sentence(group: Sequence[str], directions: int = 1, form: str = "") -> str:
    """What is wrong with a group of parameters that the data do not determine in so many directions, `form` being the
    one combination that they do."""
    names = _shortened(group)
    if len(group) == 1:
        return f"{names[0]} has no effect on the outputs"
    told = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else f"the entries of {names[0]}"
    if form:
        return f"{told} only matter as {_named(form)}: the data do not tell them apart"
    free = "" if directions == 1 else f", {directions} directions are free"
    return f"{told} only matter together: the data do not tell them apart{free}"


def _named(form: str) -> str:
    """`the product b * c`; a combination of several kinds has no name."""
    kinds = [word for sign, word in KINDS.items() if sign in form]
    return f"the {kinds[0]} {form}" if len(kinds) == 1 else form


def _shortened(group: Sequence[str]) -> list[str]:
    if len(group) <= MOST_NAMES:
        return list(group)
    return list(dict.fromkeys(name.partition("[")[0] for name in group))


def _json(path: Path, absent: Any) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return absent
    except (OSError, ValueError) as error:
        raise mistakes.broken_run(path, str(error)) from None
