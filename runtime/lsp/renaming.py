"""Renames params, lets, blocks, equations, their arguments and signals, in every file that can see them."""

from __future__ import annotations

import re

from lsprotocol import types

from sysidc.compiler.catalogue.layers import LAYERS
from sysidc.compiler.program import RESERVED
from sysidc.runtime.editors.vocabulary import keywords
from sysidc.runtime.lsp.documents import Documents, Text
from sysidc.runtime.lsp.names import STACKS, Mention, definition, is_local, references, resolve
from sysidc.runtime.lsp.words.frames import Word

NAME = re.compile(r"[^\W0-9]\w*")


class Refused(Exception):
    """A rename that would change what a file means; the message says why."""


def prepare(documents: Documents, text: Text, offset: int) -> types.Range | None:
    """The word that would be renamed, None where there is nothing to rename."""
    word = _word(text, offset)
    if word is None or definition(documents, text, word) is None:
        return None
    return text.lines.range(word.start, word.end)


def rename(documents: Documents, text: Text, offset: int, name: str) -> types.WorkspaceEdit | None:
    """The edits that give a definition and all its uses another name. Raises Refused."""
    word = _word(text, offset)
    home = definition(documents, text, word) if word is not None else None
    if home is None:
        return None
    mentions = references(documents, home)
    if name != home.word.text:
        _judge(documents, home, mentions, name)
    changes: dict[str, list[types.TextEdit]] = {}
    for mention in mentions:
        range = mention.text.lines.range(mention.word.start, mention.word.end)
        changes.setdefault(mention.text.uri, []).append(types.TextEdit(range, _written(mention, home, name)))
    return types.WorkspaceEdit(changes=changes)


def _word(text: Text, offset: int) -> Word | None:
    """The word at the cursor that may have a definition; of two that touch it, either."""
    touched = [word for word in text.words if word.start <= offset <= word.end and NAME.fullmatch(word.text)]
    return touched[-1] if touched else None


def _written(mention: Mention, home: Mention, name: str) -> str:
    """A signal without columns is read from the column of its name, which stays."""
    is_signal = mention.word.role == "define signal" and mention.word.start == home.word.start
    if not is_signal:
        return name
    following = mention.text.source.text[mention.word.end :].lstrip()
    return name if following.startswith("=") else f"{name} = {home.word.text}"


def _judge(documents: Documents, home: Mention, mentions: list[Mention], name: str) -> None:
    if not NAME.fullmatch(name):
        raise Refused(f"`{name}` is no name: a letter, then letters, digits and _")
    if name in RESERVED or name in keywords():
        raise Refused(f"`{name}` is a word of the language")
    if home.word.role in STACKS and name in LAYERS:
        raise Refused(f"`{name}` is a layer of the language")
    for program in documents.programs(home.text):
        for text in program:
            for word in text.words:
                if word.text == name and _clashes(program, text, word, home, mentions):
                    raise Refused(f"`{name}` already stands for something in {text.source.name}")


def _clashes(program: tuple[Text, ...], text: Text, word: Word, home: Mention, mentions: list[Mention]) -> bool:
    """Whether a word that is there already would mean the renamed thing, or hide it."""
    stacks = home.word.role in STACKS
    if word.role.startswith("define ") or word.role in ("layer", "signal", "target"):
        taken = word.role in STACKS or word.role == "layer"
        return taken == stacks and word.role != "define model" and _reaches(word, home, mentions)
    is_free = word.role == "value" and resolve(program, text, word) is None
    return is_free and not stacks and _reaches(word, home, mentions)


def _reaches(word: Word, home: Mention, mentions: list[Mention]) -> bool:
    """Names of different blocks do not meet; one of a block meets an outer one that is used in that block."""
    if not is_local(home.word):
        inside = [mention.word.frame.definition for mention in mentions]
        return not is_local(word) or any(_same(word.frame.definition, definition) for definition in inside)
    return not is_local(word) or _same(word.frame.definition, home.word.frame.definition)


def _same(left: Word | None, right: Word | None) -> bool:
    return left is not None and right is not None and (left.start, left.text) == (right.start, right.text)
