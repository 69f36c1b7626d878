"""All sentences about mistakes of form: one constructor per mistake, named after it."""

from __future__ import annotations

from sysidc.dsl.diagnostics import Diagnostic, Edit, Fix, Label, error
from sysidc.dsl.source import Source, Span

CLIP = 40


CHARACTER_HELP = {
    ";": "settings and layers are separated by blanks or line breaks alone",
    "^": "powers are written `**`",
    "%": "`%` stands right behind a number",
    ".": "a number begins with a digit: `0.5`, not `.5`",
    ">": "an arrow is written `->`",
    "'": "texts stand in double quotes",
    "\u2212": "a minus is written `-`",
    "\u2013": "a minus is written `-`",
    "\u2192": "an arrow is written `->`",
    "\u2026": "a range is written `..`",
}
CHARACTER_FIXES = {";": "", "^": "**", "\u2212": "-", "\u2013": "-", "\u2192": "->", "\u2026": ".."}


def missing_version(source: Source) -> Diagnostic:
    start = 1 if source.text.startswith("\ufeff") else 0
    span = Span(source, start, start)
    fix = Fix("begin the file with the version of the language", (Edit(span, "sysid 1\n"),), safe=True)
    message = "the file does not begin with the version of the language"
    return error("missing-version", message, span, "`sysid 1` is expected here", fix=fix)


def misplaced_version(span: Span) -> Diagnostic:
    message = "the version of the language stands at the beginning of a file, and once"
    return error("misplaced-version", message, span, "does not belong here")


def too_deep(span: Span) -> Diagnostic:
    message = "this nests deeper than sysidc reads"
    return error("too-deep", message, span, "too deep from here on", help="name an inner part with `let` or `block`")


def number_too_large(span: Span) -> Diagnostic:
    return error("number-too-large", "this number is larger than a computer counts", short(span))


def bad_character(span: Span) -> Diagnostic:
    character = span.text
    shown = f"`{character}`" if character.isprintable() else f"the character U+{ord(character):04X}"
    text = CHARACTER_FIXES.get(character)
    action = "remove it" if text == "" else f"write `{text}`"
    fix = Fix(action, (Edit(span, text),), safe=True) if text is not None else None
    message = f"{shown} means nothing in a .sysid file"
    return error("bad-character", message, span, help=CHARACTER_HELP.get(character), fix=fix)


def wrong_quotes(span: Span) -> Diagnostic:
    fix = Fix("use double quotes", (Edit(span, f'"{span.text[1:-1]}"'),), safe=True)
    return error("wrong-quotes", "a text stands in straight double quotes", short(span), fix=fix)


def unclosed_string(span: Span) -> Diagnostic:
    message = "this text is never closed; it must end on the line where it begins"
    return error("unclosed-string", message, short(span), 'no `"` up to the end of the line')


def unclosed(bracket: Span, place: Span, closing: str) -> Diagnostic:
    """`bracket` opens and `closing` is missing at `place`."""
    id = "unclosed-brace" if bracket.text == "{" else "unclosed-bracket"
    blank = " " if closing == "}" and place.source.text[: place.start][-1:].strip() else ""
    fix = Fix(f"write `{closing}`", (Edit(place, blank + closing),))
    opened = (Label(bracket, "opened here"),)
    here = f"`{closing}` is missing here"
    return error(id, f"a `{bracket.text}` is never closed", place, here, labels=opened, fix=fix)


def missing_brace(place: Span, closing: Span) -> Diagnostic:
    """`closing` closes a block whose `{` is missing at `place`."""
    label = (Label(closing, "closes nothing"),)
    fix = Fix("insert `{`", (Edit(place, " {"),))
    message = "a `}` closes what no `{` opens"
    return error("unopened-bracket", message, place, "`{` is missing here", labels=label, fix=fix)


def doubled(span: Span) -> Diagnostic:
    message = f"`{_clip(span.text)}` stands here twice"
    return error("syntax", message, short(span), "once is enough", fix=_removal(span))


def swapped(both: Span, left: str, right: str) -> Diagnostic:
    message = f"`{_clip(left)}` and `{_clip(right)}` stand the wrong way round"
    between = both.text[len(left) : len(both.text) - len(right)]
    fix = Fix("swap them", (Edit(both, f"{right}{between}{left}"),)) if len(both.text) < CLIP else None
    return error("syntax", message, short(both), fix=fix)


def unopened(span: Span) -> Diagnostic:
    """A closing bracket too many."""
    message = f"this `{span.text}` closes nothing"
    return error("unopened-bracket", message, span, "no bracket is open here", fix=_removal(span))


def expected(what: str, after: str, span: Span, edit: Edit | None = None) -> Diagnostic:
    """`what` is missing at `span`, behind the words `after`."""
    fix = Fix(f"insert `{edit.text.strip()}`", (edit,)) if edit is not None else None
    return error("syntax", f"expected {what}{_behind(after)}", span, _found(span), fix=fix)


def unexpected(span: Span, options: tuple[str, ...], after: str) -> Diagnostic:
    """What stands at `span` fits nowhere; `options` would fit."""
    return error("syntax", f"expected {_either(options)}{_behind(after)}", short(span), _found(span))


def missing_value(span: Span, operator: str) -> Diagnostic:
    what = "name" if operator == ":" else "value"
    return error("missing-value", f"expected a {what} after `{operator}`", span, f"the {what} is missing")


def missing_mode(span: Span) -> Diagnostic:
    message = "`train` does not say how to train"
    return error("missing-mode", message, span, help="write `train simulation`, `train prediction` or `train bounded`")


def unknown_section(span: Span, suggestion: str | None) -> Diagnostic:
    known = "a file is made of sysid, use, param, let, signals, block, dynamics, model, data, train, test and sweep"
    message = f"there is no section `{_clip(span.text)}`"
    return _meant("unknown-section", message, span, suggestion, known)


def unknown_keyword(span: Span, suggestion: str) -> Diagnostic:
    return _meant("unknown-keyword", f"`{_clip(span.text)}` begins nothing here", span, suggestion, None)


def stray_setting(span: Span) -> Diagnostic:
    name = _clip(span.text)
    help = f"write `param {name} = ...` or `let {name} = ...`, or move it into a section"
    return error("stray-setting", f"`{name}` is set outside of every section", short(span), help=help)


def unknown_unit(span: Span, suggestion: str | None) -> Diagnostic:
    units = "units are us, ms, s, min, h, Hz, kHz, MHz and %"
    return _meant("unknown-unit", f"`{_clip(span.text)}` is not a unit", span, suggestion, units)


def bare_group(brace: Span, name: Span | None) -> Diagnostic:
    """Braces in a stack without an annotation; `name` is the word before them where it is an annotation's."""
    message = "a group of layers needs an annotation before it"
    fix = None
    if name is not None:
        fix = Fix(f"write `@{name.text}`", (Edit(Span(name.source, name.start, name.start), "@"),), safe=True)
    return error("bare-group", message, brace, "opened here", help="for example `@residual { ... }`", fix=fix)


def colon_for_equals(span: Span, wanted: str) -> Diagnostic:
    fix = Fix(f"write `{wanted}`", (Edit(span, wanted),), safe=True)
    return error("syntax", f"expected `{wanted}` here, not `{span.text}`", span, fix=fix)


def bare_argument(span: Span, layer: str) -> Diagnostic:
    name, value = _clip(layer), _clip(span.text)
    fix = Fix("put it into parentheses", (Edit(span, f"({span.text})"),), safe=True) if len(value) < CLIP else None
    return error("syntax", f"arguments stand in parentheses: `{name}({value})`", short(span), fix=fix)


def foreign_comment(span: Span) -> Diagnostic:
    fix = Fix("write `#`", (Edit(Span(span.source, span.start, span.start + 2), "#"),), safe=True)
    return error("foreign-comment", "a comment begins with `#`", short(span), fix=fix)


def _meant(id: str, message: str, span: Span, suggestion: str | None, help: str | None) -> Diagnostic:
    if suggestion is None:
        return error(id, message, short(span), help=help)
    fix = Fix(f"write `{suggestion}`", (Edit(span, suggestion),))
    return error(id, f"{message}; did you mean `{suggestion}`?", short(span), help=help, fix=fix)


def _removal(span: Span) -> Fix:
    return Fix("remove it", (Edit(span, ""),))


def _behind(after: str) -> str:
    return f" after `{_clip(after)}`" if after else ""


def _found(span: Span) -> str:
    return f"found `{_clip(span.text)}`" if span.text else "expected here"


def _either(options: tuple[str, ...]) -> str:
    return options[0] if len(options) == 1 else ", ".join(options[:-1]) + " or " + options[-1]


def _clip(text: str) -> str:
    return text if len(text) <= CLIP else text[: CLIP - 3] + "..."


def short(span: Span) -> Span:
    """At most the first CLIP characters, for a place that a hostile file makes endless."""
    return Span(span.source, span.start, min(span.end, span.start + CLIP))
