"""Every diagnostic has one program that shows it alone, with its recorded drawing, and a near twin without it.

The programs are the examples of the pages in compiler/explain/pages; `pytest --update-golden` writes them out and
records what is drawn.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysidc.compiler.catalogue.settings import FAMILIES, TRAIN
from sysidc.compiler.explain import book
from sysidc.compiler.pipeline import Compiled, compile_source
from sysidc.dsl.render import json, text
from sysidc.dsl.source import Source

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
SENTENCES = (
    ROOT / "compiler" / "sentences.py",
    ROOT / "compiler" / "dynamics" / "sentences.py",
    ROOT / "dsl" / "sentences.py",
    ROOT / "compiler" / "catalogue" / "rules.py",
)
CONSTRUCTORS = ("error", "warning", "unknown", "meant", "_meant", "Misfit")
USED = re.compile(r'^use "([^"]+)"', re.MULTILINE)

# Sentences whose id ends with what they are about.
TAILS = {
    "unknown-": (
        "data-source",
        "training-mode",
        "initialisation",
        *(
            family.replace(" ", "-")
            for family in FAMILIES
            if family == "curve" or any(setting.argument.family == family for setting in TRAIN.values())
        ),
    ),
    "nothing-to-": ("freeze", "init"),
}


def declared_ids() -> list[str]:
    """The ids that the sentences of both rooms can have."""
    found = {id for file in SENTENCES for id in _ids(ast.parse(file.read_text(encoding="utf-8")))}
    return sorted(found)


def _ids(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "id":
            yield from _words(node.value)
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in CONSTRUCTORS or not node.args:
            continue
        match node.args[0]:
            case ast.Constant(value=str(id)):
                yield id
            case ast.JoinedStr(values=[ast.Constant(value=str(head)), *_]):
                yield from (head + tail for tail in TAILS[head])


def _words(node: ast.AST) -> Iterator[str]:
    """The ids among the texts of an expression."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and "-" in part.value:
            yield part.value


IDS = declared_ids()


def _blocks(id: str) -> dict[str, str]:
    found = book.page(id)
    assert found is not None, f"compiler/explain/pages/{id}.md is missing"
    return book.examples(found)


def _compiled(folder: Path, id: str) -> Compiled:
    path = folder / f"{id}.sysid"
    return compile_source(Source(path.name, path.read_text(encoding="utf-8"), path))


def _compare(path: Path, wanted: str, update: bool) -> None:
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted, encoding="utf-8")
    assert path.is_file(), f"{path.name} is not recorded: pytest --update-golden"
    assert path.read_text(encoding="utf-8") == wanted


def _write_out(folder: Path, name: str, program: str, blocks: dict[str, str], update: bool) -> None:
    """The program, and the files that it brings in with `use`."""
    _compare(folder / name, program, update)
    for used in USED.findall(program):
        beside = (Path(name).parent / used).as_posix()
        if beside in blocks and beside != name:
            rest = {key: block for key, block in blocks.items() if key != beside}
            _write_out(folder, beside, blocks[beside], rest, update)


def test_every_diagnostic_has_a_page_and_every_page_a_diagnostic() -> None:
    assert list(book.diagnostic_ids()) == IDS


@pytest.mark.parametrize("id", IDS)
def test_the_wrong_example_has_this_mistake_alone_and_is_drawn_as_recorded(id: str, update_golden: bool) -> None:
    blocks = _blocks(id)
    _write_out(GOLDEN / "bad", f"{id}.sysid", blocks["wrong"], blocks, update_golden)
    compiled = _compiled(GOLDEN / "bad", id)
    assert [diagnostic.id for diagnostic in compiled.diagnostics] == [id]
    files = [compiled.source]
    _compare(GOLDEN / "bad" / f"{id}.expected", text.render(compiled.diagnostics, files), update_golden)
    _compare(GOLDEN / "bad" / f"{id}.json", json.render(compiled.diagnostics, files), update_golden)


@pytest.mark.parametrize("id", IDS)
def test_the_right_example_is_clean(id: str, update_golden: bool) -> None:
    blocks = _blocks(id)
    _write_out(GOLDEN / "good", f"{id}.sysid", blocks["right"], blocks, update_golden)
    assert _compiled(GOLDEN / "good", id).diagnostics == ()


def test_nothing_is_recorded_of_diagnostics_that_are_gone() -> None:
    recorded = {file.stem for folder in ("bad", "good") for file in (GOLDEN / folder).glob("*.*")}
    assert recorded == set(IDS)
