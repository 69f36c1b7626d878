"""Diagnostics as text, JSON, SARIF, workflow commands and JUnit."""

from __future__ import annotations

import json as standard_json
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysidc.dsl.diagnostics import Diagnostic, Edit, Fix, Label, Severity
from sysidc.dsl.render import github, json, junit, sarif, text
from sysidc.dsl.source import Source, Span

STACK = "\n" * 21 + "  @residual { Linear(64)  Tanh  Linear(1) }\n"


def span(source: Source, words: str) -> Span:
    start = source.text.index(words)
    return Span(source, start, start + len(words))


def residual(name: str = "tanks.sysid") -> Diagnostic:
    """The diagnostic that the language's description shows."""
    source = Source(name, STACK)
    branch = span(source, "Linear(1)")
    return Diagnostic(
        "residual-shape",
        Severity.ERROR,
        "the residual branch returns 1 channel, its input has 32",
        branch,
        "the branch ends as (batch, 64, 1)",
        labels=(Label(span(source, "@residual"), "is added to (batch, 64, 32)"),),
        notes=("a sum needs equal shapes; torch would stretch 1 to 32 silently",),
        help="end the branch as it started",
        fix=Fix("return 32 channels", (Edit(Span(source, branch.start + 7, branch.end - 1), "32"),), safe=True),
    )


def warning(source: Source, words: str, here: str = "", labels: tuple[Label, ...] = ()) -> Diagnostic:
    return Diagnostic("unused", Severity.WARNING, "nobody uses this", span(source, words), here, labels)


def test_text_is_drawn_as_the_language_shows_it() -> None:
    assert text.render([residual()]) == (
        """error[residual-shape]: the residual branch returns 1 channel, its input has 32
  --> tanks.sysid:22:33
   |
22 |   @residual { Linear(64)  Tanh  Linear(1) }
   |   ---------                     ^^^^^^^^^ the branch ends as (batch, 64, 1)
   |   |
   |   is added to (batch, 64, 32)
   |
   = note: a sum needs equal shapes; torch would stretch 1 to 32 silently
   = help: end the branch as it started
   |
22 -   @residual { Linear(64)  Tanh  Linear(1) }
22 +   @residual { Linear(64)  Tanh  Linear(32) }
   = more: sysidc explain residual-shape

"""
    )


def test_labels_on_other_lines_are_drawn_where_they_lie() -> None:
    source = Source("a.sysid", "let a = 1\nlet b = 2\nlet c = 3\nlet d = 4\n\n\nlet e = 5\n")
    labels = (Label(span(source, "a ="), "first"), Label(span(source, "e ="), "last"))
    assert text.draw(warning(source, "c =", "here", labels)) == (
        """warning[unused]: nobody uses this
 --> a.sysid:3:5
  |
1 | let a = 1
  |     --- first
2 | let b = 2
3 | let c = 3
  |     ^^^ here
...
7 | let e = 5
  |     --- last
  |
  = more: sysidc explain unused"""
    )


def test_several_labels_on_one_line_hang_below_each_other() -> None:
    source = Source("a.sysid", "alpha beta gamma")
    labels = (Label(span(source, "alpha"), "one"), Label(span(source, "gamma"), "three"))
    drawn = text.draw(warning(source, "beta", "two", labels))
    assert drawn.splitlines()[3:8] == [
        "1 | alpha beta gamma",
        "  | ----- ^^^^ ----- three",
        "  | |     |",
        "  | |     two",
        "  | one",
    ]


def test_a_label_in_another_file_names_it() -> None:
    home, other = Source("a.sysid", "let a = 1"), Source("b.sysid", "let a = 2")
    drawn = text.draw(warning(home, "a =", labels=(Label(span(other, "a ="), "also here"),)))
    assert "\n ::: b.sysid:1:5\n" in drawn
    assert "--- also here" in drawn


def test_a_span_of_several_lines_is_underlined_on_its_first() -> None:
    source = Source("a.sysid", "data {\n  a = 1\n}")
    drawn = text.draw(warning(source, source.text, "all of it"))
    assert "1 | data {\n  | ^^^^^^ all of it\n" in drawn


@pytest.mark.parametrize(
    ("line", "words", "under"),
    [
        pytest.param("\ta = 1", "a", "    ^", id="tab"),
        pytest.param("\u6a21 = x", "x", "     ^", id="wide-character"),
        pytest.param("e\u0301 = x", "x", "    ^", id="combining-mark"),
        pytest.param("a\x00b = x", "x", "      ^", id="control-character"),
    ],
)
def test_the_underline_stands_below_what_it_marks(line: str, words: str, under: str) -> None:
    drawn = text.draw(warning(Source("a.sysid", line), words))
    assert drawn.splitlines()[4] == f"  | {under}"


def test_an_endless_line_is_cut_around_the_place() -> None:
    source = Source("a.sysid", "a" * 100_000 + " HERE " + "b" * 100_000)
    lines = text.draw(warning(source, "HERE", "found")).splitlines()
    assert max(map(len, lines)) < 200
    assert lines[3].index("HERE") == lines[4].index("^^^^ found")


def test_a_fix_that_adds_a_line_shows_that_line_alone() -> None:
    source = Source("a.sysid", "let a = 1\n")
    fix = Fix("say the version", (Edit(Span(source, 0, 0), "sysid 1\n"),))
    lines = text.draw(Diagnostic("x", Severity.ERROR, "m", Span(source, 0, 0), fix=fix)).splitlines()
    assert lines[-4:] == ["  = help: say the version", "  |", "1 + sysid 1", "  = more: sysidc explain x"]


def test_edits_on_distant_lines_make_two_hunks() -> None:
    source = Source("a.sysid", "a\nb\nc\nd\ne\n")
    fix = Fix("capitals", (Edit(span(source, "e"), "E"), Edit(span(source, "a"), "A")))
    lines = text.draw(Diagnostic("x", Severity.ERROR, "m", span(source, "c"), fix=fix)).splitlines()
    assert [line for line in lines if line[:1].isdigit() and line[2] in "-+"] == ["1 - a", "1 + A", "5 - e", "5 + E"]


def test_colour_is_added_only_when_asked_for_and_changes_no_letter() -> None:
    plain, coloured = text.render([residual()]), text.render([residual()], colour=True)
    assert "\x1b" not in plain
    bare = "".join(part.partition("m")[2] if index else part for index, part in enumerate(coloured.split("\x1b[")))
    assert [line.rstrip() for line in bare.splitlines()] == plain.splitlines()


def test_json_has_the_documented_shape() -> None:
    tree = standard_json.loads(json.render([residual()], [Source("tanks.sysid", STACK), Source("b.sysid", "")]))
    branch = {"start": {"line": 22, "column": 33}, "end": {"line": 22, "column": 42}}
    annotation = {"start": {"line": 22, "column": 3}, "end": {"line": 22, "column": 12}}
    number = {"start": {"line": 22, "column": 40}, "end": {"line": 22, "column": 41}}
    assert tree == {
        "format_version": "1.0",
        "files": 2,
        "errors": 1,
        "warnings": 0,
        "diagnostics": [
            {
                "id": "residual-shape",
                "severity": "error",
                "message": "the residual branch returns 1 channel, its input has 32",
                "file": "tanks.sysid",
                "range": branch,
                "labels": [
                    {"range": branch, "message": "the branch ends as (batch, 64, 1)"},
                    {"range": annotation, "message": "is added to (batch, 64, 32)"},
                ],
                "notes": ["a sum needs equal shapes; torch would stretch 1 to 32 silently"],
                "help": "end the branch as it started",
                "fix": {"message": "return 32 channels", "safe": True, "edits": [{"range": number, "text": "32"}]},
            }
        ],
    }


def test_json_without_a_fix_says_null() -> None:
    (found,) = standard_json.loads(json.render([warning(Source("a", "b"), "b")], []))["diagnostics"]
    assert found["fix"] is None and found["help"] is None and found["labels"] == []


def sarif_run(*diagnostics: Diagnostic) -> dict[str, Any]:
    log = standard_json.loads(sarif.render(diagnostics, [found.span.source for found in diagnostics]))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return dict(run)


def test_sarif_has_what_the_standard_requires() -> None:
    run = sarif_run(residual(), warning(Source("b.sysid", "let a"), "a"))
    assert run["tool"]["driver"]["name"] == "sysidc"
    assert run["columnKind"] == "unicodeCodePoints"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["residual-shape", "unused"]
    first, second = run["results"]
    assert (first["ruleIndex"], first["level"]) == (0, "error")
    assert (second["ruleIndex"], second["level"]) == (1, "warning")
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "tanks.sysid"},
        "region": {"startLine": 22, "startColumn": 33, "endLine": 22, "endColumn": 42},
    }
    assert first["relatedLocations"][0]["message"]["text"] == "is added to (batch, 64, 32)"


def test_sarif_carries_the_fix() -> None:
    (fix,) = sarif_run(residual())["results"][0]["fixes"]
    (change,) = fix["artifactChanges"]
    (replacement,) = change["replacements"]
    assert replacement["insertedContent"] == {"text": "32"}
    assert replacement["deletedRegion"] == {"startLine": 22, "startColumn": 40, "endLine": 22, "endColumn": 41}


def test_sarif_paths_are_uris() -> None:
    (result,) = sarif_run(residual("a folder\\tanks 100%.sysid"))["results"]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": "a%20folder/tanks%20100%25.sysid"}


def test_workflow_commands_escape_what_github_reads_as_its_own() -> None:
    source = Source("a,b:c.sysid", "x")
    command = github.render([Diagnostic("odd", Severity.ERROR, "100 % of it\nfails", span(source, "x"))])
    place = "file=a%2Cb%3Ac.sysid,line=1,endLine=1,col=1,endColumn=1,title=odd"
    assert command == f"::error {place}::100 %25 of it%0Afails\n"


def test_junit_counts_errors_as_failures_and_sound_files_as_passed() -> None:
    sound, odd = Source("sound.sysid", ""), Source("odd.sysid", "let a")
    root = ElementTree.fromstring(junit.render([residual(), warning(odd, "a")], [sound, odd]))
    assert root.attrib == {"name": "sysidc", "tests": "3", "failures": "1", "errors": "0"}
    suites = {suite.attrib["name"]: suite for suite in root}
    assert len(suites["sound.sysid"].findall("testcase")) == 1
    assert suites["odd.sysid"].find("testcase/failure") is None
    failure = suites["tanks.sysid"].find("testcase/failure")
    assert failure is not None and failure.attrib["type"] == "residual-shape"


@given(st.text(), st.text(), st.integers(0, 20), st.integers(0, 20))
def test_any_text_can_be_rendered_in_every_format(name: str, words: str, start: int, length: int) -> None:
    source = Source(name, words)
    first = min(start, len(words))
    place = Span(source, first, min(first + length, len(words)))
    found = Diagnostic("odd", Severity.ERROR, words, place, words, fix=Fix(words, (Edit(place, words),)))
    assert text.render([found])
    assert standard_json.loads(json.render([found], [source]))["errors"] == 1
    assert standard_json.loads(sarif.render([found], [source]))["runs"]
    assert github.render([found]).count("\n") == 1
    assert ElementTree.fromstring(junit.render([found], [source])).attrib["failures"] == "1"
