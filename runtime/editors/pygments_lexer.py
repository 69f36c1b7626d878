"""Colours specs wherever Pygments does: documentation, notebooks, terminals."""

from __future__ import annotations

from typing import Any, ClassVar

from pygments.lexer import RegexLexer, bygroups, words
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text, Whitespace

from sysidc.runtime.editors import vocabulary

SETTING = r"([^\W\d]\w*)([ \t]*)(=)(?!=)"
SIGNAL = r"\b(input|output)(\s+)(?!=)([^\W\d]\w*)"


class SpecLexer(RegexLexer):  # type: ignore[misc]
    """The `.sysid` language."""

    name = "sysid"
    url = ""
    aliases = ["sysid"]  # noqa: RUF012
    filenames = ["*.sysid"]  # noqa: RUF012
    mimetypes = ["text/x-sysid"]  # noqa: RUF012
    version_added = ""

    tokens: ClassVar[dict[str, Any]] = {
        "root": [
            (r"\s+", Whitespace),
            (r"#[^\r\n]*", Comment.Single),
            (r'"[^"\r\n]*"?', String.Double),
            (r"(@)([^\W\d]\w*)", bygroups(Name.Decorator, Name.Decorator)),
            (r"\b(param|let)(\s+)([^\W\d]\w*)", bygroups(Keyword.Declaration, Whitespace, Name.Variable)),
            (r"\b(block|dynamics)(\s+)([^\W\d]\w*)", bygroups(Keyword.Declaration, Whitespace, Name.Function)),
            (r"\b(model)(\s+)([^\W\d]\w*)", bygroups(Keyword.Declaration, Whitespace, Name.Class)),
            (SIGNAL, bygroups(Keyword.Declaration, Whitespace, Name.Variable)),
            (rf"\b(train)(\s+)({'|'.join(vocabulary.modes())})\b", bygroups(Keyword, Whitespace, Keyword.Type)),
            (SETTING, bygroups(Name.Attribute, Whitespace, Operator)),
            (words(vocabulary.keywords(), prefix=r"\b", suffix=r"\b"), Keyword),
            (words(vocabulary.layers(), prefix=r"\b", suffix=r"\b"), Name.Class),
            (words(vocabulary.callables(), prefix=r"\b", suffix=r"\b(?=\s*\()"), Name.Function),
            (words((*vocabulary.functions(), *vocabulary.EQUATIONS), prefix=r"\b", suffix=r"(?=\s*\()"), Name.Builtin),
            (words(vocabulary.dtypes(), prefix=r"\b", suffix=r"\b"), Keyword.Type),
            (words(vocabulary.constants(), prefix=r"\b", suffix=r"\b"), Keyword.Constant),
            (rf"\d[\d_]*(\.(?!\.)[\d_]*)?([eE][+-]?\d+)?(\s*(%|({'|'.join(vocabulary.units())})\b))?", Number),
            (r"->|\.\.|\*\*|//|[-+*/=]", Operator),
            (r"[\[\](){},:]", Punctuation),
            (r"[^\W\d]\w*", Name),
            (r".", Text),
        ],
    }
