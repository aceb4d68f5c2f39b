"""XML: feeds (RSS, Atom) entry by entry; other files as "path: text" lines. Parsed by defusedxml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError  # types only: defusedxml parses

from instill.documents.document import Parsed, Scalar
from instill.documents.readers.job import Job
from instill.documents.readers.markdown import scalars, structured
from instill.documents.readers.text import read_text
from instill.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONTENT = ("encoded", "content", "description", "summary")


def read_xml(job: Job) -> Parsed:
    """A section an entry for feeds; for other files a line an element, with its path.

    Raises:
        DocumentError: the XML declares entities or refers to other files.
    """
    from defusedxml import ElementTree
    from defusedxml.common import DefusedXmlException

    try:
        root: Element = ElementTree.fromstring(job.data)
    except DefusedXmlException as error:
        raise DocumentError(
            "The XML declares entities, which can expand without end.", remedy="Remove its DOCTYPE and add it again."
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        parsed = read_text(job.text())
        return replace(parsed, notices=(f"It is not valid XML ({error}), so it was read as plain text.",))
    if _tag(root) in ("rss", "RDF", "feed"):
        return _feed(root)
    return Parsed(text="\n".join(_lines(root, "")), title=_child_text(root, ("title",)))


def _tag(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _feed(root: Element) -> Parsed:
    channel = next((child for child in root if _tag(child) == "channel"), root)
    title = _child_text(channel, ("title",))
    parts = [f"# {title}"] if title else []
    about = _child_text(channel, ("description", "subtitle"))
    if about:
        parts.append(_rich(about))
    for entry in root.iter():
        if _tag(entry) in ("item", "entry"):
            parts += _entry(entry)
    metadata: dict[str, Scalar] = scalars({"language": _child_text(channel, ("language",))})
    return structured("\n\n".join(part for part in parts if part), title=title, metadata=metadata)


def _entry(entry: Element) -> Iterator[str]:
    yield f"## {_child_text(entry, ('title',)) or '(no title)'}"
    facts = []
    for label, names in (
        ("Published", ("pubDate", "published", "date", "updated")),
        ("Author", ("creator", "author")),
        ("Link", ("link",)),
    ):
        value = _child_text(entry, names)
        if value:
            facts.append(f"{label}: {value}")
    yield "\n".join(facts)
    yield _rich(_child_text(entry, _CONTENT))


def _child_text(element: Element, names: Sequence[str]) -> str:
    """The text of the first child with one of the names, in the order of the names."""
    for name in names:
        for child in element:
            if _tag(child) == name:
                text = (
                    " ".join("".join(child.itertext()).split()) if name not in _CONTENT else "".join(child.itertext())
                )
                found = text.strip() or str(child.get("href") or "")
                if found:
                    return found
    return ""


def _rich(text: str) -> str:
    """Feeds carry HTML as text; its headings stand below the entry's."""
    if not re.search(r"<\w+[^>]*>", text):
        return text.strip()
    from bs4 import BeautifulSoup

    from instill.documents.readers.html import html_to_markdown

    soup = BeautifulSoup(text, "lxml")
    for tag in soup.find_all(re.compile(r"^h[1-6]$")):
        tag.name = f"h{min(6, int(tag.name[1]) + 2)}"
    return html_to_markdown(str(soup))


def _lines(element: Element, path: str) -> Iterator[str]:
    here = f"{path}.{_tag(element)}" if path else _tag(element)
    for name, value in element.attrib.items():
        if value.strip():
            yield f"{here}@{name.rpartition('}')[2]}: {' '.join(value.split())}"
    mixed = bool((element.text or "").strip()) and len(element) > 0
    if mixed or any((child.tail or "").strip() for child in element):
        yield f"{here}: {' '.join(''.join(element.itertext()).split())}"
        return
    if (element.text or "").strip():
        yield f"{here}: {' '.join(str(element.text).split())}"
    for child in element:
        if isinstance(child.tag, str):
            yield from _lines(child, here)
