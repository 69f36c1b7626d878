"""The form of a layer's entry: arguments, and one rule that tells shape, time and parameter count together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.dsl.records import dataclass, field

EVERY_STEP = (0, 0)
WHOLE_WINDOW = (None, None)
ALL_THE_PAST = (None, 0)


@dataclass(frozen=True)
class Shape:
    """(steps, channels) of what arrives or leaves; `steps` None stands for a whole record less `cut` steps."""

    steps: int | None
    channels: int
    cut: int = 0


@dataclass(frozen=True)
class Effect:
    """What a layer makes of a shape.

    `time` is (look-back, look-ahead) of an output step, None meaning all that the window has. `fixed` tells a layer
    that serves the length it was built for and no other. `arguments` is what the constructor is called with.
    """

    shape: Shape
    time: tuple[int | None, int | None]
    parameters: int
    arguments: Mapping[str, Any]
    fixed: bool = False


@dataclass(frozen=True)
class Misfit:
    """Why a layer cannot take what arrives: the argument that breaks the promise (None: the layer itself), a sentence
    about it and the few words that stand at the place."""

    id: str
    argument: str | None
    message: str
    here: str
    help: str | None = None
    mend: str | None = None


Rule: TypeAlias = Callable[[Mapping[str, Any], Shape], Effect | Misfit]

Numbers: TypeAlias = Literal["parameters", "floating", "any", "integers"]


@dataclass(frozen=True)
class Layer:
    """`numbers` tells what the layer computes with: "parameters" of the model's dtype, any "floating" dtype, "any"
    dtype (it only moves values), or "integers". `dtypes` are those that torch has it for, where that is not all.
    `example` is how a row of another package is written on its page; its `per_step` tells that it maps each step by
    itself, the same in training and in use, so that it may stand between layers with state.
    """

    name: str
    target: str
    arguments: tuple[Argument, ...]
    rule: Rule
    numbers: Numbers
    about: str
    stateful: bool = field(default=False)
    dtypes: tuple[str, ...] = ()
    example: str = ""
    per_step: bool = field(default=False)
