"""`dynamics` blocks in an emitted program: their functions as source, and the layer that finds them by name."""

from __future__ import annotations

import re
from typing import Any

from sysidc.compiler.dynamics.torch_source import HEADS, module_source
from sysidc.compiler.plan import Node

EQUATIONS = "sysidc.runtime.nn.Equations"
HOME = "sysidc.runtime.nn.equations"
ABOUT = {
    "rates": "Time derivatives of the states.",
    "following": "The states one sample later.",
    "readings": "The outputs, one for each channel.",
    "slopes": "Derivatives of the rates by the states, row after row.",
}
WRITTEN_OUT = ("lets", "equations", "readings")
"""What the functions stand for: the layer is made without."""


def without_formulas(text: str) -> str:
    """The file of the layer, its functions looked up by the block's name instead of made from formulas."""
    made = re.compile(
        r"        parts: dict\[str, Any\] = \{.*?\n        self\.head, self\.source = [^\n]*\n", re.DOTALL
    )
    text, done = made.subn("", text)
    text, called = re.subn(r"_compiled\(self\.source, self\.head\)", "EQUATIONS[self.name]", text)
    assert done == 1 and called >= 1, "the layer is written in another way than it was"
    return text


def functions(nodes: list[Node]) -> str:
    """The functions of every block, and the table in which the layer finds them."""
    blocks: dict[str, dict[str, Any]] = {}
    for node in nodes:
        if node.target == EQUATIONS:
            blocks[node.arguments["name"]] = dict(node.arguments)
    texts = [_functions(name, arguments) for name, arguments in blocks.items()]
    rows = [f'    "{name}": ({", ".join(_names(name, arguments))}),' for name, arguments in blocks.items()]
    return "\n\n\n".join([*texts, "\n".join(["EQUATIONS = {", *rows, "}"])])


def _functions(name: str, arguments: dict[str, Any]) -> str:
    source = module_source(arguments, slopes=arguments["solver"] == "implicit").strip()
    for head, about in ABOUT.items():
        source = source.replace(
            f"def {head}(states, inputs, numbers):", f'def {name}_{head}(states, inputs, numbers):\n    """{about}"""'
        )
    source = re.sub(r"^( +)(return |)(.*),( = .*|)$", _lone, source, flags=re.MULTILINE)
    return re.sub(r"\n+def ", "\n\n\ndef ", source)


def _lone(found: re.Match[str]) -> str:
    """A tuple of one entry, in brackets."""
    indent, start, entry, rest = found.groups()
    return f"{indent}{start}({entry},){rest}"


def _names(name: str, arguments: dict[str, Any]) -> list[str]:
    slopes = f"{name}_slopes" if arguments["solver"] == "implicit" else "None"
    return [f"{name}_{HEADS[arguments['kind']]}", f"{name}_readings", slopes]
