"""Comments `# sysidc: allow ID reason` silence a warning in place; one that cannot do so is itself a warning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sysidc.compiler import sentences
from sysidc.compiler.findings import Findings
from sysidc.dsl.comments import LEXEME, find_comments
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.source import Source, Span

WARNINGS = ("acausal", "nothing-to-freeze", "nothing-to-init", "short-window", "unused")
"""What may be allowed. The warnings about allowances themselves may not."""

MARK = "sysidc:"
ALLOW = re.compile(r"#+\s*sysidc:\s*allow\b[ \t]*(?P<id>[^\s,:]*)[\s,:]*(?P<reason>.*)")


@dataclass(frozen=True)
class Allowance:
    """A comment that allows `id` on the lines first .. last; `place` is where the id stands."""

    id: str
    reason: str
    comment: Span
    place: Span
    first: int
    last: int

    def covers(self, diagnostic: Diagnostic) -> bool:
        span = diagnostic.span
        if diagnostic.is_error or diagnostic.id != self.id or span.source.name != self.comment.source.name:
            return False
        return self.first <= span.start_position[0] <= self.last


def allow(findings: Findings, sources: Sequence[Source], *, complete: bool) -> tuple[Diagnostic, ...]:
    """What was found and is not allowed, and what is wrong with the comments that allow.

    The first of `sources` is the file itself, the others are what it uses. `complete` tells that every warning was
    looked for: only then an allowance in the file itself that silences nothing is reported.
    """
    found = findings.sorted()
    given = [allowance for source in sources for allowance in allowances(source)]
    if not given:
        return found
    told = Findings()
    told.extend(tuple(diagnostic for diagnostic in found if not any(entry.covers(diagnostic) for entry in given)))
    for allowance in given:
        wrong = _judged(allowance, found, complete and allowance.comment.source is sources[0])
        told.extend((wrong,) if wrong else ())
    return told.sorted()


def _judged(allowance: Allowance, found: Sequence[Diagnostic], complete: bool) -> Diagnostic | None:
    if allowance.id not in WARNINGS:
        return _not_a_warning(allowance)
    if not allowance.reason:
        return sentences.allow_without_reason(allowance.id, allowance.comment)
    if complete and not any(allowance.covers(diagnostic) for diagnostic in found):
        return sentences.unneeded_allow(allowance.id, allowance.comment, allowance.first)
    return None


def _not_a_warning(allowance: Allowance) -> Diagnostic:
    from sysidc.compiler.explain import diagnostic_ids  # the pages are looked through for this alone

    if allowance.id in diagnostic_ids():
        return sentences.allow_of_error(allowance.id, allowance.place, WARNINGS)
    return sentences.unknown_allow(allowance.id, allowance.place, WARNINGS)


def allowances(source: Source) -> Iterator[Allowance]:
    """The comments of a file that allow something. One behind code is about its line, any other about what follows."""
    for comment in find_comments(source) if MARK in source.text else ():
        match = ALLOW.match(comment.text)
        if match is None:
            continue
        start = comment.span.start
        place = Span(source, start + match.start("id"), start + match.end("id")) if match["id"] else comment.span
        line = comment.span.start_position[0]
        first, last = _next_statement(source, comment.span.end) if comment.own_line else (line, line)
        yield Allowance(match["id"], match["reason"].strip(), comment.span, place, first, last)


def _next_statement(source: Source, offset: int) -> tuple[int, int]:
    """First and last line of the code behind `offset`: its line, and those up to where its parentheses close."""
    start = _next_code(source.text, offset)
    first = source.position(start)[0]
    depth, end = 0, _line_end(source.text, start)
    for match in LEXEME.finditer(source.text, start):
        if match.start() >= end and depth <= 0:
            break
        if match.group() in ("(", "["):
            depth += 1
        elif match.group() in (")", "]"):
            depth -= 1
            end = _line_end(source.text, match.end()) if match.start() >= end else end
    return first, source.position(min(end, len(source.text)))[0]


def _next_code(text: str, offset: int) -> int:
    """Where the next character stands that is neither blank nor in a comment; the end where there is none."""
    found = re.compile(r"(?:\s|#[^\r\n]*)*").match(text, offset)
    assert found is not None
    return found.end()


def _line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end
