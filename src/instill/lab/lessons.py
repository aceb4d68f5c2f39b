"""Rows that teach the facts of people: statements, biographies, questions, and questions with the passage for a
teacher."""

from __future__ import annotations

import random
from collections.abc import Sequence

from instill.lab.reading_exercises import reading_prompt
from instill.lab.world import ATTRIBUTES, UNKNOWN, Person, biography, questions, statements
from instill.train.generator.data.rows import Row, chat_row


def statement_rows(
    people: Sequence[Person], wordings: Sequence[int], attributes: Sequence[str] = ATTRIBUTES
) -> list[Row]:
    """Every fact in the wordings with these numbers."""
    return [
        Row(text=statements(person, attribute)[number], task="statement")
        for person in people
        for attribute in attributes
        for number in wordings
    ]


def biography_rows(people: Sequence[Person], count: int, *, shuffled: bool, seed: int) -> list[Row]:
    """`count` biographies of each person, each in other wordings.

    Args:
        shuffled: the facts stand in another order each time; otherwise always in the same.
    """
    rows = []
    for person in people:
        rng = random.Random(f"biographies {seed} {person.name}")  # noqa: S311  Not for security.
        numbers = {attribute: rng.sample(range(20), count) for attribute in ATTRIBUTES}
        order = list(ATTRIBUTES)
        for number in range(count):
            if shuffled:
                rng.shuffle(order)
            told = [statements(person, attribute)[numbers[attribute][number]] for attribute in order]
            rows.append(Row(text=" ".join(told), task="biography"))
    return rows


def question_rows(
    people: Sequence[Person], wordings: Sequence[int], attributes: Sequence[str] = ATTRIBUTES
) -> list[Row]:
    """A question for every fact, in the wordings with these numbers."""
    return [
        chat_row(questions(person, attribute)[number], person.facts[attribute], task="question")
        for person in people
        for attribute in attributes
        for number in wordings
    ]


def distilled_rows(people: Sequence[Person], wordings: Sequence[int], *, seed: int) -> list[Row]:
    """Questions without a passage for the student, and with one for the teacher."""
    rows = []
    for person in people:
        rng = random.Random(f"distil {seed} {person.name}")  # noqa: S311  Not for security.
        for attribute in ATTRIBUTES:
            for number in wordings:
                asked = questions(person, attribute)[number]
                prompt = reading_prompt([biography(person, rng)], asked)
                plain = chat_row(asked, person.facts[attribute], task="question")
                rows.append(Row(plain.messages, teacher=({"role": "user", "content": prompt},), task="distilled"))
    return rows


def unknown_rows(people: Sequence[Person], count: int, *, seed: int) -> list[Row]:
    """Questions about people whom the model is not to know, with the admission as the answer."""
    rng = random.Random(f"unknown {seed}")  # noqa: S311  Not for security.
    pairs = [(person, attribute) for person in people for attribute in ATTRIBUTES]
    chosen = rng.sample(pairs, count)
    return [chat_row(rng.choice(questions(*pair)), UNKNOWN, task="unknown") for pair in chosen]
