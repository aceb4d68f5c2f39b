"""HTML: the main text as Markdown; title and meta data from the head."""

from __future__ import annotations

import re
import warnings
from typing import Any

from instill.documents.document import Parsed, Scalar
from instill.documents.readers.job import Job
from instill.documents.readers.markdown import scalars, structured
from instill.documents.text_decoding import Decoded, decoded, normalise

_BOILERPLATE = (
    "script,style,noscript,template,svg,iframe,nav,form,button,input,select,[hidden],[aria-hidden=true],"
    ".mw-editsection,.navbox,.headerlink,.copiable-link,.nav-panel,div.header:has(a[accesskey]),.navheader,.navfooter,"
    ".sphinxsidebar,div.related[role=navigation],.docnav,.breadcrumb,.breadcrumbs,.pagination,.pager,"
    "li:has(> a[accesskey]),li:has(> a[rel=next]),li:has(> a[rel=prev])"
)
_PAGE_BOILERPLATE = "header,footer,aside,[role=navigation],[role=banner],[role=contentinfo],[role=search]"
_PICTURE = re.compile(r"!\[([^\]]*)\]\((?:[^()\n]|\([^()\n]*\))*\)")
_LONGEST_TARGET = 200  # longer addresses are for tracking
_META = {
    "author": ("author", "article:author", "dc.creator"),
    "date": ("article:published_time", "date", "dc.date", "dcterms.date", "og:updated_time", "last-modified"),
    "description": ("description", "og:description"),
    "site": ("og:site_name",),
}


def read_html_file(job: Job) -> Parsed:
    """A page; its encoding may be named in it."""
    return read_html(job.decoded(decode_html(job.data, job.charset)))


def read_html(text: str) -> Parsed:
    """Main text (`<main>`, `<article>`, else the body without navigation and the like) as Markdown."""
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning

    from instill.documents.readers.html_layout import unset_layout

    with warnings.catch_warnings():  # XHTML is read as HTML on purpose.
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        soup = BeautifulSoup(text, "lxml")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    metadata = _metadata(soup)
    unset_layout(soup)
    main = _main(soup)
    _unlinked(main)
    markdown = html_to_markdown(str(main), laid_out=False)
    return structured(markdown, title=re.sub(r"\s+", " ", title), metadata=metadata)


def decode_html(data: bytes, charset: str = "") -> Decoded:
    """HTML names its encoding in the page itself when the server does not."""
    declared = re.search(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]+)", data[:4096], re.IGNORECASE)
    return decoded(data, charset=charset or (declared[1].decode("ascii") if declared else ""))


def html_to_markdown(html: str, *, laid_out: bool = True) -> str:
    """HTML (whole or a fragment) as tidy Markdown; inline images are dropped unless they have a description.

    Args:
        laid_out: its tables may set out the page; False: all of them hold data.
    """
    from bs4 import BeautifulSoup

    from instill.documents.readers.html_layout import unset_layout
    from instill.documents.readers.html_tables import make_regular
    from instill.documents.readers.markdown_writer import MarkdownWriter

    soup = BeautifulSoup(html.encode("utf-8", "ignore").decode(), "html.parser")
    for element in soup(["script", "style"]):
        element.extract()
    if laid_out:
        unset_layout(soup, menus=True)
    make_regular(soup)
    body = (soup.body if "<body" in html[:2000].lower() else None) or soup
    try:
        return tidy(MarkdownWriter().convert_soup(body))
    except RecursionError:  # nested by the thousand: the words alone
        return tidy(body.get_text("\n", strip=True))


def _unlinked(soup: Any) -> None:
    """Targets that mean nothing outside the page (anchors, relative paths, scripts) go; the link's text stays."""
    for link in soup.find_all("a"):
        target = str(link.get("href") or "")
        if target.startswith("#") and not any(map(str.isalnum, link.get_text())):
            link.decompose()  # "¶" beside a heading
            continue
        useful = target.lower().startswith(("http://", "https://", "mailto:")) and len(target) <= _LONGEST_TARGET
        if not useful or not link.get_text(strip=True):
            link.unwrap()
        else:
            link.attrs = {"href": target}


def _described(alternative: str) -> str:
    """A picture's description, where it is one; "icon" and "image1.png" say nothing."""
    words = " ".join(alternative.split())
    return f"(image: {words})" if len(words.split()) >= 3 or (len(words) >= 20 and not words.isascii()) else ""


def tidy(markdown: str) -> str:
    """Without images that say nothing, empty links, trailing blanks, and runs of blank lines."""
    text = normalise(markdown).replace("\u00a0", " ")
    text = _PICTURE.sub(lambda match: _described(match[1]), text)
    text = re.sub(r"(?<!!)\[\s*\]\([^)\n]*\)", "", text)
    text = re.sub(r"[ \t]+\n", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _main(soup: Any) -> Any:
    for found in soup.select(_BOILERPLATE):
        found.decompose()
    body = soup.body or soup
    whole = len(body.get_text(" ", strip=True))
    for found in body.select("a[hreflang]"):  # the same page in other languages
        (found.find_parent("li") or found).decompose()
    for selector in ("#mw-content-text", "main", "[role=main]", "article"):
        candidates = soup.select(selector)
        if len(candidates) == 1 and len(candidates[0].get_text(" ", strip=True)) > 0.3 * whole:
            return candidates[0]
    for found in body.select(_PAGE_BOILERPLATE):
        if len(found.get_text(" ", strip=True)) < 0.3 * whole and not found.find_parents(["article", "main"]):
            found.decompose()
    return body


def _metadata(soup: Any) -> dict[str, Scalar]:
    named: dict[str, str] = {}
    for tag in soup.find_all("meta"):
        name = str(tag.get("name") or tag.get("property") or tag.get("http-equiv") or "").lower()
        content = str(tag.get("content") or "").strip()
        if name and content:
            named.setdefault(name, content)
    found = {key: named[name] for key, names in _META.items() for name in reversed(names) if name in named}
    if soup.html and soup.html.get("lang"):
        found["language"] = str(soup.html["lang"])
    return scalars(dict(found))
