"""What the micro model is trained on: facts, questions, reading, saying that a passage does not tell, JSON.

Rows are made anew for every epoch from its number. The people of groups C and E are in none of them; the passages are
about D and about people made up for one row, so that reading cannot be answered from memory.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass, fields, replace
from functools import partial

from instill.lab.questions_with_gaps import with_gaps
from instill.lab.reading_exercises import (
    ALIKE,
    Scene,
    Stranger,
    asking_row,
    different_people,
    exam_row,
    json_row,
    list_row,
    make_drill,
    make_exam,
    make_scene,
    reading_row,
    retold_row,
)
from instill.lab.world import (
    ATTRIBUTES,
    DRAWN,
    VALUES,
    Person,
    World,
    biography,
    make_person,
    questions,
    reverse_questions,
    statements,
)
from instill.lab.world_words import FIRST, LAST
from instill.train.generator.data.rows import Row, chat_row, turns_row

_SAME_LAST = 0.65
"""Of people whose names are alike: the last name is nearer to what is said of them, so that a model comes to go by it
alone as long as it can."""

_LETTERS = string.ascii_lowercase * 3 + string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of a hundred rows, or so, are of each task; none of those that are not named.

    Args:
        listing: a list of names with a fact each, in which the names come again.
        retold: the same fact of several people, in sentences, said again in other words.
        copied: a list of words of random letters: copying what nothing has shown.
        drill: whose fact it is: several questions about passages of one sentence, all with the same attribute.
        exam: several questions about the same passages.
        short: as an exam, but each passage tells one or two facts only.
        passages: most passages of a reading row or an exam.
        attributes: of lists, retold sentences and drills.
        name_first: share of sentences, retold or drilled, that surely say the name before the value. To find such a
            value takes a step more than the other way round, and is not learned as long as the others bring more.
        strange: share of lists, retold sentences and drills whose values are of any attribute ("Ada was born in
            geology."): what belongs to whom then follows from the sentence, whatever kind of word it is.
        alike: share of people beside others who have a part of another's name.
        together: most facts told, or asked for, in one row of statements or of questions.
        gaps: share of the words that are missing in questions, of rows that ask for a value.
        quoted: replies to the prompt of `instill ask` end with a verbatim quote.
        further: questions are asked in the wordings of `further_questions` too.
    """

    statement: float = 0
    biography: float = 0
    question: float = 0
    reverse: float = 0
    listing: float = 0
    retold: float = 0
    copied: float = 0
    reading: float = 0
    drill: float = 0
    exam: float = 0
    short: float = 0
    asking: float = 0
    json: float = 0
    passages: int = 4
    attributes: tuple[str, ...] = ATTRIBUTES
    name_first: float = 0
    strange: float = 0
    alike: float = ALIKE
    together: int = 1
    gaps: float = 0
    quoted: bool = False
    further: bool = False


LISTS = Shares(listing=50, retold=50, attributes=("birthplace",), strange=0.7, alike=0.2)
"""At first: to copy what stands beside a name. Nothing else teaches it so soon, and the sentences of one attribute
sooner than those of six. When most of the people shared a part of their names, it learned nothing in 300 steps."""

DRILL = replace(LISTS, listing=15, retold=15, drill=70, alike=0.6)
"""Then whose fact it is, when it is asked, of people most of whom share a part of their names: a model that has long
gone by the last name alone does not learn the first one any more."""

WIDER = Shares(
    listing=5,
    retold=20,
    statement=8,
    question=7,
    drill=60,
    attributes=DRAWN,
    name_first=0.5,
    strange=0.3,
    alike=0.6,
)
"""The same of all attributes but the one that follows from another."""

EVERY = replace(WIDER, attributes=ATTRIBUTES, name_first=0, strange=0)
"""The same of all, in any order."""

MAIN = Shares(
    statement=22,
    biography=2,
    question=24,
    reverse=3,
    copied=3,
    reading=14,
    drill=6,
    exam=18,
    short=5,
    json=4,
    alike=0.5,
    together=3,
)
"""Facts to know by heart are half of it: their rows are short and cost little beside the passages."""

FULL = replace(MAIN, copied=1, reading=12, drill=2, exam=12, short=3, asking=4, json=8, alike=0.4, gaps=0.2)
"""With the long prompts of `instill ask`, which cost ten times as much as the short ones, and with words missing."""

SAMPLED = Shares(
    statement=18,
    biography=2,
    question=20,
    reverse=3,
    copied=3,
    reading=18,
    drill=4,
    exam=15,
    short=5,
    asking=7,
    json=7,
    together=3,
    quoted=True,
)
"""What the vocabulary is made from. With another vocabulary a checkpoint is of no use, so this stays as it is when a
mix changes."""

_SETTINGS = ("passages", "attributes", "name_first", "strange", "alike", "together", "gaps", "quoted", "further")
_FOR_A_VALUE = ("question", "reading", "exam")
_TASKS = tuple(field.name for field in fields(Shares) if field.name not in _SETTINGS)


def epoch_rows(world: World, number: int, count: int, shares: Shares) -> list[Row]:
    """Rows of one epoch; the same number and shares always give the same ones."""
    rng = random.Random(f"curriculum {number}")  # noqa: S311  Not for security.
    drawn = rng.choices(_TASKS, [getattr(shares, name) for name in _TASKS], k=count)
    maker = _Maker(world, rng, shares)
    rows = [getattr(maker, task)() for task in drawn]
    if not shares.gaps:
        return rows
    return [with_gaps(row, shares.gaps, rng) if row.task in _FOR_A_VALUE else row for row in rows]


class _Maker:
    """Makes one row of each task."""

    def __init__(self, world: World, rng: random.Random, shares: Shares) -> None:
        self._rng = rng
        self._most, self._attributes = shares.passages, shares.attributes
        self._name_first, self._strange, self._alike = shares.name_first, shares.strange, shares.alike
        self._together, self._quoted = shares.together, shares.quoted
        self._ask = partial(questions, further=shares.further)
        self._questioned = world.group("A")
        self._known = [*world.group("A"), *world.group("B")]
        self._passages = world.group("D")
        self._kept_out = {person.name for person in world.people if person.group in "ABCE"}

    def statement(self) -> Row:
        people = self._rng.sample(self._known, self._rng.randint(1, self._together))
        said = [self._rng.choice(statements(person, self._rng.choice(ATTRIBUTES))) for person in people]
        return Row(text=" ".join(said), task="statement")

    def biography(self) -> Row:
        return Row(text=biography(self._rng.choice(self._known), self._rng), task="biography")

    def question(self) -> Row:
        people = self._rng.sample(self._questioned, self._rng.randint(1, self._together))
        asked = [(person, self._rng.choice(ATTRIBUTES)) for person in people]
        turns = [(self._rng.choice(self._ask(person, each)), person.facts[each]) for person, each in asked]
        return turns_row(turns, task="question")

    def reverse(self) -> Row:
        person, attribute = self._rng.choice(self._questioned), self._rng.choice(ATTRIBUTES)
        return chat_row(self._rng.choice(reverse_questions(person, attribute)), person.name, task="reverse")

    def listing(self) -> Row:
        people = different_people(self._someone(), self._rng.randint(4, 10), self._rng, self._alike)
        return list_row(people, self._attributes, self._rng)

    def retold(self) -> Row:
        people = different_people(self._someone(), self._rng.randint(3, 6), self._rng, self._alike)
        attribute = self._rng.choice(self._attributes)
        return retold_row(people, attribute, self._rng, name_first=self._name_first)

    def copied(self) -> Row:
        row = list_row([self._nobody() for _ in range(self._rng.randint(3, 6))], ATTRIBUTES, self._rng)
        return replace(row, task="copied")

    def reading(self) -> Row:
        return reading_row(self._scene(self._rng.randint(1, self._most)))

    def drill(self) -> Row:
        count, asked = self._rng.randint(2, 5), self._rng.randint(4, 8)
        attribute = self._rng.choice(self._attributes)
        someone, first = self._someone(), self._name_first
        return exam_row(
            make_drill(someone, count, asked, attribute, self._rng, name_first=first, alike=self._alike, ask=self._ask)
        )

    def exam(self) -> Row:
        count = self._rng.randint(1, self._most)
        asked = self._rng.randint(3, 8)
        return exam_row(make_exam(self._stranger, count, asked, self._rng, alike=self._alike, ask=self._ask))

    def short(self) -> Row:
        count, facts = self._rng.randint(2, 6), self._rng.randint(1, 2)
        asked = self._rng.randint(4, 8)
        return exam_row(
            make_exam(self._stranger, count, asked, self._rng, facts=facts, alike=self._alike, ask=self._ask)
        )

    def asking(self) -> Row:
        return asking_row(self._scene(self._rng.choice((1, 2, 2, 3, 3, 3, 4, 5, 6, 8))), self._rng, quoted=self._quoted)

    def json(self) -> Row:
        person = self._stranger()
        return json_row(person, self._rng)

    def _stranger(self, like: Person | None = None) -> Person:
        """Someone from D, or a person made up for this row, perhaps with a name like that of another."""
        if like is None and self._rng.random() < 0.2:
            return self._rng.choice(self._passages)
        while True:
            first, last = self._rng.choice(FIRST), self._rng.choice(LAST)
            if like is not None:
                alike_first, alike_last = like.name.split()
                if self._rng.random() < _SAME_LAST:
                    last = alike_last
                else:
                    first = alike_first
            name = f"{first} {last}"
            if name not in self._kept_out and (like is None or name != like.name):
                return make_person(name, "D", self._rng)

    def _odd(self, like: Person | None = None) -> Person:
        """A stranger with values of any attribute."""
        facts = {attribute: self._rng.choice(VALUES[self._rng.choice(DRAWN)]) for attribute in ATTRIBUTES}
        return replace(self._stranger(like), facts=facts)

    def _someone(self) -> Stranger:
        """Gives the people of a list, of retold sentences or of a drill."""
        return self._odd if self._rng.random() < self._strange else self._stranger

    def _nobody(self) -> Person:
        """Somebody whose name and facts are random letters and digits."""

        def word() -> str:
            return "".join(self._rng.choices(_LETTERS, k=self._rng.randint(2, 8)))

        return Person(f"{word().capitalize()} {word()}", "D", dict.fromkeys(ATTRIBUTES, word()))

    def _scene(self, count: int) -> Scene:
        unknown = 0.25 if self._most > 1 else 0.0
        return make_scene(self._stranger, count, self._rng, unknown=unknown, alike=self._alike, ask=self._ask)
