"""The files of the editors that follow from the vocabulary, by their path in the repository."""

from __future__ import annotations

import json
from typing import Any

from sysidc.runtime.editors.snippets import DEFINITIONS, SECTION_SNIPPETS, STATEMENTS
from sysidc.runtime.editors.textmate import grammar
from sysidc.runtime.editors.vim import syntax


def generated() -> dict[str, str]:
    """Path -> text of every generated file."""
    return {
        "editors/vscode/syntaxes/sysid.tmLanguage.json": _json(grammar()),
        "editors/vscode/snippets/sysid.json": _json(snippets()),
        "editors/vim/syntax/sysid.vim": syntax(),
    }


def snippets() -> dict[str, Any]:
    """The snippets in the form of VS Code."""
    sections = {name: (text, f"the section {name}") for name, text in SECTION_SNIPPETS.items()}
    return {
        name: {"prefix": name, "body": text.split("\n"), "description": about}
        for name, (text, about) in {**STATEMENTS, **DEFINITIONS, **sections}.items()
    }


def _json(tree: Any) -> str:
    return json.dumps(tree, indent=2, ensure_ascii=False) + "\n"
