"""Specs in the documentation check clean, commands parse, links lead somewhere, every example is in the gallery."""

from __future__ import annotations

import re
import shlex
import tomllib
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path
from textwrap import dedent

import pytest

from sysidc.compiler.explain import book
from sysidc.compiler.explain.setting_page import SECTIONS
from sysidc.compiler.pipeline import compile_source
from sysidc.dsl.source import Source

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TOLD = [*PAGES, DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md"]
FENCE = re.compile(r"^ *```sysid[^\n]*\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?: {4}| *\$ )sysidc (?P<arguments>.+)$", re.MULTILINE)
INLINE = re.compile(r"`sysidc (?P<verb>\w+)(?P<arguments>[^`\n]*)`")
PROGRAM = re.compile(r"python (benchmarks/\w+\.py)")
TARGET = re.compile(r"`make (\w+)`")
EXTRA = re.compile(r'"(?:sysidc|\.)\[([\w,]+)\]"')
LINK = re.compile(r"\]\((?!https?:|#)(?P<target>[^)#]+)[^)]*\)")

MISSING = {
    "signals": "signals { input u  output y }",
    "model": "model m: u[4] -> y[4] { Linear(1) }",
    "data": 'data { train = "a.csv" }',
    "train": "train simulation { }",
}
"""Put behind a part of a file that is shown alone."""


def whole(text: str) -> str:
    """The text as a file: with the version line and the sections that it leaves out."""
    if text.startswith("sysid 1\n"):
        return text
    added = [line for section, line in MISSING.items() if not re.search(rf"^{section}\b", text, re.MULTILINE)]
    return "\n".join(("sysid 1", text, *added))


SHOWN = [
    pytest.param(whole(dedent(match["text"])), id=f"{file.stem}-{number}")
    for file in PAGES
    if file.stem != "own_layer"  # its spec needs the package that the page writes: tests/test_guides.py follows it
    for number, match in enumerate(FENCE.finditer(file.read_text(encoding="utf-8")), start=1)
]


@pytest.mark.parametrize("text", SHOWN)
def test_a_spec_in_the_documentation_is_clean(text: str) -> None:
    source = Source("shown.sysid", text, DOCS / "shown.sysid")
    assert [str(diagnostic) for diagnostic in compile_source(source).diagnostics] == []


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_commands_are_those_that_there_are(file: Path) -> None:
    for command in COMMAND.finditer(file.read_text(encoding="utf-8")):
        verb, *arguments = shlex.split(command["arguments"], comments=True)
        parser = ArgumentParser(verb)
        import_module(f"sysidc.runtime.cli.{verb}").add_arguments(parser)
        parser.parse_args(arguments)


@pytest.mark.parametrize("file", TOLD, ids=lambda file: file.name)
def test_verbs_and_options_in_sentences_are_those_that_there_are(file: Path) -> None:
    for command in INLINE.finditer(file.read_text(encoding="utf-8")):
        parser = ArgumentParser(command["verb"])
        import_module(f"sysidc.runtime.cli.{command['verb']}").add_arguments(parser)
        named = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", command["arguments"]))
        assert named <= set(parser._option_string_actions), command[0]


@pytest.mark.parametrize("file", TOLD, ids=lambda file: file.name)
def test_programs_targets_and_extras_are_those_that_there_are(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert [name for name in PROGRAM.findall(text) if not (DOCS.parent / name).is_file()] == []
    targets = re.findall(r"^([a-z]+):", (DOCS.parent / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(TARGET.findall(text)) <= set(targets)
    with (DOCS.parent / "pyproject.toml").open("rb") as opened:
        extras = tomllib.load(opened)["project"]["optional-dependencies"]
    assert {name for names in EXTRA.findall(text) for name in names.split(",")} <= set(extras)


def test_the_gallery_shows_every_example() -> None:
    shown = set(re.findall(r"\(\.\./examples/(\w+)\.sysid\)", (DOCS / "gallery.md").read_text(encoding="utf-8")))
    assert shown == {file.stem for file in (DOCS.parent / "examples").glob("*.sysid")}


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_links_lead_somewhere(file: Path) -> None:
    targets = [match["target"] for match in LINK.finditer(file.read_text(encoding="utf-8"))]
    assert [target for target in targets if not (file.parent / target).exists()] == []


def test_the_language_reference_names_every_setting() -> None:
    text = (DOCS / "language.md").read_text(encoding="utf-8")
    assert [name for table in SECTIONS.values() for name in table if f"`{name}" not in text and name not in text] == []


def test_the_index_of_diagnostics_is_what_explain_knows(update_golden: bool) -> None:
    file = DOCS / "diagnostics.md"
    if update_golden:
        file.write_text(book.diagnostics_index(), encoding="utf-8")
    assert file.read_text(encoding="utf-8") == book.diagnostics_index()
