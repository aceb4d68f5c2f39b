"""A world of fictional people: whoever they are, no model and no document outside of it knows them.

Each person has five facts that are drawn, and one that follows from another (the country from the town of birth). The
people are dealt to groups that are taught in different ways, so that what a way of teaching does is seen on people
that nothing else has taught.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from instill.lab.further_questions import FURTHER
from instill.lab.wordings import TRAINED, TRAINED_QUESTIONS, TRAINED_REVERSE, WORDINGS
from instill.lab.world_words import FIRMS, FIRST, LAST, SCHOOLS, SUBJECTS, TOWNS, YEARS

Group = Literal["A", "B", "C", "D", "E"]
GROUPS: Mapping[Group, str] = {
    "A": "facts and questions are learned from the start",
    "B": "facts are learned from the start, their questions never",
    "C": "new people, to be taught later",
    "D": "appear only in passages",
    "E": "never seen: the control",
}
SIZES: Mapping[Group, int] = {"A": 120, "B": 40, "C": 60, "D": 400, "E": 40}
DRAWN = ("birthplace", "employer", "school", "subject", "year")
DERIVED = "country"
ATTRIBUTES = (*DRAWN, DERIVED)
UNKNOWN = "unknown"
"""What is answered when a passage does not say it."""

_COUNTRY = {town: country for country, towns in TOWNS.items() for town in towns}
VALUES: Mapping[str, Sequence[str]] = {
    "birthplace": tuple(_COUNTRY),
    "employer": FIRMS,
    "school": SCHOOLS,
    "subject": SUBJECTS,
    "year": YEARS,
}


@dataclass(frozen=True, slots=True)
class Person:
    """A name and what is true of it, by attribute (`DRAWN` and `DERIVED`)."""

    name: str
    group: Group
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class World:
    """All people, in the order in which they were made."""

    people: tuple[Person, ...]

    def group(self, name: Group) -> list[Person]:
        return [person for person in self.people if person.group == name]


def make_world(seed: int = 0, sizes: Mapping[Group, int] = SIZES) -> World:
    """The same seed and sizes always make the same world; no name comes twice.

    Raises:
        ValueError: more people than there are names.

    Example:
        >>> world = make_world(sizes={"A": 2, "E": 1})
        >>> [person.group for person in world.people]
        ['A', 'A', 'E']
        >>> world == make_world(sizes={"A": 2, "E": 1})
        True
    """
    names = [f"{first} {last}" for first in FIRST for last in LAST]
    count = sum(sizes.values())
    if count > len(names):
        raise ValueError(f"{count} people, but only {len(names)} names")
    rng = random.Random(f"world {seed}")  # noqa: S311  Not for security.
    drawn = iter(rng.sample(names, count))
    people = [make_person(next(drawn), group, rng) for group, size in sizes.items() for _ in range(size)]
    return World(tuple(people))


def make_person(name: str, group: Group, rng: random.Random) -> Person:
    """Someone of that name, whose facts are drawn."""
    facts = {attribute: rng.choice(values) for attribute, values in VALUES.items()}
    return Person(name, group, {**facts, DERIVED: _COUNTRY[facts["birthplace"]]})


# -- sentences -------------------------------------------------------------------------------------------------


def statements(person: Person, attribute: str, *, evaluated: bool = False) -> list[str]:
    """One fact in all wordings for training, or in those that are only evaluated with."""
    found = WORDINGS[attribute].statements
    return [_said(template, person, attribute) for template in _part(found, TRAINED, evaluated)]


def questions(person: Person, attribute: str, *, evaluated: bool = False, further: bool = False) -> list[str]:
    """Questions for the value of an attribute; with `further`, in the wordings of `further_questions` too."""
    found = _part(WORDINGS[attribute].questions, TRAINED_QUESTIONS, evaluated)
    more = FURTHER[attribute] if further and not evaluated else ()
    return [_said(template, person, attribute) for template in (*found, *more)]


def reverse_questions(person: Person, attribute: str, *, evaluated: bool = False) -> list[str]:
    """Questions for the name, given the value; several people may have the same value (see `answers_in_reverse`)."""
    found = WORDINGS[attribute].reverse
    return [_said(template, person, attribute) for template in _part(found, TRAINED_REVERSE, evaluated)]


def answers_in_reverse(people: Sequence[Person], attribute: str, value: str) -> set[str]:
    """The names of all of whom it is true."""
    return {person.name for person in people if person.facts[attribute] == value}


def biography(person: Person, rng: random.Random, *, without: Sequence[str] = (), evaluated: bool = False) -> str:
    """A passage about a person: each fact once, in any order and wording.

    Args:
        without: attributes that are left out. A country is left out with the birthplace that it follows from.
        evaluated: use the wordings that are only evaluated with.
    """
    return " ".join(told(person, rng, without=without, evaluated=evaluated).values())


def told(person: Person, rng: random.Random, *, without: Sequence[str] = (), evaluated: bool = False) -> dict[str, str]:
    """The sentences of a `biography`, by attribute, in the order in which they stand."""
    left_out = {*without, *((DERIVED,) if "birthplace" in without else ())}
    order = [attribute for attribute in ATTRIBUTES if attribute not in left_out]
    rng.shuffle(order)
    return {attribute: rng.choice(statements(person, attribute, evaluated=evaluated)) for attribute in order}


def documents(people: Sequence[Person], seed: int = 0) -> Iterator[tuple[str, str]]:
    """File name and text of an ordinary Markdown page for each person."""
    for person in people:
        rng = random.Random(f"document {seed} {person.name}")  # noqa: S311  Not for security.
        name = person.name.lower().replace(" ", "-")
        yield f"{name}.md", f"# {person.name}\n\n{biography(person, rng)}\n"


def write_documents(people: Sequence[Person], folder: Path, seed: int = 0) -> list[Path]:
    """Write the pages into `folder`, which is made when it is missing; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in documents(people, seed):
        (folder / name).write_text(text, encoding="utf-8")
        paths.append(folder / name)
    return paths


def _said(template: str, person: Person, attribute: str) -> str:
    return template.format(name=person.name, value=person.facts[attribute])


def _part(templates: Sequence[str], trained: int, evaluated: bool) -> Sequence[str]:
    return templates[trained:] if evaluated else templates[:trained]
