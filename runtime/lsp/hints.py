"""Inlay hints: behind every layer the steps and channels that leave it, `(128, 32)`."""

from __future__ import annotations

from lsprotocol import types

from sysidc.compiler.plan import TensorType
from sysidc.runtime.lsp.analysis import Placed, Shapes
from sysidc.runtime.lsp.documents import Text
from sysidc.runtime.lsp.words import Word

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
    """What leaves a use of a block: what arrives at the layer behind it in the same braces, or leaves the model."""
    blocks = {word.text for word in text.words if word.role == "define block"}
    starts = {placed.start: placed for placed in shapes.nodes}
    layers = [word for word in text.words if word.role == "layer"]
    found = {}
    for index, word in enumerate(layers):
        home = word.frame.definition
        if word.text not in blocks or home is None or home.role != "define model":
            continue
        following = layers[index + 1] if index + 1 < len(layers) else None
        leaves = _arriving(word, following, starts, shapes)
        if leaves is not None:
            found[_end_of(text, word)] = leaves
    return found


def _arriving(word: Word, following: Word | None, starts: dict[int, Placed], shapes: Shapes) -> TensorType | None:
    if following is not None and following.frame is word.frame:
        return starts[following.start].node.type_in if following.start in starts else None
    last = word.frame.parent is not None and word.frame.parent.kind == "file"
    return shapes.plan.model.nodes[-1].type_out if last else None


def _end_of(text: Text, word: Word) -> int:
    """Behind the arguments of a use."""
    inside = [other.end for other in text.words if _within(other, word)]
    if not inside and text.source.text[word.end : word.end + 1] != "(":
        return word.end
    closing = text.source.text.find(")", max(inside, default=word.end))
    return closing + 1 if closing >= 0 else word.end


def _within(other: Word, word: Word) -> bool:
    return any(frame.owner is word and frame.opener == "(" for frame in other.frame.frames())
