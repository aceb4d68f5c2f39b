"""OpenDocument texts for Instill: the format, and who reads it."""

from __future__ import annotations

from instill.extending import Format, Job, Parsed

__all__ = ["FORMAT"]


def _read(job: Job) -> Parsed:
    from instill_odt.reading import read_odt  # imported with the first file, not with the list of plug-ins

    return read_odt(job)


FORMAT = Format(
    name="odt",
    reader=_read,
    form="archive",  # so that Instill refuses archives that are encrypted, explosive or declare entities
    endings=("odt", "ott"),
    types=("application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text-template"),
)
