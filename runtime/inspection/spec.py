"""A recording and the model chosen for it as a commented .sysid file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap

import numpy as np

from sysidc.compiler.catalogue.settings import ENDINGS
from sysidc.dsl.formatter.canonical import format_source
from sysidc.dsl.source import Source
from sysidc.runtime.editors.vocabulary import keywords
from sysidc.runtime.inspection.findings import Findings
from sysidc.runtime.inspection.recording import Recording
from sysidc.runtime.inspection.sentences import duration
from sysidc.runtime.inspection.structure import Line, Structure, choose

WIDE = 112
TAKEN = ("epochs", "memory", "past", "all")
LONGEST_GAP = 5
"""Longer gaps are not bridged by a straight line."""


def written(found: Findings, name: str, path: Path, mode: str | None = None) -> str:
    """The text of the spec `path`, whose model is called `name`. Raises DataError where the mode does not fit."""
    structure = choose(found, mode)
    names = signal_names((*found.recording.roles.inputs, *found.recording.roles.outputs), name)
    parts = [
        _head(found, path),
        "\n".join(_noted(structure.params, "")),
        _signals(found, names, structure),
        _model(found, names, structure, name),
        _data(found, structure, path.parent),
        _section(f"train {structure.mode}", structure.train),
        _section("test", structure.test) if structure.test else "",
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    return format_source(Source(path.name, text, path))


def signal_names(columns: Sequence[str], model: str) -> dict[str, str]:
    """For each column a name of the language, the column's own where it is one."""
    taken = {*keywords(), *TAKEN, model}
    found: dict[str, str] = {}
    for column in columns:
        plain = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_") or "signal"
        plain = plain if plain[0].isalpha() else f"c_{plain}"
        name, number = plain, 2
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        taken.add(name)
        found[column] = name
    return found


def _head(found: Findings, path: Path) -> str:
    recording = found.recording
    asked = ("role", "order", "linearity", "cascade", "time-constant")
    told = [symptom.message for symptom in found.told if symptom.id not in asked]
    guessed = [symptom.message for symptom in found.has("role")]
    lines = [
        "sysid 1",
        f"# Written from {Path(recording.path).name}; the reasons stand behind `#`. sysidc inspect draws them.",
    ]
    lines += _commented(f"- {sentence}" for sentence in (*told, *guessed))
    lines += [f"#   sysidc check --data {path.name}    says whether file and model fit"]
    lines += [f"#   sysidc train {path.name}           trains, tests, and leaves a run folder"]
    return "\n".join(lines)


def _signals(found: Findings, names: dict[str, str], structure: Structure) -> str:
    recording = found.recording
    lines: list[Line] = []
    if recording.sampling_time is not None:
        clock = f"the median step of column '{recording.roles.time}'"
        lines.append((f"sampling_time = {duration(recording.sampling_time)}", clock))
    else:
        lines.append(("# sampling_time = 20 ms", "no column tells it: write it here, and figures are in seconds"))
    inputs = recording.roles.inputs
    if structure.merged_inputs and len(inputs) > 1:
        listed = ", ".join(_quoted(column) for column in inputs)
        lines.append((f"input {_inputs_name(names)} = [{listed}] : float32", ""))
        inputs = ()
    for role, columns in (("input", inputs), ("output", recording.roles.outputs)):
        for column in columns:
            source = "" if names[column] == column else f" = {_quoted(column)}"
            lines.append((f"{role} {names[column]}{source} : float32", _about_column(recording, column)))
    return _section("signals", lines)


def _about_column(recording: Recording, column: str) -> str:
    held = recording.columns[column]
    values = held.finite
    levels = len(np.unique(values))
    told = f"{held.dtype} in the file, {values.min():.4g} .. {values.max():.4g}"
    if held.whole and levels > 2:
        return told + ", whole numbers"
    return told + (f", {levels} levels only: what lies between them cannot be told" if levels <= 2 else "")


def _inputs_name(names: dict[str, str]) -> str:
    return "u" if "u" not in names.values() else "drive"


def _model(found: Findings, names: dict[str, str], structure: Structure, name: str) -> str:
    roles = found.recording.roles
    inputs = [names[column] for column in roles.inputs]
    if structure.merged_inputs and len(inputs) > 1:
        inputs = [_inputs_name(names)]
    outputs = [names[column] for column in roles.outputs]
    left = [f"{signal}[{structure.inputs}]" for signal in inputs] if structure.inputs else []
    left += [f"{signal}[{structure.known}]" for signal in outputs] if structure.known else []
    right = [f"{signal}[{structure.outputs}]" for signal in outputs]
    head = f"model {name}: {', '.join(left)} -> {', '.join(right)}"
    return "\n".join([*_commented(structure.reasons), _section(head, structure.layers)])


def _data(found: Findings, structure: Structure, folder: Path) -> str:
    lines: list[Line] = [("train = " + _sources(found.recording, folder), _time_reason(found.recording))]
    if found.test is not None:
        lines.append(("test = " + _sources(found.test, folder), "never seen in training"))
    else:
        lines.append(("test = 25 %", "the end of every record, never seen in training"))
    periodic = (
        ", although the input repeats itself: better a record with another input" if found.has("periodic-input") else ""
    )
    lines.append(("validation = 20 %", "chooses the weights that are kept" + periodic))
    lines.append((f"normalize = {structure.normalize[0]}", structure.normalize[1]))
    missing = _missing([found.recording] + ([] if found.test is None else [found.test]))
    return _section("data", [*lines, *missing])


def _time_reason(recording: Recording) -> str:
    if recording.clock is not None and not recording.clock.uniform:
        return f"'{recording.roles.time}' is not read: it is not uniform; resample the file to trust the model"
    return ""


def _sources(recording: Recording, folder: Path) -> str:
    """One file, with the options that it needs, or a list of stretches of it."""
    options = []
    if recording.separator != ",":
        separator = "\\t" if recording.separator == "\t" else recording.separator
        options.append(f'separator = "{separator}"')
    if recording.clock is not None and recording.clock.uniform:
        options.append(f'time = "{recording.roles.time}"')
    if recording.roles.record is not None:
        options.append(f'record = "{recording.roles.record}"')
    path = '"' + Path(os.path.relpath(recording.path, folder)).as_posix() + '"'
    if recording.roles.record is None and len(recording.stretches) > 1:
        parts = [_call(recording, path, [f"rows = {first} .. {end}", *options]) for first, end in recording.stretches]
        return f"[{', '.join(parts)}]"
    return _call(recording, path, options)


def _call(recording: Recording, path: str, options: Sequence[str]) -> str:
    if not options:
        return path
    return f"{ENDINGS[Path(recording.path).suffix.lower()]}({', '.join((path, *options))})"


def _missing(recordings: Sequence[Recording]) -> list[Line]:
    gaps = [np.isnan(values[:, 0]) for r in recordings for record in r.records for values in record.values.values()]
    if not any(gap.any() for gap in gaps):
        return []
    longest = max(_longest(gap) for gap in gaps)
    if longest <= LONGEST_GAP and not any(gap[0] or gap[-1] for gap in gaps):
        return [("missing = interpolate", f"gaps of at most {longest} steps: a line bridges them")]
    return [("missing = split", f"gaps of up to {longest} steps, or at an end: records are cut there")]


def _longest(gap: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], gap.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _section(head: str, lines: Sequence[Line]) -> str:
    return "\n".join([f"{head} {{", *_noted(lines, "  "), "}"])


def _noted(lines: Iterable[Line], indent: str) -> Iterator[str]:
    """A reason behind its line where it fits, else above it."""
    for line, reason in lines:
        if not reason:
            yield indent + line
        elif len(indent + line + reason) + 6 <= 100:
            yield f"{indent}{line}  # {reason}"
        else:
            yield from (indent + comment for comment in _commented([reason]))
            yield indent + line


def _commented(sentences: Iterable[str]) -> list[str]:
    return [f"# {line}" for sentence in sentences for line in wrap(sentence, WIDE)]


def _quoted(column: str) -> str:
    return f'"{column}"'
