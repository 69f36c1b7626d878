"""Snippets of sections and statements, with places to fill: what completion offers and what editors ship."""

from __future__ import annotations

SECTION_SNIPPETS = {
    "signals": "signals {\n  sampling_time = ${1:1 s}\n  input  ${2:u} : float32\n  output ${3:y} : float32\n}",
    "block": "block ${1:name}(${2:width}) {\n  $0\n}",
    "dynamics": "dynamics ${1:name} {\n  state ${2:x} = 0\n  learn ${3:a} = 1\n  der(${2:x}) = $0\n}",
    "model": "model ${1:name}: ${2:u[128]} -> ${3:y[1]} {\n  $0\n}",
    "data": 'data {\n  train = ${1:"a.csv"}\n}',
    "train": "train ${1|simulation,prediction,bounded|} {\n  epochs = ${2:100}\n}",
    "test": "test {\n  initial_steps = ${1:0}\n}",
    "sweep": "sweep {\n  trials = ${1:20}\n}",
}
DEFINITIONS = {
    "param": ("param ${1:name} = ${2:value}", "a number that may be overridden and searched"),
    "let": ("let ${1:name} = ${2:value}", "a number that follows from others"),
    "use": ('use "${1:file.sysid}"', "params, lets, blocks and equations of another file"),
}
STATEMENTS = {
    "state": ("state ${1:x} = ${2:0}", "a state and its start value"),
    "learn": ("learn ${1:a} = ${2:1} in ${3:0} .. ${4:1}", "a number that is learned"),
    "let": ("let ${1:a} = ${2:value}", "a name for a part of an equation"),
    "der": ("der(${1:x}) = $0", "the time derivative of a state"),
    "next": ("next(${1:x}) = $0", "a state one step later"),
}
