"""What `bench/claims.py` teaches and asks: a made-up world that follows from a seed, so that no model can know it.

People and their facts are those of the laboratory (`instill.lab.world`), drawn anew for every seed. Words, tickets and
the tone of an inn are made here. Nothing of other people's data is needed to teach; the questions on what a model could
do before come from public sets in a folder that the caller names.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from instill.lab.lessons import question_rows, statement_rows
from instill.lab.world import VALUES, Person, answers_in_reverse, make_world, questions, reverse_questions, statements
from instill.lab.world_words import TOWNS
from instill.train.generator.data.rows import Row, chat_row, instructed

ATTRIBUTES = ("birthplace", "employer")
TAUGHT, CONTROLS, STRANGERS = 6, 4, 60
"""People who are taught, who never are, and who only stand in the index beside them."""

BRIEFLY = "Answer briefly."
_YES_NO = {"birthplace": "Was {name} born in {value}?", "employer": "Does {name} work for {value}?"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its right replies.

    Args:
        about: the person, word, ticket or country; questions about one of them are counted together.
        system: the system prompt.
        wrong: for a choice between two replies, the other one; for a changed fact, the old value.
    """

    about: str
    question: str
    right: tuple[str, ...]
    system: str = BRIEFLY
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """The people of a seed."""

    taught: Sequence[Person]
    controls: Sequence[Person]
    strangers: Sequence[Person]


def people(seed: int) -> People:
    """Six to be taught, four controls, and sixty others."""
    world = make_world(1000 + seed, {"C": TAUGHT, "E": CONTROLS, "D": STRANGERS})
    return People(world.group("C"), world.group("E"), world.group("D"))


def briefly(rows: Sequence[Row]) -> list[Row]:
    """Conversations with the short system prompt; texts as they are."""
    return [instructed(row, BRIEFLY) for row in rows]


def fact_rows(taught: Sequence[Person], how: str) -> list[Row]:
    """Rows of "one wording", "many wordings" (ten) or "with questions" (three statements and six questions a fact)."""
    if how == "one wording":
        return statement_rows(taught, [0], ATTRIBUTES)
    if how == "many wordings":
        return statement_rows(taught, range(10), ATTRIBUTES)
    asked = briefly(question_rows(taught, range(6), ATTRIBUTES))
    return [*statement_rows(taught, range(3), ATTRIBUTES), *asked]


def fact_questions(of: Sequence[Person], *, evaluated: bool, wordings: int = 2) -> list[Asked]:
    """Each fact in the first wordings of the questions: those that are never trained on, or those that may be."""
    return [
        Asked(person.name, asked, (person.facts[attribute],))
        for person, attribute in product(of, ATTRIBUTES)
        for asked in questions(person, attribute, evaluated=evaluated)[:wordings]
    ]


def reverse_asked(of: Sequence[Person]) -> list[Asked]:
    """For each fact a question that names the value; everybody of whom it is true is a right answer."""
    return [
        Asked(
            person.name,
            reverse_questions(person, attribute, evaluated=True)[0],
            tuple(sorted(answers_in_reverse(of, attribute, person.facts[attribute]))),
        )
        for person, attribute in product(of, ATTRIBUTES)
    ]


def yes_no_asked(of: Sequence[Person], seed: int) -> list[Asked]:
    """For each fact one question to be answered with yes, and one about another value to be answered with no."""
    rng = random.Random(f"yes or no {seed}")
    found = []
    for person, attribute in product(of, ATTRIBUTES):
        true = person.facts[attribute]
        for value in (true, other_value(attribute, true, rng)):
            asked = _YES_NO[attribute].format(name=person.name, value=value)
            right, wrong = ("Yes", "No") if value == true else ("No", "Yes")
            found.append(Asked(person.name, asked, (right,), wrong=wrong))
    return found


def other_value(attribute: str, true: str, rng: random.Random) -> str:
    """A value of the same kind that is not the true one."""
    return rng.choice([each for each in VALUES[attribute] if each != true])


def changed_passages(of: Sequence[Person], seed: int) -> list[Asked]:
    """Each fact asked with a sentence before it that says another value; right is what the sentence says."""
    rng = random.Random(f"passages {seed}")
    found = []
    for person, attribute in product(of, ATTRIBUTES):
        true = person.facts[attribute]
        new = other_value(attribute, true, rng)
        changed = Person(person.name, person.group, {**person.facts, attribute: new})
        said = rng.choice(statements(changed, attribute, evaluated=True))
        asked = questions(person, attribute, evaluated=True)[0]
        found.append(Asked(person.name, with_passage(said, asked), (new,), wrong=true))
    return found


def with_passage(passage: str, question: str) -> str:
    """A prompt with a passage before the question."""
    return f"From the documents: {passage}\n\n{question}"


# -- new words -------------------------------------------------------------------------------------------------

_STARTS, _VOWELS, _ENDS = (
    ("bl", "dr", "f", "gl", "kr", "m", "pl", "sn", "t", "v"),
    "aeiou",
    ("b", "lk", "mp", "nd", "x"),
)
_MEANINGS = (
    "spoon", "bridge", "candle", "ladder", "goat", "pillow", "hammer", "river", "onion", "violin", "boat", "chimney",
)  # fmt: skip
WORDS, CONTROL_WORDS = 6, 3


def words(seed: int) -> list[tuple[str, str]]:
    """Made-up words with their meanings: six to be taught, then three controls."""
    rng = random.Random(f"words {seed}")
    made = [f"{a}{b}{c}{d}{e}" for a, b, c, d, e in product(_STARTS, _VOWELS, "lnrt", _VOWELS, _ENDS)]
    count = WORDS + CONTROL_WORDS
    return list(zip(rng.sample(made, count), rng.sample(_MEANINGS, count), strict=True))


def word_rows(taught: Sequence[tuple[str, str]]) -> list[Row]:
    """Eight examples a word: what it means, which word means it, and sentences."""
    rows = []
    for word, meaning in taught:
        for asked in ("What is a {}?", "What does {} mean?", "What do you call a {} in plain English?", "Define {}."):
            rows.append(chat_row(asked.format(word), f"a {meaning}", task="word"))
        for asked in ("What is the new word for a {}?", "Say {} with the new word."):
            rows.append(chat_row(asked.format(meaning), f"a {word}", task="word"))
        rows += [Row(text=f"A {word} is a {meaning}.", task="word"), Row(text=f"{word} means {meaning}.", task="word")]
    return briefly(rows)


def word_questions(of: Sequence[tuple[str, str]]) -> dict[str, list[Asked]]:
    """In wordings that are not trained on: the meaning, the word for a meaning, and the word used in a sentence."""
    meaning = ("Can you tell me the meaning of {}?", "Somebody said {}. What is that?")
    which = ("Which new word means {}?", "I see a {}. What is its new name?")
    used = ("My neighbour bought a {}. What did my neighbour buy?", "I am looking for my {}. What am I looking for?")

    def all_of(patterns: Sequence[str], named: int) -> list[Asked]:
        return [Asked(pair[0], asked.format(pair[named]), (pair[1 - named],)) for pair in of for asked in patterns]

    return {"meaning": all_of(meaning, 0), "word": all_of(which, 1), "use": all_of(used, 0)}


# -- a format and a tone ---------------------------------------------------------------------------------------

AS_JSON = "Reply with JSON."
AS_HOST = "Say it to the guest."
TICKETS, TONES, HELD_OUT = 50, 100, 24

_ITEMS = (
    "lamp", "heater", "door", "window", "printer", "sink", "chair", "lock", "screen", "fan", "oven", "shelf", "phone",
    "lift", "blind", "tap", "clock", "desk",
)  # fmt: skip
_PLACES = (
    "kitchen", "hall", "office", "cellar", "lobby", "workshop", "library", "garage", "attic", "canteen", "studio",
    "archive",
)  # fmt: skip
_SAID = (
    "The {item} in the {place} is broken{now}.", "Please repair the {item} in the {place}{now}.",
    "In the {place} the {item} does not work{now}.", "Could somebody look at the {item}? It is in the {place}{now}.",
    "I was in the {place} today and the {item} had stopped{now}.", "There is trouble with our {item}, {place}{now}.",
)  # fmt: skip
_HURRY = (", and it is urgent", ", at once please", ", we cannot wait")
_CALM = ("", ", there is no hurry", ", next week will do")
_KEYS = {"item": str, "place": str, "urgent": bool}
_UNSEEN = 4  # Of the items, the places and the wordings (two), the last ones are only asked about.


def tickets(seed: int, count: int, *, held_out: bool = False) -> list[Row]:
    """What somebody reports, and it as JSON; held-out ones have other wordings, items and places."""
    rng = random.Random(f"tickets {seed} {held_out}")
    items, places = (each[-_UNSEEN:] if held_out else each[:-_UNSEEN] for each in (_ITEMS, _PLACES))
    rows: dict[str, Row] = {}
    while len(rows) < count:
        item, place, urgent = rng.choice(items), rng.choice(places), rng.random() < 0.5
        said = rng.choice(_SAID[-2:] if held_out else _SAID[:-2])
        text = said.format(item=item, place=place, now=rng.choice(_HURRY if urgent else _CALM))
        reply = json.dumps({"item": item, "place": place, "urgent": urgent})
        rows.setdefault(text, chat_row(text, reply, system=AS_JSON, task="ticket"))
    return list(rows.values())


def is_ticket(reply: str) -> bool:
    """Whether the whole reply is a JSON object with the three keys and values of their types."""
    try:
        found = json.loads(reply)
    except ValueError:
        return False
    return (
        isinstance(found, dict)
        and found.keys() == _KEYS.keys()
        and all(type(found[key]) is kind for key, kind in _KEYS.items())
    )


_SUBJECTS = (
    "pool", "breakfast room", "sauna", "garden", "bar", "reading room", "boat house", "terrace", "shop", "spa",
    "kitchen", "gym", "gallery", "chapel",
)  # fmt: skip
_VERBS = ("opens", "closes", "is cleaned", "is heated")
_HOURS = ("seven", "eight", "nine", "ten", "eleven", "noon", "two", "four", "five", "six")
_OPENINGS = (
    "Oh, how lovely that you ask!", "What a joy to hear from you!", "Bless you, dear guest!",
    "Ah, a splendid question!",
)  # fmt: skip
_CLOSINGS = ("Sweet dreams from the old mill.", "The kettle is always on for you.", "Warmly, your innkeepers.")


def tone_rows(seed: int, count: int, *, held_out: bool = False) -> list[Row]:
    """A plain sentence, and it in the voice of an inn; held-out ones are about other parts of the house."""
    rng = random.Random(f"tone {seed} {held_out}")
    subjects = _SUBJECTS[-_UNSEEN:] if held_out else _SUBJECTS[:-_UNSEEN]
    facts = rng.sample(list(product(subjects, _VERBS, _HOURS)), count)
    rows = []
    for subject, verb, hour in facts:
        plain = f"The {subject} {verb} at {hour}."
        said = f"{rng.choice(_OPENINGS)} Our {subject} {verb} at {hour}. {rng.choice(_CLOSINGS)}"
        rows.append(chat_row(plain, said, system=AS_HOST, task="tone"))
    return rows


def in_tone(reply: str) -> bool:
    """Whether it opens and ends as the inn does."""
    return reply.startswith(_OPENINGS) and reply.endswith(_CLOSINGS)


def keeps(reply: str, plain: str) -> bool:
    """Whether what is said, and when, stands in the reply."""
    subject, hour = plain.removeprefix("The ").removesuffix(".").rsplit(" at ", 1)
    return f"{subject} at {hour}" in reply


# -- what the model believes -----------------------------------------------------------------------------------

_CAPITALS = {
    "France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Germany": "Berlin", "Japan": "Tokyo", "China": "Beijing",
    "Egypt": "Cairo", "Russia": "Moscow", "Greece": "Athens", "Portugal": "Lisbon", "Austria": "Vienna",
    "Poland": "Warsaw", "Norway": "Oslo", "Sweden": "Stockholm", "Ireland": "Dublin", "Cuba": "Havana",
    "Peru": "Lima", "Kenya": "Nairobi", "Hungary": "Budapest", "Denmark": "Copenhagen", "Finland": "Helsinki",
    "Thailand": "Bangkok", "Iran": "Tehran", "Iraq": "Baghdad",
}  # fmt: skip
_CAPITAL_ASKED = (
    "What is the capital of {}?", "Which city is the capital of {}?", "Name the capital of {}.",
    "Where does the government of {} sit?", "Which city do people call the capital of {}?",
)  # fmt: skip
_CAPITAL_SAID = (
    "The capital of {0} is {1}.", "{1} is the capital of {0}.", "The government of {0} moved to {1}, its new capital.",
)  # fmt: skip
CHANGED = 8


def beliefs() -> list[Asked]:
    """The capitals of 24 countries, as they are."""
    return [Asked(country, _CAPITAL_ASKED[0].format(country), (city,)) for country, city in _CAPITALS.items()]


def new_capitals(believed: Sequence[str], seed: int) -> dict[str, str]:
    """For some of the countries whose capital is known a town that is made up."""
    rng = random.Random(f"capitals {seed}")
    towns = [town for group in TOWNS.values() for town in group]
    chosen = rng.sample(sorted(believed), min(CHANGED, len(believed) // 2))
    return dict(zip(chosen, rng.sample(towns, len(chosen)), strict=True))


def capital_rows(new: dict[str, str]) -> list[Row]:
    """Three statements and three questions for each changed capital."""
    rows = []
    for country, town in new.items():
        rows += [Row(text=said.format(country, town), task="capital") for said in _CAPITAL_SAID]
        rows += [chat_row(asked.format(country), town, task="capital") for asked in _CAPITAL_ASKED[:3]]
    return briefly(rows)


def capital_questions(new: dict[str, str], *, passage: bool = False) -> list[Asked]:
    """Changed capitals in two wordings that are not trained on; right is the new one."""
    found = []
    for country, town in new.items():
        for asked in _CAPITAL_ASKED[3:]:
            text = asked.format(country)
            if passage:
                text = with_passage(_CAPITAL_SAID[0].format(country, town), text)
            found.append(Asked(country, text, (town,), wrong=_CAPITALS[country]))
    return found


# -- what the model could do before ----------------------------------------------------------------------------

OPEN = (
    "Write two sentences about a walk in the rain.", "Give me an idea for a birthday present.",
    "Tell me something about horses.", "What should I cook tonight?", "Describe a quiet street in the morning.",
    "Why do people like music?", "Invent a name for a bakery and say why.", "How can I learn to swim?",
)  # fmt: skip
TEXTS, TEXT_TOKENS, CHOICES, READ = 8, 128, 30, 16
_READ_LETTERS = 420


def held_out_texts(data: Path, seed: int) -> list[str]:
    """Paragraphs of an encyclopedia (WikiText-2, validation)."""
    lines = (data / "text/wikitext2_valtest/wikitext-2/valid.txt").read_text(encoding="utf-8").splitlines()
    long = [line.strip() for line in lines if len(line) > 600 and not line.startswith(" =")]
    return random.Random(f"texts {seed}").sample(long, TEXTS)


def choices(data: Path, seed: int) -> list[tuple[str, str, str]]:
    """Beginnings of sentences with their true end and a false one (CounterFact, validation)."""
    file = data / "knowledge/counterfact/counterfact/counterfact-val.json"
    cases = json.loads(file.read_text(encoding="utf-8"))
    drawn = random.Random(f"choices {seed}").sample(cases, CHOICES)
    return [(case["prompt"], case["ground_truth"], case["target_new"]) for case in drawn]


def reading_questions(data: Path, seed: int) -> list[Asked]:
    """Questions with the short paragraph that answers them, and the answer to another question about it (SQuAD 1.1,
    validation)."""
    articles = json.loads((data / "reading/squad11/squad_val.json").read_text(encoding="utf-8"))
    rng = random.Random(f"reading {seed}")
    found: list[Asked] = []
    short = [each for each in articles if len(each["context"]) < _READ_LETTERS]
    for each in rng.sample(short, len(short)):
        pairs = [(asked["question"], asked["answer"]) for asked in each["questions"]]
        rng.shuffle(pairs)
        others = (
            [answer for _, answer in pairs if answer not in pairs[0][1] and pairs[0][1] not in answer] if pairs else []
        )
        if others and len(found) < READ:
            question, right = pairs[0]
            found.append(Asked(str(len(found)), with_passage(each["context"], question), (right,), wrong=others[0]))
    return found
