"""The documentation site: `make docs` builds it with Sphinx into build/site."""

from __future__ import annotations

import argparse
import os
import posixpath
import re
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

project = "recog"
release = version = version_of("recog")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
# Nothing is loaded from elsewhere: Furo brings no fonts, and search is a script of the site.
html_theme = "furo"
html_title = "recog"
html_show_sourcelink = html_copy_source = False
html_show_copyright = False
html_show_search_summary = False  # it would fetch pages, which browsers refuse for files
myst_heading_anchors = 4
highlight_language = "none"
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_typehints_format = "short"
nitpicky = False

# Files that belong to the repository as a whole, and the page of the site that shows each.
PAGES = {
    "README.md": "index",
    "CONTRIBUTING.md": "contributing",
    "SECURITY.md": "security",
    "CHANGELOG.md": "changelog",
}
LINK = re.compile(r"\]\(([^)#\s:]+)(#[^)\s]*)?\)")


def linked(text: str, source: str) -> str:
    """The text of the repository's file `source`, with links as from its page in docs/."""
    page = f"docs/{PAGES[source]}.md" if source in PAGES else source

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        if not (ROOT / target).exists():
            return match[0]
        if target in PAGES:
            target = f"docs/{PAGES[target]}.md"
        there = posixpath.relpath(target, posixpath.dirname(page))
        return f"]({there}{match[2] or ''})"

    return LINK.sub(link, text)


def read_page(_: Any, docname: str, source: list[str]) -> None:
    """A page that stands for a file of the repository has its text, above what is its own."""
    outside = next((file for file, page in PAGES.items() if page == docname), None)
    if outside is None:
        source[0] = linked(source[0], f"docs/{docname}.md")
        if docname == "commands":
            source[0] += f"\n{command_help()}"
    else:
        _, rule, own = source[0].partition("\n---\n")
        source[0] = linked((ROOT / outside).read_text(), outside) + (own if rule else "")


def command_help() -> str:
    """What every command says of itself."""
    from recog.tools.cli.main import COMMANDS, build_parser

    os.environ["COLUMNS"] = "100"  # as wide as argparse fills
    texts = list[str]()
    for name in COMMANDS:
        actions = build_parser(name)._actions
        parsers = next(each for each in actions if isinstance(each, argparse._SubParsersAction))
        texts.append(f"## recog {name}\n\n```\n{parsers.choices[name].format_help()}```\n")
    return "\n".join(texts)


def setup(app: Any) -> dict[str, bool]:
    """Register what this file adds to Sphinx."""
    from pygments.lexers.special import TextLexer

    app.add_lexer("mlir", TextLexer)
    app.connect("source-read", read_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
