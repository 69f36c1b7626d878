"""The command line: exit codes, streams, formats, and what a verb does not import."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sysidc.runtime.cli import main

SPEC = """sysid 1
param width = 4
signals { sampling_time = 20 ms  input u  output y }
model filter: u[8] -> y[4] { Conv1d(width, 3)  Linear(1) }
data { train = "a.csv"  test = 30 %  validation = 20 % }
train simulation { epochs = 2  optimizer = Adam(lr = 1e-2)  seed = 3 }
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    u = np.random.default_rng(0).normal(size=200)
    pd.DataFrame({"u": u, "y": np.convolve(u, [0.5, 0.3])[:200]}).to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "filter.sysid").write_text(SPEC, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return "filter.sysid"


def broken(spec: str, old: str, new: str) -> str:
    Path("broken.sysid").write_text(Path(spec).read_text().replace(old, new), encoding="utf-8")
    return "broken.sysid"


@pytest.mark.parametrize("verb", [["check"], ["show"], ["fmt", "--diff"]])
def test_a_verb_that_reads_specs_imports_neither_torch_nor_numpy(spec: str, verb: list[str]) -> None:
    code = (
        "import sys; from sysidc.runtime.cli import main; main(sys.argv[1:]); "
        "print('imported:', sorted({'torch', 'lightning', 'numpy', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    source = str(Path(__file__).resolve().parents[3] / "src")
    environment = {**os.environ, "PYTHONPATH": source}
    command = [sys.executable, "-c", code, *verb, spec]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("imported: []\n")


def test_a_clean_check_says_so_on_stderr_alone(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", spec]) == 0
    assert capsys.readouterr() == ("", "0 errors, 0 warnings in 1 file\n")


def test_findings_go_to_stdout_and_give_1(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", broken(spec, "Linear", "Linaer"), spec]) == 1
    out, err = capsys.readouterr()
    assert "Linaer" in out and "broken.sysid:4" in out
    assert err == "1 error, 0 warnings in 2 files\n"


def test_the_json_of_a_check_stands_alone_and_counts_from_1(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", broken(spec, "Linear", "Linaer"), "--output", "json"]) == 1
    tree = json.loads(capsys.readouterr().out)
    assert (tree["format_version"], tree["files"], tree["errors"], tree["warnings"]) == ("1.0", 1, 1, 0)
    (found,) = tree["diagnostics"]
    assert found["file"] == "broken.sysid" and found["range"]["start"]["line"] == 4
    assert set(found) == {"id", "severity", "message", "file", "range", "labels", "notes", "help", "fix"}


def test_several_outputs_at_once(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", spec, "--output", "text", "--output", "json=out/found.json"]) == 0
    assert json.loads(Path("out/found.json").read_text())["errors"] == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("form", ["sarif", "github", "junit"])
def test_every_format_names_the_finding(spec: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", broken(spec, "Linear", "Linaer"), "--output", form]) == 1
    out = capsys.readouterr().out
    assert "unknown-layer" in out and "broken.sysid" in out


def test_warnings_count_only_where_they_are_denied(spec: str) -> None:
    unused = broken(spec, "signals", "let half = 2\nsignals")
    assert main(["check", unused]) == 0
    assert main(["check", unused, "--deny", "warnings"]) == 1


def test_missing_data_are_a_finding_at_the_source(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = broken(spec, "a.csv", "nowhere.csv")
    assert main(["check", file]) == 0
    assert main(["check", "--data", file]) == 1
    assert "broken.sysid:5:16" in capsys.readouterr().out
    assert main(["train", file]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "broken.sysid:5:16" in err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "nowhere.sysid"],
        ["check", "*.nothing"],
        ["check", "filter.sysid", "--set", "depth=3"],
        ["check", "filter.sysid", "--set", "width"],
        ["check", "filter.sysid", "--output", "yaml"],
        ["show", "a folder that is not there"],
        ["train"],
        ["test", "."],
        ["predict", ".", "a.csv", "-o", "out.xlsx"],
        ["frobnicate"],
        [],
    ],
    ids=" ".join,
)
def test_what_cannot_run_gives_2_without_a_traceback(
    spec: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err and "Traceback" not in err


def test_a_folder_stands_for_the_specs_in_it(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    broken(spec, "Linear", "Linaer")
    assert main(["check", "."]) == 1
    assert "in 2 files" in capsys.readouterr().err


def test_show_tells_every_default_and_the_receptive_field(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", spec, "--set", "width=6"]) == 0
    out = capsys.readouterr().out
    assert "(8, 6) float32" in out and "batch_size" in out and "3 steps = 0.06 s" in out


def test_show_json_is_the_plan(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    from sysidc.compiler.plan import from_json, to_json

    assert main(["show", "--json", spec]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert to_json(from_json(tree)) == tree


def test_train_test_and_predict_follow_one_another(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", spec, "--output", "json", "--quiet"]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert main(["test", trained["run"], "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == trained
    assert main(["test", trained["run"]]) == 0
    assert "rmse" in capsys.readouterr().out
    assert main(["predict", trained["run"], "a.csv", "-o", "out.csv"]) == 0
    assert list(pd.read_csv("out.csv")) == ["step", "time", "u", "y", "y_predicted"]
    assert main(["predict", trained["run"], "a.csv", "-o", "out.csv", "--horizon", "2"]) == 2


def test_a_training_announces_what_it_will_do_on_stderr(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", spec]) == 0
    err = capsys.readouterr().err
    assert "21 parameters" in err and "epoch 2/2" in err and "Warning" not in err


def test_fmt_mends_the_layout_once(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", spec]) == 0
    assert main(["fmt", "--check", spec]) == 0
    file = Path(broken(spec, "param width", "param     width"))
    text = file.read_text()
    assert main(["fmt", "--check", "--diff", str(file)]) == 1
    assert file.read_text() == text
    assert "-param     width = 4" in capsys.readouterr().out
    assert main(["fmt", str(file)]) == 0
    assert file.read_text() == Path(spec).read_text()


def test_fmt_leaves_a_file_that_does_not_parse_alone(spec: str) -> None:
    file = Path(broken(spec, "signals {", "signals {{"))
    text = file.read_text()
    assert main(["fmt", str(file)]) == 1
    assert file.read_text() == text
