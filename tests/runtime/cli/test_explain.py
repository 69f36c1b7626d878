"""The verbs that tell about the language itself: explain, layers, schema."""

import json
import subprocess
import sys

import pytest

from sysidc.compiler.explain import book
from sysidc.runtime.cli import main


@pytest.mark.parametrize("name", ["residual-shape", "Linear", "horizon", "AdamW", "@cast"])
def test_explain_prints_the_page_as_markdown_where_no_terminal_is(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", name]) == 0
    assert capsys.readouterr().out == book.page(name)


def test_explain_alone_lists_all_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    assert capsys.readouterr().out.splitlines() == list(book.names())


def test_explain_guesses_which_name_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "residual-shap"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "did you mean `residual-shape`?" in told.err


def test_layers_are_searched_by_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", "recurrent"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("(")[0] for line in lines] == ["GRU", "RNN", "LRU"]
    assert main(["layers", "no such word"]) == 2


def test_the_schema_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["language"] == 1


@pytest.mark.parametrize("verb", [["explain", "Linear"], ["layers"], ["schema"]])
def test_telling_about_the_language_imports_neither_torch_nor_numpy(verb: list[str]) -> None:
    code = (
        "import sys\n"
        "from sysidc.runtime.cli import main\n"
        f"assert main({verb!r}) == 0\n"
        "print([name for name in ('torch', 'lightning', 'numpy') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
