"""`@cast(IN -> OUT)`: other dtypes around a node, and the one that its layers compute with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sysidc.compiler import sentences
from sysidc.compiler.catalogue.settings import DTYPES
from sysidc.compiler.dtypes import is_floating
from sysidc.compiler.passes.annotations.annotated import Annotated, wrapper
from sysidc.compiler.passes.header import at_precision
from sysidc.compiler.passes.rows import row_of
from sysidc.compiler.scope import Unknown, evaluate
from sysidc.compiler.values import ArrowValue
from sysidc.dsl import syntax
from sysidc.dsl.records import replace

if TYPE_CHECKING:
    from sysidc.compiler.passes.nodes import Built
    from sysidc.compiler.program import Program


def cast(given: Annotated) -> Built | None:
    dtypes, arrives = _dtypes(given), given.arrives
    if dtypes is None or arrives is None:
        return given.build_inner(None)
    in_dtype, out_dtype = dtypes
    inner = given.build_inner(replace(arrives, dtype=_lifted(given, in_dtype, out_dtype)))
    if inner is None or inner.node.type_out.channels == 0:
        return inner
    leaves = replace(inner.node.type_out, dtype=out_dtype)
    node = wrapper(inner, "cast", "CastWrapper", arrives, leaves, {"in_dtype": in_dtype, "out_dtype": out_dtype})
    return replace(inner, node=node)


def _dtypes(given: Annotated) -> tuple[str, str] | None:
    if len(given.annotation.arguments) != 1 or given.annotation.arguments[0].name is not None:
        given.findings.add(sentences.cast_needs_arrow(given.annotation.span))
        return None
    written = given.annotation.arguments[0].value
    try:
        plain = evaluate(written, given.scope).plain
    except Unknown:
        return None
    if not isinstance(plain, ArrowValue) or not isinstance(written, syntax.Arrow):
        given.findings.add(sentences.cast_needs_arrow(given.annotation.span))
        return None
    sound = True
    for dtype, node in ((plain.left, written.left), (plain.right, written.right)):
        if dtype not in DTYPES:
            given.findings.add(sentences.unknown_dtype(dtype, node.span, DTYPES))
            sound = False
    precision = given.builder.context.precision
    return (at_precision(plain.left, precision), at_precision(plain.right, precision)) if sound else None


def _lifted(given: Annotated, in_dtype: str, out_dtype: str) -> str:
    """The dtype that reaches the wrapped layers: a layer that computes in floating point gets its own dtype.

    What CastWrapper does (runtime/nn/lifting.py), told from the text.
    """
    program, element = given.builder.program, given.element
    numbers = _numbers_of_wrapper(given.inside) or _first_numbers(program, element, set())
    if numbers in (None, "any", "integers"):
        return in_dtype
    if _has_numbers_of_its_own(program, element, set()):
        return given.builder.context.dtype
    if is_floating(in_dtype):
        return in_dtype
    return out_dtype if is_floating(out_dtype) else "float32"


def _has_numbers_of_its_own(program: Program, element: syntax.Element, seen: set[str]) -> bool:
    """Whether a layer of the element keeps numbers in the model's dtype: parameters, or the constants of a Scale."""
    entry = row_of(element, program)
    if entry is not None:
        return entry.numbers in ("parameters", "integers") or entry.name == "Scale"
    return any(_has_numbers_of_its_own(program, part, seen) for part in _opened(program, element, seen))


def _first_numbers(program: Program, element: syntax.Element, seen: set[str]) -> str | None:
    """What the first layer of an element that does more than move values computes with; None where all move them."""
    entry = row_of(element, program)
    if entry is not None:
        return None if entry.numbers == "any" else entry.numbers
    for part in _opened(program, element, seen):
        found = _numbers_of_wrapper(part.annotations) or _first_numbers(program, part, seen)
        if found is not None:
            return found
    return None


def _numbers_of_wrapper(annotations: tuple[syntax.Annotation, ...]) -> str | None:
    """What the outermost wrapper computes with: a cast takes any dtype, a sum needs both of its sides in one."""
    numbers = {"cast": "any", "residual": "floating", "autoregressive_residual": "floating"}
    return next((numbers[note.name.text] for note in annotations if note.name.text in numbers), None)


def _opened(program: Program, element: syntax.Element, seen: set[str]) -> tuple[syntax.Element, ...]:
    """What stands inside an element; a block is opened once, because a second time it tells nothing new."""
    if not isinstance(element, syntax.Layer):
        return element.elements
    name = element.name.text
    if name in seen or name not in program.blocks:
        return ()
    seen.add(name)
    return program.blocks[name].elements
