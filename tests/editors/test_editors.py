"""Editors colour specs by the vocabulary of the language; what they ship is what the vocabulary makes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from lark.lexer import PatternStr
from pygments.token import Comment, Keyword, Name, Number, String, Token

from sysidc.dsl.parse_table import parser
from sysidc.runtime.cli import VERBS
from sysidc.runtime.editors import vocabulary
from sysidc.runtime.editors.generate import generated
from sysidc.runtime.editors.pygments_lexer import SpecLexer
from tests.editors.textmate_engine import scoped

ROOT = Path(__file__).resolve().parents[2]
VSCODE = ROOT / "editors" / "vscode"
SPECS = sorted([*ROOT.glob("examples/*.sysid"), *ROOT.glob("runtime/cli/starters/*.sysid")])
GRAMMAR: dict[str, Any] = json.loads((VSCODE / "syntaxes" / "sysid.tmLanguage.json").read_text(encoding="utf-8"))
SCOPES: list[dict[str, Any]] = json.loads((VSCODE / "test" / "scopes.json").read_text(encoding="utf-8"))


# --- one source of truth -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", generated())
def test_a_file_of_an_editor_is_what_the_vocabulary_makes(name: str, update_golden: bool) -> None:
    path = ROOT / name
    if update_golden:
        path.write_text(generated()[name], encoding="utf-8", newline="\n")
    assert path.read_text(encoding="utf-8") == generated()[name], (
        "make editors (or pytest --update-golden) writes it anew"
    )


def test_the_keywords_are_the_words_that_the_parser_knows() -> None:
    literals = [entry.pattern.value for entry in parser().terminals if isinstance(entry.pattern, PatternStr)]
    assert sorted(word for word in literals if word.isalpha()) == list(vocabulary.keywords())


# --- VS Code -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", SPECS, ids=lambda file: file.stem)
def test_every_word_of_an_example_has_a_colour(file: Path) -> None:
    pieces = scoped(GRAMMAR, file.read_text(encoding="utf-8"))
    assert "".join(text for text, _ in pieces) == file.read_text(encoding="utf-8").replace("\n", "")
    assert [text for text, scope in pieces if scope == "source.sysid" and re.search(r"\w", text)] == []


@pytest.mark.parametrize("case", SCOPES, ids=lambda case: str(case["line"]).strip())
def test_a_word_has_the_scope_of_what_it_is(case: dict[str, Any]) -> None:
    found = dict(reversed(scoped(GRAMMAR, case["line"])))
    expected = {word: f"{scope}.sysid" for word, scope in case["scopes"].items()}
    assert {word: found.get(word) for word in expected} == expected


def test_a_bracket_that_is_left_open_ends_at_the_next_brace() -> None:
    found = dict(scoped(GRAMMAR, "model m: u[1] -> y[1] {\n  Linear(3\n}\ndata {\n  train = 1\n}"))
    assert found["train"] == "support.type.property-name.sysid"


def test_the_extension_names_files_that_are_there_and_a_command_that_there_is() -> None:
    package = json.loads((VSCODE / "package.json").read_text(encoding="utf-8"))
    contributed = package["contributes"]
    named = [entry["path"] for kind in ("grammars", "snippets") for entry in contributed[kind]]
    named += [entry["configuration"] for entry in contributed["languages"]]
    assert [path for path in named if not (VSCODE / path).is_file()] == []
    assert contributed["grammars"][0]["scopeName"] == GRAMMAR["scopeName"]
    source = (VSCODE / "src" / "extension.js").read_text(encoding="utf-8")
    assert 'args: ["lsp"]' in source and "lsp" in VERBS
    registered = re.findall(r'registerCommand\("([^"]+)"', source)
    assert registered == [entry["command"] for entry in contributed["commands"]]


def test_the_versions_of_the_extension_and_of_the_package_agree() -> None:
    import sysidc

    package = json.loads((VSCODE / "package.json").read_text(encoding="utf-8"))
    assert sysidc.__version__.startswith(package["version"])


@pytest.mark.skipif(
    shutil.which("node") is None or not (VSCODE / "node_modules" / "vscode-textmate").is_dir(),
    reason="needs `make vsix`",
)
def test_the_engine_of_vs_code_agrees() -> None:
    done = subprocess.run(["node", "test/scopes.mjs"], cwd=VSCODE, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


# --- Pygments ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", SPECS, ids=lambda file: file.stem)
def test_pygments_reads_every_example(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    found = list(SpecLexer(stripnl=False, ensurenl=False).get_tokens(text))
    assert "".join(piece for _, piece in found) == text
    assert [piece for kind, piece in found if kind in (Token.Error, Token.Text) and piece.strip()] == []


@pytest.mark.parametrize(
    ("text", "word", "kind"),
    [
        ("param width = 3", "width", Name.Variable),
        ("train simulation {", "simulation", Keyword.Type),
        ('data { train = "a" }', "train", Name.Attribute),
        ("Linear(3)", "Linear", Name.Class),
        ("x = AdamW(lr = 1e-3)", "AdamW", Name.Function),
        ("x = 20 ms", "20 ms", Number),
        ("@residual {", "residual", Name.Decorator),
        ("x = off", "off", Keyword.Constant),
        ("sysid 1 # why", "# why", Comment.Single),
        ('use "b.sysid"', '"b.sysid"', String.Double),
    ],
)
def test_pygments_tells_words_apart(text: str, word: str, kind: Any) -> None:
    assert (kind, word) in list(SpecLexer().get_tokens(text))


def test_the_entry_point_of_pygments_leads_to_the_lexer() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["entry-points"]["pygments.lexers"]["sysid"].partition(":")
    assert getattr(import_module(module), name) is SpecLexer
    assert SpecLexer.aliases == ["sysid"]


# --- Vim ---------------------------------------------------------------------------------------------------------

PLACES = [
    ("signals {", "signals", "sysidKeyword"),
    ("GRU(24)", "GRU", "sysidLayer"),
    ("epochs ", "epochs", "sysidSetting"),
]


@pytest.mark.skipif(shutil.which("vim") is None, reason="needs vim")
@pytest.mark.parametrize(("words", "word", "group"), PLACES, ids=[row[1] for row in PLACES])
def test_vim_colours_an_example(words: str, word: str, group: str, tmp_path: Path) -> None:
    lines = (ROOT / "examples" / "cascaded_tanks.sysid").read_text(encoding="utf-8").split("\n")
    row = next(index for index, line in enumerate(lines) if words in line)
    column = lines[row].index(word)
    out = tmp_path / "group"
    commands = [
        f"set runtimepath^={ROOT / 'editors' / 'vim'}",
        "syntax on",
        f"edit {ROOT / 'examples' / 'cascaded_tanks.sysid'}",
        "set filetype=sysid",
        f"call writefile([synIDattr(synID({row + 1}, {column + 1}, 1), 'name')], '{out}')",
        "qall!",
    ]
    words_of_call = ["vim", "-N", "-u", "NONE", "-i", "NONE", "-n", "-es", "-T", "dumb"]
    call = [*words_of_call, *(part for command in commands for part in ("-c", command))]
    subprocess.run(call, timeout=30, stdin=subprocess.DEVNULL, capture_output=True)
    assert out.read_text().strip() == group
