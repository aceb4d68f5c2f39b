"""What a reply to a row earns, from 0 to 1, by checks that code can make.

A reply earns the weighted mean of the recipe's checks. A reply that nobody could use earns nothing, whatever the checks
say of it, because a model that is rewarded finds every way to be rewarded without being useful: it is empty, runs in
circles, is damaged or shows the chat format (the gate's own tests), does not end, or is much longer than the row's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instill.answer.citations import Citer
from instill.answer.said.grounded import ground
from instill.answer.said.prompt import Prompt
from instill.answer.said.reply import read_reply
from instill.measure.judging.refusals import is_refusal
from instill.measure.judging.scorer import question_in
from instill.models.encoders.protocol import Encoder
from instill.models.generators.thoughts import without_thoughts
from instill.train.gate.conditions.damaged_reply import fault_of, special_marks
from instill.train.gate.conditions.format import ReplySchema
from instill.train.gate.scoring import score
from instill.train.generator.data.findings import Finding, finding
from instill.train.generator.data.row_text import place_of
from instill.train.generator.data.rows import Row
from instill.train.generator.recipes.recipe import Recipe, Reward
from instill.train.generator.rewarding.passages import passages_of

ALWAYS_SHORT = 60
"""Characters that no reply is too long at, however short the row's own is: a refusal, or a whole sentence."""


@dataclass(frozen=True, slots=True)
class Earned:
    """What a reply earns.

    Args:
        total: 0 to 1; 0 where there is a fault.
        parts: of each check with a weight, 0 to 1, as if there were no fault.
        fault: why it earns nothing, "" for no fault.
    """

    total: float
    parts: Mapping[str, float]
    fault: str = ""


class Rewards:
    """The checks of a recipe.

    Args:
        chosen: weights and bounds.
        schema: where replies are held against one.
        encoder: where citations are checked; by it, a sentence and its proof are compared.
        marks: special tokens of the model, as text.
    """

    def __init__(
        self,
        chosen: Reward,
        *,
        schema: ReplySchema | None = None,
        encoder: Encoder | None = None,
        marks: Collection[str] = (),
    ) -> None:
        self._chosen, self._schema, self._encoder, self._marks = chosen, schema, encoder, marks

    def earned(self, row: Row, reply: str, *, ended: bool = True) -> Earned:
        """What a reply to the row's prompt earns.

        Args:
            reply: without marks of the chat format; its thoughts do not count.
            ended: whether the model ended it by itself.

        Example:
            >>> from instill.train.generator.data.rows import chat_row
            >>> row = chat_row("Where does Ada live?", "In Holm.")
            >>> [Rewards(Reward()).earned(row, reply).total for reply in ("Ada lives in Holm.", "In Tarn.", "")]
            [1.0, 0.0, 0.0]
        """
        said, accepted, question = without_thoughts(reply).strip(), accepted_of(row), _question_of(row)
        weights = self._chosen.weights
        parts = {name: self._part(name, row, said, accepted, question) for name in weights}
        fault: str = fault_of(said, accepted, marks=self._marks) or ("" if ended else "cut off")
        if not fault and len(said) > max(ALWAYS_SHORT, self._chosen.longest * max(map(len, accepted))):
            fault = "too long"
        mean = sum(weights[name] * part for name, part in parts.items()) / sum(weights.values())
        return Earned(0.0 if fault else mean, parts, fault)

    def _part(self, name: str, row: Row, said: str, accepted: Sequence[str], question: str) -> float:
        if name == "answer":
            return score(said, accepted, self._chosen.scoring, question=question)
        if name == "schema":
            return float(self._schema is not None and self._schema.accepts(said))
        if name == "cited":
            return self._cited(row, said, accepted, question)
        return float(is_refusal(said, question=question) == is_refusal(accepted[0], question=question))

    def _cited(self, row: Row, said: str, accepted: Sequence[str], question: str) -> float:
        """The share of its sentences that a passage which they cite proves, checked as `instill ask` does it.

        Numbers that are mixed up are not put right here, or the model would never learn the right ones. A refusal has
        nothing to prove: it counts as proved where a refusal is right, and as nothing elsewhere.
        """
        refusing = is_refusal(accepted[0], question=question)
        if refusing or is_refusal(said, question=question):
            return float(refusing and is_refusal(said, question=question))
        shown = passages_of(row.prompt)
        if shown is None or self._encoder is None:
            return 0.0
        prompt, citer = Prompt((), shown.hits, ""), Citer(shown.text_of)
        return ground(read_reply(said), prompt, question, self._encoder, citer, renumber=False).share


def rewards_of(recipe: Recipe, tokenizer: Any) -> Rewards:
    """The checks that a recipe names, with what they need.

    Raises:
        UsageError: the schema cannot be read.
    """
    from instill.models.encoders.opening import open_encoder
    from instill.settings import EncoderSettings

    chosen = recipe.reward
    schema = ReplySchema(recipe.path(recipe.data.reply_schema)) if chosen.follows_schema else None
    encoder = open_encoder(EncoderSettings()) if chosen.cited else None
    return Rewards(chosen, schema=schema, encoder=encoder, marks=special_marks(tokenizer))


def accepted_of(row: Row) -> tuple[str, ...]:
    """The replies that are right: the row's own, and its `answers`."""
    further = (without_thoughts(each).strip() for each in row.answers)
    return tuple(dict.fromkeys(each for each in (row.said, *further) if each))


def reward_findings(recipe: Recipe, rows: Sequence[Row]) -> list[Finding]:
    """What in the rows does not fit the checks of the recipe; empty where it is for another objective."""
    if recipe.objective != "reward":
        return []
    weights = recipe.reward.weights
    asking = [(place_of(row, number), row) for number, row in enumerate(rows) if row.prompt and accepted_of(row)]
    refusing = [is_refusal(accepted_of(row)[0], question=_question_of(row)) for _, row in asking]
    return [
        *finding(
            "no-passages",
            "error",
            "Rows show no passages with numbers from 1 up, so no citation of a reply could be proved.",
            'Show them as "[1] Title" with the text below, or set reward.cited = 0.',
            [place for place, row in asking if passages_of(row.prompt) is None] if "cited" in weights else [],
        ),
        *finding(
            "not-json",
            "error",
            "Rows have replies that are no JSON, so none is right by scoring json.",
            "Correct them, or score otherwise.",
            [place for place, row in asking if _unscored(row, recipe.reward.scoring)] if "answer" in weights else [],
        ),
        *_one_sided(weights, refusing),
        *_without_answer(weights),
    ]


def _one_sided(weights: Mapping[str, float], refusing: Sequence[bool]) -> list[Finding]:
    if "refusal" not in weights or len(set(refusing)) != 1:
        return []
    always, other = ("refuse", "answers") if refusing[0] else ("answer", "refuses")
    return [
        Finding(
            "one-sided-refusal",
            "error",
            f"All rows {always}, so a model that never {other} earns all that reward.refusal gives.",
            "Add rows of the other kind, or set reward.refusal = 0.",
        )
    ]


def _without_answer(weights: Mapping[str, float]) -> list[Finding]:
    if "answer" in weights:
        return []
    return [
        Finding(
            "answer-unrewarded",
            "warning",
            "No weight is on the right answer, so a reply may be rewarded that is wrong in all but what is checked.",
            "Give reward.answer a weight, unless that is meant.",
        )
    ]


def _unscored(row: Row, scoring: str) -> bool:
    try:
        score("", accepted_of(row), scoring)
    except ValueError:
        return True
    return False


def _question_of(row: Row) -> str:
    return question_in(str(row.prompt[-1].get("content") or "")) if row.prompt else ""
