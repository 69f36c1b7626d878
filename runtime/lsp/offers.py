"""What may stand at a place of a text: sections, settings, layers, arguments, words of choice, names of the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from sysidc.compiler.allowances import WARNINGS
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.generators import GENERATORS
from sysidc.compiler.catalogue.installed import rows
from sysidc.compiler.catalogue.settings import BENCHMARK, DTYPES, ENDINGS, FAMILIES, FILE_READERS, MODES
from sysidc.compiler.dynamics.formulas import FUNCTIONS
from sysidc.compiler.dynamics.layer import ARGUMENTS
from sysidc.compiler.explain.argument_table import takes
from sysidc.compiler.explain.setting_page import MODE_WORDS, SECTION_WORDS, SECTIONS
from sysidc.compiler.passes.wrapping import ANNOTATIONS
from sysidc.runtime.editors.snippets import DEFINITIONS, SECTION_SNIPPETS, STATEMENTS
from sysidc.runtime.lsp.documents import Documents, Text
from sysidc.runtime.lsp.hover import argument_words
from sysidc.runtime.lsp.names import STACKS, VALUES, Place, defined, locals_of
from sysidc.runtime.lsp.tables import argument_at, arguments_of, settings_at
from sysidc.runtime.lsp.words import Frame, Word

MOST_FILES = 200

ONCE = ("signals", "model", "data", "train", "test", "sweep")
"""Sections that a file has one of at most."""


class Offer(NamedTuple):
    """Something that may be typed: `written` is a snippet where it holds a $, `page` the name of its page in the book,
    `about` a page of its own."""

    label: str
    kind: str
    detail: str = ""
    written: str = ""
    page: str = ""
    about: str = ""


class View(NamedTuple):
    """What the file sees: itself and what it uses, and the arguments of its blocks."""

    documents: Documents
    text: Text
    program: tuple[Text, ...]
    blocks: Mapping[str, tuple[Argument, ...]]


def offers(documents: Documents, text: Text, frame: Frame) -> list[Offer]:
    """What may stand at the end of what was scanned, `frame` being open there."""
    program = documents.closure(text)
    view = View(documents, text, program, dict(_blocks(program)))
    found = _in_frame(view, frame)
    return list({offer.label: offer for offer in reversed(list(found))}.values())[::-1]


def ids() -> list[Offer]:
    """What a comment may allow."""
    return [Offer(id, "id", "a warning", page=id) for id in WARNINGS]


def files(text: Text, frame: Frame, typed: str) -> list[Offer]:
    """Files beside the spec that the open string may name: libraries behind `use`, data inside `data`."""
    is_use = frame.kind == "file" and frame.statement == "use"
    endings = (".sysid",) if is_use else tuple(ENDINGS) if frame.section.kind == "data" else ()
    if text.source.path is None or not endings or "\0" in typed:
        return []
    folder = typed.rpartition("/")[0]
    return list(islice(_named_files(text.source.path, folder, endings), MOST_FILES))


def _named_files(spec: Path, folder: str, endings: tuple[str, ...]) -> Iterator[Offer]:
    try:
        entries = sorted((spec.parent / folder).iterdir())
    except OSError:
        return
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.suffix in endings and entry != spec and not entry.name.startswith("."):
            yield Offer(path, "file")
        elif entry.is_dir() and not entry.name.startswith("."):
            yield Offer(f"{path}/", "file", "a folder")


def _blocks(program: tuple[Text, ...]) -> Iterator[tuple[str, tuple[Argument, ...]]]:
    """What blocks and equations are called with."""
    for place in defined(program, ("define dynamics",)):
        yield place.word.text, ARGUMENTS
    for place in defined(program, ("define block",)):
        names = [local.word.text for local in locals_of(place.text, place.word)]
        yield place.word.text, tuple(Argument(name, "float", about="an argument of the block") for name in names)


def _in_frame(view: View, frame: Frame) -> Iterable[Offer]:
    match frame.kind:
        case "file":
            return _in_file(view, frame)
        case "signals":
            return _in_signals(view, frame)
        case "data" | "train" | "test" | "sweep" | "stage":
            return _in_settings(view, frame)
        case "stack":
            return _in_stack(view, frame)
        case "dynamics":
            return _in_equations(view, frame)
        case "call":
            return _in_call(view, frame)
        case "window":
            return [Offer("all", "word", "the whole record"), *_values(view, frame)]
        case "list" | "group":
            return _of_argument(view, frame, argument_at(frame, view.blocks), inside=frame.kind == "list")
        case "parameters":
            return _values(view, frame) if frame.expects_value else ()
    return ()


# --- braces ------------------------------------------------------------------------------------------------------


def _in_file(view: View, frame: Frame) -> Iterable[Offer]:
    if frame.statement == "model" and frame.previous in (":", ",", "->"):
        return _signals(view)
    if frame.expects_value:
        return _values(view, frame)
    if frame.previous == "train":
        return [Offer(mode, "keyword", MODE_WORDS[mode], page=mode) for mode in MODES]
    if frame.previous in ("in", "use", "param", "let", "block", "dynamics", "model", ":", ",", "sysid"):
        return ()
    return _sections(view, frame)


def _sections(view: View, frame: Frame) -> Iterator[Offer]:
    keywords = {word.text for word in view.text.words if word.role == "keyword" and word.frame.kind == "file"}
    if frame.statement == "param" and frame.previous not in ("param", ""):
        yield Offer("in", "keyword", "the domain of a sweep", "in ${1:0} .. ${2:1}")
    if "sysid" not in keywords:
        yield Offer("sysid", "keyword", "the version of the language", "sysid 1")
    for name, (snippet, about) in DEFINITIONS.items():
        yield Offer(name, "keyword", about, snippet)
    for name, snippet in SECTION_SNIPPETS.items():
        if name not in ONCE or name not in keywords:
            yield Offer(name, "section", SECTION_WORDS.get(name, ""), snippet, page=name if name in SECTIONS else "")


def _in_signals(view: View, frame: Frame) -> Iterable[Offer]:
    if frame.previous in ("input", "output"):
        return ()
    if frame.previous == ":":
        return [Offer(dtype, "word", "dtype") for dtype in DTYPES]
    if frame.expects_value:
        return () if frame.statement in ("input", "output") else _values(view, frame)
    signal = "${1:name} : float32"
    roles = [Offer(role, "keyword", f"an {role} signal", f"{role} {signal}") for role in ("input", "output")]
    return [*roles, *_settings(view, frame)]


def _in_settings(view: View, frame: Frame) -> Iterable[Offer]:
    if frame.expects_value:
        return _of_argument(view, frame, argument_at(frame, view.blocks))
    stage = [Offer("stage", "keyword", "one of several stages", "stage {\n  $0\n}")] if frame.kind == "train" else []
    return [*_settings(view, frame), *stage]


def _settings(view: View, frame: Frame) -> Iterator[Offer]:
    """The settings that the section does not have yet."""
    home = frame.owner
    written = {word.text for word in view.text.words if word.role == "setting" and _same(word.frame.owner, home)}
    for name, setting in settings_at(frame).items():
        if name not in written:
            yield Offer(name, "setting", setting.argument.about, f"{name} = ", page=name)


def _same(left: Word | None, right: Word | None) -> bool:
    return left is not None and right is not None and left.start == right.start


def _in_stack(view: View, frame: Frame) -> Iterable[Offer]:
    if frame.previous == "@":
        return [_annotation(name) for name in ANNOTATIONS]
    if frame.previous == "as":
        return ()
    if frame.statement == "repeat" and (frame.previous == "repeat" or frame.expects_value):
        return _values(view, frame)
    return _layers(view)


def _layers(view: View) -> Iterator[Offer]:
    for place in defined(view.program, STACKS):
        name = place.word.text
        yield Offer(name, "block", place.word.role.removeprefix("define "), _called(name, view.blocks.get(name, ())))
    for layer in rows():
        yield Offer(layer.name, "layer", layer.about, _called(layer.name, layer.arguments), page=layer.name)
    yield Offer("repeat", "keyword", "the same layers several times", "repeat ${1:2} { $0 }")
    for name in ANNOTATIONS:
        yield _annotation(name)._replace(label=f"@{name}", written=f"@{_annotation(name).written or name}")


def _annotation(name: str) -> Offer:
    snippets = {
        "cast": "cast(${1:int64} -> ${2:float32})",
        "autoregressive_residual": "autoregressive_residual { $0 }",
        "residual": "residual { $0 }",
        "init": "init(${1:xavier_uniform})",
        "name": 'name("${1:readout}")',
        "correction": "correction { $0 }",
    }
    return Offer(name, "annotation", "an annotation", snippets.get(name, ""), page=f"@{name}")


def _in_equations(view: View, frame: Frame) -> Iterable[Offer]:
    if frame.expects_value:
        return _values(view, frame)
    if frame.previous in ("state", "learn", "let", "in"):
        return ()
    statements = [Offer(name, "keyword", about, snippet) for name, (snippet, about) in STATEMENTS.items()]
    outputs = [Offer(offer.label, "signal", offer.detail, f"{offer.label} = ") for offer in _signals(view)]
    return [*statements, *outputs]


# --- values ------------------------------------------------------------------------------------------------------


def _in_call(view: View, frame: Frame) -> Iterable[Offer]:
    called = frame.owner
    if called is None:
        return _values(view, frame)
    if called.role == "function" or (called.role == "callee" and frame.section.kind == "dynamics"):
        return _values(view, frame)
    if frame.key or frame.previous not in ("(", ","):
        return _of_argument(view, frame, argument_at(frame, view.blocks))
    return [*_arguments(view, frame, called), *_values(view, frame)]


def _arguments(view: View, frame: Frame, called: Word) -> Iterator[Offer]:
    """The arguments of what is called; where the first may be a word, its words before them."""
    table = arguments_of(called, view.blocks)
    if frame.previous == "(" and table and called.role == "annotation":
        yield from _words(table[0])
    written = {word.text for word in view.text.words if word.role == "argument" and _same(word.frame.owner, called)}
    for entry in table:
        if entry.name not in written:
            yield Offer(entry.name, "argument", takes(entry), f"{entry.name} = ", about=argument_words(entry))


def _of_argument(view: View, frame: Frame, entry: Argument | None, inside: bool = False) -> Iterable[Offer]:
    """Values for a setting or an argument; `inside` of the brackets of its list."""
    found: list[Offer] = []
    if entry is not None:
        found = [*_words(entry, inside), *_calls(entry)]
    return [*found, *_values(view, frame)]


def _words(entry: Argument, inside: bool = False) -> Iterator[Offer]:
    kinds = entry.kind.split("|")
    bare = inside or "words" not in kinds
    for choice in entry.choices:
        word = choice if choice.isidentifier() and kinds != ["string"] else f'"{choice}"'
        if bare or "word" in kinds:
            yield Offer(word, "word", entry.name, page=choice)
    if not bare and entry.choices:
        yield Offer("[...]", "word", "a list", f"[${{1:{entry.choices[0]}}}]")
    if "bool" in kinds:
        yield Offer("on", "word", entry.name)
        yield Offer("off", "word", entry.name)
    if "none" in kinds:
        yield Offer("none", "word", entry.name)


def _calls(entry: Argument) -> Iterator[Offer]:
    for name, row in FAMILIES.get(entry.family or "", {}).items():
        yield Offer(name, "call", row.about, _called(name, row.arguments), page=name)
    if {"file", "files"} & set(entry.kind.split("|")):
        for name, generator in GENERATORS.items():
            yield Offer(name, "call", generator.about, f"{name}($0)", page=name)
        for name, options in {**FILE_READERS, "benchmark": BENCHMARK}.items():
            yield Offer(name, "call", "records of a file", _called(name, options), page=name)


def _called(name: str, arguments: Iterable[Argument]) -> str:
    """A call as a snippet, with the arguments that are needed and that the flow does not decide."""
    needed = [entry for entry in arguments if entry.required and not entry.flow]
    if not needed:
        return name
    places = [
        f'"${{{index}:{entry.name}}}"' if entry.kind == "string" else f"${{{index}:{entry.name}}}"
        for index, entry in enumerate(needed, start=1)
    ]
    return f"{name}({', '.join(places)})"


def _values(view: View, frame: Frame) -> Iterator[Offer]:
    """The names of the file that have a value where the cursor is."""
    home = frame.definition
    own = next((place for place in _owners(view, home)), None)
    for place in locals_of(view.text, own.word) if own is not None else ():
        yield Offer(place.word.text, "value", place.word.role.removeprefix("define "))
    for place in defined(view.program, VALUES):
        yield Offer(place.word.text, "value", place.word.role.removeprefix("define "))
    if frame.section.kind == "dynamics":
        yield from _signals(view)
        for name, function in FUNCTIONS.items():
            yield Offer(name, "call", function.about, f"{name}($1)")


def _owners(view: View, home: Word | None) -> Iterator[Place]:
    """The word of the file that is the scanned word `home`: both were found in the same text."""
    for word in view.text.words if home is not None else ():
        if home is not None and word.start == home.start and word.text == home.text:
            yield Place(view.text, word)


def _signals(view: View) -> list[Offer]:
    """The signals of the file; a library's equations may name those of the file that uses it."""
    return [Offer(place.word.text, "signal", "a signal") for place in defined(view.program, ("define signal",))]
