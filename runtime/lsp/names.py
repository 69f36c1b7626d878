"""What a word of a spec stands for: its definition, here or in a file that is used, and all words that share it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sysidc.runtime.lsp.documents import Documents, Text
from sysidc.runtime.lsp.words.frames import Word

LOCAL = ("define argument", "define state", "define learn", "define let")
VALUES = ("define param", "define let")
STACKS = ("define block", "define dynamics")


class Mention(NamedTuple):
    """A word in a file."""

    text: Text
    word: Word


def definition(documents: Documents, text: Text, word: Word) -> Mention | None:
    """Where the thing that a word names was defined; None for what the language itself knows."""
    found = resolve(documents.closure(text), text, word)
    if found is not None:
        return found
    if not _is_open(text, word):
        return None
    seen = (resolve(program, text, word) for program in documents.users(text))
    return next((mention for mention in seen if mention is not None), None)


def references(documents: Documents, home: Mention) -> list[Mention]:
    """All words that stand for what `home` defines, the definition first, in every file that can see it."""
    found = {(home.text.uri, home.word.start): home}
    for program in documents.programs(home.text):
        for text in program:
            for word in text.words:
                if word.text == home.word.text and _same(resolve(program, text, word), home):
                    found.setdefault((text.uri, word.start), Mention(text, word))
    return list(found.values())


def resolve(program: tuple[Text, ...], text: Text, word: Word) -> Mention | None:
    """The definition of a word within the files of one program, the first of which is its root."""
    match word.role:
        case "value" | "callee":
            return _local(text, word) or _of(program, word, VALUES) or _signal_in_equations(program, word)
        case "layer":
            return _of(program, word, STACKS)
        case "signal":
            return _of(program, word, ("define signal",))
        case "target":
            return _local(text, word) or _signal_in_equations(program, word)
        case "argument":
            return _argument_of_block(program, word)
        case role if role in LOCAL and is_local(word):
            return _local(text, word)
        case role if role.startswith("define "):
            kinds = next((kinds for kinds in (VALUES, STACKS) if role in kinds), (role,))
            return _of(program, word, kinds)
    return None


def _is_open(text: Text, word: Word) -> bool:
    """A word of a library may be defined by the file that uses it; a file with a model is used by none."""
    named = word.role in ("layer", "target", "argument", "value")
    return named and not any(other.role == "define model" for other in text.words)


def is_local(word: Word) -> bool:
    """Defined inside a block or inside equations."""
    return word.frame.kind in ("parameters", "dynamics")


def defined(program: tuple[Text, ...], kinds: tuple[str, ...]) -> Iterator[Mention]:
    """The definitions of some roles at the top level of a program's files."""
    for text in program:
        for word in text.words:
            if word.role in kinds and not is_local(word):
                yield Mention(text, word)


def locals_of(text: Text, home: Word | None) -> Iterator[Mention]:
    """What the block or the equations named by `home` define for themselves."""
    if home is None:
        return
    for word in text.words:
        if word.role in LOCAL and is_local(word):
            owner = word.frame.definition
            if owner is not None and owner.start == home.start:
                yield Mention(text, word)


def _same(found: Mention | None, home: Mention) -> bool:
    return found is not None and found.text.uri == home.text.uri and found.word.start == home.word.start


def _local(text: Text, word: Word) -> Mention | None:
    named = (mention for mention in locals_of(text, word.frame.definition) if mention.word.text == word.text)
    return next(named, None)


def _of(program: tuple[Text, ...], word: Word, kinds: tuple[str, ...]) -> Mention | None:
    return next((mention for mention in defined(program, kinds) if mention.word.text == word.text), None)


def _signal_in_equations(program: tuple[Text, ...], word: Word) -> Mention | None:
    home = word.frame.definition
    inside = home is not None and home.role == "define dynamics"
    return _of(program, word, ("define signal",)) if inside else None


def _argument_of_block(program: tuple[Text, ...], word: Word) -> Mention | None:
    called = word.frame.owner
    if called is None or called.role != "layer":
        return None
    block = _of(program, called, ("define block",))
    if block is None:
        return None
    named = (mention for mention in locals_of(block.text, block.word) if mention.word.text == word.text)
    return next(named, None)
