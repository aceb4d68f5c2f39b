"""Mail files (.eml), by Python's email package."""

from __future__ import annotations

import email
import email.policy
import email.utils
from datetime import UTC
from email.message import EmailMessage

from instill.documents.document import Parsed, Scalar
from instill.documents.readers.job import Job
from instill.documents.text_decoding import decoded, normalise

_SHOWN = ("Subject", "From", "To", "Cc", "Date")


def read_mail(job: Job) -> Parsed:
    """Subject, people and date over the body; attachments are named, not read.

    The plain text body is preferred; an HTML body is turned into Markdown.
    """
    message = email.message_from_bytes(_head_as_utf8(job.data), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    headers = {name: _header(message, name) for name in _SHOWN}
    attachments = [part.get_filename() or part.get_content_type() for part in _attachments(message)]
    top = [f"{name}: {value}" for name, value in headers.items() if value]
    if attachments:
        top.append(f"Attachments: {', '.join(attachments)}")
    text = "\n\n".join(part for part in ("\n".join(top), _body(message, job)) if part)
    notices = (f"Attachments were not read: {', '.join(attachments)}.",) if attachments else ()
    return Parsed(text=text, title=headers["Subject"], metadata=_metadata(headers, len(attachments)), notices=notices)


def _head_as_utf8(mail: bytes) -> bytes:
    """The mail with its head in UTF-8: some programs write names and subjects there as the bytes of a code page."""
    head, end, body = (mail.replace(b"\r\n", b"\n") if b"\r\n\r\n" in mail else mail).partition(b"\n\n")
    try:
        head.decode()
    except UnicodeDecodeError:
        return decoded(head).text.encode() + end + body
    return mail


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message[name] or "").split())
    except (ValueError, TypeError, IndexError, AttributeError):  # a header that breaks the mail rules
        return ""


def _attachments(message: EmailMessage) -> list[EmailMessage]:
    return [
        part
        for part in message.walk()
        if isinstance(part, EmailMessage)
        and not part.is_multipart()
        and (
            part.get_content_disposition() == "attachment"
            or (part.get_filename() and part.get_content_maintype() != "text")
        )
    ]


def _body(message: EmailMessage, job: Job) -> str:
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset() or ""
    text = job.decoded(decoded(payload, charset=charset)) if isinstance(payload, bytes) else ""
    if part.get_content_subtype() == "html" and text.strip():
        from instill.documents.readers.html import read_html

        return read_html(text).text
    return normalise(text).strip()


def _metadata(headers: dict[str, str], attachments: int) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {key.lower(): value[:500] for key, value in headers.items() if value and key != "Date"}
    if "from" in found:
        found["author"] = found["from"]
    try:
        sent = email.utils.parsedate_to_datetime(headers["Date"])
        sent = sent.astimezone(UTC) if sent.tzinfo else sent
        found |= {"date": sent.strftime("%Y-%m-%dT%H:%M:%SZ"), "year": sent.year}
    except (ValueError, TypeError, IndexError, OverflowError):
        pass
    if attachments:
        found["attachments"] = attachments
    return found
