"""The TextMate grammar of VS Code and its relatives; its expressions mean the same to Python and to Oniguruma."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sysidc.runtime.editors import vocabulary

Rule = dict[str, Any]
NAME = r"[^\W\d]\w*"


def grammar() -> Rule:
    """The grammar as the tree of its JSON file."""
    rules = {"arguments": _arguments(), **{name: {"patterns": list(made)} for name, made in _parts().items()}}
    order = ("comments", "strings", "numbers", "definitions", "annotations", "settings", "keywords", "names", "marks")
    return {
        "name": "sysid",
        "scopeName": "source.sysid",
        "fileTypes": ["sysid"],
        "patterns": [_include("arguments"), *(_include(name) for name in order)],
        "repository": rules,
    }


def _parts() -> dict[str, Sequence[Rule]]:
    return {
        "comments": [_match(r"#.*$", "comment.line.number-sign")],
        "strings": [_match(r'"[^"\r\n]*(?:"|$)', "string.quoted.double")],
        "numbers": [_numbers()],
        "definitions": _definitions(),
        "annotations": [
            _captured(rf"(@)({NAME})", "punctuation.definition.decorator", "entity.name.function.decorator")
        ],
        "settings": [_match(rf"\b{NAME}\b(?=\s*=(?!=))", "support.type.property-name")],
        "keywords": [_match(_words(vocabulary.keywords()), "keyword.control")],
        "names": _names(),
        "marks": [_match(r"->|\.\.|\*\*|//|[-+*/=]", "keyword.operator"), _match(r"[:,]", "punctuation.separator")],
    }


def _arguments() -> Rule:
    """Inside of parentheses a name before `=` is an argument. A brace ends what was left open."""
    inside = ("comments", "strings", "numbers", "names", "marks")
    return {
        "begin": r"\(",
        "end": r"\)|(?=[{}])",
        "beginCaptures": {"0": {"name": "punctuation.section.parens.begin.sysid"}},
        "endCaptures": {"0": {"name": "punctuation.section.parens.end.sysid"}},
        "patterns": [
            _include("arguments"),
            _match(rf"\b{NAME}\b(?=\s*=(?!=))", "variable.parameter"),
            *(_include(name) for name in inside),
        ],
    }


def _numbers() -> Rule:
    units = "|".join(vocabulary.units())
    number = r"\b[0-9]+(?:_[0-9]+)*(?:\.(?!\.)[0-9_]*)?(?:[eE][+-]?[0-9]+)?"
    unit = rf"(?:[ \t]*(%|(?:{units})\b(?!\s*[=\[(])))?"
    return _captured(rf"({number}){unit}", "constant.numeric", "keyword.other.unit")


def _definitions() -> list[Rule]:
    modes = "|".join(vocabulary.modes())
    return [
        _captured(rf"\b(param|let|learn)\s+({NAME})", "storage.type", "variable.other.constant"),
        _captured(rf"\b(block|dynamics)\s+({NAME})", "keyword.control.section", "entity.name.function"),
        _captured(rf"\b(model)\s+({NAME})", "keyword.control.section", "entity.name.type"),
        _captured(rf"\b(input|output|state)\s+({NAME})", "storage.type", "variable.other"),
        _captured(rf"\b(train)\s+({modes})\b", "keyword.control.section", "storage.modifier"),
        _captured(r"\b(use)\b", "keyword.control.import"),
        _match(r"\b(?:signals|data|test|sweep|stage)\b(?=\s*\{)", "keyword.control.section"),
    ]


def _names() -> list[Rule]:
    called = r"(?=\s*\()"
    return [
        _match(_words(vocabulary.layers()), "support.class"),
        _match(_words(vocabulary.callables()) + called, "support.function"),
        _match(_words((*vocabulary.functions(), *vocabulary.EQUATIONS)) + called, "support.function.builtin"),
        _match(_words(vocabulary.dtypes()), "support.type"),
        _match(_words(vocabulary.constants()), "constant.language"),
        _match(rf"\b{NAME}\b{called}", "entity.name.function"),
        _match(rf"\b{NAME}\b", "variable.other.readwrite"),
    ]


def _words(words: Iterable[str]) -> str:
    return rf"\b(?:{'|'.join(words)})\b"


def _include(name: str) -> Rule:
    return {"include": f"#{name}"}


def _match(expression: str, scope: str) -> Rule:
    return {"match": expression, "name": f"{scope}.sysid"}


def _captured(expression: str, *scopes: str) -> Rule:
    return {
        "match": expression,
        "captures": {str(number): {"name": f"{scope}.sysid"} for number, scope in enumerate(scopes, start=1)},
    }
