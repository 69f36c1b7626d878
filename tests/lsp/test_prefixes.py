"""A file is answered about at every moment while it is being typed: from its first character to its last."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from lsprotocol import types

from sysidc.runtime.lsp import coloring, fixes, formatting, hover, outline, renaming
from sysidc.runtime.lsp.analysis import Analyst
from sysidc.runtime.lsp.completion import items
from sysidc.runtime.lsp.documents import Documents, Text
from sysidc.runtime.lsp.findings import told
from sysidc.runtime.lsp.hints import hints
from sysidc.runtime.lsp.names import definition, references
from tests.lsp.editor import Editor
from tests.lsp.test_words import EQUATIONS

ROOT = Path(__file__).resolve().parents[2]
SPECS = {file.name: file.read_text(encoding="utf-8") for file in sorted(ROOT.glob("examples/*.sysid"))}
SPECS["equations.sysid"] = EQUATIONS
MOMENTS = 16
SHORT = 'sysid 1\nparam n = 2\nsignals { input u : float32 "😀" output y }\nmodel m: u[n] -> y[n] { @residual Tanh }\n'


def ask_everything(documents: Documents, analyst: Analyst, text: Text, offset: int) -> None:
    """All that an editor may ask about a place."""
    position = text.lines.position(offset)
    whole = text.lines.range(0, len(text.source.text))
    analysis = analyst.analyse(text)
    shapes = analyst.shapes(text)
    told(analysis, documents)
    for item in items.complete(documents, text, position, snippets=True)[:3]:
        items.resolve(item)
    hover.hover(documents, text, offset, shapes)
    word = text.word_at(offset)
    home = definition(documents, text, word) if word else None
    if home is not None:
        assert home in references(documents, home)
    renaming.prepare(documents, text, offset)
    try:
        renaming.rename(documents, text, offset, "other_name")
    except renaming.Refused as reason:
        assert str(reason)
    fixes.actions(analysis, documents, whole, None)
    formatting.edits(text)
    outline.symbols(text)
    outline.folds(text)
    assert len(coloring.tokens(documents, text)) % 5 == 0
    if shapes is not None:
        assert all(hint.position.line <= whole.end.line for hint in hints(text, shapes, whole))


@pytest.mark.parametrize("name", SPECS)
def test_every_question_has_an_answer_while_a_file_is_typed(name: str, tmp_path: Path) -> None:
    whole, rng = SPECS[name], random.Random(name)
    documents = Documents()
    analyst = Analyst(documents)
    uri = (tmp_path / name).as_uri()
    for version, length in enumerate([*sorted(rng.sample(range(len(whole)), MOMENTS)), len(whole)]):
        text = documents.open(uri, whole[:length], version)
        ask_everything(documents, analyst, text, length)


@pytest.mark.parametrize("name", SPECS)
def test_every_question_has_an_answer_while_a_word_is_missing(name: str, tmp_path: Path) -> None:
    whole, rng = SPECS[name], random.Random(name)
    documents = Documents()
    analyst = Analyst(documents)
    uri = (tmp_path / name).as_uri()
    for version in range(MOMENTS // 2):
        start = rng.randrange(len(whole))
        damaged = whole[:start] + rng.choice(["", "(", "{", '"', "@", "😀"]) + whole[start + rng.randrange(12) :]
        text = documents.open(uri, damaged, version)
        ask_everything(documents, analyst, text, min(start + 1, len(damaged)))


def test_a_server_stays_calm_while_a_file_is_typed_character_by_character(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    uri = (tmp_path / "typed.sysid").as_uri()
    editor.open(uri, "")
    for length in range(1, len(SHORT) + 1):
        editor.type(uri, SHORT[:length])
        editor.complete(uri, SHORT[:length])
        editor.colours(uri)
    assert {found.code for found in editor.diagnostics(uri)} == {"missing-section"}
    assert editor.end() == (0, "")


def test_the_server_imports_neither_torch_nor_numpy() -> None:
    import os
    import subprocess
    import sys

    code = "import sys, sysidc.runtime.lsp.server; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert {"torch", "numpy", "lightning", "pydantic"} & set(done.stdout.split()) == set()


def test_a_position_behind_the_end_is_the_end() -> None:
    documents = Documents()
    text = documents.open("untitled:a", "sysid 1\n", 1)
    assert "signals" in {item.label for item in items.complete(documents, text, types.Position(9, 9), True)}
