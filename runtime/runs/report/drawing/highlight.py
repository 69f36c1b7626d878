"""The text of a spec as HTML, its words told apart by colour."""

from __future__ import annotations

import re
from html import escape

WORDS = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<string>"[^"\n]*")
      | (?P<annotation>@\w+)
      | (?P<number>(?<![\w.])\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?
                   (?:\ ?%|(?:\ (?:us|ms|s|min|h|Hz|kHz|MHz)\b(?!\s*[=(\[])))?)
      | (?P<keyword>\b(?:sysid|param|let|in|log|use|signals|input|output|block|dynamics|state|learn|model|data|train
                      |test|sweep|stage|repeat|as|simulation|prediction|bounded)\b(?!\s*=))
      | (?P<call>\b[A-Z]\w*)
      | (?P<setting>\b\w+(?=\s*=[^=]))""",
    re.VERBOSE,
)


def highlighted(text: str) -> str:
    """`<pre>` with a span around every word that has a kind; the text itself is unchanged."""
    parts, end = [], 0
    for found in WORDS.finditer(text):
        parts.append(escape(text[end : found.start()]))
        parts.append(f'<span class="{found.lastgroup}">{escape(found.group())}</span>')
        end = found.end()
    return f'<pre class="spec"><code>{"".join(parts)}{escape(text[end:])}</code></pre>'
