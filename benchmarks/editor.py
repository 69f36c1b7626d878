"""How long the language server takes to answer, over its pipes, about a file of 200 lines: medians in milliseconds.

    python benchmarks/editor.py

Every question follows a keystroke: the text changes, then the question is asked and the answer waited for.
`diagnostics` is the time that a check takes, without the pause that comes before it. Prints a table, and the same as
JSON on the last line.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.lsp.editor import Editor  # noqa: E402

LINES = 200
KEYSTROKES = 30
SPEC = (ROOT / "examples" / "lorenz.sysid").read_text(encoding="utf-8")
HEAD, _, REST = SPEC.partition("model ")
PLACES = {
    "completion of a setting": ("  seed            = 0\n", "  b", "  b"),
    "completion of an argument": ("AdamW(lr = 2e-3", ", w", ", w"),
    "completion of a layer": ("    Flatten\n", "    L", "    L"),
}


def spec() -> str:
    """An example, made 200 lines long by blocks that it uses."""
    number = (LINES - SPEC.count("\n")) // 8
    blocks = [
        f"param width{index} = 16 in [16, 32]\n\nblock part{index}(size) {{\n  Linear(size)\n  GELU\n"
        f"  @residual {{ Linear(size)  Tanh  Linear(size) }}\n}}\n"
        for index in range(number)
    ]
    uses = "".join(f"    part{index}(width{index})\n" for index in range(number))
    return HEAD + "\n".join(blocks) + "\nmodel " + REST.replace("    Flatten\n", "    Flatten\n" + uses)


def main() -> int:
    text = spec()
    with tempfile.TemporaryDirectory() as folder:
        editor = Editor(Path(folder))
        uri = (Path(folder) / "spec.sysid").as_uri()
        editor.open(uri, text)
        assert editor.diagnostics(uri) == []
        found = {name: completed(editor, uri, text, *place) for name, place in PLACES.items()}
        found |= {name: asked(editor, uri, text, ask) for name, ask in questions(editor, uri).items()}
        found["diagnostics"] = checked(editor, uri, text)
        assert editor.end() == (0, "")
    report(found, text.count("\n"))
    return 0


def questions(editor: Editor, uri: str) -> dict[str, Callable[[], object]]:
    return {
        "semantic tokens": lambda: editor.colours(uri),
        "inlay hints": lambda: editor.hints(uri),
        "hover over a layer": lambda: editor.hover(uri, "Line|ar(3)"),
        "definition": lambda: editor.define(uri, "part1(wid|th1)"),
        "folding": lambda: editor.folds(uri),
    }


def completed(editor: Editor, uri: str, text: str, place: str, typed: str, words: str) -> list[float]:
    at = text.index(place) + len(place)
    return asked(editor, uri, text[:at] + typed + "\u2603" + text[at:], lambda: editor.complete(uri, words + "|\u2603"))


def asked(editor: Editor, uri: str, text: str, ask: Callable[[], object]) -> list[float]:
    """Milliseconds from a keystroke to the answer of a question that follows it."""
    times = []
    for number in range(KEYSTROKES):
        started = time.perf_counter()
        editor.type(uri, text + f"# {number}\n")
        assert ask() is not None
        times.append(1000 * (time.perf_counter() - started))
    editor.diagnostics(uri)
    return times


def checked(editor: Editor, uri: str, text: str) -> list[float]:
    """Milliseconds that a check takes: quick fixes need one, and nothing else that takes long."""
    times = []
    for number in range(KEYSTROKES):
        editor.type(uri, text + f"# {number}\n")
        started = time.perf_counter()
        editor.actions(uri)
        times.append(1000 * (time.perf_counter() - started))
    return times


def report(found: dict[str, list[float]], lines: int) -> None:
    print(f"{lines} lines, {KEYSTROKES} keystrokes each; milliseconds")
    for name, times in found.items():
        print(f"{name:<28}{statistics.median(times):>8.1f}   at most {max(times):>8.1f}")
    print(json.dumps({name: statistics.median(times) for name, times in found.items()}))


if __name__ == "__main__":
    sys.exit(main())
