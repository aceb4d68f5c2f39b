"""The gate fact by fact: is each known by heart, in wordings that were not trained, as a choice, and in reverse?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, computed_field

from instill.common.plurals import counted
from instill.measure.judging.scorer import judge
from instill.study.study_set import Fact, StudyItem

NEEDED = 0.5
"""Share of a fact's wordings in the gate that must be answered rightly, at least."""


class Examined(BaseModel):
    """What a model knows of one fact, without any document.

    Args:
        asked, right: wordings that were not trained, and how many were answered rightly.
        reverse_asked, reverse_right: the same for questions whose answer is the subject.
        chosen: of the evidence and the same sentence with another fact's answer, is the true one likelier; None where
            there is no other answer.
        older: it was in the weights before.
        question: a wording of it, by which a person knows it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fact_id: str
    asked: int
    right: int
    reverse_asked: int
    reverse_right: int
    chosen: bool | None
    older: bool = False
    question: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def unknown(self) -> str:
        """Why it is not known; "" where it is.

        Example:
            >>> told = {"fact_id": "f", "reverse_asked": 0, "reverse_right": 0}
            >>> Examined(asked=3, right=1, chosen=False, **told).unknown
            '1 of 3 wordings are answered rightly, and the false sentence is likelier than the true one'
            >>> Examined(asked=3, right=2, chosen=True, **told).unknown
            ''
        """
        why = []
        if not (self.right >= NEEDED * self.asked and self.right > 0):
            why.append(f"{self.right} of {counted(self.asked, 'wording')} are answered rightly")
        if self.chosen is False:
            why.append("the false sentence is likelier than the true one")
        return ", and ".join(why)

    @property
    def passed(self) -> bool:
        """Known: most wordings are answered rightly, and the true sentence is the likelier one."""
        return not self.unknown


def examine(
    base: Path,
    candidate: Path | None,
    facts: Sequence[Fact],
    items: Sequence[StudyItem],
    *,
    older: frozenset[str] = frozenset(),
    max_tokens: int = 48,
) -> list[Examined]:
    """Ask a model about every fact, closed-book.

    Args:
        candidate: folder of its weights; None: the base as it is.
        items: of the gate split, in any order.
        older: facts that were in the weights before.
    """
    from instill.models.generators.transformers_models import open_model, open_tokenizer
    from instill.train.generator.loop.replies import replies

    tokenizer = open_tokenizer(base)
    model = open_model(base, candidate=candidate).eval()
    asked = [item for item in items if item.split == "gate" and item.fact_ids[0] in {fact.id for fact in facts}]
    said = replies(
        model, tokenizer, [[{"role": "user", "content": item.question}] for item in asked], max_tokens=max_tokens
    )
    right = {
        item.id: judge(reply, item.accepted, question=item.question, abstained=False).right
        for item, reply in zip(asked, said, strict=True)
    }
    chosen = _chosen(model, tokenizer, facts)
    return [
        _examined(fact, [item for item in asked if item.fact_ids[0] == fact.id], right, chosen, fact.id in older)
        for fact in facts
    ]


def _examined(
    fact: Fact, items: Sequence[StudyItem], right: Mapping[str, float], chosen: Mapping[str, bool], older: bool
) -> Examined:
    forward = [right[item.id] == 1 for item in items if item.form != "reverse"]
    reverse = [right[item.id] == 1 for item in items if item.form == "reverse"]
    return Examined(
        fact_id=fact.id,
        asked=len(forward),
        right=sum(forward),
        reverse_asked=len(reverse),
        reverse_right=sum(reverse),
        chosen=chosen.get(fact.id),
        older=older,
        question=next((item.question for item in items if item.form != "reverse"), ""),
    )


def _chosen(model: Any, tokenizer: Any, facts: Sequence[Fact]) -> dict[str, bool]:
    """Yes or no, for models that were never taught to say either: which of two sentences is likelier, by token.

    Both stand after the document's title. In "In Turin, Ada was born" nothing else would tell whom the town is about.
    """
    from instill.train.generator.data.examples import make_examples
    from instill.train.generator.data.rows import Row
    from instill.train.generator.loop.replies import log_likelihoods

    pairs = [(fact, other) for fact in facts if (other := other_answer(fact, facts))]
    sentences = [
        f"{fact.title or fact.subject or fact.kind}. {text}"
        for fact, other in pairs
        for text in (fact.evidence.text, false_sentence(fact, other))
    ]
    if not sentences:
        return {}
    found = log_likelihoods(model, make_examples([Row(text=text) for text in sentences], tokenizer))
    means = [total / max(1, count) for total, count in found]
    return {fact.id: means[2 * place] > means[2 * place + 1] for place, (fact, _) in enumerate(pairs)}


def other_answer(fact: Fact, facts: Sequence[Fact]) -> str:
    """The answer of another fact, of the same kind and written alike where there is one; "" where all have the same."""
    others = [each for each in facts if each.answer != fact.answer and each.answer not in fact.evidence.text]
    alike = [each for each in others if each.kind == fact.kind] or others
    alike = [each for each in alike if _written(each.answer) == _written(fact.answer)] or alike
    if not alike:
        return ""
    return alike[int(fact.id[:8], 16) % len(alike)].answer


def _written(answer: str) -> str:
    """How an answer is written: as a number, with a number in it, as a name, or in words. A year in the place of a firm
    would be no choice."""
    if any(character.isdigit() for character in answer):
        return "number" if answer.isdigit() else "with a number"
    return "name" if answer[:1].isupper() else "words"


def false_sentence(fact: Fact, other: str) -> str:
    """The evidence with another answer.

    Example:
        >>> from instill.study.study_set import Evidence
        >>> evidence = Evidence(doc_id="d", start=10, end=34, text="The oven is of 1987, so.")
        >>> fact = Fact(id="f", doc_id="d", evidence=evidence, subject="", answer="1987", start=25, end=29, kind="date")
        >>> false_sentence(fact, "1899")
        'The oven is of 1899, so.'
    """
    first, last = fact.start - fact.evidence.start, fact.end - fact.evidence.start
    return fact.evidence.text[:first] + other + fact.evidence.text[last:]
