"""An editor, and a spec that is open in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lsp.editor import Editor
from tests.lsp.tanks import LIBRARY, SPEC


@pytest.fixture(scope="session")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """One editor for all tests; at its end the server has left no word on stderr."""
    started = Editor(tmp_path_factory.getbasetemp())
    yield started
    assert started.end() == (0, "")


@pytest.fixture
def spec(editor: Editor, tmp_path: Path) -> Iterator[str]:
    """The URI of an open spec that uses a library beside it."""
    (tmp_path / "blocks.sysid").write_text(LIBRARY, encoding="utf-8")
    path = tmp_path / "tanks.sysid"
    path.write_text(SPEC, encoding="utf-8")
    editor.open(path.as_uri(), SPEC)
    yield path.as_uri()
    editor.close(path.as_uri())


@pytest.fixture
def library(spec: str) -> str:
    return spec.replace("tanks.sysid", "blocks.sysid")
