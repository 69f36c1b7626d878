"""What a word is there for, by the frame that it stands in and by what stands around it."""

from __future__ import annotations

from collections.abc import Callable

from sysidc.runtime.lsp.words.frames import SECTIONS, Frame

TOP_LEVEL = ("sysid", "param", "let", "use", *SECTIONS)
NAMED_BY = {"param": "define param", "let": "define let", "block": "define block", "dynamics": "define dynamics"}


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
