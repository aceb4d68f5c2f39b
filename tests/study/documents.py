"""Documents for the tests of study sets: a small world of workshops, with facts of all kinds."""

from __future__ import annotations

from random import Random

from instill.index.lookup import StoredDocument
from instill.index.types import DocumentRecord

FIRST = (
    "Marta",
    "Ove",
    "Ingrid",
    "Lennart",
    "Sigrid",
    "Torsten",
    "Astrid",
    "Gunnar",
    "Elin",
    "Rasmus",
    "Karin",
    "Nils",
)
LAST = ("Lindqvist", "Nyman", "Holm", "Bergman", "Sandell", "Ekberg", "Norling", "Wikander", "Palm", "Rosen", "Dahl")
PLACES = ("Visby", "Ystad", "Kalmar", "Falun", "Gavle", "Lund", "Motala", "Arvika", "Skara", "Nora", "Vadstena")
THINGS = ("oven", "mill", "forge", "tannery", "brewery", "sawmill", "kiln", "press", "lighthouse", "granary")
MATERIALS = ("stone", "copper", "timber", "marble", "iron", "brick")


def stored(text: str, doc_id: str = "d1", title: str = "A page") -> StoredDocument:
    return StoredDocument(
        DocumentRecord(doc_id, f"{doc_id}.md", "markdown", title, "", 0, "", "", (), {}, 1, ""), text, (), (), ()
    )


def workshops(count: int, *, seed: int = 0) -> list[StoredDocument]:
    """`count` pages about a workshop and, of every second one, a page about who built it."""
    rng = Random(seed)
    names = [f"{first} {last}" for first in FIRST for last in LAST]
    rng.shuffle(names)
    pages = []
    for number in range(count):
        name, place = names[number % len(names)], rng.choice(PLACES)
        thing = f"{rng.choice(MATERIALS)} {THINGS[number % len(THINGS)]} of {place}{number}"
        year = rng.randrange(1600, 1990)
        text = (
            f"The {thing} was built in {year} by {name}. It is open on Sundays.\n\n"
            f"The {thing} has {rng.randrange(20, 90)} workers from the nearby villages and farms.\n\n"
            f"Visitors of the {thing} sign a book, because fire wardens count everybody in the building.\n"
        )
        pages.append(stored(text, f"w{number:03}", f"The {thing}"))
        if number % 2 == 0:
            about = (
                f"{name} was born in {rng.choice(PLACES)} near the harbour wall.\n\n"
                f"{name} founded the guild of {place}{number} in {year + 20} with two friends.\n"
            )
            pages.append(stored(about, f"p{number:03}", name))
    return pages
