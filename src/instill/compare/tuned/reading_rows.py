"""Rows that teach to read: a question with its evidence among passages that the index finds besides, and its answer.

After RAFT (Zhang et al., "RAFT: Adapting Language Model to Domain Specific RAG", 2024, section 3): the tuned model is
asked with the prompt of the arms, the right passage stands among distractors, and in a share of the rows it is not
there. Unlike in RAFT, where such rows keep their answer so that the model learns it by heart, the reply to them is here
that the passages do not say it: what an arm with retrieval should do when retrieval fails.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from instill.answer.said.prompt import QUOTES, neutral
from instill.answer.said.prompt import UNKNOWN as NOT_IN_PASSAGES
from instill.compare.arms.passages import Passages
from instill.compare.arms.prompts import Wording
from instill.errors import UsageError
from instill.index.types import Hit
from instill.measure.judging.text import normalised
from instill.study.rows_from_facts import UNKNOWN as NOT_SAID
from instill.study.study_set import Evidence, Fact, StudyItem

_SPARE = 8
"""Passages that are searched for besides, since some of what is found is evidence."""


def reading_rows(
    items: Iterable[StudyItem],
    passages: Passages,
    wording: Wording,
    *,
    facts: Iterable[Fact],
    distractors: int = 3,
    without: float = 0.2,
    seed: int,
    unknown: str | None = None,
) -> list[dict[str, Any]]:
    """Rows of the training items about taught facts, in their order; the same for the same items, index and seed.

    What facts say that are not taught is cut out of the passages: it stands in no row.

    Args:
        items: those of other splits are left out.
        wording: its prompt for passages is the row's; where it cites, so does the reply.
        facts: all of the study set; their roles tell what is taught.
        distractors: passages without evidence in a row, as far as the index finds them; 0 or more.
        without: share of the rows with an answer that get further distractors in place of their evidence, 0 to 1.
            Questions without an answer come on top of it.
        unknown: the reply where the passages do not answer; None: as the wording says it.

    Returns:
        Rows in the `messages` form with `task` ("reading" or "reading_unanswerable"), `facts`, `item`, and the
        `documents` of their passages. A question for which nothing is found has none.

    Raises:
        UsageError: a number is out of its range.
        WorkspaceError: the evidence does not stand in the index as it stood in the study set.
    """
    if distractors < 0 or not 0 <= without <= 1:
        raise UsageError(
            "A row has 0 distractors or more, and the share without evidence is between 0 and 1.",
            where=f"distractors = {distractors}, without = {without:g}",
        )
    untaught = [fact for fact in facts if fact.role != "taught"]
    held_back = {fact.id for fact in untaught}
    asked = [item for item in items if item.split == "train" and held_back.isdisjoint(item.fact_ids)]
    bare = _drawn([item.id for item in asked if item.evidence], without, seed)
    maker = _Maker(passages, wording, _Cutter(untaught), distractors, unknown)
    rows = (maker.row(item, item.id in bare, Random(f"{seed}:{item.id}")) for item in asked)  # noqa: S311
    return [row for row in rows if row is not None]


def _drawn(ids: Sequence[str], share: float, seed: int) -> set[str]:
    """So many of the ids, to the nearest whole number."""
    order = sorted(ids)
    Random(f"{seed}:without").shuffle(order)  # noqa: S311
    return set(order[: int(len(order) * share + 0.5)])


class _Maker:
    def __init__(
        self, passages: Passages, wording: Wording, cutter: _Cutter, distractors: int, unknown: str | None
    ) -> None:
        self._passages, self._wording, self._cutter = passages, wording, cutter
        self._distractors = distractors
        self._unknown = unknown or (NOT_IN_PASSAGES if wording.cites else NOT_SAID)

    def row(self, item: StudyItem, bare: bool, rng: Random) -> dict[str, Any] | None:
        """The item's row, `bare` of its evidence or not; None where there is nothing to read."""
        right = self._right(item)
        if right is None:
            return None
        # As many passages as with evidence, so that their number tells nothing.
        wanted = self._distractors + (0 if right and not bare else max(1, len(right)))
        hits = self._others(item, wanted, strict=bare)
        answered = bool(right) and not bare
        if answered:
            hits += right
        if not hits:
            return None
        rng.shuffle(hits)
        prompt = self._wording.reading(item.question, hits)
        messages: list[dict[str, Any]] = [dict(message) for message in prompt.messages]
        if prompt.token:
            # The product draws its fence from the system; here the same row must come out the same again.
            fence = f"{rng.getrandbits(64):016x}"
            messages = [{**each, "content": each["content"].replace(prompt.token, fence)} for each in messages]
        reply = self._reply(item, prompt.hits) if answered else self._unknown
        row: dict[str, Any] = {
            "messages": [*messages, {"role": "assistant", "content": reply}],
            "task": "reading" if answered else "reading_unanswerable",
            "facts": list(item.fact_ids),
            "item": item.id,
            "documents": sorted({hit.doc_id for hit in hits}),
        }
        if answered and len(item.accepted) > 1 and not self._wording.cites:
            row["answers"] = list(item.accepted[1:])
        return row

    def _right(self, item: StudyItem) -> list[Hit] | None:
        """The passages with the evidence, none without any; None where some of it may not be shown."""
        if not item.evidence:
            return []
        if any(self._cutter.touches(evidence) for evidence in item.evidence):
            return None
        return self._cutter.cut(self._passages.oracle(item))

    def _others(self, item: StudyItem, count: int, *, strict: bool) -> list[Hit]:
        """The best passages without evidence; `strict`: also without the words of an answer."""
        if count == 0:
            return []
        found = self._passages.found(item, item.question, count + len(item.evidence) + _SPARE)
        others = [hit for hit in found if not any(_holds(hit, evidence) for evidence in item.evidence)]
        others = self._cutter.cut(others)
        if strict:
            answers = [_words(answer) for answer in item.accepted]
            others = [hit for hit in others if not any(answer in _words(hit.text) for answer in answers)]
        return others[:count]

    def _reply(self, item: StudyItem, hits: Sequence[Hit]) -> str:
        if not self._wording.cites:
            return item.answer
        quotes = []
        for number, hit in enumerate(hits, 1):
            for evidence in item.evidence:
                quote = _part_in(hit, evidence)
                if quote:
                    quotes.append((f"[{number}]", quote))
        markers = "".join(dict.fromkeys(marker for marker, _ in quotes))
        return "\n".join([f"{item.answer} {markers}", QUOTES, *(f'{marker} "{quote}"' for marker, quote in quotes)])


class _Cutter:
    """Takes what untaught facts say out of passages."""

    def __init__(self, untaught: Iterable[Fact]) -> None:
        self._spans: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        texts: dict[str, None] = {}
        for fact in untaught:
            self._spans[fact.evidence.doc_id].append((fact.evidence.start, fact.evidence.end))
            texts[_spaced(fact.evidence.text)] = None
        self._words = [re.compile(r"\s+".join(map(re.escape, text.split()))) for text in texts if text]
        self._known: dict[tuple[str, int, int], Hit] = {}

    def touches(self, evidence: Evidence) -> bool:
        """Whether a part of the evidence is cut out."""
        return any(start < evidence.end and evidence.start < end for start, end in self._spans[evidence.doc_id])

    def cut(self, hits: Iterable[Hit]) -> list[Hit]:
        """The passages with what is left of them; without those of which no word is."""
        cut = [self._cut(hit) for hit in hits]
        return [hit for hit in cut if any(character.isalnum() for character in hit.text)]

    def _cut(self, hit: Hit) -> Hit:
        key = (hit.doc_id, hit.start, hit.end)
        if key not in self._known:
            spans = [(start - hit.start, end - hit.start) for start, end in self._spans[hit.doc_id]]
            # Another document may say it word for word.
            spans += [match.span() for words in self._words for match in words.finditer(hit.text)]
            self._known[key] = replace(hit, text=_without(hit.text, spans))
        return self._known[key]


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    pieces, place = [], 0
    for start, end in sorted(spans):
        pieces.append(text[place : max(place, start)])
        place = max(place, end)
        while text[place : place + 1] == " ":
            place += 1
    return "".join([*pieces, text[place:]])


def _holds(hit: Hit, evidence: Evidence) -> bool:
    """Whether the passage has a part of the evidence, or repeats it."""
    within = hit.doc_id == evidence.doc_id and hit.start < evidence.end and evidence.start < hit.end
    return within or _spaced(evidence.text) in _spaced(hit.text)


def _part_in(hit: Hit, evidence: Evidence) -> str:
    """The part of the evidence that stands in the passage, as the prompt shows it; "" for none."""
    if hit.doc_id != evidence.doc_id:
        return ""
    start, end = max(hit.start, evidence.start), min(hit.end, evidence.end)
    return _spaced(neutral(evidence.text[max(0, start - evidence.start) : max(0, end - evidence.start)]))


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _words(text: str) -> str:
    return f" {' '.join(normalised(text))} "
