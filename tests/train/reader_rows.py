"""Rows about a few made-up places, enough to train a reader on for a moment."""

from __future__ import annotations

import json
from pathlib import Path

from instill.train.reader.rows import Row

PLACES = ("Arvika", "Belmont", "Corvo", "Dunmore", "Elbasan", "Ferrol", "Gorizia", "Halden")


def row(place: str, number: int) -> Row:
    passage = (
        f"{place} is a small town by the sea. Its harbour was built in {1800 + number} by Marta Lind. "
        f"About {number * 100} people live there, and most of them fish."
    )
    start = passage.index(str(1800 + number))
    return Row(f"When was the harbour of {place} built?", passage, place, place, ((start, start + 4),))


def rows() -> list[Row]:
    found = [row(place, number) for number, place in enumerate(PLACES, start=3)]
    return [*found, *(Row(f"Who paints in {each.title}?", each.passage, each.title, each.group, ()) for each in found)]


def write_rows(path: Path, given: list[Row]) -> Path:
    """Rows as JSON lines."""
    with path.open("w", encoding="utf-8") as stream:
        for each in given:
            answers = [{"text": each.passage[start:end], "start": start} for start, end in each.answers]
            stream.write(
                json.dumps(
                    {"question": each.question, "passage": each.passage, "title": each.title, "answers": answers}
                )
                + "\n"
            )
    return path
