"""What is offered at a place of a spec, and what it replaces."""

from __future__ import annotations

import pytest
from lsprotocol import types

from tests.lsp.editor import Editor
from tests.lsp.tanks import SPEC

OFFERED = [
    ("sections", "}\n|", "", ["test", "sweep", "block", "param"], ["signals", "data", "Linear"]),
    ("modes", "train |simulation", "", ["simulation", "prediction", "bounded"], ["epochs"]),
    ("layers", "\n  |Conv1d", "", ["GRU", "mlp", "repeat", "@residual"], ["epochs", "width"]),
    ("annotations", "@|residual", "", ["residual", "cast", "freeze"], ["GRU"]),
    ("arguments", "Conv1d(half, |3", "", ["dilation", "padding", "half"], ["Linear"]),
    ("arguments of a block", "mlp(width|", ", ", ["depth", "size", "width"], ["Linear"]),
    ("choices of an argument", "Conv1d(half, 3|", ", padding = ", ["causal", "same", "none"], ["epochs"]),
    ("settings", "epochs = 3\n|", "  ", ["batch_size", "stop", "stage"], ["epochs", "optimizer", "horizon", "kernel"]),
    ("settings of data", "normalize = standard\n|", "  ", ["missing", "validation"], ["train", "epochs"]),
    ("words of a setting", "normalize = |standard", "", ["standard", "minmax", "none"], ["cascaded_tanks"]),
    ("generators", "train = |cascaded_tanks", "", ["duffing", "csv", "width"], ["standard"]),
    ("optimisers", "optimizer = |AdamW", "", ["SGD", "AdamW"], ["MSE"]),
    ("arguments of an optimiser", "AdamW(lr = 1e-3|", ", ", ["betas", "weight_decay"], ["lr", "momentum"]),
    ("metrics", "epochs = 3\n|", "  stop = EarlyStopping(monitor = ", ["val_loss"], ["epochs"]),
    ("items of a list", "epochs = 3\n|", "  loggers = [csv, ", ["tensorboard", "wandb"], ["[...]"]),
    ("signals of the header", "tanks: |u[128]", "", ["u", "y"], ["width"]),
    ("steps of a window", "y[16] -> y[|16]", "", ["all", "half"], ["u"]),
    ("dtypes", "input  u : |float32", "", ["float32", "int64"], ["u"]),
    ("params", "let half = |width", "", ["width"], ["GRU"]),
    ("ids", "standard|", "  # sysidc: allow ", ["unused", "short-window"], ["syntax"]),
    ("part of an id", "standard|", "  # sysidc: allow short-w", ["short-window"], ["syntax"]),
    ("libraries", 'use "|blocks', "", ["blocks.sysid"], ["tanks.sysid"]),
]


@pytest.mark.parametrize(
    ("place", "typed", "offered", "not_offered"), [row[1:] for row in OFFERED], ids=[r[0] for r in OFFERED]
)
def test_completion_offers_what_may_stand_there(
    place: str, typed: str, offered: list[str], not_offered: list[str], editor: Editor, spec: str
) -> None:
    at = SPEC.index(place.replace("|", "")) + (place.index("|") if "|" in place else len(place))
    editor.type(spec, SPEC[:at] + typed + "☃" + SPEC[at:])
    found = editor.complete(spec, typed + "|☃" if typed else place.replace("|", "|☃"))
    assert [name for name in offered if name not in found] == []
    assert [name for name in not_offered if name in found] == []


def test_a_layer_is_completed_with_places_for_what_it_needs_and_with_its_page(editor: Editor, spec: str) -> None:
    item = editor.complete(spec, "\n  |Conv1d")["Conv1d"]
    assert item.insert_text_format is types.InsertTextFormat.Snippet
    assert item.text_edit and item.text_edit.new_text == "Conv1d(${1:out_channels}, ${2:kernel_size})"
    resolved = editor.run(editor.client.completion_item_resolve_async(item))
    assert isinstance(resolved.documentation, types.MarkupContent)
    assert resolved.documentation.value.startswith("# Conv1d")


def test_completion_replaces_the_word_that_is_being_typed(editor: Editor, spec: str) -> None:
    editor.type(spec, SPEC.replace('"V"', '"😀" input v : floa'))
    edit = editor.complete(spec, "v : floa")["float64"].text_edit
    assert isinstance(edit, types.TextEdit)
    assert (editor.marked(spec, edit.range), edit.new_text) == ("floa", "float64")
