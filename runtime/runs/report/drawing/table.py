"""HTML tables: words to the left, numbers to the right with their points below one another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from sysidc.runtime.runs.report.drawing.scale import power_of_ten

Row = Mapping[str, Any]


def table(
    rows: Sequence[Row],
    heads: Mapping[str, str] | None = None,
    best: Mapping[int, str] | None = None,
    wraps: bool = False,
) -> str:
    """One column per key of the first row, under its name in `heads`; `best` marks one cell of a row. With `wraps`
    long words are broken before the table grows wider than the page."""
    names = list(rows[0])
    columns = {name: cells([row.get(name) for row in rows]) for name in names}
    numeric = {name: any(_is_number(row.get(name)) for row in rows) for name in names}
    head = "".join(f"<th{_class(numeric[name])}>{escape((heads or {}).get(name, name))}</th>" for name in names)
    lines = []
    for index in range(len(rows)):
        marked = (best or {}).get(index)
        line = "".join(_cell(columns[name][index], numeric[name], name == marked) for name in names)
        lines.append(f"<tr>{line}</tr>")
    kind = ' class="wraps"' if wraps else ""
    return (
        f'<div class="table"><table{kind}><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def facts(pairs: Mapping[str, Any]) -> str:
    """Two columns: a name and what it is."""
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(words(pairs[name]))}</td></tr>' for name in pairs
    )
    return f'<div class="table"><table class="facts"><tbody>{lines}</tbody></table></div>'


def cells(values: Sequence[Any]) -> list[str]:
    """The texts of one column: numbers with equally many decimals where they are of like size."""
    floats = [abs(value) for value in values if isinstance(value, float) and math.isfinite(value) and value]
    if not floats:
        return [words(value) for value in values]
    largest, smallest = max(floats), min(floats)
    like = 1e-4 <= largest < 1e5 and largest < 1e4 * smallest
    extra = 1 if largest >= 10 * smallest else 0
    digits = max(0, 3 - math.floor(math.log10(largest)) + extra) if like else None
    return [words(value, digits) for value in values]


def words(value: Any, digits: int | None = None) -> str:
    """A value as people write it; a float with so many decimals, or with four digits that count."""
    if value is None:
        return "\u2013"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f").replace("-", "\u2212")
    if isinstance(value, float):
        return _decimal(value, digits)
    return str(value)


def _decimal(value: float, digits: int | None) -> str:
    if value == 0 or digits is not None:
        text, power = f"{value:.{digits}f}" if value else "0", ""
    else:
        text, _, power = f"{value:.4g}".partition("e")
    return text.replace("-", "\u2212") + (f"·{power_of_ten(int(power))}" if power else "")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _class(numeric: bool) -> str:
    return ' class="number"' if numeric else ""


def _cell(text: str, numeric: bool, marked: bool) -> str:
    kinds = " ".join(word for word, holds in (("number", numeric), ("best", marked)) if holds)
    return f'<td class="{kinds}">{escape(text)}</td>' if kinds else f"<td>{escape(text)}</td>"
