"""The generators of data: what each may be given, and which columns it makes. Its equations stand in the runtime."""

from __future__ import annotations

from sysidc.compiler.catalogue.arguments import Argument
from sysidc.dsl.records import dataclass


@dataclass(frozen=True)
class Generator:
    """`sampling_time` in seconds is used where the spec gives none."""

    name: str
    arguments: tuple[Argument, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sampling_time: float
    about: str

    @property
    def columns(self) -> tuple[str, ...]:
        return self.inputs + self.outputs

    def defaults(self) -> dict[str, object]:
        return {argument.name: argument.default for argument in self.arguments}


EXCITATIONS = ("multisine", "prbs", "noise", "steps")


def _sampled(samples: int) -> tuple[Argument, ...]:
    return (
        Argument("samples", "int", samples, low=2, high=100_000_000, about="length of the record"),
        Argument("seed", "int", 0, low=0, about="of excitation, start and noise"),
        Argument("noise", "float", 0.0, low=0, about="standard deviation of white noise on the outputs"),
    )


def _excited(amplitude: float, unit: str) -> tuple[Argument, ...]:
    return (
        Argument("excitation", "word", "multisine", choices=EXCITATIONS, about="form of the input"),
        Argument(
            "amplitude",
            "float",
            amplitude,
            low=0,
            about=f"in {unit}: rms of multisine and noise, level of prbs, largest level of steps",
        ),
    )


def _constant(name: str, default: float, about: str, **limits: float) -> Argument:
    return Argument(name, "float", default, low=limits.get("low"), open_low="low" in limits, about=about)


GENERATORS: dict[str, Generator] = {
    "lorenz": Generator(
        "lorenz",
        (
            *_sampled(20_000),
            _constant("sigma", 10.0, "Prandtl number"),
            _constant("rho", 28.0, "Rayleigh number over its critical value"),
            _constant("beta", 8 / 3, "aspect ratio of the convection cell"),
        ),
        (),
        ("x", "y", "z"),
        0.01,
        "the Lorenz system on its attractor: chaotic, no input",
    ),
    "duffing": Generator(
        "duffing",
        (
            *_sampled(20_000),
            *_excited(0.03, "V"),
            _constant("m", 5.3e-6, "mass, V s^2 / V", low=0),
            _constant("d", 2.3e-4, "damping, V s / V"),
            _constant("k1", 1.0, "stiffness, V / V"),
            _constant("k3", 4.2, "cubic stiffness, V / V^3"),
        ),
        ("u",),
        ("y",),
        1 / 610.35,
        "mass, damper and hardening spring, like the Silverbox",
    ),
    "cascaded_tanks": Generator(
        "cascaded_tanks",
        (
            *_sampled(2_048),
            *_excited(2.0, "V"),
            _constant("offset", 4.0, "mean of the pump's voltage"),
            _constant("k1", 0.05, "outflow of the upper tank, V^0.5 / s"),
            _constant("k2", 0.05, "inflow of the lower tank from the upper one, V^0.5 / s"),
            _constant("k3", 0.05, "outflow of the lower tank, V^0.5 / s"),
            _constant("k4", 0.03, "inflow of the upper tank from the pump, 1 / s"),
            _constant("spill", 0.3, "share of the upper tank's overflow that the lower one catches"),
        ),
        ("u",),
        ("y",),
        4.0,
        "two tanks, one above the other, that overflow at 10 V",
    ),
    "wiener_hammerstein": Generator(
        "wiener_hammerstein",
        (
            *_sampled(40_000),
            *_excited(0.7, "V"),
            _constant("threshold", 0.4, "where the diode begins to conduct, V"),
            _constant("slope", 0.15, "slope of the curve beyond the threshold"),
            _constant("knee", 0.05, "width of the bend, V", low=0),
        ),
        ("u",),
        ("y",),
        1 / 51_200,
        "low-pass filter, diode curve, low-pass filter with a zero in its band",
    ),
    "bouc_wen": Generator(
        "bouc_wen",
        (
            *_sampled(8_192),
            *_excited(50.0, "N"),
            _constant("m", 2.0, "mass, kg", low=0),
            _constant("c", 10.0, "damping, N s / m"),
            _constant("k", 5e4, "stiffness, N / m"),
            _constant("alpha", 5e4, "stiffness of the hysteresis, N / m"),
            _constant("beta", 1e3, "shape of the hysteresis"),
            _constant("gamma", 0.8, "shape of the hysteresis"),
            _constant("delta", -1.1, "shape of the hysteresis"),
            Argument("n", "float", 1.0, low=1, about="sharpness of the hysteresis"),
        ),
        ("u",),
        ("y",),
        1 / 750,
        "an oscillator with hysteresis, the Bouc-Wen benchmark",
    ),
}
