"""OpenDocument texts, as LibreOffice writes them in what matters to a reader."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_SPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"), ("style", "style"),
        ("meta", "meta"),
    )
)  # fmt: skip
TYPE = "application/vnd.oasis.opendocument.text"


def odt(body: str, *, styles: str = "", meta: str = "", more: Mapping[str, str] | None = None) -> bytes:
    """A file with this content of `office:text`."""
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_SPACES}>'
        f"<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    about = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-meta {_SPACES} '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta>{meta}</office:meta></office:document-meta>'
    )
    return packed({"content.xml": content, "meta.xml": about, **(more or {})})


def packed(members: Mapping[str, str]) -> bytes:
    """An archive that names its media type first, as the format asks for."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", TYPE, zipfile.ZIP_STORED)
        for name, member in members.items():
            archive.writestr(name, member)
    return made.getvalue()


MINUTES = odt(
    '<text:h text:outline-level="1">Minutes of the allotment society</text:h>'
    "<text:p>The meeting was held in the<text:s/>clubhouse on the third of May.</text:p>"
    '<text:h text:outline-level="2">Watering</text:h>'
    "<text:p>The pump at the well is locked at nine in the evening"
    '<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation><text:note-body>'
    "<text:p>From October to March at six.</text:p></text:note-body></text:note>.</text:p>"
    "<text:list><text:list-item><text:p>Bring your own hose.</text:p></text:list-item>"
    "<text:list-item><text:p>Close the tap.</text:p></text:list-item></text:list>"
    "<table:table><table:table-header-rows><table:table-row>"
    "<table:table-cell><text:p>Plot</text:p></table:table-cell><table:table-cell><text:p>Rent in euros</text:p>"
    "</table:table-cell></table:table-row></table:table-header-rows>"
    "<table:table-row><table:table-cell><text:p>Corner plot</text:p></table:table-cell>"
    "<table:table-cell><text:p>84</text:p></table:table-cell></table:table-row>"
    "<table:table-row><table:table-cell><text:p>Middle plot</text:p></table:table-cell>"
    "<table:table-cell><text:p>67</text:p></table:table-cell></table:table-row></table:table>"
    '<text:p text:style-name="P1">pump --lock</text:p><text:p text:style-name="P1">pump --open</text:p>'
    "<text:p>See you &lt;soon&gt;.<office:annotation><text:p>not for everybody</text:p></office:annotation></text:p>"
    "<text:tracked-changes><text:p>deleted long ago</text:p></text:tracked-changes>",
    styles='<style:style style:name="P1" style:parent-style-name="Preformatted_20_Text"/>',
    meta="<dc:creator>Ada Brook</dc:creator><dc:date>2024-05-03T20:00:00</dc:date>",
)
