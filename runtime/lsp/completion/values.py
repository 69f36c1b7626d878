"""What may stand where a value is expected: words of choice, calls with their arguments, names of the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.generators import GENERATORS
from sysidc.compiler.catalogue.settings import BENCHMARK, FAMILIES, FILE_READERS
from sysidc.compiler.dynamics.formulas import FUNCTIONS
from sysidc.compiler.explain.argument_table import takes
from sysidc.runtime.lsp.completion.offer import Offer, View
from sysidc.runtime.lsp.hover import argument_words
from sysidc.runtime.lsp.names import VALUES, defined, locals_of
from sysidc.runtime.lsp.tables import argument_at, arguments_of
from sysidc.runtime.lsp.words.frames import Frame, Word


def in_call(view: View, frame: Frame) -> Iterable[Offer]:
    called = frame.owner
    if called is None:
        return values(view, frame)
    if called.role == "function" or (called.role == "callee" and frame.section.kind == "dynamics"):
        return values(view, frame)
    if frame.key or frame.previous not in ("(", ","):
        return of_argument(view, frame, argument_at(frame, view.blocks))
    return [*_arguments(view, frame, called), *values(view, frame)]


def _arguments(view: View, frame: Frame, called: Word) -> Iterator[Offer]:
    """The arguments of what is called; where the first may be a word, its words before them."""
    table = arguments_of(called, view.blocks)
    if frame.previous == "(" and table and called.role == "annotation":
        yield from _words(table[0])
    written = {word.text for word in view.text.words if word.role == "argument" and same(word.frame.owner, called)}
    for entry in table:
        if entry.name not in written:
            yield Offer(entry.name, "argument", takes(entry), f"{entry.name} = ", about=argument_words(entry))


def of_argument(view: View, frame: Frame, entry: Argument | None, inside: bool = False) -> Iterable[Offer]:
    """Values for a setting or an argument; `inside` of the brackets of its list."""
    found: list[Offer] = []
    if entry is not None:
        found = [*_words(entry, inside), *_calls(entry)]
    return [*found, *values(view, frame)]


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
        yield Offer(name, "call", row.about, call_snippet(name, row.arguments), page=name)
    if {"file", "files"} & set(entry.kind.split("|")):
        for name, generator in GENERATORS.items():
            yield Offer(name, "call", generator.about, f"{name}($0)", page=name)
        for name, options in {**FILE_READERS, "benchmark": BENCHMARK}.items():
            yield Offer(name, "call", "records of a file", call_snippet(name, options), page=name)


def call_snippet(name: str, arguments: Iterable[Argument]) -> str:
    """A call as a snippet, with the arguments that are needed and that the flow does not decide."""
    needed = [entry for entry in arguments if entry.required and not entry.flow]
    if not needed:
        return name
    places = [
        f'"${{{index}:{entry.name}}}"' if entry.kind == "string" else f"${{{index}:{entry.name}}}"
        for index, entry in enumerate(needed, start=1)
    ]
    return f"{name}({', '.join(places)})"


def values(view: View, frame: Frame) -> Iterator[Offer]:
    """The names of the file that have a value where the cursor is."""
    for mention in locals_of(view.text, frame.definition):
        yield Offer(mention.word.text, "value", mention.word.role.removeprefix("define "))
    for mention in defined(view.program, VALUES):
        yield Offer(mention.word.text, "value", mention.word.role.removeprefix("define "))
    if frame.section.kind == "dynamics":
        yield from signals(view)
        for name, function in FUNCTIONS.items():
            yield Offer(name, "call", function.about, f"{name}($1)")


def signals(view: View) -> list[Offer]:
    """The signals of the file; a library's equations may name those of the file that uses it."""
    return [Offer(mention.word.text, "signal", "a signal") for mention in defined(view.program, ("define signal",))]


def same(left: Word | None, right: Word | None) -> bool:
    return left is not None and right is not None and left.start == right.start
