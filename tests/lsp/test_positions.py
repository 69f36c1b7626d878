"""Positions count the units of the negotiated encoding; Python's own codecs say how many there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from sysidc.runtime.lsp.positions import Lines

UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}
TEXTS = st.text(st.sampled_from("ab°ß€😀𐌀\n\r"), max_size=30)


@given(TEXTS, st.sampled_from(sorted(UNITS)), st.data())
def test_a_position_counts_the_units_before_it_on_its_line(text: str, encoding: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    lines = Lines(text, types.PositionEncodingKind(encoding))
    position = lines.position(offset)
    before = text[:offset]
    if before.endswith("\r") and text[offset : offset + 1] == "\n":
        return  # between the two characters of one line break there is no position
    codec, size = UNITS[encoding]
    broken = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert position.line == len(broken) - 1
    assert position.character == len(broken[-1].encode(codec)) // size
    assert lines.offset(position) == offset


@given(TEXTS, st.integers(0, 40), st.integers(0, 40))
def test_a_position_outside_of_the_text_is_the_nearest_end(text: str, line: int, character: int) -> None:
    offset = Lines(text).offset(types.Position(line, character))
    assert 0 <= offset <= len(text)


def test_a_column_inside_of_a_surrogate_pair_is_behind_it() -> None:
    assert Lines("a😀b").offset(types.Position(0, 2)) == 2
