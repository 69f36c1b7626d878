"""The reader without Lark builds what Lark builds, and keeps its table as carefully."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark.exceptions import UnexpectedInput

from sysidc.dsl.parse_table import parser
from sysidc.dsl.reader import Tree, read

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*ROOT.glob("examples/*.sysid"), *ROOT.glob("tests/golden/**/*.sysid")])
WORDS = sorted({word for file in FILES for word in file.read_text(encoding="utf-8").split()})
VALUES = ("1 + 2 ** -x // (3 - y)", "[1, 2 .. 3, f(a, b = -1),]", "(((1)))", "20 ms", '"a" -> b', "u[0]", "f()", "[]")


def plain(node: Any) -> Any:
    """A tree of either kind with everything that the builder looks at."""
    if node is None:
        return None
    if isinstance(node, str):
        return str(node), node.type, node.start_pos, node.end_pos  # type: ignore[attr-defined]
    place = None if node.meta.empty else (node.meta.start_pos, node.meta.end_pos)
    return str(node.data), place, [plain(child) for child in node.children]


def by_lark(text: str, start: str) -> Any:
    try:
        return plain(parser().parse(text, start=start))
    except UnexpectedInput:
        return None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_read_as_lark_reads_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert plain(read(text, "file")) == by_lark(text, "file")


@pytest.mark.parametrize("text", VALUES)
def test_a_value_is_read_as_lark_reads_it(text: str) -> None:
    assert plain(read(text, "value")) == by_lark(text, "value")


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), st.sampled_from(["file", "value"]))
def test_words_in_any_order_are_read_or_refused_as_lark_does(text: str, start: str) -> None:
    assert plain(read(text, start)) == by_lark(text, start)


@given(st.text(), st.sampled_from(["", "sysid 1\n", "sysid 1 let a = "]))
def test_any_text_is_read_or_refused_as_lark_does(text: str, before: str) -> None:
    assert plain(read(before + text, "file")) == by_lark(before + text, "file")


def test_an_empty_file_is_an_empty_tree() -> None:
    tree = read("", "file")
    assert isinstance(tree, Tree) and tree.empty and tree.children == [None]


def in_a_fresh_process(cache: Path) -> str:
    """What a check reads with the given cache folder, and whether Lark was needed for it."""
    program = (
        "import sys; from sysidc.dsl.reader import read; print(read('sysid 1', 'file').data, 'lark' in sys.modules)"
    )
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "LOCALAPPDATA": str(cache)}
    environment["PYTHONPATH"] = str(ROOT / "src")
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.strip()


def test_lark_is_needed_for_the_first_file_only(tmp_path: Path) -> None:
    assert in_a_fresh_process(tmp_path) == "file True"
    assert in_a_fresh_process(tmp_path) == "file False"


@pytest.mark.parametrize("damage", [b"", b"cut", b"\0" * 5000], ids=["empty", "cut", "zeros"])
def test_a_damaged_table_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    in_a_fresh_process(tmp_path)
    (kept,) = tmp_path.rglob("reader-*.bin")
    kept.write_bytes(damage)
    assert in_a_fresh_process(tmp_path) == "file True"
    assert in_a_fresh_process(tmp_path) == "file False"


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder should be")
    assert in_a_fresh_process(blocked) == "file True"
