"""The parse table: unambiguous, kept in a folder of the user's own, and never trusted blindly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sysidc.dsl import parse_table, reader


def parse_in_a_fresh_process(cache: Path) -> str:
    """Parses a line with the given cache folder and returns what was read."""
    program = "from sysidc.dsl.parse_table import parser; print(parser().parse('sysid 1', start='file').data)"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "LOCALAPPDATA": str(cache)}
    environment["PYTHONPATH"] = str(Path("src").resolve())
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60
    )
    assert result.stderr == ""
    return result.stdout.strip()


def test_the_grammar_is_free_of_ambiguities() -> None:
    parse_table.build(reader.GRAMMAR.read_text(encoding="utf-8"), strict=True)


def test_the_table_is_kept_and_read_back(tmp_path: Path) -> None:
    assert parse_in_a_fresh_process(tmp_path) == "file"
    (kept,) = tmp_path.rglob("grammar-*.bin")
    written = kept.stat().st_mtime_ns
    assert parse_in_a_fresh_process(tmp_path) == "file"
    assert kept.stat().st_mtime_ns == written


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 5000], ids=["empty", "cut", "zeros"])
def test_a_damaged_table_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    parse_in_a_fresh_process(tmp_path)
    (kept,) = tmp_path.rglob("grammar-*.bin")
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    assert parse_in_a_fresh_process(tmp_path) == "file"
    assert len(kept.read_bytes()) == len(whole)


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder should be")
    assert parse_in_a_fresh_process(blocked) == "file"


def test_the_cache_lies_in_the_users_own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert tmp_path in reader.cache_folder().parents
