"""Comments that allow: which lines they are about, what they silence, and what is said of those that do not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sysidc.compiler import sentences
from sysidc.compiler.allowances import WARNINGS, allowances
from sysidc.compiler.pipeline import compile_source
from sysidc.dsl.formatter.canonical import format_source
from sysidc.dsl.source import Source

SECTIONS = """signals { input u  output y }
model m: u[4] -> y[4] { Linear(1) }
data { train = "a.csv" }
train simulation { }
"""


def found(lines: str, folder: Path = Path()) -> list[str]:
    source = Source("spec.sysid", f"sysid 1\n{lines}\n{SECTIONS}", folder / "spec.sysid")
    return [diagnostic.id for diagnostic in compile_source(source).diagnostics]


def test_the_table_holds_the_warnings_of_the_checker() -> None:
    module = ast.parse(Path(sentences.__file__).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call) and ast.unparse(node.func) == "warning"]
    heads = [ast.unparse(call.args[0]).strip("f'\"").partition("{")[0] for call in calls]
    own = {head for head in heads if "allow" not in head}
    assert own == {"nothing-to-" if warning.startswith("nothing-to-") else warning for warning in WARNINGS}


@pytest.mark.parametrize(
    "lines",
    [
        "let a = 1  # sysidc: allow unused kept for later",
        "# sysidc: allow unused kept for later\nlet a = 1",
        "#sysidc:allow unused: kept for later\n\n# more words\nlet a = 1",
        "# sysidc: allow unused kept for later\nparam a = 1 in [\n  1,\n  2\n]",
    ],
    ids=["behind code", "before it", "with other comments between", "a statement of several lines"],
)
def test_an_allowed_warning_is_silent(lines: str) -> None:
    assert found(lines) == []


@pytest.mark.parametrize(
    ("lines", "ids"),
    [
        ("# sysidc: allow unused kept\nlet a = 1\nlet b = 2", ["unused"]),
        ("let a = 1\nlet b = 2  # sysidc: allow unused kept", ["unused"]),
        ("# sysidc: allow short-window kept\nlet a = 1", ["unneeded-allow", "unused"]),
        ("# sysidc: allow unused\nlet a = 1", ["allow-without-reason"]),
        ("# sysidc: allow header-shape kept\nlet a = 1", ["allow-of-error", "unused"]),
        ("# sysidc: allow unsued kept\nlet a = 1", ["unknown-allow", "unused"]),
        ("# sysidc: allow", ["unknown-allow"]),
        (
            "# sysidc: allow allow-without-reason kept\nlet a = 1  # sysidc: allow unused",
            ["allow-of-error", "allow-without-reason"],
        ),
        ('let a = "# sysidc: allow unused kept"', ["unused"]),
        ("# the words sysidc: allow unused are explained elsewhere\nlet a = 1", ["unused"]),
    ],
    ids=["next", "own", "other id", "no reason", "error", "unknown", "no id", "itself", "string", "prose"],
)
def test_what_is_not_allowed_is_told(lines: str, ids: list[str]) -> None:
    assert found(lines) == ids


def test_no_allowance_is_called_unneeded_while_there_are_errors() -> None:
    assert found("# sysidc: allow unused kept\nlet a = 1 / 0\nlet b = a") == ["division-by-zero"]


def test_a_library_allows_within_itself_and_is_not_asked_whether_it_needs_to(tmp_path: Path) -> None:
    used = "# sysidc: allow unused of use to some\nlet a = 1\n# sysidc: allow acausal in some models\nlet b = 2\n"
    library = f"sysid 1\n{used}"
    (tmp_path / "lib.sysid").write_text(library, encoding="utf-8")
    assert found('use "lib.sysid"\nlet c = b  # sysidc: allow unused kept', tmp_path) == []
    assert compile_source(Source("lib.sysid", library, tmp_path / "lib.sysid")).diagnostics == ()


def test_the_formatter_keeps_a_comment_with_its_statement() -> None:
    text = f"sysid 1\n# sysidc: allow unused kept\nlet   a = 1\nlet b = 2   # sysidc: allow unused too\n{SECTIONS}"
    formatted = Source("spec.sysid", format_source(Source("spec.sysid", text)))
    assert compile_source(formatted).diagnostics == ()
    assert [allowance.reason for allowance in allowances(formatted)] == ["kept", "too"]
