"""The tutorial and the how-tos work as they stand: read from the top, files written, commands and programs run.

Trainings take two epochs. A block behind the comment `read only` needs what a test has not, and is left out.
"""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from sysidc.compiler.catalogue import installed
from sysidc.compiler.explain import book
from sysidc.runtime.cli import main

DOCS = Path(__file__).resolve().parents[1] / "docs"
GUIDES = [DOCS / "tutorial.md", DOCS / "how_it_works.md", *sorted((DOCS / "howto").glob("*.md"))]
BLOCK = re.compile(
    r"(?P<skip>^ *<!-- read only -->\n)?"
    r'^ *```(?P<kind>sysid|console|python|toml)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^ *```$',
    re.MULTILINE | re.DOTALL,
)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_a_guide_works_as_it_stands(guide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for block in BLOCK.finditer(guide.read_text(encoding="utf-8")):
        if not block["skip"]:
            follow(block["kind"], block["title"], dedent(block["text"]))


def follow(kind: str, title: str | None, text: str) -> None:
    """What a reader does with a block."""
    if title:
        Path(title).parent.mkdir(parents=True, exist_ok=True)
        text = re.sub(r"\bepochs( *)= \d+", r"epochs\1= 2", text) if kind == "sysid" else text
        Path(title).write_text(text, encoding="utf-8")
    elif kind == "python":
        exec(compile(with_run(text), "guide", "exec"), {"__name__": "guide"})
    elif kind == "console":
        if "$ pip install .\n" in text:
            install()
        for command in re.findall(r"^\$ sysidc (.+)$", text, re.MULTILINE):
            assert main(shlex.split(with_run(command))) == 0, command


def install() -> None:
    """What `pip install .` does, beside the environment."""
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", "site", "."], check=True)
    sys.path.insert(0, str(Path("site").resolve()))
    importlib.invalidate_caches()
    for known in (installed.installed, installed.offered, book._pages):
        known.cache_clear()


def with_run(text: str) -> str:
    """`RUN` stands for the newest run folder."""
    if not re.search(r"\bRUN\b", text):
        return text
    newest = max(Path("runs").iterdir(), key=lambda folder: folder.stat().st_mtime)
    return re.sub(r"\bRUN\b", str(newest), text)
