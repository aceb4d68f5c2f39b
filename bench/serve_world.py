"""Documents made from a seed, for `bench/serve.py`: manuals of machines and rules of towns, with facts to ask for.

Each section states one or two facts about a thing that only it names, so that questions about them have one answer;
around them stand sentences of the same words, so that search and reader have something to tell apart.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

_BEGINNINGS = (
    "Ar",
    "Bel",
    "Cor",
    "Dun",
    "El",
    "Fer",
    "Gor",
    "Hal",
    "Im",
    "Jun",
    "Kal",
    "Lor",
    "Mar",
    "Nor",
    "Or",
    "Pel",
)
_MIDDLES = ("ba", "de", "fi", "go", "hu", "ki", "la", "me", "no", "pa", "ri", "so", "tu", "va", "we", "zo")
_ENDS = ("mont", "vik", "stad", "ford", "holm", "berg", "dale", "wick", "more", "nau", "ling", "rup", "sund", "ton")
_THINGS = ("pump", "furnace", "library", "bridge", "harbour", "archive", "laboratory", "mill", "tower", "canal",
           "garden", "station", "school", "workshop", "museum", "kiln")  # fmt: skip
_PEOPLE = (
    "Marta Lind",
    "Anders Holm",
    "Ines Duarte",
    "Tomas Berg",
    "Wilma Kraus",
    "Jonas Vik",
    "Rosa Adler",
    "Emil Sand",
)
_STUFF = ("granite", "red brick", "steel", "oak", "limestone", "copper", "slate", "concrete")
_UNITS = ("litres", "tonnes", "visitors", "books", "crates", "metres")
_FILLING = (
    "The committee of {place} discusses the {thing} every spring, and the minutes are open to all who live there.",
    "Repairs are ordered by the office, which compares the offers and writes down why one of them was taken.",
    "Visitors reach it from the market square by a path that is lit until midnight and swept twice a week.",
    "In winter the doors stay shut during storms, and whoever works there is told by telephone a day before.",
    "A drawing of the whole building hangs beside the entrance; it shows each room with its number and its use.",
    "Older people of {place} remember when the road in front of the {thing} was still covered with gravel.",
    "The water for the {thing} comes from two wells, one of which is closed while the other one is cleaned.",
    "Children learn about the {thing} in their fourth year of school and paint it for the summer festival.",
    "What is left over at the end of a year goes into a fund for roofs, gutters, and the stairs of the cellar.",
    "Complaints are answered in writing, in the order in which they came, and nobody is named in the answers.",
)  # fmt: skip


def write_documents(folder: Path, count: int, *, sections: int = 20, seed: int = 0) -> None:
    """`count` Markdown files of `sections` sections, each about as long as a passage."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"place-{number:05}.md").write_text(document(number, sections=sections, seed=seed), encoding="utf-8")


def document(number: int, *, sections: int = 20, seed: int = 0) -> str:
    """The same document for the same number and seed.

    Example: "# Arbamont\\n\\n## The pump of Arbamont\\n\\nThe pump of Arbamont was built in 1871 by ..."
    """
    rng = random.Random(f"{seed} {number}")
    place = "".join(rng.choice(parts) for parts in (_BEGINNINGS, _MIDDLES, _MIDDLES, _ENDS)) + f" {number}"
    parts = [f"# {place}", *(_section(place, thing, rng) for thing in _things(sections, rng))]
    return "\n\n".join(parts) + "\n"


def _things(sections: int, rng: random.Random) -> Iterator[str]:
    for number in range(sections):
        thing = _THINGS[number % len(_THINGS)]
        yield thing if number < len(_THINGS) else f"{rng.choice(('old', 'small', 'northern'))} {thing}"


def _section(place: str, thing: str, rng: random.Random) -> str:
    named = f"The {thing} of {place}"
    facts = (
        f"{named} was built in {rng.randint(1650, 1990)} by {rng.choice(_PEOPLE)}.",
        f"{named} was built of {rng.choice(_STUFF)} and holds {rng.randint(20, 9000)} {rng.choice(_UNITS)}.",
        f"{named} is opened by {rng.choice(_PEOPLE)} on {rng.randint(1, 28)} May {rng.randint(1991, 2024)}.",
    )
    told = [rng.choice(facts), *(line.format(place=place, thing=thing) for line in rng.sample(_FILLING, 7))]
    rng.shuffle(told)
    return f"## {named}\n\n" + " ".join(told[:4]) + "\n\n" + " ".join(told[4:])
