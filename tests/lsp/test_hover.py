"""What is told of the word under the cursor."""

from __future__ import annotations

import pytest

from tests.lsp.editor import Editor
from tests.lsp.tanks import SPEC


def test_a_layer_tells_its_shapes_parameters_and_receptive_field(editor: Editor, spec: str) -> None:
    told = editor.hover(spec, "Conv1|d(half")
    assert "in `(batch, 128, 2) float32`" in told and "out `(batch, 128, 16) float32`" in told
    assert "112 parameters" in told  # 16 filters of 3 taps over 2 channels, and 16 biases
    assert "receptive field: 3 steps = 12 s" in told
    assert "# Conv1d" in told


def test_the_receptive_field_adds_up_to_the_layer(editor: Editor, spec: str) -> None:
    told = editor.hover(spec, "Line|ar(1) as")
    assert "- receptive field: 1 step = 4 s" in told and "up to here: 3 steps = 12 s" in told


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("half = wi|dth", "param width = 32 in [16, 32, 64]"),
        ("let ha|lf", "= 16"),
        ("optimi|zer", "# optimizer"),
        ("Adam|W", "# AdamW"),
        ("l|r = 1e-3", "`lr`"),
        ("@resid|ual", "# @residual"),
        ("ml|p(width", "block mlp(size, depth = 1)"),
        ("train simul|ation", "# train simulation"),
        ("dat|a {", "# data"),
        ("cascaded|_tanks", "# cascaded_tanks"),
        ("-> |y[16]", 'output y : float32 "m"'),
    ],
)
def test_hover_tells_what_a_word_means(words: str, expected: str, editor: Editor, spec: str) -> None:
    assert expected in editor.hover(spec, words)


def test_hover_over_an_allowed_id_shows_its_page(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC + "let spare = 1  # sysidc: allow unused for later\n")
    assert "# unused" in editor.hover(spec, "allow unu|sed")


def test_hover_over_nothing_is_silent(editor: Editor, spec: str) -> None:
    assert editor.hover(spec, "standard\n|") == ""
