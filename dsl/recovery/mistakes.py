"""The mistakes of form that people make, and how each is mended; a literal table says in which order they are tried."""

from __future__ import annotations

from collections.abc import Callable

from sysidc.dsl import sentences
from sysidc.dsl.recovery.automaton import END
from sysidc.dsl.recovery.brackets import (
    SECTIONS,
    unclosed_at_end,
    unclosed_before_section,
    unclosed_inside,
    unopened,
    wrong_closer,
)
from sysidc.dsl.recovery.expectations import expectations
from sysidc.dsl.recovery.lexing import terminal_of
from sysidc.dsl.recovery.trouble import (
    CLOSING,
    FARTHEST_BACK,
    LOOKAHEAD,
    Repair,
    Trouble,
    complaint,
    new_token,
    placeholder,
)
from sysidc.dsl.source import Span
from sysidc.dsl.spelling import closest

INNER_KEYWORDS = ("input", "output", "state", "learn", "let", "repeat", "stage")
ANNOTATIONS = ("residual", "cast", "autoregressive_residual", "correction", "freeze", "init", "name")
UNITS = ("us", "ms", "s", "min", "h", "Hz", "kHz", "MHz")
UNIT_WORDS = {"sec": "s", "secs": "s", "second": "s", "seconds": "s", "minutes": "min", "mins": "min", "hours": "h"}
BEFORE_VALUES = ("=", ":", "..", "+", "-", "*", "/", "//", "**")


def foreign_comment(trouble: Trouble) -> Repair | None:
    """A line that begins with `//`; its first words may have been read as a division."""
    for back in range(min(FARTHEST_BACK, len(trouble.kept)) + 1):
        token = trouble.kept[-back].token if back else trouble.token
        if token == "//" and trouble.starts_line(token):
            again = [kept.token for kept in trouble.kept[len(trouble.kept) - back :]]
            line = (other for other in again + trouble.pending if trouble.on_one_line(token, other))
            drop = sum(1 for other in line if other.type != END)
            return Repair(sentences.foreign_comment(trouble.span(token)), back=back, drop=drop)
        if back and not trouble.on_one_line(token, trouble.kept[-1].token):
            return None
    return None


def misplaced_version(trouble: Trouble) -> Repair | None:
    if trouble.token != "sysid" or not _at_top(trouble):
        return None
    drop = 2 if len(trouble.pending) > 2 and trouble.pending[1].type == "NUMBER" else 1
    return Repair(sentences.misplaced_version(trouble.span(trouble.token)), drop=drop)


def unknown_unit(trouble: Trouble) -> Repair | None:
    """`4 sec`: the word may have been read as the next setting, or may be what does not fit."""
    for back in (0, 1):
        words = [*[kept.token for kept in trouble.kept[-2:]], trouble.token]
        if len(words) < 2 + back:
            return None
        number, word = words[-2 - back], words[-1 - back]
        if number.type != "NUMBER" or not number[-1:].isdigit() or word.type != "NAME":
            continue
        if trouble.on_one_line(number, word) and trouble.token not in ("=", "(", "["):
            meant = UNIT_WORDS.get(word.lower()) or closest(word, UNITS)
            return Repair(sentences.unknown_unit(trouble.span(word), meant), back=back, drop=1)
    return None


def misspelled_section(trouble: Trouble) -> Repair | None:
    if trouble.token.type != "NAME" or not _at_top(trouble):
        return None
    meant = closest(trouble.token, SECTIONS if trouble.kept else ("sysid", *SECTIONS))
    if meant is None:
        return None
    span = trouble.span(trouble.token)
    repair = Repair(sentences.unknown_section(span, meant), drop=1, insert=(new_token(meant, span.start, span.end),))
    return repair if trouble.reach(repair) > 1 else None


def misspelled_keyword(trouble: Trouble) -> Repair | None:
    """`outptu y`, `repaet 2 { ... }`, `repaet (2) { ... }`."""
    back = _length_of_parentheses(trouble) + 1 if trouble.last == ")" and trouble.token == "{" else 1
    word = trouble.kept[-back].token if back <= len(trouble.kept) else None
    if word is None or word.type != "NAME":
        return None
    meant = closest(word, INNER_KEYWORDS)
    if meant is None:
        return None
    span = trouble.span(word)
    replaced = (new_token(meant, span.start, span.end),)
    return Repair(sentences.unknown_keyword(span, meant), back=back, drop=1, insert=replaced)


def statement_outside(trouble: Trouble) -> Repair | None:
    """A setting, or a section that nobody knows, at the top of the file: all of it is left out."""
    if trouble.token.type != "NAME" or not _at_top(trouble):
        return None
    span = trouble.span(trouble.token)
    sets = len(trouble.pending) > 1 and trouble.pending[1] == "="
    found = sentences.stray_setting(span) if sets else sentences.unknown_section(span, None)
    return Repair(found, drop=_length_of_statement(trouble))


def bare_group(trouble: Trouble) -> Repair | None:
    if trouble.token != "{" or not _in_stack(trouble):
        return None
    span, last = trouble.span(trouble.token), trouble.last
    meant = last is not None and last.type == "NAME" and closest(last, ANNOTATIONS) == last
    if meant and last is not None:
        at = new_token("@", last.start_pos or 0)
        return Repair(sentences.bare_group(span, trouble.span(last)), back=1, insert=(at,))
    annotation = (new_token("@", span.start), placeholder("NAME", span.start))
    return Repair(sentences.bare_group(span, None), insert=annotation)


def colon_for_equals(trouble: Trouble) -> Repair | None:
    wanted = {":": "=", "=": ":"}.get(trouble.token)
    if wanted is None:
        return None
    span = trouble.span(trouble.token)
    return Repair(sentences.colon_for_equals(span, wanted), drop=1, insert=(new_token(wanted, span.start, span.end),))


def bare_argument(trouble: Trouble) -> Repair | None:
    """`Linear 20`."""
    if trouble.token.type not in ("NUMBER", "STRING") or not _in_stack(trouble):
        return None
    if trouble.last is None or not trouble.fits(terminal_of("(")):
        return None
    span = trouble.span(trouble.token)
    wrapped = (new_token("(", span.start), trouble.token, new_token(")", span.end))
    return Repair(sentences.bare_argument(span, trouble.after), drop=1, insert=wrapped)


def missing_mode(trouble: Trouble) -> Repair | None:
    if trouble.token != "{" or trouble.last != "train":
        return None
    found = sentences.missing_mode(trouble.span(trouble.last))
    return Repair(found, insert=(placeholder("NAME", trouble.gap().end),))


def missing_value(trouble: Trouble) -> Repair | None:
    """`key =` or `2 *` and the next statement: its first word was read as the value, or does not even look like one."""
    for back in range(min(LOOKAHEAD, len(trouble.kept))):
        before = trouble.kept[len(trouble.kept) - back - 2 : len(trouble.kept) - back]
        if len(before) < 2 or before[1].token not in BEFORE_VALUES:
            continue
        next = trouble.kept[-back].token if back else trouble.token
        if next.type != END and next != "}" and not trouble.starts_line(next):
            continue
        end = trouble.span(before[1].token).end
        found = sentences.missing_value(Span(trouble.source, end, end), before[1].token)
        return Repair(found, back=back, insert=(placeholder("NAME", end),))
    return None


def missing_callee(trouble: Trouble) -> Repair | None:
    """`optimizer = (lr = 1e-3)`."""
    if trouble.token != "=" or len(trouble.kept) < 2 or trouble.kept[-2].token != "(":
        return None
    bracket = trouble.kept[-2]
    name = placeholder("NAME", bracket.token.start_pos or 0)
    options = ("a name",)
    last = str(trouble.kept[-3].token) if len(trouble.kept) > 2 else ""
    found = sentences.unexpected(trouble.span(bracket.token), options, last)
    return Repair(found, back=2, insert=(name,))


def missing_annotation(trouble: Trouble) -> Repair | None:
    """`@ { ... }`."""
    if trouble.last != "@":
        return None
    return Repair(complaint(trouble), insert=(placeholder("NAME", trouble.gap().end),))


def doubled(trouble: Trouble) -> Repair | None:
    """One of the last words stands there twice."""
    row = [*(kept.token for kept in trouble.kept[-LOOKAHEAD:]), trouble.token]
    for back in range(len(row) - 1):
        token, before = row[-1 - back], row[-2 - back]
        if token == before and token.type != END and trouble.on_one_line(before, token):
            repair = Repair(sentences.doubled(trouble.span(token)), back=back, drop=1)
            if trouble.reach(repair) >= LOOKAHEAD:
                return repair
    return None


def swapped(trouble: Trouble) -> Repair | None:
    """Two of the last words stand the wrong way round."""
    row = [*(kept.token for kept in trouble.kept[-2:]), *trouble.pending[:2]]
    behind = min(2, len(trouble.pending))
    for place in range(len(row) - 1):
        left, right = row[place], row[place + 1]
        if END in (left.type, right.type):
            continue
        back = max(0, len(row) - behind - place)
        skip = tuple(row[len(row) - behind : place])
        both = Span(trouble.source, trouble.span(left).start, trouble.span(right).end)
        repair = Repair(
            sentences.swapped(both, left, right), back=back, drop=2 + len(skip), insert=(*skip, right, left)
        )
        if trouble.reach(repair) >= LOOKAHEAD:
            return repair
    return None


KNOWN_MISTAKES: tuple[Callable[[Trouble], Repair | None], ...] = (
    misplaced_version,
    unknown_unit,
    missing_mode,
    misspelled_section,
    unclosed_before_section,
    unclosed_at_end,
    unopened,
    foreign_comment,
    colon_for_equals,
    missing_value,
    missing_annotation,
    missing_callee,
    doubled,
    swapped,
    misspelled_keyword,
    unclosed_inside,
    wrong_closer,
    statement_outside,
    bare_group,
    bare_argument,
)


def _at_top(trouble: Trouble) -> bool:
    return trouble.fits(terminal_of("param")) and "a section" in expectations(trouble.automaton, trouble.stack)


def _in_stack(trouble: Trouble) -> bool:
    return "a layer" in expectations(trouble.automaton, trouble.stack)


def _length_of_parentheses(trouble: Trouble) -> int:
    """How many tokens the parentheses that end before the trouble hold, both included."""
    depth = 0
    for back in range(1, min(FARTHEST_BACK, len(trouble.kept)) + 1):
        token = trouble.kept[-back].token
        depth += (token == ")") - (token == "(")
        if depth == 0:
            return back
    return len(trouble.kept)


def _length_of_statement(trouble: Trouble) -> int:
    """How many tokens there are before the next section, brackets passed over whole."""
    depth = 0
    for count, token in enumerate(trouble.pending):
        begins = token.type == "NAME" or token in SECTIONS
        if token.type == END or (depth == 0 and count and begins and trouble.starts_line(token)):
            return count
        depth += (token in CLOSING) - (token in CLOSING.values())
        if depth == 0 and token == "}":
            return count + 1
    return len(trouble.pending) - 1
