"""Inlay hints: behind every layer the steps and channels that leave it, `(128, 32)`."""

from __future__ import annotations

import re

from lsprotocol import types

from sysidc.compiler.catalogue.installed import layer
from sysidc.compiler.plan import TensorType
from sysidc.dsl.comments import LEXEME
from sysidc.runtime.lsp.analysis import Shapes
from sysidc.runtime.lsp.documents import Text
from sysidc.runtime.lsp.words.frames import Word

BLANKS = re.compile(r"\s*")
MOST_SHAPES = 3
"""Shapes that are shown of a layer in a block that is used at several places."""


def hints(text: Text, shapes: Shapes, range: types.Range) -> list[types.InlayHint]:
    """The hints of the layers that end in a range."""
    first, last = text.lines.offset(range.start), text.lines.offset(range.end)
    found: dict[int, list[TensorType]] = {}
    for placed in shapes.nodes:
        if not placed.inner and first <= placed.end <= last:
            found.setdefault(placed.end, []).append(placed.node.type_out)
    for end, leaves in _uses_of_blocks(text, shapes).items():
        if first <= end <= last:
            found.setdefault(end, []).append(leaves)
    return [_hint(text, end, types_out) for end, types_out in sorted(found.items())]


def shown(leaves: TensorType) -> str:
    """`(128, 32)`; the length of a whole record is `all`."""
    return str(leaves).rpartition(" ")[0]


def _hint(text: Text, end: int, found: list[TensorType]) -> types.InlayHint:
    words = list(dict.fromkeys(shown(leaves) for leaves in found))
    label = " | ".join(words[:MOST_SHAPES]) + (" | ..." if len(words) > MOST_SHAPES else "")
    dtypes = ", ".join(dict.fromkeys(leaves.dtype for leaves in found))
    place = text.lines.position(_behind_label(text, end))
    tooltip = f"(batch, steps, channels) that leave, without the batch: {label} {dtypes}"
    return types.InlayHint(place, label, types.InlayHintKind.Type, tooltip=tooltip, padding_left=True)


def _behind_label(text: Text, end: int) -> int:
    """Behind `as NAME`, where it follows."""
    following = [word for word in text.words if end <= word.start][:2]
    if len(following) == 2 and following[0].text == "as" and following[1].role == "label":
        between = text.source.text[end : following[0].start]
        return following[1].end if not between.strip() else end
    return end


def _uses_of_blocks(text: Text, shapes: Shapes) -> dict[int, TensorType]:
    """What leaves a use of a block: what arrives at what stands behind it in the same braces, or leaves the model."""
    uses = [(word, _end_of(text, word)) for word in text.words if word.role == "layer" and layer(word.text) is None]
    found = {}
    for index, (word, end) in enumerate(uses):
        home = word.frame.definition
        if home is None or home.role != "define model":
            continue
        other = uses[index + 1][0].start if index + 1 < len(uses) else len(text.source.text)
        leaves = _arriving(text, end, other, shapes)
        if leaves is not None:
            found[end] = leaves
    return found


def _arriving(text: Text, end: int, other: int, shapes: Shapes) -> TensorType | None:
    """What arrives behind `end`; None where the next use of a block, at `other`, comes first or braces end there."""
    following = [placed for placed in shapes.nodes if end <= placed.start < other]
    if following:
        first = min(following, key=lambda placed: (placed.start, -placed.end))
        return None if "}" in text.source.text[end : first.start] else first.node.type_in
    rest = text.source.text[end:].lstrip()
    top = rest.startswith("}") and other == len(text.source.text)
    return shapes.plan.model.nodes[-1].type_out if top else None


def _end_of(text: Text, word: Word) -> int:
    """Behind the arguments of a use."""
    code = text.source.text
    start = BLANKS.match(code, word.end)
    if start is None or code[start.end() : start.end() + 1] != "(":
        return word.end
    depth = 0
    for match in LEXEME.finditer(code, start.end()):
        depth += 1 if match["open"] else -1 if match["close"] else 0
        if depth == 0:
            return match.end()
    return word.end
