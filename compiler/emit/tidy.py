"""The emitted text in the layout of the project that it will lie in, where ruff is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

LONGEST = 60  # seconds


def tidied(text: str, path: Path) -> str:
    """The text as ruff's safe fixes and `ruff format` would leave it at `path`; as it came where there is no ruff.

    It lies beside `path` for so long: which settings hold follows from the place of a file.
    """
    ruff = find_ruff()
    if ruff is None or not path.parent.is_dir():
        return text
    draft = path.with_name(f"{path.stem}_{os.getpid()}.py")
    try:
        draft.write_text(text, encoding="utf-8", newline="\n")
        for arguments in (["check", "--fix", "--exit-zero"], ["format"]):
            _run([ruff, *arguments, "--quiet", "--no-cache", str(draft)])
        return draft.read_text(encoding="utf-8")
    except OSError:
        return text
    finally:
        draft.unlink(missing_ok=True)


def find_ruff() -> str | None:
    """The program beside this interpreter, or the one on the path."""
    beside = shutil.which("ruff", path=str(Path(sys.executable).parent))
    return beside or shutil.which("ruff")


def _run(command: list[str]) -> None:
    with suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(command, capture_output=True, timeout=LONGEST)
