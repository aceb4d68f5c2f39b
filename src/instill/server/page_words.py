"""What to do next, for someone who looks at the pages: the commands and addresses of a remedy as places on a page.

A remedy is written once, as one types it (`instill.errors.python_words` does the same for Python). What no page can do
is said to be for the command line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers

_PHRASES = {
    "Send what GET /api/me gives as csrf_token in this header.": "Load the page again.",
    "Send: Authorization: Bearer instill_... (instill keys add NAME makes one).": "Log in.",
    "Send: Authorization: Bearer instill_...": "Log in.",
    "Say whose it is: instill keys add ann": "Say whose it is.",
    "Run the command again.": "Try it again.",
    "Remove or exclude the link.": "Remove the link.",
    "Make your own first: instill keys add NAME --role admin": "Make your own first, with the role admin.",
    "Name one: --origin https://example.org": "Write one under “Web sites”, for example https://example.org",
    "Make one for this site: instill keys add NAME --role public --label public --origin https://...": (
        "Make one for this site on the page Settings."
    ),
    "Judge some: instill questions list, then: instill questions judge ID right": (
        "Judge some on the page Ask or on the page Questions."
    ),
    "Name another one: --arm NAME": "Name another one under “Only these ways to answer”, or leave the field empty.",
    "leave --no-train out": "check “Fine-tune the model too”",
    "Make one with the same --label: instill study make --label LABEL": "Make one with this key, on the page Compare.",
    " (--changes)": "",
    " (--changes 0)": "",
    " (--noise 0)": "",
    "--all measures everything.": "The command line can measure everything.",
    "With --equal-steps every size gets as many.": "The command line can give every size as many.",
    "run `instill curve` for them": "measure one on the page Compare",
    "To use it anyway: --force": "To use it anyway, check the box beside “Promote”.",
    "Name one by its hash: --base HASH": "Roll back the one that you mean: each has its own button.",
    "give your own with --questions when you have some.": "use judged questions when you have some.",
    "Add documents with English prose, or give your own: instill calibrate --questions FILE": (
        "Add documents with English prose, or use judged questions, on the page Questions."
    ),
    " of your own: instill tune search --questions FILE": " judged questions, on the page Questions.",
    ", or name it: --document DOC": ".",
    'Name a folder or "smollm2", or set generator.folder: instill consolidate --base FOLDER': (
        'Choose "smollm2", or have generator.folder set in instill.toml.'
    ),
}
"""Remedies, and parts of them, that are more than a command."""

_PAGES = {
    "Ask": "ask chat search",
    "Documents": "add remove show status",
    "Questions": "questions calibrate tune/search",
    "Memory": "memory consolidate edit forget receipt",
    "Compare": "study compare curve",
    "Models": "models train/init train/run train",
    "Settings": "keys",
}
"""The commands whose work is done, or seen, on a page."""

_NO_PAGE = frozenset(
    {
        "edit", "forget --allow", "memory calibrate", "models export", "models try", "remove --purge", "train attack",
        "train encoder", "train reader",
    }
)  # fmt: skip
"""Commands that begin like one of these, and are on no page."""

_LISTS = {
    "documents": "Documents",
    "conversations": "Ask",
    "questions": "Questions",
    "memory": "Memory",
    "receipts": "Memory",
    "studies": "Compare",
    "comparisons": "Compare",
    "curves": "Compare",
    "models": "Models",
    "recipes": "Models",
}
"""Addresses of the API that list what a page lists."""

_PAGE_OF = {name.replace("/", " "): page for page, names in _PAGES.items() for name in names.split()}
_LEAD = r"(?:\b(?P<lead>[Rr]un|[Ss]ee|[Tt]ry): |(?P<colon>: )|(?P<open>\())?"
_WORDS = r"[a-z][a-z-]*(?: [a-z][a-z-]*\b)?"
_COMMAND = re.compile(
    rf"{_LEAD}`?\binstill (?P<words>{_WORDS}(?: --(?:purge|allow))?)(?P<rest>(?: [^`(),;]*[^`(),;. ])?)`?"
)
_ADDRESS = re.compile(rf"{_LEAD}\bGET /api/(?P<list>[a-z]+)(?:/[\w/-]*)?")
_EXCLUDED = re.compile(
    r"(?:(?:, |; | )or (?=exclude)|(?P<other>; else )|(?P<first>\b))(?P<word>[Ee]xclude) it(?: in instill\.toml)?\b"
)
"""Who adds a file on a page leaves it out; a pattern that excludes it is for folders that are followed."""
_LOG = re.compile(r"Its log: GET /api/jobs/[\w/-]+")
_OPTION = re.compile(r"on the server: instill [^`]*|(?<![\w`-])--[a-z][a-z-]*(?: [A-Z]+\b)?")
"""An option of a command that no phrase tells otherwise; in a command that is for the server it stays."""


def on_pages(remedy: str) -> str:
    """A remedy in the words of the pages.

    Example:
        >>> on_pages("Nothing was added to this workspace yet. Add documents: instill add PATH")
        'Nothing was added to this workspace yet. Add documents on the page Documents'
        >>> on_pages("List them: GET /api/conversations")
        'List them on the page Ask'
        >>> on_pages("Run: instill study make")
        'Do this on the page Compare'
        >>> on_pages("See: instill models list")
        'See the page Models'
        >>> on_pages("Run: instill doctor --repair (keeps what is undamaged)")
        'Run on the server: instill doctor --repair (keeps what is undamaged)'
        >>> on_pages("Name a new folder: --workspace FOLDER")
        'Name a new folder: (on the command line) --workspace FOLDER'
        >>> on_pages("Flatten it, or exclude it."), on_pages("Exclude it in instill.toml.")
        ('Flatten it.', 'Leave it out.')
        >>> on_pages("Name the file.")
        'Name the file.'
    """
    for words, said in _PHRASES.items():
        remedy = remedy.replace(words, said)
    remedy = _EXCLUDED.sub(_left_out, remedy)
    remedy = _LOG.sub("“What it says” shows its log.", remedy)
    return _OPTION.sub(_option, _ADDRESS.sub(_listed, _COMMAND.sub(_done, remedy)))


def report_on_pages(markup: str) -> str:
    """A report with our own remarks in it in the words of the pages; what it quotes, and its commands, stay.

    Example:
        >>> report_on_pages('<p>a --b</p><section id="missing"><li>facts (--changes)</li></section>')
        '<p>a --b</p><section id="missing"><li>facts</li></section>'
    """
    return _REMARKS.sub(lambda section: _TEXT.sub(lambda text: on_pages(text[0]), section[0]), markup)


_REMARKS = re.compile(r'<section id="(?:missing|sizes)".*?</section>', re.DOTALL)
_TEXT = re.compile(r"(?<=>)[^<>]+(?=<)")


def in_page_words(told: Any) -> Any:
    """What is told as plain data, with all that is said to a person in it in the words of the pages.

    Example:
        >>> in_page_words({"failed": [{"what": "It is empty.", "remedy": "Run: instill add PATH"}]})
        {'failed': [{'what': 'It is empty.', 'remedy': 'Do this on the page Documents'}]}
    """
    if isinstance(told, Mapping):
        return {name: _each_word(value) if name in _TOLD else in_page_words(value) for name, value in told.items()}
    return [in_page_words(each) for each in told] if isinstance(told, (list, tuple)) else told


_TOLD = ("what", "remedy", "notices", "said")
"""Under these names stands what is said to a person."""


def _each_word(told: Any) -> Any:
    if isinstance(told, (list, tuple)):
        return [_each_word(each) for each in told]
    return on_pages(told) if isinstance(told, str) else told


def from_a_page(headers: Headers, *, cookie: bool = False) -> bool:
    """Whether a script of these pages sends the request: browsers say so, and programs do not.

    Args:
        cookie: whoever asks is logged in to the pages.
    """
    return cookie or headers.get("sec-fetch-site") == "same-origin" or "x-csrf-token" in headers


def _left_out(match: re.Match[str]) -> str:
    if match["first"] is None and match["other"] is None:
        return ""
    return f"{match['other'] or ''}{'Leave' if match['word'][0].isupper() else 'leave'} it out"


def _option(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith("on the server") else f"(on the command line) {match[0]}"


def _done(match: re.Match[str]) -> str:
    words = match["words"]
    page = next((_PAGE_OF[each] for each in (words, words.partition(" ")[0]) if each in _PAGE_OF), "")
    if not page or any(words == each or words.startswith(f"{each} ") for each in _NO_PAGE):
        return _at_the_server(match)
    return _place(match, page)


def _listed(match: re.Match[str]) -> str:
    if match["list"] == "jobs":
        return f"{' ' if match['colon'] else match['open'] or ''}on the page where they were begun"
    page = _LISTS.get(match["list"])
    return match[0] if page is None else _place(match, page)


def _place(match: re.Match[str], page: str) -> str:
    lead = match["lead"]
    if not lead:
        return f"{' ' if match['colon'] else match['open'] or ''}on the page {page}"
    if lead.lower() == "see":
        return f"{lead} the page {page}"
    return f"{'Do this' if lead[0].isupper() else 'do this'} on the page {page}"


def _at_the_server(match: re.Match[str]) -> str:
    command = f"instill {match['words']}{match['rest']}"
    if match["lead"]:
        return f"{match['lead']} on the server: {command}"
    return f" on the server: {command}" if match["colon"] else f"{match['open'] or ''}on the server: {command}"
