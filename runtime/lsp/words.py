"""The words of a text with what each is there for, found without parsing: a file that is being typed has them, too.

Braces and the word before them tell which section a word stands in; what stands around it there tells its role. On a
file without mistakes of form the roles are those of the syntax tree (tests/lsp/test_words.py compares the two).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
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
VALUE_FOLLOWS = frozenset(("=", "+", "-", "*", "/", "//", "**", "..", "->"))
SETTING_SECTIONS = ("data", "train", "test", "sweep")
SECTIONS = ("signals", "block", "dynamics", "model", *SETTING_SECTIONS)
TOP_LEVEL = ("sysid", "param", "let", "use", *SECTIONS)
OPENING = {"(": ")", "[": "]", "{": "}"}
NAMED_BY = {"param": "define param", "let": "define let", "block": "define block", "dynamics": "define dynamics"}


@dataclass(slots=True)
class Frame:
    """An open bracket. `kind` is the section (or "file", "stack", "stage", "call", "list", "window", "parameters",
    "columns", "group") and `owner` the word before the bracket: the layer or function that is called, the block, the
    mode of `train`. `statement` is the keyword, `key` the setting that the words now belong to. `unclosed` tells a
    bracket that nothing closes, `doomed` one that is inside of such a bracket or is one itself, `indent` the blanks
    before the line that it stands in."""

    kind: str
    opener: str
    owner: Word | None = None
    parent: Frame | None = None
    previous: str = ""
    statement: str = ""
    key: str = ""
    last: Word | None = None
    unclosed: bool = False
    indent: int = 0
    doomed: bool = False

    @property
    def section(self) -> Frame:
        """The innermost frame of braces, or the file."""
        frame = self
        while frame.parent is not None and frame.opener != "{":
            frame = frame.parent
        return frame

    @property
    def expects_value(self) -> bool:
        return self.previous in VALUE_FOLLOWS

    @property
    def definition(self) -> Word | None:
        """The name of the block, model or dynamics that the frame belongs to."""
        outermost = None
        for frame in self.frames():
            if frame.parent is not None and frame.parent.kind == "file" and frame.opener in ("{", "("):
                outermost = frame
        return outermost.owner if outermost else None

    def frames(self) -> Iterator[Frame]:
        """This frame and those around it, from the inside out."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.parent


@dataclass(slots=True)
class Word:
    """A token that means something, at the characters [start, end), with its role and the frame that it stands in."""

    text: str
    start: int
    end: int
    role: str
    frame: Frame


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


@dataclass(frozen=True)
class Scan:
    """All words of a text, and the frame that is open at its end."""

    words: tuple[Word, ...]
    open: Frame


def scan(text: str) -> Scan:
    """The words of a text."""
    return _Scanner(text).run()


def open_at_end(text: str) -> Frame:
    """The frame that a word would stand in that is typed at the end of a text."""
    scanner = _Scanner(text)
    scanner.run()
    scanner.leave_unclosed(Token("word", "", len(text), len(text)), "")
    return scanner.frame


class _Scanner:
    def __init__(self, text: str):
        self.text = text
        self.tokens = tokens(text)
        self.code = [token for token in self.tokens if token.kind != "comment"]
        self.unclosed = _unclosed(self.code)
        self.frame = Frame("file", "")
        self.words: list[Word] = []

    def run(self) -> Scan:
        following = iter([*(token.text for token in self.code[1:]), ""])
        for token in self.tokens:
            if token.kind == "comment":
                self._put(token, "comment")
                continue
            after = next(following)
            if token.kind == "word":
                self._word(token, after)
            elif token.kind == "mark":
                self._mark(token)
            else:
                self._put(token, token.kind)
                self.frame.previous = token.text if token.kind == "number" else '"'
        return Scan(tuple(self.words), self.frame)

    def _put(self, token: Token, role: str) -> Word:
        word = Word(token.text, token.start, token.end, role, self.frame)
        self.words.append(word)
        return word

    def _word(self, token: Token, after: str) -> None:
        self.leave_unclosed(token, after)
        frame = self.frame
        role = ROLES[frame.kind](frame, token.text, after)
        word = self._put(token, role)
        if role == "keyword":
            frame.statement = token.text
        if role in ("setting", "argument", "target", "keyword"):
            frame.key = "" if role == "keyword" else token.text
        if role != "signal":  # a model's braces belong to its name
            frame.last = word
        frame.previous = token.text if role == "keyword" else "word"

    def leave_unclosed(self, token: Token, after: str) -> None:
        """A bracket that is never closed ends at the first line that is indented no more than its own."""
        if not self.frame.doomed:
            return
        indent = self._indent(token.start)
        if self.text[token.start - indent : token.start].strip() or token.start - indent != self._line(token.start):
            return
        begins_section = indent == 0 and token.text in TOP_LEVEL and after not in ("=", "(", "[")
        while self.frame.parent is not None:
            if not begins_section and not self._is_left(self.frame, indent):
                return
            self.frame = self.frame.parent
            self.frame.previous = ")" if self.frame.parent is not None else ""

    def _is_left(self, frame: Frame, indent: int) -> bool:
        return frame.unclosed and frame.opener in ("(", "[") and indent <= frame.indent

    def _line(self, offset: int) -> int:
        return max(self.text.rfind("\n", 0, offset), self.text.rfind("\r", 0, offset)) + 1

    def _indent(self, offset: int) -> int:
        """Blanks before the first word of the line that the character stands in."""
        line = self._line(offset)
        end = line
        while end < offset and self.text[end] in " \t":
            end += 1
        return end - line

    def _mark(self, token: Token) -> None:
        if token.text in OPENING:
            self._open(token)
        elif token.text in OPENING.values():
            self._close(token.text)
        else:
            if token.text in ",":
                self.frame.key = "" if self.frame.kind == "call" else self.frame.key
            self.frame.previous = token.text

    def _open(self, token: Token) -> None:
        opener = token.text
        if opener == "{":
            self._drop_parentheses()
        frame = self.frame
        kind = _kind_behind(frame, opener)
        called = frame.last if frame.previous == "word" or opener == "{" else None
        owner = called or (frame.owner if kind == "stack" else None)
        unclosed = token.start in self.unclosed
        self.frame = Frame(kind, opener, owner, frame, opener, unclosed=unclosed, doomed=unclosed or frame.doomed)
        if unclosed:
            self.frame.indent = self._indent(token.start)

    def _close(self, closer: str) -> None:
        if closer == "}":
            self._drop_parentheses()
        if self.frame.parent is None or OPENING.get(self.frame.opener) != closer:
            return
        self.frame = self.frame.parent
        self.frame.previous = closer
        if closer == "}" and self.frame.kind == "file":
            self.frame.statement = ""

    def _drop_parentheses(self) -> None:
        """A brace never stands inside of parentheses: they were left open."""
        while self.frame.opener in ("(", "["):
            assert self.frame.parent is not None
            self.frame = self.frame.parent


def _unclosed(code: list[Token]) -> set[int]:
    """Where brackets stand that nothing closes; parentheses end before a brace."""
    opened: list[Token] = []
    found = set()
    for token in code:
        if token.kind != "mark":
            continue
        if token.text in "{}":
            while opened and opened[-1].text != "{":
                found.add(opened.pop().start)
        if token.text in OPENING:
            opened.append(token)
        elif opened and OPENING[opened[-1].text] == token.text:
            opened.pop()
    return found | {token.start for token in opened}


def _kind_behind(frame: Frame, opener: str) -> str:
    if opener == "{":
        return _kind_of_braces(frame)
    if opener == "[":
        is_window = frame.kind in ("file", "dynamics") and frame.previous == "word" and not frame.expects_value
        if frame.kind == "signals" and frame.statement in ("input", "output"):
            return "columns"
        return "window" if is_window else "list"
    if frame.kind == "file" and frame.statement == "block" and frame.previous == "word":
        return "parameters"
    return "call" if frame.previous == "word" else "group"


def _kind_of_braces(frame: Frame) -> str:
    match frame.kind:
        case "file":
            sections = {"block": "stack", "model": "stack"}
            return sections.get(frame.statement, frame.statement if frame.statement in SECTIONS else "stack")
        case "stack":
            return "stack"
        case _:
            return "stage"


# --- roles -------------------------------------------------------------------------------------------------------


def _value(frame: Frame, text: str, after: str) -> str:
    return "callee" if after == "(" else "value"


def _in_file(frame: Frame, text: str, after: str) -> str:
    if frame.statement == "model" and frame.previous in (":", ",", "->"):
        return "signal"
    if frame.expects_value or frame.previous == "in":
        return _value(frame, text, after)
    if frame.previous in NAMED_BY:
        return NAMED_BY[frame.previous]
    if frame.previous == "train":
        return "mode"
    if frame.previous == "model":
        return "define model"
    if text in ("in", "log") and frame.statement == "param":
        return "domain"
    return "keyword" if text in TOP_LEVEL else "stray"


def _in_signals(frame: Frame, text: str, after: str) -> str:
    if frame.previous in ("input", "output"):
        return "define signal"
    if frame.previous == ":":
        return "dtype"
    if frame.expects_value:
        return "column" if frame.statement in ("input", "output") else _value(frame, text, after)
    if text in ("input", "output") and after != "=":
        return "keyword"
    frame.statement = ""
    return "setting"


def _in_settings(frame: Frame, text: str, after: str) -> str:
    if frame.expects_value:
        return _value(frame, text, after)
    return "keyword" if text == "stage" and after == "{" else "setting"


def _in_call(frame: Frame, text: str, after: str) -> str:
    if after == "=" and frame.previous in ("(", ","):
        return "argument"
    if frame.owner is not None and frame.owner.role == "function":
        return "target"
    return _value(frame, text, after)


def _in_parameters(frame: Frame, text: str, after: str) -> str:
    return _value(frame, text, after) if frame.expects_value else "define argument"


def _in_stack(frame: Frame, text: str, after: str) -> str:
    if frame.previous == "@":
        return "annotation"
    if frame.previous == "as":
        return "label"
    counting = frame.statement == "repeat" and (frame.previous == "repeat" or frame.expects_value)
    if counting:
        return _value(frame, text, after)
    return "keyword" if text in ("repeat", "as") else "layer"


def _in_dynamics(frame: Frame, text: str, after: str) -> str:
    if frame.expects_value or frame.previous == "in":
        return _value(frame, text, after)
    if frame.previous == "state" or (frame.previous == "," and frame.statement == "state"):
        return "define state"
    if frame.previous in ("learn", "let"):
        return f"define {frame.previous}"
    if text == "in" and frame.statement == "learn":
        return "domain"
    if text in ("state", "learn", "let") and after not in ("=", "[", "("):
        return "keyword"
    frame.statement = ""
    return "function" if after == "(" else "target"


ROLES: dict[str, Callable[[Frame, str, str], str]] = {
    "file": _in_file,
    "signals": _in_signals,
    "data": _in_settings,
    "train": _in_settings,
    "test": _in_settings,
    "sweep": _in_settings,
    "stage": _in_settings,
    "stack": _in_stack,
    "dynamics": _in_dynamics,
    "call": _in_call,
    "list": _value,
    "window": _value,
    "group": _value,
    "columns": lambda frame, text, after: "column",
    "parameters": _in_parameters,
}
"""How a word's role is told, by the kind of the frame that it stands in."""
