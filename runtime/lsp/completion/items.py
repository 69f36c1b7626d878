"""Completion: where the cursor is, and what is offered there in the words of the protocol."""

from __future__ import annotations

import re

from lsprotocol import types

from sysidc.compiler.explain import book
from sysidc.runtime.lsp.completion.files import files
from sysidc.runtime.lsp.completion.offer import Offer
from sysidc.runtime.lsp.completion.sections import ids, offers
from sysidc.runtime.lsp.documents import Documents, Text
from sysidc.runtime.lsp.words.scan import open_at_end

PREFIX = re.compile(r"[^\W\d]?[\w-]*$")
IN_COMMENT = re.compile(r"#[^\r\n]*$")
ALLOW = re.compile(r"#+\s*sysidc:\s*allow[ \t]+$")
OPEN_STRING = re.compile(r'"(?P<typed>[^"\r\n]*)$')
PLACEHOLDER = re.compile(r"\$(?:\d+|\{\d+(?::(?P<text>[^}]*)|\|(?P<first>[^,|]*)[^}]*)?\})")

KINDS = {
    "section": types.CompletionItemKind.Module,
    "keyword": types.CompletionItemKind.Keyword,
    "setting": types.CompletionItemKind.Property,
    "layer": types.CompletionItemKind.Class,
    "block": types.CompletionItemKind.Function,
    "annotation": types.CompletionItemKind.Event,
    "argument": types.CompletionItemKind.Field,
    "call": types.CompletionItemKind.Function,
    "word": types.CompletionItemKind.EnumMember,
    "value": types.CompletionItemKind.Variable,
    "signal": types.CompletionItemKind.Interface,
    "file": types.CompletionItemKind.File,
    "id": types.CompletionItemKind.Reference,
}


def complete(documents: Documents, text: Text, position: types.Position, snippets: bool) -> list[types.CompletionItem]:
    """What may be typed at a position; an item's page is made when it is looked at, by `resolve`."""
    offset = text.lines.offset(position)
    start, found = _found(documents, text, offset)
    replaced = text.lines.range(start, offset)
    return [_item(offer, replaced, rank, snippets) for rank, offer in enumerate(found)]


def resolve(item: types.CompletionItem) -> types.CompletionItem:
    """The item with its page."""
    name = item.data.get("page") if isinstance(item.data, dict) else None
    page = book.page(name) if isinstance(name, str) else None
    if page is not None:
        item.documentation = types.MarkupContent(types.MarkupKind.Markdown, page)
    return item


def _found(documents: Documents, text: Text, offset: int) -> tuple[int, list[Offer]]:
    """Where the word begins that is being typed, and what may stand there."""
    line = text.source.text[
        max(text.source.text.rfind("\n", 0, offset), text.source.text.rfind("\r", 0, offset)) + 1 : offset
    ]
    typed = PREFIX.search(line)
    assert typed is not None
    start = offset - len(typed.group())
    code = line[: typed.start()]
    blank = re.sub(r'"[^"]*"', lambda match: " " * len(match.group()), line)
    if IN_COMMENT.search(blank):
        return start, ids() if ALLOW.search(code) else []
    inside = OPEN_STRING.search(blank)
    if inside is not None:
        before = open_at_end(text.source.text[: offset - len(line) + inside.start()])
        return offset - len(inside["typed"]), files(text, before, inside["typed"])
    typed_word = re.search(r"[^\W\d]\w*$", line)  # behind a minus a word begins: only an id holds one
    start = offset - len(typed_word.group()) if typed_word else offset
    return start, offers(documents, text, open_at_end(text.source.text[:start]))


def _item(offer: Offer, replaced: types.Range, rank: int, snippets: bool) -> types.CompletionItem:
    written = offer.written or offer.label
    is_snippet = snippets and "$" in written
    inserted = written if is_snippet else PLACEHOLDER.sub(_as_text, written)
    documentation = types.MarkupContent(types.MarkupKind.Markdown, offer.about) if offer.about else None
    return types.CompletionItem(
        label=offer.label,
        kind=KINDS[offer.kind],
        detail=offer.detail or None,
        documentation=documentation,
        sort_text=f"{rank:04}",
        filter_text=offer.label,
        insert_text_format=types.InsertTextFormat.Snippet if is_snippet else types.InsertTextFormat.PlainText,
        text_edit=types.TextEdit(replaced, inserted),
        data={"page": offer.page} if offer.page else None,
    )


def _as_text(match: re.Match[str]) -> str:
    return match["text"] or match["first"] or ""
