"""The brackets that are open around a word: which section, stack, call or list it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

VALUE_FOLLOWS = frozenset(("=", "+", "-", "*", "/", "//", "**", "..", "->"))
SECTIONS = ("signals", "block", "dynamics", "model", "data", "train", "test", "sweep")


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


def kind_behind(frame: Frame, opener: str) -> str:
    """What an opening bracket begins that stands in a frame."""
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
