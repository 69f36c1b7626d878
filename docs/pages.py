"""Hooks of MkDocs: examples and the pages of `explain` join the site; the gallery shows each spec below its table."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.sysid"))
EXPLAINED = sorted((ROOT / "compiler" / "explain" / "pages").glob("*.md"))
MOVED = (
    (re.compile(r"\]\(\.\./((?:\.\./)*)examples/"), r"](\1examples/"),
    (re.compile(r"\]\(\.\./((?:\.\./)*)compiler/explain/pages/"), r"](\1diagnostics/"),
)
"""Links that leave the folder `docs`, and what they are inside the site."""


def on_config(config: MkDocsConfig) -> None:
    """Refuse to build without colours, as where the installed sysidc is older than its Pygments lexer."""
    try:
        get_lexer_by_name("sysid")
    except ClassNotFound:
        raise PluginError("Pygments does not know `sysid`: install sysidc anew, `pip install -e .`") from None


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    for example in EXAMPLES:
        files.append(File.generated(config, f"examples/{example.name}", abs_src_path=str(example)))
    for page in EXPLAINED:
        text = re.sub(r"^```sysid .+$", "```sysid", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        files.append(File.generated(config, f"diagnostics/{page.name}", content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    for link, inside in MOVED:
        markdown = link.sub(inside, markdown)
    return markdown + _specs() if page.file.src_uri == "gallery.md" else markdown


def _specs() -> str:
    shown = [f"## {example.stem}\n\n```sysid\n{example.read_text(encoding='utf-8')}```\n" for example in EXAMPLES]
    return "\n" + "\n".join(shown)
