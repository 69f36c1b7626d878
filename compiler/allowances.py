"""Comments `# sysidc: allow ID reason` silence a warning in place; one that cannot do so is itself a warning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sysidc.compiler import sentences
from sysidc.compiler.findings import Findings
from sysidc.dsl.comments import LEXEME, find_comments
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.records import dataclass
from sysidc.dsl.source import Source, Span
from sysidc.dsl.syntax import Comment

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

    @property
    def about(self) -> tuple[str, str, int, int]:
        """The file, the id and the lines: comments that share them allow the same."""
        return self.comment.source.name, self.id, self.first, self.last


def allow(findings: Findings, sources: Sequence[Source], *, complete: bool) -> tuple[Diagnostic, ...]:
    """What was found and is not allowed, and what is wrong with the comments that allow.

    The first of `sources` is the file itself, the others are what it uses. `complete` tells that every warning was
    looked for: only then an allowance in the file itself that silences nothing is reported.
    """
    found = findings.sorted()
    given = [allowance for source in sources for allowance in allowances(source)]
    if not given:
        return found
    allowed = {_place(allowance, line) for allowance in _distinct(given) for line in _lines(allowance)}
    silent = {_found_at(diagnostic) for diagnostic in found if not diagnostic.is_error} & allowed
    needed = {entry.about for entry in _distinct(given) if any(_place(entry, line) in silent for line in _lines(entry))}
    told = Findings()
    told.extend(tuple(diagnostic for diagnostic in found if diagnostic.is_error or _found_at(diagnostic) not in silent))
    for allowance in given:
        judged = complete and allowance.comment.source is sources[0]
        wrong = _wrong(allowance, unneeded=judged and allowance.about not in needed)
        told.extend((wrong,) if wrong else ())
    return told.sorted()


def _distinct(given: Sequence[Allowance]) -> Iterable[Allowance]:
    return {allowance.about: allowance for allowance in given}.values()


def _lines(allowance: Allowance) -> range:
    return range(allowance.first, allowance.last + 1)


def _place(allowance: Allowance, line: int) -> tuple[str, str, int]:
    return allowance.comment.source.name, allowance.id, line


def _found_at(diagnostic: Diagnostic) -> tuple[str, str, int]:
    return diagnostic.span.source.name, diagnostic.id, diagnostic.span.start_position[0]


def _wrong(allowance: Allowance, *, unneeded: bool) -> Diagnostic | None:
    if allowance.id not in WARNINGS:
        return _not_a_warning(allowance)
    if not allowance.reason:
        return sentences.allow_without_reason(allowance.id, allowance.comment)
    if unneeded:
        return sentences.unneeded_allow(allowance.id, allowance.comment, allowance.first)
    return None


def _not_a_warning(allowance: Allowance) -> Diagnostic:
    from sysidc.compiler.explain.book import diagnostic_ids  # the pages are looked through for this alone

    if allowance.id in diagnostic_ids():
        return sentences.allow_of_error(allowance.id, allowance.place, WARNINGS)
    return sentences.unknown_allow(allowance.id, allowance.place, WARNINGS)


def allowances(source: Source) -> tuple[Allowance, ...]:
    """The comments of a file that allow something. One behind code is about its line, any other about what follows."""
    if MARK not in source.text:
        return ()
    given: list[Allowance] = []
    after: Comment | None = None
    lines = (0, 0)
    for comment in reversed(find_comments(source)):  # backwards: comments in a row are about the same statement
        if not comment.own_line:
            line = comment.span.start_position[0]
            lines = (line, line)
        elif after is None or not after.own_line or source.text[comment.span.end : after.span.start].strip():
            lines = _next_statement(source, comment.span.end)
        after = comment
        match = ALLOW.match(comment.text)
        if match is not None:
            given.append(_allowance(comment, match, lines))
    return tuple(reversed(given))


def _allowance(comment: Comment, match: re.Match[str], lines: tuple[int, int]) -> Allowance:
    start = comment.span.start
    place = (
        Span(comment.span.source, start + match.start("id"), start + match.end("id")) if match["id"] else comment.span
    )
    return Allowance(match["id"], match["reason"].strip(), comment.span, place, *lines)


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
