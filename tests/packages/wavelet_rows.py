"""What the package `wavelets` offers, and cannot be used: the row names no class of its own."""

from sysidc.catalogue import EVERY_STEP, Effect, Layer, Shape

WAVELET = Layer(
    "Wavelet",
    "Wavelet",
    (),
    lambda arguments, shape: Effect(Shape(shape.steps, shape.channels, shape.cut), EVERY_STEP, 0, {}),
    "floating",
    "the details of a signal",
)
