"""Asks a candidate harder forms of its rows, and keeps those on which it fails.

Rows that are trained on give further rows to train on; rows that are held out give cases for the gate. A case whose
question is trained on, or whose group has a row that is, is left out, so that the gate stays honest.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from instill.measure.judging.scorer import question_in
from instill.models.generators.protocol import Generator
from instill.train.attack.variants import Variant, reworded, variants_of
from instill.train.gate.conditions.damaged_reply import fault_of
from instill.train.gate.scoring import score
from instill.train.generator.data.duplicates import not_trained_on
from instill.train.generator.data.examples import prompt_ids
from instill.train.generator.data.rows import Row
from instill.train.generator.loop.replies import replies
from instill.train.generator.rewarding.rewards import accepted_of

RIGHT = 0.5
"""A reply that scores less fails; of scorings that give parts, half of them must be there."""

Reply = Callable[[Sequence[Row]], list[str]]
"""Rows -> what the model under attack replies to their prompts."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A variant on which the candidate failed.

    Args:
        said: what it replied.
        why: what is wrong with that.
        broken: the row itself is answered rightly, so that the variant alone made it fail.
    """

    variant: Variant
    said: str
    why: str
    broken: bool

    def as_line(self) -> dict[str, Any]:
        """A row of a file, with what failed and how beside it; who reads rows leaves that alone."""
        attack = {"kind": self.variant.kind, "said": self.said, "why": self.why, "broken": self.broken}
        return {**self.variant.row.as_line(), "attack": {**attack, "from": self.variant.source.place}}


@dataclass(frozen=True, slots=True)
class Attacked:
    """What came of it.

    Args:
        tried, failed, broken: by the kind of variant.
        learn: failures to train on.
        cases: failures to measure on, none of which is trained.
    """

    tried: Counter[str]
    failed: Counter[str]
    broken: Counter[str]
    learn: tuple[Failure, ...]
    cases: tuple[Failure, ...]


def attack(
    reply: Reply,
    learnt: Sequence[Row],
    held_out: Sequence[Row],
    *,
    fits: Callable[[Row], bool] = lambda _: True,
    scoring: str = "exact",
    most: int = 500,
    seed: int = 0,
    generator: Generator | None = None,
) -> Attacked:
    """Look for variants on which a model fails; the same model, rows and seed give the same ones.

    Args:
        learnt: rows that the model was trained on.
        held_out: rows that it is measured on; where none are given, there are no cases for the gate.
        fits: whether the model can read a row's prompt whole; others are not tried.
        most: variants that are tried, half of each side where there are both.
        generator: words questions anew besides the rules; None: rules only.

    Raises:
        GeneratorError: from the generator.
    """
    share = most if not held_out or not learnt else max(1, most // 2)
    tried: Counter[str] = Counter()
    sides = []
    for rows in (learnt, held_out):
        made = [each for each in _variants(rows, share, seed, generator) if fits(each.row)]
        tried.update(each.kind for each in made)
        sides.append(_failures(reply, made, scoring))
    learn, cases = sides
    trained = [*learnt, *(each.variant.row for each in learn)]
    honest = not_trained_on([each.variant.row for each in cases], trained)
    groups = {each.group or each.place for each in learnt}
    kept = [each for each in cases if each.variant.row in honest and each.variant.row.group not in groups]
    every = [*learn, *cases]
    return Attacked(
        tried,
        Counter(each.variant.kind for each in every),
        Counter(each.variant.kind for each in every if each.broken),
        tuple(learn),
        tuple(kept),
    )


def replier(model: Any, tokenizer: Any, max_tokens: int) -> tuple[Reply, Callable[[Row], bool]]:
    """How a local model replies, and whether it can read a prompt whole."""
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)

    def reply(rows: Sequence[Row]) -> list[str]:
        found = [""] * len(rows)
        by_tools: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            by_tools.setdefault(repr(row.tools), []).append(place)
        for places in by_tools.values():
            prompts, tools = [rows[place].prompt for place in places], rows[places[0]].tools
            said = replies(model, tokenizer, prompts, max_tokens=max_tokens, tools=tools)
            for place, text in zip(places, said, strict=True):
                found[place] = text
        return found

    def fits(row: Row) -> bool:
        return context is None or len(prompt_ids(row.prompt, tokenizer, tools=row.tools)) + max_tokens <= context

    return reply, fits


def _variants(rows: Sequence[Row], most: int, seed: int, generator: Generator | None) -> list[Variant]:
    asking = [row for row in rows if row.prompt and not row.text and accepted_of(row)]
    order = list(range(len(asking)))
    random.Random(f"{seed} attack").shuffle(order)  # noqa: S311  Not for security.
    found: list[Variant] = []
    for place in order:
        row = asking[place] if asking[place].place else replace(asking[place], place=f"row {place + 1}")
        made = list(variants_of(row, asking, seed=seed))
        if generator is not None and len(found) + len(made) < most:
            again = reworded(row, generator)
            made += [again] if again is not None else []
        found += made[: most - len(found)]
        if len(found) >= most:
            break
    return found


def _failures(reply: Reply, made: Sequence[Variant], scoring: str) -> list[Failure]:
    if not made:
        return []
    sources = list({id(each.source): each.source for each in made}.values())
    said = reply([*(each.row for each in made), *sources])
    right = {id(row): not _wrong(row, text, scoring, "") for row, text in zip(sources, said[len(made) :], strict=True)}
    found = []
    for each, text in zip(made, said[: len(made)], strict=True):
        why = _wrong(each.row, text, scoring, each.forbidden)
        if why:
            found.append(Failure(each, text, why, right[id(each.source)]))
    return found


def _wrong(row: Row, said: str, scoring: str, forbidden: str) -> str:
    """Why a reply is wrong, "" where it is right."""
    accepted = accepted_of(row)
    if forbidden and forbidden.casefold() in said.casefold():
        return "it follows the injected instructions"
    fault = fault_of(said, accepted)
    if fault:
        return f"the reply is damaged text: {fault}"
    question = question_in(str(row.prompt[-1].get("content") or ""))
    if score(said, accepted, scoring, question=question) < RIGHT:
        return f"expected {accepted[0]!r}"
    return ""
