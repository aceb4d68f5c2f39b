"""Short instructions with answers that rules can check: what SmolLM2 can do before it learns facts.

Those that it answers rightly become replay, in its own words, so that training shows it nothing but what it says
already. Others, with other contents, measure what it can do; some of these are of kinds that no replay has.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from instill.lab.world import Person, make_world
from instill.measure.judging.scorer import judge
from instill.train.gate.scoring import score
from instill.train.generator.data.examples import make_examples
from instill.train.generator.data.rows import row_of
from instill.train.generator.loop.replies import log_likelihoods, replies

REPLY_TOKENS = 24
MOST = 190
"""Instructions that are tried for replay."""

_CAPITALS = {
    "France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Germany": "Berlin", "Japan": "Tokyo", "Egypt": "Cairo",
    "Greece": "Athens", "Portugal": "Lisbon", "Austria": "Vienna", "Norway": "Oslo", "Sweden": "Stockholm",
    "Poland": "Warsaw", "Hungary": "Budapest", "Ireland": "Dublin", "Russia": "Moscow", "China": "Beijing",
    "Cuba": "Havana", "Peru": "Lima", "Chile": "Santiago", "Kenya": "Nairobi", "Finland": "Helsinki",
    "Denmark": "Copenhagen", "Belgium": "Brussels", "Iran": "Tehran", "Iraq": "Baghdad", "Thailand": "Bangkok",
    "Turkey": "Ankara", "Canada": "Ottawa", "Argentina": "Buenos Aires", "South Korea": "Seoul",
}  # fmt: skip
_OTHERS = {
    'What is the opposite of "hot"?': "cold", 'What is the opposite of "big"?': "small",
    'What is the opposite of "up"?': "down", 'What is the opposite of "open"?': "closed",
    'What is the opposite of "happy"?': "sad", 'What is the opposite of "fast"?': "slow",
    'What is the opposite of "rich"?': "poor", 'What is the opposite of "day"?': "night",
    "Which month comes after November?": "December", "Which day comes after Monday?": "Tuesday",
    "How many days are in a week?": "seven", "How many months are in a year?": "twelve",
    "What colour is the sky on a clear day?": "blue", "What is the largest planet of our solar system?": "Jupiter",
    "Who wrote Romeo and Juliet?": "Shakespeare", "What is the chemical formula of water?": "H2O",
    "Which animal barks?": "dog", "What is frozen water called?": "ice", "How many legs does a spider have?": "eight",
    "Which planet is closest to the Sun?": "Mercury", "Who painted the Mona Lisa?": "Leonardo da Vinci",
    "What gas do plants take in from the air?": "carbon dioxide",
}  # fmt: skip
_OPEN = (
    "Write two sentences about the sea.", "Explain what a bicycle is.", "Give a tip for learning a language.",
    "Describe a sunny day.", "Why do people sleep?", "How is bread made?", "What does a teacher do?",
    "Tell me about the Moon.", "How can I save water at home?", "Describe your favourite animal.",
    "Why is reading good for children?", "What makes a good friend?",
)  # fmt: skip
_ASKS = {"birthplace": "Where was {} born?", "employer": "Who does {} work for?", "year": "In which year was {} born?"}


@dataclass(frozen=True, slots=True)
class Task:
    """An instruction, and what answers it.

    Args:
        kind: what it asks for.
    """

    kind: str
    asked: str
    answer: str

    @property
    def prompt(self) -> list[Any]:
        """The conversation that is to be gone on with."""
        return [{"role": "user", "content": self.asked}]


def tasks(seed: int) -> tuple[list[Task], list[Task]]:
    """For replay, and to measure: no country, sum or person is in both, and replay has nothing of the kind "other".

    Example:
        >>> replayed, measured = tasks(0)
        >>> len(replayed), len(measured), {each.asked for each in replayed} & {each.asked for each in measured}
        (190, 60, set())
        >>> sorted({each.kind for each in measured} - {each.kind for each in replayed})
        ['other']
    """
    rng = random.Random(f"tasks {seed}")
    replayed: list[Task] = []
    measured: list[Task] = []
    for groups, count in ((_capitals(), 12), (_sums(), 12), (_passages(), 14)):
        rng.shuffle(groups)
        measured += [rng.choice(each) for each in groups[:count]]
        replayed += [task for each in groups[count:] for task in each if task.kind != "reading" or _is_short(task)]
    measured += [Task("other", asked, answer) for asked, answer in _OTHERS.items()]
    rng.shuffle(replayed)
    return replayed[:MOST], measured


def replay_rows(model: Any, tokenizer: Any, asked: Sequence[Task]) -> list[dict[str, Any]]:
    """The instructions that the model answers rightly within `REPLY_TOKENS` tokens, with its own replies."""
    said = replies(model, tokenizer, [each.prompt for each in asked], max_tokens=REPLY_TOKENS)
    return [
        {"messages": [*task.prompt, {"role": "assistant", "content": reply}], "answers": [task.answer]}
        for task, reply in zip(asked, said, strict=True)
        if judge(reply, (task.answer,), question=task.asked).right == 1
        and len(tokenizer(reply)["input_ids"]) < REPLY_TOKENS - 1
    ]


def answered(model: Any, tokenizer: Any, asked: Sequence[Task]) -> list[float]:
    """Of each instruction 1 if the reply has the answer, else 0."""
    said = replies(model, tokenizer, [each.prompt for each in asked], max_tokens=REPLY_TOKENS)
    return [score(reply, (task.answer,), "contains") for task, reply in zip(asked, said, strict=True)]


def open_rows(model: Any, tokenizer: Any) -> list[dict[str, Any]]:
    """Requests without one right answer, with the beginning of the model's own reply."""
    prompts: list[Any] = [[{"role": "user", "content": each}] for each in _OPEN]
    said = replies(model, tokenizer, prompts, max_tokens=REPLY_TOKENS)
    return [
        {"messages": [*prompt, {"role": "assistant", "content": reply}]}
        for prompt, reply in zip(prompts, said, strict=True)
    ]


def nats_per_token(model: Any, tokenizer: Any, rows: Sequence[dict[str, Any]]) -> float:
    """How unlikely the model finds the replies of rows, on average over all tokens."""
    found = log_likelihoods(model, make_examples([row_of(row) for row in rows], tokenizer))
    return -sum(total for total, _ in found) / max(1, sum(count for _, count in found))


def _capitals() -> list[list[Task]]:
    wordings = (
        "What is the capital of {}?", "Which city is the capital of {}?", "Name the capital of {}.",
        "Tell me the capital city of {}.", "I forgot the capital of {}. What is it?",
    )  # fmt: skip
    return [[Task("capital", each.format(country), city) for each in wordings] for country, city in _CAPITALS.items()]


def _sums() -> list[list[Task]]:
    wordings = ("What is {} + {}?", "What is {} + {}? Answer with the number only.", "Add {} and {}.")
    pairs = [(first, second) for first in range(1, 10) for second in range(first, 10) if first + second < 14]
    return [[Task("sum", each.format(*pair), str(sum(pair))) for each in wordings] for pair in pairs]


def _passages() -> list[list[Task]]:
    return [_reading(person) for person in make_world().group("D")[:50]]


def _is_short(task: Task) -> bool:
    """A year: the model rarely replies with an employer alone."""
    return task.answer.isdigit()


def _reading(person: Person) -> list[Task]:
    told = f"{person.name} was born in {person.facts['birthplace']} in {person.facts['year']}."
    told += f" {person.name} works for {person.facts['employer']}."
    return [
        Task("reading", f"{told}\n\n{_ASKS[each].format(person.name)}", person.facts[each])
        for each in ("year", "employer")
    ]
