"""What an Office Open XML file says of itself: title, author, subject, keywords, dates."""

from __future__ import annotations

import io
import zipfile

from instill.documents.document import Scalar
from instill.documents.readers.markdown import scalars


def properties(data: bytes) -> dict[str, Scalar]:
    """Title, author, subject, keywords and dates of an Office Open XML file; empty where there are none."""
    from defusedxml import ElementTree
    from defusedxml.common import DefusedXmlException

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            root = ElementTree.fromstring(archive.read("docProps/core.xml"))
    except (KeyError, zipfile.BadZipFile, ElementTree.ParseError, DefusedXmlException, OSError):
        return {}
    names = {"title": "title", "creator": "author", "subject": "subject", "keywords": "keywords", "modified": "date"}
    found: dict[object, object] = {}
    for element in root.iter():
        name = names.get(str(element.tag).rpartition("}")[2])
        if name and element.text and element.text.strip():
            found[name] = element.text.strip()
    return scalars(found)
