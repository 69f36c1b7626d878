"""An offer, and what a file sees from which offers are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.runtime.lsp.documents import Documents, Text


class Offer(NamedTuple):
    """Something that may be typed: `written` is a snippet where it holds a $, `page` the name of its page in the book,
    `about` a page of its own."""

    label: str
    kind: str
    detail: str = ""
    written: str = ""
    page: str = ""
    about: str = ""


class View(NamedTuple):
    """What the file sees: itself and what it uses, and the arguments of its blocks."""

    documents: Documents
    text: Text
    program: tuple[Text, ...]
    blocks: Mapping[str, tuple[Argument, ...]]
