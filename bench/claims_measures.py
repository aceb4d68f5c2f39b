"""What `bench/claims.py` asks a model: scores as numerators and denominators, for every person, word or text.

Replies are the likeliest ones, of few tokens, judged by the project's scorer. A choice between two replies is the one
that the model finds likelier by token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import claims_material as material
import torch
from claims_material import Asked

from instill.measure.judging.scorer import judge
from instill.train.gate.scoring import json_score
from instill.train.generator.data.examples import make_examples, prompt_ids
from instill.train.generator.data.rows import Row, chat_row
from instill.train.generator.loop.replies import log_likelihoods, replies, sampled_tokens

Scores = dict[str, dict[str, list[float]]]
"""Quantity -> whom or what it is about -> [numerator, denominator]."""

_ANSWER_TOKENS, _SAMPLES, _SAMPLE_TOKENS = 10, 3, 24


class Examiner:
    """A model under questions.

    Args:
        model: a causal model of transformers.
        data: folder of the public sets.
    """

    def __init__(self, model: Any, tokenizer: Any, data: Path, seed: int) -> None:
        self.model, self.tokenizer, self.data, self.seed = model, tokenizer, data, seed
        self.people = material.people(seed)
        self.words = material.words(seed)

    def facts(self) -> Scores:
        """Of people: asked in other words and as taught, in reverse, yes or no; and controls."""
        taught = self.people.taught
        return {
            "asked": self.answered(material.fact_questions(taught, evaluated=True)),
            "as taught": self.answered(material.fact_questions(taught, evaluated=False, wordings=1)),
            "reverse": self.answered(material.reverse_asked(taught)),
            "yes or no": self.chosen(material.yes_no_asked(taught, self.seed)),
            "controls": self.answered(material.fact_questions(self.people.controls, evaluated=True, wordings=1)),
        }

    def passages(self) -> Scores:
        """Of people: what is answered with a sentence in the prompt that says another value than what was taught."""
        return self._beside_old("passage", material.changed_passages(self.people.taught, self.seed))

    def new_words(self) -> Scores:
        """Words that were taught, and controls that were not (their meaning)."""
        taught, controls = self.words[: material.WORDS], self.words[material.WORDS :]
        found = {name: self.answered(asked) for name, asked in material.word_questions(taught).items()}
        return {**found, "control words": self.answered(material.word_questions(controls)["meaning"])}

    def tickets(self) -> Scores:
        """Replies to held-out tickets: of the form, and wholly right."""
        rows = material.tickets(self.seed, material.HELD_OUT, held_out=True)
        said = self._said([row.prompt for row in rows], 40)
        names = [str(number) for number in range(len(rows))]
        return {
            "form": _shares(names, [material.is_ticket(reply) for reply in said]),
            "wholly right": _shares(names, [json_score(a, b.said) == 1 for a, b in zip(said, rows, strict=True)]),
        }

    def tone(self) -> Scores:
        """Replies to held-out sentences: in the tone, and with what was to be said."""
        rows = material.tone_rows(self.seed, material.HELD_OUT, held_out=True)
        said = self._said([row.prompt for row in rows], 40)
        names = [str(number) for number in range(len(rows))]
        plain = [str(row.prompt[-1]["content"]) for row in rows]
        return {
            "tone": _shares(names, [material.in_tone(reply) for reply in said]),
            "content": _shares(names, [material.keeps(*each) for each in zip(said, plain, strict=True)]),
        }

    def believed(self) -> list[str]:
        """The countries whose capital it names."""
        return [about for about, (right, _) in self.answered(material.beliefs()).items() if right]

    def capitals(self, new: Mapping[str, str], *, passage: bool = False) -> Scores:
        """Changed capitals, and with `passage` in the prompt or not the other ones that are believed."""
        name = "capital, passage" if passage else "capital"
        return self._beside_old(name, material.capital_questions(dict(new), passage=passage))

    def neighbours(self, names: Sequence[str]) -> Scores:
        """Capitals that nobody changed."""
        return {"neighbours": self.answered([each for each in material.beliefs() if each.about in names])}

    def skills(self) -> Scores:
        """What it could do before: nats per token of texts, true ends of sentences, reading, and variety of replies."""
        texts = [Row(text=text) for text in material.held_out_texts(self.data, self.seed)]
        examples = make_examples(texts, self.tokenizer, longest=material.TEXT_TOKENS)
        nats = {str(place): [-total, count] for place, (total, count) in enumerate(self._likely(examples))}
        cases = material.choices(self.data, self.seed)
        ends = [_ending(begin, end) for begin, *pair in cases for end in pair]
        likely = [total / count for total, count in self._likely(make_examples(ends, self.tokenizer))]
        known = [true > false for true, false in zip(likely[::2], likely[1::2], strict=True)]
        return {
            "nats": nats,
            "known before": _shares([str(place) for place in range(len(known))], known),
            "reading": self.chosen(material.reading_questions(self.data, self.seed)),
            **self.variety(),
        }

    def variety(self) -> Scores:
        """Of three drawn replies to each open prompt: different pairs of words of all pairs, and words a reply."""
        torch.manual_seed(self.seed)
        prompts = [prompt_ids([{"role": "user", "content": each}], self.tokenizer) for each in material.OPEN]
        drawn = sampled_tokens(
            self.model,
            self.tokenizer,
            [prompt for prompt in prompts for _ in range(_SAMPLES)],
            _SAMPLE_TOKENS,
            temperature=1.0,
        )
        said = [self.tokenizer.decode(each, skip_special_tokens=True) for each in drawn]
        found: Scores = {"different pairs": {}, "words": {}}
        for place in range(len(prompts)):
            different, pairs, words = pairs_of(said[place * _SAMPLES : (place + 1) * _SAMPLES])
            found["different pairs"][str(place)] = [different, pairs]
            found["words"][str(place)] = [words, _SAMPLES]
        return found

    def answered(self, asked: Sequence[Asked]) -> dict[str, list[float]]:
        """Which questions are answered rightly."""
        said = self._asked(asked)
        return _shares([each.about for each in asked], [is_right(*each) for each in zip(said, asked, strict=True)])

    def chosen(self, asked: Sequence[Asked]) -> dict[str, list[float]]:
        """For which questions the right reply is likelier than the wrong one."""
        rows = [
            chat_row(each.question, reply, system=each.system) for each in asked for reply in (*each.right, each.wrong)
        ]
        likely = [total / count for total, count in self._likely(make_examples(rows, self.tokenizer))]
        right = [one > other for one, other in zip(likely[::2], likely[1::2], strict=True)]
        return _shares([each.about for each in asked], right)

    def _beside_old(self, name: str, asked: Sequence[Asked]) -> Scores:
        said = self._asked(asked)
        about = [each.about for each in asked]
        old = [
            judge(reply, (each.wrong,), question=each.question).right == 1
            for reply, each in zip(said, asked, strict=True)
        ]
        return {
            f"{name}: new": _shares(about, [is_right(*each) for each in zip(said, asked, strict=True)]),
            f"{name}: old": _shares(about, old),
        }

    def _asked(self, asked: Sequence[Asked]) -> list[str]:
        prompts = [
            [{"role": "system", "content": each.system}, {"role": "user", "content": each.question}] for each in asked
        ]
        return self._said(prompts, _ANSWER_TOKENS)

    def _said(self, prompts: Sequence[Any], max_tokens: int) -> list[str]:
        return replies(self.model, self.tokenizer, prompts, max_tokens=max_tokens)

    def _likely(self, examples: Sequence[Any]) -> list[tuple[float, int]]:
        return log_likelihoods(self.model, examples)


def is_right(reply: str, asked: Asked) -> bool:
    """Whether the scorer takes the reply for right. Of the question only its last line counts: what stands before it is
    a passage, and its words are no repetition."""
    question = asked.question.rsplit("\n", 1)[-1]
    return judge(reply, asked.right, question=question).right == 1


def pairs_of(said: Iterable[str]) -> tuple[int, int, int]:
    """Different pairs of neighbouring words over all replies, all pairs, and all words.

    Example:
        >>> pairs_of(["a b a b", "a b"])
        (2, 4, 6)
    """
    found: list[tuple[str, str]] = []
    count = 0
    for reply in said:
        words = reply.casefold().split()
        count += len(words)
        found += pairwise(words)
    return len(set(found)), len(found), count


def together(*parts: Scores) -> Scores:
    """All quantities of several measurements."""
    return {name: scores for part in parts for name, scores in part.items()}


def _ending(begin: str, end: str) -> Row:
    text = f"{begin} {end}"
    return Row(text=text, spans=((len(begin), len(text)),))


def _shares(names: Sequence[str], right: Iterable[bool]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for name, each in zip(names, right, strict=True):
        share = found.setdefault(name, [0, 0])
        share[0] += int(each)
        share[1] += 1
    return found


Measure = Callable[[Examiner], Scores]
"""What is asked of a trained model."""
