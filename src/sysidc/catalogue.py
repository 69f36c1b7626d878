"""What a package describes a layer of its own with, for the entry-point group `sysidc.layers`; imports no torch."""

from sysidc.compiler.catalogue.arguments import REQUIRED, Argument
from sysidc.compiler.catalogue.entry import ALL_THE_PAST, EVERY_STEP, WHOLE_WINDOW, Effect, Layer, Misfit, Shape

__all__ = ["ALL_THE_PAST", "EVERY_STEP", "REQUIRED", "WHOLE_WINDOW", "Argument", "Effect", "Layer", "Misfit", "Shape"]
