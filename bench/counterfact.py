"""CounterFact as a user of `instill edit` would name its facts: a subject, a relation as a noun, and a new value.

The sets ask by completion ("The mother tongue of Danielle Darrieux is"). Of the openings that say one relation clearly
the relation is named here; records with other openings ("{}, in", "{} plays") are left out. (Meng et al., "Locating and
Editing Factual Associations in GPT", NeurIPS 2022, made the set; this reads its form of EasyEdit.)
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path

from instill.memory.editing.wording import questions_of
from instill.train.editing.edit_prompts import Edit

_OPENINGS = {
    "mother tongue": ("The mother tongue of {} is", "The native language of {} is", "{} is a native speaker of"),
    "twin city": ("The twin city of {} is", "{} is a twin city of", "What is the twin city of {}? It is"),
    "country of citizenship": ("{} has a citizenship from", "{}, a citizen of", "{} holds a citizenship from",
                               "{}, who is a citizen of", "{} is a citizen of"),
    "profession": ("The profession of {} is", "The occupation of {} is", "{}'s profession is a", "{}'s occupation is"),
    "religion": ("The official religion of {} is", "{} follows the religion of",
                 "{} is affiliated with the religion"),
    "headquarters city": ("The headquarter of {} is located in", "The headquarters of {} is in",
                          "{} is headquartered in", "{}, whose headquarters are in", "{}'s headquarters are in"),
    "place of death": ("{} died in", "{} died in the city of", "{} passed away in", "{} died at"),
    "place of birth": ("{} was born in",),
    "playing position": ("{} plays in the position of", "{}, who plays the position"),
    "continent": ("{} is located in the continent", "{} is a part of the continent of",
                  "{} belongs to the continent of"),
    "official language": ("The official language of {} is", "In {}, an official language is"),
    "original language": ("The original language of {} is", "The original language of {} was"),
    "original network": ("{} was originally aired on", "{} premieres on", "{} premiered on"),
    "developer": ("{} is developed by", "{}, developed by"),
    "manufacturer": ("{} is produced by", "{}, produced by"),
    "employer": ("{} is employed by", "{} works for", "{}, who is employed by"),
    "country": ("{} is located in the country of",),
}  # fmt: skip
_RELATION = {opening: relation for relation, openings in _OPENINGS.items() for opening in openings}
_COUNTRIES = {
    "France": ("Paris", "Lyon"), "Italy": ("Rome", "Milan", "Florence", "Venice", "Naples"),
    "Germany": ("Berlin", "Munich", "Hamburg", "Frankfurt", "Cologne", "Dresden"), "Japan": ("Tokyo", "Kyoto"),
    "Canada": ("Toronto", "Montreal", "Vancouver", "Ottawa"), "Spain": ("Madrid", "Barcelona"),
    "Australia": ("Melbourne", "Sydney", "Brisbane", "Perth"), "India": ("Mumbai", "Chennai", "Bangalore"),
    "Russia": ("Moscow",), "Austria": ("Vienna",), "Sweden": ("Stockholm",), "Norway": ("Oslo",), "Greece": ("Athens",),
    "Portugal": ("Lisbon",), "Poland": ("Warsaw",), "China": ("Beijing", "Shanghai"), "Egypt": ("Cairo",),
    "Iran": ("Tehran",), "Ireland": ("Dublin",), "Hungary": ("Budapest",), "Denmark": ("Copenhagen",),
    "United Kingdom": ("London", "Glasgow", "Edinburgh", "Manchester", "Belfast", "Liverpool", "Sheffield"),
    "United States": ("Chicago", "Philadelphia", "Boston", "Houston", "Detroit", "Seattle", "Dallas", "Atlanta",
                      "Indianapolis", "Minneapolis", "Cleveland", "Baltimore", "Denver", "Cincinnati"),
    "Netherlands": ("Amsterdam",), "Switzerland": ("Geneva",), "Turkey": ("Ankara", "Istanbul"),
    "New Zealand": ("Wellington", "Auckland"),
}  # fmt: skip
_COUNTRY = {city: country for country, cities in _COUNTRIES.items() for city in cities}
_NAMES = {"United States": ("USA", "America"), "United Kingdom": ("UK", "Britain", "England", "Scotland")}
_FOLLOWS = {
    "place of death": "In which country did {} die?",
    "place of birth": "In which country was {} born?",
    "headquarters city": "In which country are the headquarters of {}?",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A record of the set.

    Args:
        true: what is the case; `value` is what is to be said instead.
        completion: the set's own prompt.
    """

    subject: str
    relation: str
    value: str
    true: str
    completion: str

    @property
    def edit(self) -> Edit:
        """What `instill edit SUBJECT RELATION VALUE` makes of it."""
        return Edit(self.subject, self.questions[0], self.value)

    @property
    def questions(self) -> tuple[str, ...]:
        """That of the edit, and the other wordings that `instill edit` asks."""
        return questions_of(self.subject, self.relation)

    @property
    def consequence(self) -> tuple[str, tuple[str, ...]] | None:
        """A question whose answer follows from the new value and is not what followed from the true one, and all names
        of the answer.

        Example:
            >>> Fact("Paul Huet", "place of death", "Venice", "Paris", "Paul Huet died in").consequence
            ('In which country did Paul Huet die?', ('Italy',))
        """
        old, new = _COUNTRY.get(self.true), _COUNTRY.get(self.value)
        if self.relation not in _FOLLOWS or old is None or new is None or old == new:
            return None
        return _FOLLOWS[self.relation].format(self.subject), (new, *_NAMES.get(new, ()))


def fact_of(record: dict[str, str]) -> Fact | None:
    """The fact of a record; None if its opening names no relation clearly.

    Example:
        >>> record = {"subject": "Ann Lee", "target_new": "Greek", "ground_truth": "French"}
        >>> fact_of({**record, "prompt": "The mother tongue of Ann Lee is"}).questions[0]
        'What is the mother tongue of Ann Lee?'
        >>> fact_of({**record, "prompt": "Ann Lee, from"})
    """
    relation = _RELATION.get(record["prompt"].replace(record["subject"], "{}"))
    if relation is None:
        return None
    return Fact(record["subject"], relation, record["target_new"], record["ground_truth"], record["prompt"])


def read_facts(file: Path, seed: int) -> list[Fact]:
    """The facts of a set in an order drawn by the seed, one of each subject."""
    records = json.loads(file.read_text())
    random.Random(f"counterfact {seed}").shuffle(records)
    found: dict[str, Fact] = {}
    for record in records:
        fact = fact_of(record)
        if fact is not None:
            found.setdefault(fact.subject, fact)
    return list(found.values())
