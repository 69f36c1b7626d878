"""Goes on after a mistake of form."""

from __future__ import annotations

from lark.exceptions import UnexpectedInput

from sysidc.dsl import sentences
from sysidc.dsl.building import LarkTree
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.parse_table import parser
from sysidc.dsl.source import Source, Span


def recover(source: Source, start: str) -> tuple[LarkTree | None, tuple[Diagnostic, ...]]:
    try:
        return parser().parse(source.text, start=start), ()
    except UnexpectedInput as error:
        place = error.pos_in_stream if error.pos_in_stream is not None else len(source.text)
        return None, (sentences.unexpected(Span(source, place, min(place + 1, len(source.text)))),)
