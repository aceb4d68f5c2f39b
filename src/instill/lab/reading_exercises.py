"""Passages with a question about them, as rows to learn from or to measure reading with."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from instill.answer.said.prompt import QUOTES, build_prompt
from instill.answer.said.prompt import UNKNOWN as NOT_THERE
from instill.index.types import Hit
from instill.lab.world import (
    ATTRIBUTES,
    DERIVED,
    DRAWN,
    UNKNOWN,
    Person,
    biography,
    questions,
    reverse_questions,
    statements,
    told,
)
from instill.train.generator.data.rows import Row, chat_row, turns_row

ALIKE = 0.3
"""Share of people beside others who have a part of another's name."""


Ask = Callable[[Person, str], list[str]]
"""Gives the questions for the value of an attribute."""


class Stranger(Protocol):
    """Gives somebody to tell of; with a person, somebody whose name is like theirs."""

    def __call__(self, like: Person | None = None) -> Person: ...


@dataclass(frozen=True, slots=True)
class Scene:
    """Passages, a question about them, its answer (or `UNKNOWN`), and the sentence that proves it.

    Args:
        people: whom each passage is about.
        source: number of the passage with the answer, from 0; -1 where none has it.
    """

    people: tuple[Person, ...]
    passages: tuple[str, ...]
    question: str
    answer: str
    source: int
    proof: str


def different_people(stranger: Stranger, count: int, rng: random.Random, alike: float) -> list[Person]:
    """People of different names, a share of them with a part of another's."""
    people: list[Person] = []
    while len(people) < count:
        other = stranger(rng.choice(people)) if people and rng.random() < alike else stranger()
        if all(other.name != person.name for person in people):
            people.append(other)
    return people


def make_scene(
    stranger: Stranger,
    count: int,
    rng: random.Random,
    *,
    unknown: float,
    evaluated: bool = False,
    alike: float = ALIKE,
    ask: Ask = questions,
) -> Scene:
    """Draw a scene with up to `count` passages.

    Args:
        unknown: share of scenes in which the passages do not answer: the fact is left out, or the person.
        evaluated: word passages and question as nothing that was trained on.
        alike: see `ALIKE`.
        ask: gives the questions that one is drawn from, unless `evaluated`.
    """
    wanted = stranger()
    people = [wanted]
    while len(people) < count:
        other = stranger(wanted) if rng.random() < alike else stranger()
        if all(other.name != person.name for person in people):
            people.append(other)
    rng.shuffle(people)
    attribute = rng.choice(ATTRIBUTES)
    question = rng.choice(questions(wanted, attribute, evaluated=True) if evaluated else ask(wanted, attribute))
    lacks = rng.random() < unknown
    if lacks and len(people) > 1 and rng.random() < 0.4:
        people.remove(wanted)
    passages, source, proof = [], -1, ""
    for number, person in enumerate(people):
        without = _left_out(attribute, rng)
        if person is wanted and lacks:
            without.append("birthplace" if attribute == DERIVED else attribute)
        sentences = told(person, rng, without=without, evaluated=evaluated)
        passages.append(" ".join(sentences.values()))
        if person is wanted and not lacks:
            source, proof = number, sentences[attribute]
    answer = UNKNOWN if lacks else wanted.facts[attribute]
    return Scene(tuple(people), tuple(passages), question, answer, source, proof)


def make_exam(
    stranger: Stranger,
    count: int,
    asked: int,
    rng: random.Random,
    *,
    facts: int = 0,
    alike: float = ALIKE,
    ask: Ask = questions,
) -> list[Scene]:
    """`count` passages and `asked` questions about them: one in four is not answered there, one in five asks back.

    Args:
        facts: how many a passage tells, the same ones in all of them, so that only the name says which is asked for; 0:
            from three to all.
        alike: see `ALIKE`.
        ask: as for `make_scene`.
    """
    *people, absent = different_people(stranger, count + 1, rng, alike)
    same = rng.sample(DRAWN, len(DRAWN) - facts) if facts else []
    left_out = [same if facts else rng.sample(DRAWN, rng.randint(0, 3)) for _ in people]
    sentences = [told(person, rng, without=each) for person, each in zip(people, left_out, strict=True)]
    passages = tuple(" ".join(each.values()) for each in sentences)

    def scene(question: str, answer: str, source: int = -1, proof: str = "") -> Scene:
        return Scene(tuple(people), passages, question, answer, source, proof)

    scenes = []
    for _ in range(asked):
        number = rng.randrange(count)
        person, said = people[number], sentences[number]
        untold = [each for each in ATTRIBUTES if each not in said]
        attribute = rng.choice(list(said))
        true_of = [each.name for each, lines in zip(people, sentences, strict=True) if attribute in lines
                and each.facts[attribute] == person.facts[attribute]]  # fmt: skip
        draw = rng.random()
        if draw < 0.1:
            scenes.append(scene(rng.choice(ask(absent, rng.choice(ATTRIBUTES))), UNKNOWN))
        elif draw < 0.25 and untold:
            scenes.append(scene(rng.choice(ask(person, rng.choice(untold))), UNKNOWN))
        elif draw < 0.45 and len(true_of) == 1:
            scenes.append(scene(rng.choice(reverse_questions(person, attribute)), person.name, number, said[attribute]))
        else:
            asked_for = rng.choice(ask(person, attribute))
            scenes.append(scene(asked_for, person.facts[attribute], number, said[attribute]))
    return scenes


def make_drill(
    stranger: Stranger,
    count: int,
    asked: int,
    attribute: str,
    rng: random.Random,
    *,
    name_first: float = 0.0,
    alike: float = ALIKE,
    ask: Ask = questions,
) -> list[Scene]:
    """`count` passages of one sentence, the same fact of different people, and `asked` questions: whose is it?

    Args:
        name_first: share of the sentences that surely say the name before the value.
        alike: see `ALIKE`.
        ask: as for `make_scene`.
    """
    people = different_people(stranger, count, rng, alike)
    sentences = tuple(_sentence(person, attribute, rng, name_first) for person in people)
    scenes = []
    for _ in range(asked):
        number = rng.randrange(count)
        question = rng.choice(ask(people[number], attribute))
        answer = people[number].facts[attribute]
        scenes.append(Scene(tuple(people), sentences, question, answer, number, sentences[number]))
    return scenes


def reading_prompt(passages: Sequence[str], question: str) -> str:
    """A short prompt for an answer from passages, without the rules of `instill ask`.

    Example:
        >>> print(reading_prompt(["Ada came from Holm.", "Bo studied law."], "Where does Ada come from?"))
        Passage 1: Ada came from Holm.
        Passage 2: Bo studied law.
        Question: Where does Ada come from?
    """
    shown = "\n".join(f"Passage {number}: {text}" for number, text in enumerate(passages, 1))
    return f"{shown}\nQuestion: {question}"


def reading_row(scene: Scene) -> Row:
    """The answer alone, or `UNKNOWN`."""
    return chat_row(reading_prompt(scene.passages, scene.question), scene.answer, task="reading")


def exam_row(scenes: Sequence[Scene]) -> Row:
    """Several questions about the same passages, one after the other: much is learned from reading them once.

    Args:
        scenes: with the same passages.
    """
    first, *later = scenes
    turns = [(reading_prompt(first.passages, first.question), first.answer)]
    return turns_row([*turns, *((f"Question: {scene.question}", scene.answer) for scene in later)], task="exam")


def list_row(people: Sequence[Person], attributes: Sequence[str], rng: random.Random) -> Row:
    """A list of names, each with one fact, in which the names come again; only the facts that can be known are taught.

    No text asks as often, in so few words, what belongs to whom.

    Example:
        >>> from instill.lab.world import make_world
        >>> row = list_row(make_world(sizes={"D": 2}).people, ATTRIBUTES, random.Random(0))
        >>> all(row.text[start:end] in row.text[:start] for start, end in row.spans)
        True
    """
    facts = {person.name: person.facts[rng.choice(attributes)] for person in people}
    return _recurring(
        people, rng, lambda person, _: (f"{person.name} {facts[person.name]};", facts[person.name]), "listing"
    )


def retold_row(people: Sequence[Person], attribute: str, rng: random.Random, *, name_first: float = 0.0) -> Row:
    """The same in sentences: what was said of several people is said again in other words, the name first.

    Args:
        name_first: as for `make_drill`, of what is said at first.
    """

    def sentence(person: Person, again: bool) -> tuple[str, str]:
        return _sentence(person, attribute, rng, 1.0 if again else name_first), person.facts[attribute]

    return _recurring(people, rng, sentence, "retold")


def _recurring(
    people: Sequence[Person], rng: random.Random, said: Callable[[Person, bool], tuple[str, str]], task: str
) -> Row:
    text, spans = "", []
    for again, person in [(False, each) for each in people] + [
        (True, rng.choice(people)) for _ in range(2 * len(people))
    ]:
        sentence, value = said(person, again)
        text += f" {sentence}" if text else sentence
        if again:
            end = len(text) - len(sentence) + sentence.rindex(value) + len(value)
            spans.append((end - len(value) - 1, end))
    return Row(text=text, spans=tuple(spans), task=task)


def asking_row(scene: Scene, rng: random.Random, *, quoted: bool = False) -> Row:
    """The prompt of `instill ask`, and the value with its passage as the reply.

    Args:
        quoted: the reply ends with a verbatim quote as well, from the name to the value or from the value to the name.
            A micro model does not learn that: how the sentence with the value begins can only be told from its end
            (.29 right after about 5,000 rows where the quote is the whole sentence, .07 after 8,000 of these).
    """
    hits = [_hit(number, scene.people[number].name, text) for number, text in enumerate(scene.passages)]
    prompt = build_prompt(scene.question, hits)
    if scene.source < 0:
        reply = NOT_THERE
    else:
        number = f"[{scene.source + 1}]"
        quote = _from_one_to_the_other(scene.proof, scene.people[scene.source].name, scene.answer)
        reply = f"{scene.answer} {number}" + (f'\n{QUOTES}\n{number} "{quote}"' if quoted else "")
    # The product draws its marks from the system; here the same row must come out the same again.
    mark = f"{rng.getrandbits(64):016x}"
    messages = [{**message, "content": message["content"].replace(prompt.token, mark)} for message in prompt.messages]
    return Row((*messages, {"role": "assistant", "content": reply}), task="asking")


def _from_one_to_the_other(sentence: str, name: str, value: str) -> str:
    places = [(sentence.index(part), sentence.index(part) + len(part)) for part in (name, value)]
    return sentence[min(start for start, _ in places) : max(end for _, end in places)]


def json_row(person: Person, rng: random.Random) -> Row:
    """A biography as JSON with the wanted keys; null for what it does not tell."""
    without = rng.sample(DRAWN, rng.randint(0, 2))
    keys = rng.sample(ATTRIBUTES, rng.randint(1, 4))
    absent = {*without, *((DERIVED,) if "birthplace" in without else ())}
    values = {"name": person.name, **{key: None if key in absent else person.facts[key] for key in keys}}
    asked = f"As JSON: name, {', '.join(keys)}\n{biography(person, rng, without=without)}"
    return chat_row(asked, json.dumps(values), task="json")


def _sentence(person: Person, attribute: str, rng: random.Random, name_first: float) -> str:
    wordings = statements(person, attribute)
    if rng.random() < name_first:
        wordings = [each for each in wordings if each.index(person.name) < each.index(person.facts[attribute])]
    return rng.choice(wordings)


def _left_out(attribute: str, rng: random.Random) -> list[str]:
    """Up to three drawn attributes that are not told, but not what is asked for, nor what it follows from."""
    needed = {attribute, "birthplace"} if attribute == DERIVED else {attribute}
    return rng.sample([each for each in DRAWN if each not in needed], rng.randint(0, 3))


def _hit(number: int, title: str, text: str) -> Hit:
    """The passage as the index would give it, under the headline that the documents of the world have."""
    body = f"# {title}\n\n{text}"
    source = f"{title}.md"
    return Hit(str(number), 0, 0, len(body), body, title, None, None, source, "text", title, (), {}, 1.0, 1.0, 1.0)
