"""The tokens of a text, mistaken ones included: strings that are left open, marks of no meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""(?P<blank>[\s\ufeff]+)
    |(?P<comment>\#[^\r\n]*)
    |(?P<string>"[^"\r\n]*"?)
    |(?P<number>[0-9]+(?:_[0-9]+)*(?:\.(?!\.)(?:[0-9]+(?:_[0-9]+)*)?)?(?:[eE][+-]?[0-9]+)?
        (?:[ \t]*(?:%|(?:us|ms|s|min|h|Hz|kHz|MHz)\b(?!\s*[=\[(])))?)
    |(?P<word>[^\W0-9]\w*)
    |(?P<mark>->|\.\.|\*\*|//|.)""",
    re.VERBOSE,
)


@dataclass(slots=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """The tokens of a text, blanks left out."""
    found = []
    for match in TOKEN.finditer(text):
        kind = match.lastgroup
        if kind and kind != "blank":
            found.append(Token(kind, match.group(), match.start(), match.end()))
    return found
