"""Whatever stands in a file: the check ends soon, says what is wrong and never breaks.

SYSIDC_MUTATIONS sets how many damaged files are tried.
"""

from __future__ import annotations

import json as standard_json
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sysidc.compiler.pipeline import compile_source
from sysidc.compiler.plan import to_json
from sysidc.compiler.program import UnreadableFile, read_source
from sysidc.dsl.diagnostics import SpecError
from sysidc.dsl.formatter.canonical import format_source
from sysidc.dsl.render import github, json, junit, sarif, text
from sysidc.dsl.source import Source
from sysidc.runtime.cli import main

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted([*ROOT.glob("examples/*.sysid"), *ROOT.glob("tests/golden/*/*.sysid")])
TEXTS = [file.read_text(encoding="utf-8") for file in FILES]
CASES = int(os.environ.get("SYSIDC_MUTATIONS", "2000"))
PARTS = 20
LONGEST = 1.0
"""Seconds of the processor that one file may take."""

TOKEN = re.compile(r'"[^"\n]*"|[^\W\d]\w*|[0-9][0-9_.eE]*|->|\.\.|\*\*|//|\s+|[^\s\w]')
WORDS = sorted({token for whole in TEXTS for token in TOKEN.findall(whole) if not token.isspace()})
NUMBERS = ("0", "-1", "1e308", "1e-320", "9" * 400, "10 ** 10 ** 10", "1 / 0", "0.1", "10 %", "2 ** 63", "3 kHz", "1_0")
ODD = "\0\r\t\u00a0\u2028\u202e\ufeff\U0001f600\u0301\x1b[]{}()=,.:@#\"'`^&|;$~\\"


# --- damaged files -----------------------------------------------------------------------------------------------


def drop(tokens: list[str], at: int, rng: random.Random) -> None:
    del tokens[at : at + rng.randrange(1, 6)]


def double(tokens: list[str], at: int, rng: random.Random) -> None:
    tokens[at:at] = tokens[at : at + rng.randrange(1, 30)] * rng.randrange(1, 4)


def insert_word(tokens: list[str], at: int, rng: random.Random) -> None:
    tokens.insert(at, f" {rng.choice(WORDS)} ")


def replace_by_word(tokens: list[str], at: int, rng: random.Random) -> None:
    tokens[at] = rng.choice(WORDS)


def replace_by_number(tokens: list[str], at: int, rng: random.Random) -> None:
    numbers = [index for index, token in enumerate(tokens) if token[0].isdigit()] or [at]
    tokens[rng.choice(numbers)] = rng.choice(NUMBERS)


def insert_odd(tokens: list[str], at: int, rng: random.Random) -> None:
    tokens.insert(at, "".join(rng.choices(ODD, k=rng.randrange(1, 4))))


def swap(tokens: list[str], at: int, rng: random.Random) -> None:
    other = rng.randrange(len(tokens))
    tokens[at], tokens[other] = tokens[other], tokens[at]


def cut(tokens: list[str], at: int, rng: random.Random) -> None:
    del tokens[at:]


def graft(tokens: list[str], at: int, rng: random.Random) -> None:
    tokens[at:] = TOKEN.findall(rng.choice(TEXTS))[rng.randrange(40) :]


MUTATIONS: tuple[Callable[[list[str], int, random.Random], None], ...] = (
    drop,
    double,
    insert_word,
    replace_by_word,
    replace_by_number,
    insert_odd,
    swap,
    cut,
    graft,
)


def damaged(rng: random.Random) -> bytes:
    """A valid or nearly valid file with some changes, or bytes without any meaning."""
    if rng.random() < 0.1:
        return rng.randbytes(rng.randrange(300))
    tokens = TOKEN.findall(rng.choice(TEXTS))
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        if tokens:
            rng.choice(MUTATIONS)(tokens, rng.randrange(len(tokens)), rng)
    content = "".join(tokens).encode()
    if rng.random() < 0.1:
        at = rng.randrange(len(content) + 1)
        content = content[:at] + rng.randbytes(rng.randrange(1, 4)) + content[at + 1 :]
    return content


def check_in_every_way(path: Path) -> None:
    """All that a verb does with a spec before it trains."""
    try:
        source = read_source(path)
    except UnreadableFile:
        return
    compiled = compile_source(source)
    found, sources = compiled.diagnostics, compiled.sources
    assert len(text.render(found, sources, colour=True)) < 4000 * (len(found) + 1)
    assert len(standard_json.loads(json.render(found, sources))["diagnostics"]) == len(found)
    assert sarif.render(found, sources) and github.render(found) is not None and junit.render(found, sources)
    if compiled.plan is not None:
        assert standard_json.dumps(to_json(compiled.plan))
    try:
        formatted = format_source(source)
    except SpecError as error:
        assert error.diagnostics
    else:
        assert format_source(Source(source.name, formatted)) == formatted


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_damaged_file_is_told_about_within_a_second(part: int, tmp_path: Path) -> None:
    path = tmp_path / "damaged.sysid"
    for number in range(part, CASES, PARTS):
        content = damaged(random.Random(number))
        path.write_bytes(content)
        started = time.process_time()
        try:
            check_in_every_way(path)
        except Exception as error:
            error.add_note(f"case {number}: {content!r}")
            raise
        assert time.process_time() - started < LONGEST, f"case {number} is slow: {content!r}"


# --- what is no file, or not one to be read ----------------------------------------------------------------------

SPEC = """sysid 1
signals { input u  output y }
model m: u[8] -> y[4] { Linear(1) }
data { train = "a.csv" }
train simulation { }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read everything; for a moment we are nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def a_pipe() -> str:
    os.mkfifo("pipe.sysid")
    return "pipe.sysid"


def a_link_to_itself() -> str:
    os.symlink("loop.sysid", "loop.sysid")
    return "loop.sysid"


def a_link_to_nothing() -> str:
    os.symlink("nowhere", "dangling.sysid")
    return "dangling.sysid"


def a_folder() -> str:
    Path("folder.sysid").mkdir()
    return "folder.sysid"


def something_large() -> str:
    with open("large.sysid", "wb") as file:
        file.truncate(10**12)
    return "large.sysid"


PLACES: dict[str, Callable[[], str]] = {
    "a pipe": a_pipe,
    "a device without end": lambda: "/dev/zero",
    "a link to itself": a_link_to_itself,
    "a link to nothing": a_link_to_nothing,
    "a folder": a_folder,
    "a terabyte": something_large,
    "a name with a null byte": lambda: "a\0b.sysid",
    "an endless name": lambda: "a" * 100_000,
    "a file as a folder": lambda: "spec.sysid/below.sysid",
    "nothing": lambda: "",
    "far above": lambda: "../" * 100 + "etc/nothing.sysid",
}


@pytest.mark.parametrize("place", PLACES)
def test_what_cannot_be_read_gives_2_and_a_sentence(
    place: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("spec.sysid").write_text(SPEC, encoding="utf-8")
    assert main(["check", PLACES[place]()]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1


@pytest.mark.parametrize("place", [place for place in PLACES if "null" not in place])
def test_what_cannot_be_used_is_a_finding_at_its_line(place: str, folder: Path) -> None:
    Path("spec.sysid").write_text(SPEC, encoding="utf-8")
    name = PLACES[place]()
    used = Source("user.sysid", f'sysid 1\nuse "{name}"\n', folder / "user.sysid")
    (found,) = compile_source(used).diagnostics
    assert found.id in ("unreadable-use", "syntax") and found.span.start_position[0] == 2
    assert len(text.render([found])) < 4000 + 3 * len(name)


def test_a_file_without_permission_gives_2_and_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = folder / "secret.sysid"
    secret.write_text(SPEC, encoding="utf-8")
    assert main(["check", str(secret)]) == 0
    secret.chmod(0)
    with without_privileges():
        assert main(["check", str(secret)]) == 2
    assert "cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "use",
    ["../a/spec.sysid", "./././spec.sysid", "link.sysid", "../a/../a/spec.sysid"],
    ids=["up", "dots", "link", "up twice"],
)
def test_no_way_round_hides_a_circle(use: str, folder: Path) -> None:
    (folder / "a").mkdir()
    spec = folder / "a" / "spec.sysid"
    os.symlink("spec.sysid", folder / "a" / "link.sysid")
    spec.write_text(f'sysid 1\nuse "{use}"\n', encoding="utf-8")
    assert [found.id for found in compile_source(read_source(spec)).diagnostics] == ["circular-use"]


def test_a_folder_that_holds_a_link_to_itself_is_walked_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "specs").mkdir()
    (folder / "specs" / "a.sysid").write_text(SPEC, encoding="utf-8")
    os.symlink(".", folder / "specs" / "again")
    assert main(["check", "specs"]) == 0
    assert capsys.readouterr().err == "0 errors, 0 warnings in 1 file\n"


HOSTILE = {
    "brackets": "(" * 100_000,
    "braces": "sysid 1 model m: u[1] -> y[1] " + "{" * 100_000,
    "groups": "sysid 1 model m: u[1] -> y[1] " + "@residual {" * 40 + "}" * 40,
    "operators": "sysid 1 let a = " + "1 + " * 20_000 + "1",
    "signs": "sysid 1 let a = " + "- " * 20_000 + "1",
    "powers": "sysid 1 let a = " + "9 ** " * 1000 + "9",
    "a name": f"sysid 1 let {'a' * 900_000} = 1",
    "a string": f'sysid 1 use "{"a" * 900_000}"',
    "an open string": 'sysid 1 use "' + "a" * 900_000,
    "digits": "sysid 1 let a = " + "1" * 900_000,
    "null bytes": "\0" * 100_000,
    "comments": "# sysidc: allow unused x\n" * 10_000,
    "blank lines": "\n" * 900_000,
    "a misspelt layer in repeats": SPEC.replace("Linear(1)", "repeat 10_000 { repeat 3 { Linaer(1) } }"),
    "definitions": "sysid 1 " + " ".join(f"let a{number} = 1" for number in range(5_000)),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_told_about_without_a_drawing_as_large(
    kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("hostile.sysid").write_text(HOSTILE[kind], encoding="utf-8")
    code = main(["check", "hostile.sysid"])
    out, err = capsys.readouterr()
    assert code in (0, 1) and "Traceback" not in err
    assert len(out) < 3_000_000
