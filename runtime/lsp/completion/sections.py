"""What may stand at a place of a text: sections, settings, layers, arguments, words of choice, names of the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sysidc.compiler.allowances import WARNINGS
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.installed import rows
from sysidc.compiler.catalogue.settings import DTYPES, MODES
from sysidc.compiler.dynamics.layer import ARGUMENTS
from sysidc.compiler.explain.setting_page import MODE_WORDS, SECTION_WORDS, SECTIONS
from sysidc.compiler.passes.annotations.wrap import ANNOTATIONS
from sysidc.runtime.editors.snippets import DEFINITIONS, SECTION_SNIPPETS, STATEMENTS
from sysidc.runtime.lsp.completion.offer import Offer, View
from sysidc.runtime.lsp.completion.values import call_snippet, in_call, of_argument, same, signals, values
from sysidc.runtime.lsp.documents import Documents, Text
from sysidc.runtime.lsp.names import STACKS, defined, locals_of
from sysidc.runtime.lsp.tables import argument_at, settings_at
from sysidc.runtime.lsp.words.frames import Frame

ONCE = ("signals", "model", "data", "train", "test", "sweep")
"""Sections that a file has one of at most."""


def offers(documents: Documents, text: Text, frame: Frame) -> list[Offer]:
    """What may stand at the end of what was scanned, `frame` being open there."""
    program = documents.closure(text)
    view = View(documents, text, program, dict(_blocks(program)))
    found = _in_frame(view, frame)
    return list({offer.label: offer for offer in reversed(list(found))}.values())[::-1]


def ids() -> list[Offer]:
    """What a comment may allow."""
    return [Offer(id, "id", "a warning", page=id) for id in WARNINGS]


def _blocks(program: tuple[Text, ...]) -> Iterator[tuple[str, tuple[Argument, ...]]]:
    """What blocks and equations are called with."""
    for mention in defined(program, ("define dynamics",)):
        yield mention.word.text, ARGUMENTS
    for mention in defined(program, ("define block",)):
        names = [local.word.text for local in locals_of(mention.text, mention.word)]
        yield mention.word.text, tuple(Argument(name, "float", about="an argument of the block") for name in names)


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
            return in_call(view, frame)
        case "window":
            return [Offer("all", "word", "the whole record"), *values(view, frame)]
        case "list" | "group":
            return of_argument(view, frame, argument_at(frame, view.blocks), inside=frame.kind == "list")
        case "parameters":
            return values(view, frame) if frame.expects_value else ()
    return ()


def _in_file(view: View, frame: Frame) -> Iterable[Offer]:
    if frame.statement == "model" and frame.previous in (":", ",", "->"):
        return signals(view)
    if frame.expects_value:
        return values(view, frame)
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
        return () if frame.statement in ("input", "output") else values(view, frame)
    signal = "${1:name} : float32"
    roles = [Offer(role, "keyword", f"an {role} signal", f"{role} {signal}") for role in ("input", "output")]
    return [*roles, *_settings(view, frame)]


def _in_settings(view: View, frame: Frame) -> Iterable[Offer]:
    if frame.expects_value:
        return of_argument(view, frame, argument_at(frame, view.blocks))
    stage = [Offer("stage", "keyword", "one of several stages", "stage {\n  $0\n}")] if frame.kind == "train" else []
    return [*_settings(view, frame), *stage]


def _settings(view: View, frame: Frame) -> Iterator[Offer]:
    """The settings that the section does not have yet."""
    home = frame.owner
    written = {word.text for word in view.text.words if word.role == "setting" and same(word.frame.owner, home)}
    for name, setting in settings_at(frame).items():
        if name not in written:
            yield Offer(name, "setting", setting.argument.about, f"{name} = ", page=name)


def _in_stack(view: View, frame: Frame) -> Iterable[Offer]:
    if frame.previous == "@":
        return [_annotation(name) for name in ANNOTATIONS]
    if frame.previous == "as":
        return ()
    if frame.statement == "repeat" and (frame.previous == "repeat" or frame.expects_value):
        return values(view, frame)
    return _layers(view)


def _layers(view: View) -> Iterator[Offer]:
    for mention in defined(view.program, STACKS):
        name = mention.word.text
        yield Offer(
            name, "block", mention.word.role.removeprefix("define "), call_snippet(name, view.blocks.get(name, ()))
        )
    for layer in rows():
        yield Offer(layer.name, "layer", layer.about, call_snippet(layer.name, layer.arguments), page=layer.name)
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
        return values(view, frame)
    if frame.previous in ("state", "learn", "let", "in"):
        return ()
    statements = [Offer(name, "keyword", about, snippet) for name, (snippet, about) in STATEMENTS.items()]
    outputs = [Offer(offer.label, "signal", offer.detail, f"{offer.label} = ") for offer in signals(view)]
    return [*statements, *outputs]
