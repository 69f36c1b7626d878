"""The emitted text in the layout of the project that it will lie in, where ruff is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

LONGEST = 60  # seconds


def tidied(text: str, path: Path) -> str:
    """The text as `ruff format` and ruff's safe fixes would leave it at `path`; as it came where there is no ruff."""
    ruff = find_ruff()
    if ruff is None:
        return text
    for arguments in (["check", "--fix", "--exit-zero", "--quiet"], ["format", "--quiet"]):
        text = _through([ruff, *arguments, "--no-cache", "--stdin-filename", str(path), "-"], text)
    return text


def find_ruff() -> str | None:
    """The program beside this interpreter, or the one on the path."""
    beside = shutil.which("ruff", path=str(Path(sys.executable).parent))
    return beside or shutil.which("ruff")


def _through(command: list[str], text: str) -> str:
    """What a program makes of the text; the text itself where it fails or makes nothing of it."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8", timeout=LONGEST)
    except (OSError, subprocess.TimeoutExpired):
        return text
    return done.stdout if done.returncode == 0 and done.stdout.strip() else text
