"""Which annotations there are, and what each makes of the node behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sysidc.compiler import sentences
from sysidc.compiler.passes.annotations import marks
from sysidc.compiler.passes.annotations.annotated import Annotated
from sysidc.compiler.passes.annotations.cast import cast
from sysidc.compiler.passes.annotations.correction import correction
from sysidc.compiler.passes.annotations.residual import residual
from sysidc.compiler.passes.annotations.rollout import rollout

if TYPE_CHECKING:
    from sysidc.compiler.passes.nodes import Built

WRAPPINGS: dict[str, Callable[[Annotated], Built | None]] = {
    "cast": cast,
    "residual": residual,
    "autoregressive_residual": rollout,
    "freeze": marks.freeze,
    "init": marks.init,
    "name": marks.name,
    "correction": correction,
}
ANNOTATIONS = tuple(WRAPPINGS)


def wrap(given: Annotated) -> Built | None:
    """The node of what an annotation wraps, as the annotation has it."""
    word = given.annotation.name
    if word.text in WRAPPINGS:
        return WRAPPINGS[word.text](given)
    given.findings.add(sentences.unknown_annotation(word.text, word.span, ANNOTATIONS))
    return given.build_inner(None)
