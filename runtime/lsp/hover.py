"""What is told about the word under the cursor: its value, its shapes, its page."""

from __future__ import annotations

from contextlib import suppress

from lsprotocol import types

from sysidc.compiler.allowances import ALLOW
from sysidc.compiler.catalogue.arguments import Argument
from sysidc.compiler.catalogue.installed import layer
from sysidc.compiler.dynamics.formulas import FUNCTIONS
from sysidc.compiler.dynamics.layer import ARGUMENTS
from sysidc.compiler.explain import book
from sysidc.compiler.explain.argument_table import left_out, takes
from sysidc.compiler.explain.layer_page import layer_page
from sysidc.compiler.explain.setting_page import SECTIONS, mode_page, section_page, setting_page
from sysidc.compiler.findings import Findings
from sysidc.compiler.plan import Plan
from sysidc.compiler.scope import Scope, Unknown
from sysidc.compiler.values import describe
from sysidc.dsl import syntax
from sysidc.runtime.lsp.analysis import PlacedNode, Shapes
from sysidc.runtime.lsp.documents import Documents, Text
from sysidc.runtime.lsp.names import Mention, definition, is_local, locals_of
from sysidc.runtime.lsp.tables import arguments_of, settings_at
from sysidc.runtime.lsp.words.frames import Word

RULE = "\n\n---\n\n"


def hover(documents: Documents, text: Text, offset: int, shapes: Shapes | None) -> types.Hover | None:
    """The page of the word at an offset, None where there is nothing to tell."""
    word = text.word_at(offset)
    if word is None:
        return None
    told = _of_comment(word, offset) if word.role == "comment" else _of_word(documents, text, word, shapes)
    if not told:
        return None
    content = types.MarkupContent(types.MarkupKind.Markdown, told)
    return types.Hover(content, text.lines.range(word.start, word.end))


def _of_word(documents: Documents, text: Text, word: Word, shapes: Shapes | None) -> str | None:
    home = definition(documents, text, word)
    if home is not None and word.role != "layer":
        return _of_definition(documents, text, home)
    match word.role:
        case "layer":
            return _of_layer(documents, text, word, home, shapes)
        case "annotation":
            return book.page(f"@{word.text}")
        case "setting":
            return _of_setting(word)
        case "argument":
            return _of_argument(documents, text, word)
        case "mode":
            return mode_page(word.text) if word.text in ("simulation", "prediction", "bounded") else None
        case "keyword":
            return section_page(word.text) if word.text in SECTIONS else None
        case "callee" if word.text in FUNCTIONS and word.frame.section.kind == "dynamics":
            return f"`{word.text}`: {FUNCTIONS[word.text].about}"
        case "callee" | "value":
            return book.page(word.text) if word.text in book.names() else None
    return None


def _of_comment(word: Word, offset: int) -> str | None:
    """The page of a warning that a comment allows."""
    match = ALLOW.match(word.text)
    inside = match is not None and match.start("id") <= offset - word.start <= match.end("id")
    return book.page(match["id"]) if match is not None and inside else None


def _of_setting(word: Word) -> str | None:
    section = "train" if word.frame.kind == "stage" else word.frame.kind
    setting = settings_at(word.frame).get(word.text) or SECTIONS.get(section, {}).get(word.text)
    return setting_page(section, setting) if setting else None


def _of_argument(documents: Documents, text: Text, word: Word) -> str | None:
    called = word.frame.owner
    home = definition(documents, text, called) if called is not None else None
    is_dynamics = home is not None and home.word.role == "define dynamics"
    table = ARGUMENTS if is_dynamics else arguments_of(called, {}) if called is not None else ()
    found = next((entry for entry in table if word.text in (entry.name, *entry.aliases)), None)
    return f"`{called.text}`\n\n{argument_words(found)}" if found is not None and called is not None else None


def argument_words(entry: Argument) -> str:
    """An argument in a line: its name, what it is, what it takes, what it is when left out."""
    about = f": {entry.about}" if entry.about else ""
    return f"`{entry.name}`{about}\n\nTakes {takes(entry)}. Left out: {left_out(entry)}."


# --- definitions -------------------------------------------------------------------------------------------------


def _of_definition(documents: Documents, text: Text, home: Mention) -> str:
    line = _line(home)
    elsewhere = "" if home.text.uri == text.uri else f"\n\nin {home.text.source.path}"
    value = None
    if home.word.role in ("define param", "define let") and not is_local(home.word):
        value = value_of(documents, text, home.word.text)
    worth = f"\n\n= {value}" if value is not None and value not in line else ""
    return f"```sysid\n{line}\n```{worth}{elsewhere}"


def _line(home: Mention) -> str:
    """The line of a definition, without its comment and without the stack behind it."""
    source = home.text.source
    line, column = source.position(home.word.start)
    code = source.line(line)
    comments = [word.start for word in home.text.words if word.role == "comment"]
    start = home.word.start - column + 1
    ends = [offset - start for offset in comments if start <= offset < start + len(code)]
    code = code[: min(ends, default=len(code))].strip()
    if home.word.role in ("define block", "define dynamics", "define argument"):
        code = code.partition("{")[0].strip()
    return code


def value_of(documents: Documents, text: Text, name: str) -> str | None:
    """What a param or a let is worth, None where it has no value."""
    scope = Scope(Findings())
    for part in documents.closure(text):
        for item in part.parsed.tree.items:
            if isinstance(item, syntax.Param | syntax.Let) and scope.defined(item.name.text) is None:
                scope.define(item.name.text, item.name.span, item.value)
    with suppress(Unknown):
        span = scope.defined(name)
        value = scope.lookup(name, span) if span else None
        return describe(value.plain) if value else None
    return None


# --- layers ------------------------------------------------------------------------------------------------------


def _of_layer(documents: Documents, text: Text, word: Word, home: Mention | None, shapes: Shapes | None) -> str | None:
    placed = [] if shapes is None else [entry for entry in shapes.nodes if _is_node_of(entry, word, home)]
    facts = list(dict.fromkeys(_facts(entry, shapes.plan) for entry in placed)) if shapes else []
    if home is not None:
        return RULE.join([*facts, _of_stack(documents, home)])
    row = layer(word.text)
    return None if row is None else RULE.join([*facts, layer_page(row)])


def _is_node_of(entry: PlacedNode, word: Word, home: Mention | None) -> bool:
    wanted = "dynamics" if home is not None else word.text
    return entry.start == word.start and entry.node.layer == wanted


def _of_stack(documents: Documents, home: Mention) -> str:
    """A block with its arguments, equations with their states."""
    names = ", ".join(f"`{mention.word.text}`" for mention in locals_of(home.text, home.word))
    kind = "block" if home.word.role == "define block" else "dynamics"
    told = f"```sysid\n{_line(home)}\n```" if kind == "block" else f"```sysid\ndynamics {home.word.text}\n```"
    return f"{told}\n\nknows {names}" if names and kind == "dynamics" else told


def _facts(entry: PlacedNode, plan: Plan) -> str:
    """Shapes, parameters and receptive field of one use of a layer."""
    node = entry.node
    count = f"{node.parameters} parameter{'' if node.parameters == 1 else 's'}"
    lines = [
        f"in `{_batched(str(node.type_in))}`",
        f"out `{_batched(str(node.type_out))}`",
        count,
        f"receptive field: {reach_words((node.look_back, node.look_ahead), plan)}",
    ]
    if entry.reach is not None:
        lines.append(f"from the model's input up to here: {reach_words(entry.reach, plan)}")
    return "\n".join(f"- {line}" for line in lines)


def _batched(shape: str) -> str:
    return shape.replace("(", "(batch, ", 1)


def reach_words(reach: tuple[int | None, int | None], plan: Plan) -> str:
    """A dependency interval in steps and, where the sampling time is known, in seconds."""
    back, ahead = reach
    if back is None and ahead is None:
        return "the whole window"
    if back is None:
        return "all steps up to its own" + (f" and {ahead} after it" if ahead else "")
    if ahead is None:
        return "its own step and all after it"
    steps = back + 1 + ahead
    time = f" = {steps * plan.sampling_time:g} s" if plan.sampling_time else ""
    around = f" ({back} before, {ahead} after)" if ahead else ""
    return f"{steps} step{'' if steps == 1 else 's'}{time}{around}"
