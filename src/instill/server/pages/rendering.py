"""Templates to pages. Everything that is shown is escaped; only `prose` makes markup, and of few kinds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from math import floor
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markdown_it import MarkdownIt
from markupsafe import Markup

from instill import __version__
from instill.answer.harmless_text import plain_text, with_short_addresses
from instill.answer.said.early_refusal import ASKED_EARLY, early_answer, early_refusal
from instill.answer.types import UNCERTAIN_BELOW, is_refusal
from instill.common.place_in_words import headings_below, in_file, short_name
from instill.common.plurals import counted
from instill.common.purges import last_purge
from instill.errors import InstillError
from instill.errors.escapes import shortened, shown, shown_block
from instill.server.access.caller_role import Who
from instill.server.errors import as_page_json
from instill.server.page_words import on_pages
from instill.server.pages.headlines import headline
from instill.server.pages.study_words import study_words, writers_words
from instill.server.service import Seen, service_of
from instill.server.uploads import name_of_upload

HERE = Path(__file__).parent
PAGES = (
    ("/", "Ask"),
    ("/documents", "Documents"),
    ("/questions", "Questions"),
    ("/memory", "Memory"),
    ("/compare", "Compare"),
    ("/models", "Models"),
    ("/settings", "Settings"),
)
"""What the navigation shows."""
EDITORS_PAGES = ("/memory",)
"""They show what everybody asks."""


def page(seen: Seen, template: str, active: str = "", /, **values: Any) -> HTMLResponse:
    """The template with its values, in the frame, as who asks sees it.

    Args:
        active: the address of the page in the navigation.
    """
    purged = last_purge(seen.workspace.home)
    folder = seen.service.folder.name
    shown = rendered(template, active=active, who=seen.who, folder=folder, names=seen.names, purged=purged, **values)
    return HTMLResponse(shown)


def rendered(template: str, /, *, who: Who | None, **values: Any) -> str:
    """The template with its values; `who` is None before somebody is known."""
    pages = [each for each in PAGES if each[0] not in EDITORS_PAGES or (who is not None and who.may("editor"))]
    return environment().get_template(template).render(who=who, pages=pages, version=__version__, **values)


def error_page(request: Request, error: InstillError, status: int) -> HTMLResponse:
    """What went wrong, for people."""
    who = request.scope.get("state", {}).get("who")
    known = who if isinstance(who, Who) and who.may("reader") else None
    folder = service_of(request).folder.name if known else ""
    told = as_page_json(error, service_of(request).names().of)["error"]
    if not (known and known.may("admin")):
        told = service_of(request).names().in_data(told)
    return HTMLResponse(rendered("error.html", who=known, active="", folder=folder, error=told, status=status), status)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates' environment; a name that is not known in a template is an error."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        prose=prose, line=line, block=shown_block, name=name_of, day=day, clock=clock, score=score, origin=origin,
        data=data, on_pages=on_pages, belief=belief, plain=plain, study=study_words, writers=writers_words,
    )  # fmt: skip
    found.globals.update(
        numbered=numbered,
        headline=headline,
        counted=counted,
        early_refusal=early_refusal,
        early_answer=early_answer,
        asked_early=ASKED_EARLY,
        is_refusal=is_refusal,
        uncertain_below=UNCERTAIN_BELOW,
        place=place,
        headings_below=headings_below,
        labels_of=labels_of,
    )
    return found


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    """Lists, tables, emphasis and code. What would lead elsewhere or load something stays the text that it is."""
    found = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
    return found.disable(["image", "link", "autolink", "html_inline", "html_block", "heading", "lheading", "reference"])


def prose(text: str) -> Markup:
    """A piece of a document or a reply as markup that holds nothing of theirs but words.

    Example:
        >>> prose("**80** <b>degrees</b>")
        Markup('<p><strong>80</strong> &lt;b&gt;degrees&lt;/b&gt;</p>\\n')
    """
    found = _markdown()
    tokens = found.parse(shown_block(text))
    for token in tokens:
        token.attrs.pop("style", None)  # of tables' columns: no style stands in a page
    return Markup(found.renderer.render(tokens, found.options, {}))  # noqa: S704  # rules above; tests/server/pages


def line(text: object, limit: int | None = None) -> str:
    """On one line, with what is invisible made visible."""
    return shown(" ".join(str(text).split()), limit)


def plain(text: str) -> str:
    """A passage as answers show it: without marks of Markdown and targets of links, long addresses cut."""
    return with_short_addresses(plain_text(text))


def name_of(source: str) -> str:
    """A document's name; see `instill.common.place_in_words.short_name`.

    Example:
        >>> name_of("/home/ann/tea.md"), name_of("https://example.org/"), name_of("stdin:tea.md")
        ('tea.md', 'example.org', 'tea.md')
    """
    return shown(short_name(source) or source, 200)


@pass_context
def origin(context: Context, source: str) -> str:
    """Where a document came from, as far as it tells a person something: uploads are files of theirs. Who does not own
    the machine (`names` in the template) is told a name.

    Example:
        >>> owner = environment().from_string("{{ source|origin }}")
        >>> owner.render(names=None, source="/kb/.instill/uploads/all/notes/tea.md")
        'notes/tea.md'
        >>> owner.render(names=None, source="stdin:tea.md"), owner.render(names=None, source="/home/ann/tea.md")
        ('tea.md', '/home/ann/tea.md')
    """
    names = context["names"]
    name = name_of_upload(source) if names is None else names.of(source)
    return shown(name.removeprefix("stdin:"), 300)


def place(citation: Any) -> str:
    """Where a citation stands, in a few words: "Travel rules, p. 2".

    Example:
        >>> place({"title": "Tea", "source": "/x/tea.md", "page": None, "line": 3})
        'Tea, line 3'
    """
    given = citation if isinstance(citation, dict) else {name: getattr(citation, name, None) for name in _PLACE}
    words = line(plain(given.get("title") or ""), 60) or name_of(str(given.get("source") or ""))
    return words + in_file(given.get("page"), given.get("line"))


_PLACE = ("title", "source", "page", "line")


def labels_of(who: Who) -> str:
    """The labels that who asks is held to, in words, where a page has nothing for them; "" where they see all.

    Example:
        >>> labels_of(Who("editor", ("hr", "staff"), "Ann")), labels_of(Who("editor", ("hr",), "Bob"))
        ('your labels', 'your label')
        >>> labels_of(Who("reader", None, "Cy")), labels_of(Who("reader", (), "Di"))
        ('', 'no label')
    """
    if who.labels is None:
        return ""
    return ("no label", "your label", "your labels")[min(len(who.labels), 2)]


def day(moment: str) -> str:
    """The day of an ISO 8601 moment."""
    return moment[:10]


def clock(moment: str) -> str:
    """Day and minute of an ISO 8601 moment, UTC."""
    return moment[:16].replace("T", " ")


def score(value: Any) -> str:
    """A score with three digits behind the point."""
    return f"{value:.3f}" if isinstance(value, (int, float)) else ""


def belief(confidence: float, refused: bool) -> str:
    """A confidence with two digits behind the point; a refusal's with three and never rounded up, so that it is seen to
    lie below the threshold.

    Example:
        >>> belief(0.4987, True), belief(0.4987, False)
        ('0.498', '0.50')
    """
    return f"{floor(confidence * 1000) / 1000:.3f}" if refused else f"{confidence:.2f}"


def data(value: Any) -> str:
    """A value as JSON on one line, for people."""
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), 300)


def numbered(claims: Sequence[Any]) -> list[Any]:
    """The citations of an answer's claims in their order, each once: their place in the list is their number less 1."""
    found: list[Any] = []
    for claim in claims:
        for citation in claim["citations"]:
            if citation not in found:
                found.append(citation)
    return found
