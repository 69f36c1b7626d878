"""A name that is not known, told with the nearest one that is: what its author meant, most probably."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sysidc.dsl.diagnostics import Diagnostic, Edit, Fix, Label, error
from sysidc.dsl.source import Span
from sysidc.dsl.spelling import closest, is_slip

SHOWN = 12
DEFINED = ("unknown-name", "unknown-layer", "unknown-signal")
LONGEST_SEARCHED = 20_000


def unknown(id: str, message: str, name: str, span: Span, known: Sequence[str], here: str = "") -> Diagnostic:
    """A name that is not among the known ones; the slip may be in the definition of what it means."""
    near = closest(name, known) if id in DEFINED else None
    slip = _slip_in_definition(name, near, span) if near is not None else None
    if slip is None:
        return meant(id, message, name, span, known, here, choices(known))
    label = Label(span, "used here")
    fix = Fix(f"write `{name}`", (Edit(slip, name),))
    here = f"this is defined and never used; did you mean `{name}`?"
    return error(id, message, slip, here, labels=(label,), help=f"write `{name}`", fix=fix)


def meant(
    id: str,
    message: str,
    name: str,
    span: Span,
    known: Sequence[str],
    here: str,
    help: str | None,
    tell: Callable[..., Diagnostic] = error,
) -> Diagnostic:
    """With the nearest known name, or with `here` and `help` where none is near."""
    near = closest(name, known) if name else None
    if near is None:
        return tell(id, message, span, here, help=help)
    fix = Fix(f"write `{near}`", (Edit(span, near),), safe=is_slip(name, near))
    return tell(id, message, span, f"did you mean `{near}`?", help=f"write `{near}`", fix=fix)


def choices(known: Sequence[str]) -> str | None:
    """What could be written instead."""
    if not known:
        return None
    names = ", ".join(f"`{name}`" for name in known[:SHOWN])
    return f"known: {names}" + (f" and {len(known) - SHOWN} more" if len(known) > SHOWN else "")


def _slip_in_definition(name: str, near: str, span: Span) -> Span | None:
    """Where `near` stands, if it stands once in the file and `name` more often: not the uses hold the slip then."""
    text = span.source.text
    if len(text) > LONGEST_SEARCHED:
        return None
    defined = re.search(rf"\b(?:param|let|block|dynamics|input|output)\s+({re.escape(near)})\b", text)
    if defined is None or _uses(near, text) > 1 or _uses(name, text) < 2:
        return None
    return Span(span.source, *defined.span(1))


def _uses(word: str, text: str) -> int:
    return len(re.findall(rf"\b{re.escape(word)}\b", text))
