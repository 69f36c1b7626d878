"""The syntax file of Vim, from the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable

from sysidc.runtime.editors import vocabulary

WIDTH = 120

LINKS = {
    "Keyword": "Statement",
    "Setting": "Identifier",
    "Layer": "Type",
    "Callable": "Function",
    "Function": "Function",
    "Annotation": "PreProc",
    "Dtype": "StorageClass",
    "Constant": "Constant",
    "Mode": "Special",
    "Number": "Number",
    "String": "String",
    "Comment": "Comment",
    "Operator": "Operator",
    "Todo": "Todo",
}

HEAD = """\
" Vim syntax file of sysid specs. Made by `python -m sysidc.runtime.editors`; change the catalogue, not this file.
if exists("b:current_syntax")
  finish
endif

syntax case match
"""

MATCHES = r"""
syntax match sysidSetting /\<[A-Za-z_][A-Za-z0-9_]*\>\ze\s*=/
syntax match sysidAnnotation /@[A-Za-z_][A-Za-z0-9_]*/
syntax match sysidMode /\(\<train\s\+\)\@<=\(@MODES@\)\>/
syntax match sysidNumber /\<[0-9][0-9_]*\(\.[0-9][0-9_]*\)\?\([eE][+-]\?[0-9]\+\)\?\(\s*\(%\|\(@UNITS@\)\>\)\)\?/
syntax match sysidOperator /->\|\.\.\|[-+*\/=]/
syntax region sysidString start=/"/ end=/"/ oneline
syntax keyword sysidTodo TODO FIXME XXX contained
syntax match sysidComment /#.*$/ contains=sysidTodo,@Spell
"""


def syntax() -> str:
    """The text of the syntax file."""
    matches = MATCHES.replace("@MODES@", r"\|".join(vocabulary.modes())).replace(
        "@UNITS@", r"\|".join(vocabulary.units())
    )
    groups = [
        *_keywords("Keyword", vocabulary.keywords()),
        *_keywords("Layer", vocabulary.layers()),
        *_keywords("Callable", [name for name in vocabulary.callables() if name not in vocabulary.keywords()]),
        *_keywords("Function", [*vocabulary.functions(), *vocabulary.EQUATIONS]),
        *_keywords("Dtype", vocabulary.dtypes()),
        *_keywords("Constant", vocabulary.constants()),
    ]
    links = [f"highlight default link sysid{group} {target}" for group, target in LINKS.items()]
    return "\n".join([HEAD, *groups, matches, *links, "", 'let b:current_syntax = "sysid"', ""])


def _keywords(group: str, words: Iterable[str]) -> list[str]:
    """`syntax keyword` lines of at most WIDTH characters."""
    head = f"syntax keyword sysid{group}"
    lines = [head]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > WIDTH:
            lines.append(head)
        lines[-1] += f" {word}"
    return lines
