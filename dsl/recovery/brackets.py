"""Mistakes with brackets, of files whose indentation does not tell (braces.py): unclosed, unopened, or of two kinds."""

from __future__ import annotations

from lark import Token

from sysidc.dsl import sentences
from sysidc.dsl.diagnostics import Diagnostic
from sysidc.dsl.recovery.automaton import END
from sysidc.dsl.recovery.braces import closing_place
from sysidc.dsl.recovery.trouble import CLOSING, FARTHEST_BACK, Repair, Trouble, complaint, new_token
from sysidc.dsl.source import Span

SECTIONS = ("param", "let", "use", "signals", "block", "dynamics", "model", "data", "train", "test", "sweep")


def unclosed_before_section(trouble: Trouble) -> Repair | None:
    """A brace is missing before the section keyword with which this line begins."""
    back = _back_to_section(trouble)
    if back is None:
        return None
    open = (trouble.kept[-back].before if back else trouble.place).brackets()
    if not open:
        return None
    before = trouble.kept[: len(trouble.kept) - back]
    closers = tuple(new_token(CLOSING[bracket], trouble.span(before[-1].token).end) for bracket in open)
    return Repair(_unclosed(trouble, open[-1], before[-1].token), back=back, insert=closers)


def unclosed_at_end(trouble: Trouble) -> Repair | None:
    open = trouble.place.brackets()
    if trouble.token.type != END or not open:
        return None
    closers = tuple(new_token(CLOSING[bracket], trouble.gap().end) for bracket in open)
    assert trouble.last is not None
    return Repair(_unclosed(trouble, open[-1], trouble.last), insert=closers)


def _unclosed(trouble: Trouble, bracket: Token, last: Token) -> Diagnostic:
    """`bracket` should be closed behind `last`."""
    opened, behind = trouble.span(bracket), trouble.span(last)
    if bracket == "{":
        return sentences.unclosed(opened, closing_place(trouble.source, behind, opened), "}")
    return sentences.unclosed(opened, Span(trouble.source, behind.end, behind.end), CLOSING[bracket])


def unclosed_inside(trouble: Trouble) -> Repair | None:
    """Round or square brackets are missing before a token that fits behind them."""
    comma = Repair(complaint(trouble), insert=(new_token(",", trouble.gap().end),))
    rival = trouble.reach(comma) - trouble.starts_line(trouble.token)
    closers: list[Token] = []
    best: Repair | None = None
    for bracket in trouble.place.brackets():
        if bracket == "{":
            break
        closers.append(new_token(CLOSING[bracket], trouble.gap().end))
        found = sentences.unclosed(trouble.span(bracket), trouble.gap(), CLOSING[bracket])
        repair = Repair(found, insert=tuple(closers))
        if trouble.reach(repair) > max(rival, trouble.reach(best) if best else 0):
            best = repair
    return best


def wrong_closer(trouble: Trouble) -> Repair | None:
    """`)` where `]` was opened, and the like."""
    open = trouble.place.brackets()
    if trouble.token not in (")", "]") or not open or open[0] == "{":
        return None
    wanted = CLOSING[open[0]]
    found = sentences.unclosed(trouble.span(open[0]), trouble.span(trouble.token), wanted)
    return Repair(found, drop=1, insert=(new_token(wanted, trouble.gap().end),))


def unopened(trouble: Trouble) -> Repair | None:
    """A closing bracket where none is open, or a round or square one where the innermost is a brace."""
    open = trouble.place.open
    if trouble.token not in CLOSING.values() or (open is not None and (open[0] != "{" or trouble.token == "}")):
        return None
    return Repair(sentences.unopened(trouble.span(trouble.token)), drop=1)


def _back_to_section(trouble: Trouble) -> int | None:
    """How many tokens back this line begins with a section keyword, None where it does not."""
    for back in range(min(FARTHEST_BACK, len(trouble.kept)) + 1):
        token = trouble.kept[-back].token if back else trouble.token
        if not trouble.on_one_line(token, trouble.token):
            return None
        if trouble.starts_line(token):
            behind = [kept.token for kept in trouble.kept[len(trouble.kept) - back + 1 :]] if back else []
            return back if _begins_section(trouble, token, [*behind, *trouble.pending[not back : 3]]) else None
    return None


def _begins_section(trouble: Trouble, keyword: Token, behind: list[Token]) -> bool:
    """`train` and `test` are keys of settings too: what is indented has to go on like a section."""
    if keyword not in SECTIONS:
        return False
    return behind[:1] != ["="] if trouble.at_margin(keyword) else "{" in behind[:2]
