"""The parser reads the language as its description shows it, with exact spans."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysidc.dsl import syntax
from sysidc.dsl.parser import parse, parse_expression
from sysidc.dsl.source import Source, Span

EXAMPLES = sorted(Path("examples").glob("**/*.sysid"))


def parsed(text: str) -> syntax.File:
    file, found = parse(Source("test.sysid", text))
    assert found == ()
    return file


def item(text: str) -> syntax.Item:
    (only,) = parsed(f"sysid 1\n{text}").items
    return only


def expression(text: str) -> syntax.Expression:
    value, found = parse_expression(Source("--set", text))
    assert found == () and value is not None
    return value


def shown(value: syntax.Expression) -> str:
    """The expression with every operation in parentheses."""
    match value:
        case syntax.Binary(operator=operator, left=left, right=right):
            return f"({shown(left)} {operator} {shown(right)})"
        case syntax.Unary(operator=operator, operand=operand):
            return f"({operator}{shown(operand)})"
        case syntax.Number(value=number, unit=unit):
            return f"{number}{unit or ''}"
        case syntax.Name(text=text):
            return text
        case syntax.Index(name=name, index=index):
            return f"{name.text}[{shown(index)}]"
        case syntax.Call(name=name, arguments=arguments):
            return f"{name.text}({', '.join(shown(argument.value) for argument in arguments)})"
        case syntax.List(items=items):
            return f"[{', '.join(map(shown, items))}]"
        case syntax.Range(low=low, high=high):
            return f"{shown(low)} .. {shown(high)}"
        case syntax.Arrow(left=left, right=right):
            return f"{shown(left)} -> {shown(right)}"
        case syntax.String(value=text):
            return f'"{text}"'


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_parses_with_its_comments(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    file = parsed(text)
    assert file.version is not None and file.version.value == 1
    assert len(file.comments) == sum("#" in line for line in text.splitlines())


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        pytest.param("a + b * c", "(a + (b * c))", id="product-before-sum"),
        pytest.param("a - b - c", "((a - b) - c)", id="differences-group-to-the-left"),
        pytest.param("a // b / c", "((a // b) / c)", id="quotients-group-to-the-left"),
        pytest.param("-a ** 2", "(-(a ** 2))", id="power-before-sign"),
        pytest.param("a ** b ** c", "(a ** (b ** c))", id="powers-group-to-the-right"),
        pytest.param("2 ** -1", "(2 ** (-1))", id="negative-exponent"),
        pytest.param("(a + b) * c", "((a + b) * c)", id="parentheses"),
        pytest.param("0..1", "0 .. 1", id="range-without-blanks"),
        pytest.param("0 .. 32_000", "0 .. 32000", id="range-with-underscore"),
        pytest.param("1e-4 .. 1e-2", "0.0001 .. 0.01", id="range-of-exponents"),
        pytest.param("[u[0], f(x, 3)]", "[u[0], f(x, 3)]", id="index-and-call"),
        pytest.param("[]", "[]", id="empty-list"),
        pytest.param("[1, 2,]", "[1, 2]", id="trailing-comma"),
        pytest.param("4 s", "4s", id="time"),
        pytest.param("51.2 kHz", "51.2kHz", id="rate"),
        pytest.param("20 %", "20%", id="share"),
        pytest.param("4ms", "4ms", id="unit-without-blank"),
        pytest.param("f(int64 -> float32)", "f(int64 -> float32)", id="arrow"),
        pytest.param("log(in) + state", "(log(in) + state)", id="keywords-as-names"),
    ],
)
def test_expressions_group_as_in_python(text: str, meaning: str) -> None:
    assert shown(expression(text)) == meaning


def test_a_unit_is_no_unit_before_an_equals_sign_or_a_bracket() -> None:
    dynamics = item("dynamics d {\n let a = 4\n s = 3\n learn b = 0.05  h[0] = 2\n let c = 4 min(x) = 1 }")
    assert isinstance(dynamics, syntax.Dynamics)
    kinds = [type(part).__name__ for part in dynamics.items]
    assert kinds == ["Let", "Equation", "Learn", "Equation", "Let", "Equation"]


def test_a_unit_stands_on_the_line_of_its_number() -> None:
    section = item("train prediction { horizon = 4\ns = 3 }")
    assert isinstance(section, syntax.Section)
    assert len(section.items) == 2


def test_keywords_are_free_as_setting_names() -> None:
    words = ["train", "test", "data", "model", "input", "state", "learn", "let", "stage", "in", "as", "repeat", "log"]
    section = item("data { " + " ".join(f"{word} = {word}" for word in words) + " }")
    assert isinstance(section, syntax.Section)
    assert [part.key.text for part in section.items if isinstance(part, syntax.Setting)] == words


def test_a_name_may_begin_like_a_keyword() -> None:
    first, second = parsed("sysid 1 param a = 3 in [3] let integer = 4").items
    assert isinstance(first, syntax.Param) and first.domain is not None
    assert isinstance(second, syntax.Let) and second.name.text == "integer"


def test_signals_take_columns_dtype_and_unit_in_any_combination() -> None:
    signals = item('signals { input u input w = ["a", b] : int64 "V" output y = "yEst" "m" output z : float64 }')
    assert isinstance(signals, syntax.Signals)
    described = [
        (part.role, part.name.text, part.columns and len(part.columns), part.dtype and part.dtype.text, part.unit)
        for part in signals.items
        if isinstance(part, syntax.Signal)
    ]
    assert [row[:4] for row in described] == [
        ("input", "u", None, None),
        ("input", "w", 2, "int64"),
        ("output", "y", 1, None),
        ("output", "z", None, "float64"),
    ]
    assert [unit.value if unit else None for *_, unit in described] == [None, "V", "m", None]


def test_annotations_apply_to_layers_groups_and_repeats() -> None:
    model = item("model m: u[1] -> y[1] { @a @b(2) L(3) as x  @c { L } as y  @d repeat 3 { L } as z  @e repeat n { } }")
    assert isinstance(model, syntax.Model)
    annotated = [(type(part).__name__, [note.name.text for note in part.annotations]) for part in model.elements]
    assert annotated == [("Layer", ["a", "b"]), ("Group", ["c"]), ("Repeat", ["d"]), ("Repeat", ["e"])]
    assert [part.label.text if part.label else None for part in model.elements] == ["x", "y", "z", None]


def test_domains_are_lists_or_ranges_perhaps_logarithmic() -> None:
    file = parsed("sysid 1 param a = 1 in [1, 2] param b = 1 in 0 .. 1 param c = 1 in 1 .. 9 log param d = 1")
    domains = [part.domain for part in file.items if isinstance(part, syntax.Param)]
    assert [domain and (type(domain.values).__name__, domain.log) for domain in domains] == [
        ("List", False),
        ("Range", False),
        ("Range", True),
        None,
    ]


def test_spans_cover_exactly_what_was_written() -> None:
    model = item("model m: u[128], y[16] -> y[1] {\n  @cast(int64 -> float32)\n  Linear(1, n * 2) as first\n}")
    assert isinstance(model, syntax.Model)
    (layer,) = model.elements
    assert isinstance(layer, syntax.Layer) and layer.label is not None
    spans: list[tuple[Span, str]] = [
        (model.header, "u[128], y[16] -> y[1]"),
        (model.outputs[0].span, "y[1]"),
        (layer.span, "Linear(1, n * 2)"),
        (layer.name.span, "Linear"),
        (layer.label.span, "first"),
        (layer.annotations[0].span, "@cast(int64 -> float32)"),
        (layer.arguments[1].span, "n * 2"),
    ]
    assert [span.text for span, _ in spans] == [text for _, text in spans]


def test_parentheses_belong_to_the_span_of_what_they_hold() -> None:
    value = expression("(a + b) * c")
    assert isinstance(value, syntax.Binary)
    assert value.left.span.text == "(a + b)"


def test_windows_line_endings_marks_and_tabs_change_nothing() -> None:
    plain = "sysid 1\nlet a = 3 # three\ndata {\n  train = 4 s\n}\n"
    file = parsed("\ufeff" + plain.replace("\n", "\r\n").replace("  ", "\t"))
    assert [type(part).__name__ for part in file.items] == ["Let", "Section"]
    assert [comment.text for comment in file.comments] == ["# three"]
    assert [comment.own_line for comment in file.comments] == [False]


def test_a_hash_inside_a_string_starts_no_comment() -> None:
    file = parsed('sysid 1\n# one\ndata { train = "a#b.csv" } # two')
    assert [(comment.text, comment.own_line) for comment in file.comments] == [("# one", True), ("# two", False)]


def test_a_state_line_of_several_states_becomes_several_states() -> None:
    dynamics = item("dynamics d { state x1 = 5, x2 = 6 }")
    assert isinstance(dynamics, syntax.Dynamics)
    assert [part.span.text for part in dynamics.items] == ["x1 = 5", "x2 = 6"]
