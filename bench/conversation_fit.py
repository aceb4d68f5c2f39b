"""Fitting `instill.answer.asked.history_terms.MODEL`, and the conversations that it is fitted on and measured with."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from answers import fit

from instill.answer.asked.history_terms import Asking, Model, unsaid_signs, word_signs
from instill.answer.terms import terms
from instill.answer.types import Turn

STANDALONE_SHARE = 0.3
"""Weight of the SQuAD questions among the questions that leave nothing unsaid; the rest is CAsT's own."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question with the conversation before it; `rewrite` is a person's. `group` names the conversation."""

    history: tuple[Turn, ...]
    asked: str
    rewrite: str
    group: str
    year: int

    @property
    def complete(self) -> bool:
        """Did the person add no word?"""
        return set(terms(self.asked)) == set(terms(self.rewrite))

    @property
    def lacking(self) -> float:
        """Share of the rewrite's terms that the question lacks."""
        wanted = set(terms(self.rewrite))
        return len(wanted - set(terms(self.asked))) / max(1, len(wanted))


def cast_follow_ups(data: Path) -> list[FollowUp]:
    """TREC CAsT 2019 and 2020: only the user's turns are at hand."""
    folder = data / "dialog/cast"
    evaluation = folder / "2019/data/evaluation"
    lines = (evaluation / "evaluation_topics_annotated_resolved_v1.0.tsv").read_text("utf-8").strip().split("\n")
    rewrites = dict(line.split("\t") for line in lines)
    found: list[FollowUp] = []
    for topic in json.loads((evaluation / "evaluation_topics_v1.0.json").read_text("utf-8")):
        pairs = [(turn["raw_utterance"], rewrites[f"{topic['number']}_{turn['number']}"]) for turn in topic["turn"]]
        found.extend(_follow_ups(pairs, str(topic["number"]), 2019))
    for topic in json.loads((folder / "2020/2020_manual_evaluation_topics_v1.0.json").read_text("utf-8")):
        pairs = [(turn["raw_utterance"], turn["manual_rewritten_utterance"]) for turn in topic["turn"]]
        found.extend(_follow_ups(pairs, str(topic["number"]), 2020))
    return found


def _follow_ups(pairs: Sequence[tuple[str, str]], group: str, year: int) -> list[FollowUp]:
    turns = tuple(Turn("user", asked) for asked, _ in pairs)
    return [FollowUp(turns[:n], asked, rewrite, group, year) for n, (asked, rewrite) in enumerate(pairs) if n]


def squad_successions(data: Path) -> list[FollowUp]:
    """Successive questions on one article, each of which stands alone; articles take turns as "2019" and "2020"."""
    rng = random.Random(5)
    found = []
    for number, article in enumerate(json.loads((data / "reading/squad2/dev-v2.0.json").read_text("utf-8"))["data"]):
        questions = [
            entry["question"].strip()
            for paragraph in article["paragraphs"]
            for entry in paragraph["qas"]
            if not entry["is_impossible"]
        ]
        for _ in range(12):
            start, before = rng.randrange(len(questions) - 4), rng.randint(1, 3)
            history = tuple(Turn("user", question) for question in questions[start : start + before])
            asked = questions[start + before]
            found.append(FollowUp(history, asked, asked, article["title"], 2019 + number % 2))
    return found


def fit_model(cast: Sequence[FollowUp], squad: Sequence[FollowUp]) -> Model:
    """Coefficients from these conversations; the thresholds stay as they are in `Model`.

    A question that the person completed weighs by how much it lacked; both kinds of question weigh the same in all.
    """
    turns = [*cast, *squad]
    askings = [Asking.after(turn.asked, turn.history) for turn in turns]
    signs = [unsaid_signs(asking) for asking in askings]
    lacking = np.array([turn.lacking for turn in turns])
    own = np.arange(len(turns)) < len(cast)
    complete = np.array([turn.complete for turn in turns])
    weights = np.where(complete, 0.0, lacking / lacking[~complete].sum())
    weights[complete & own] = (1 - STANDALONE_SHARE) / max(1, (complete & own).sum())
    weights[~own] = STANDALONE_SHARE / len(squad)
    unsaid = fit(_matrix(signs), (~complete).astype(float), weights, penalty=0.03)
    rows, labels = [], []
    for turn, asking in zip(turns, askings, strict=True):
        if not turn.complete:
            wanted = set(terms(turn.rewrite))
            for term, found in word_signs(asking).items():
                rows.append(found)
                labels.append(float(term in wanted))
    words = fit(_matrix(rows), np.array(labels), np.ones(len(rows)), penalty=0.003)
    return Model(
        dict(zip(signs[0], np.round(unsaid, 2).tolist(), strict=True)),
        dict(zip(rows[0], np.round(words, 2).tolist(), strict=True)),
    )


def _matrix(rows: Sequence[dict[str, float]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([list(row.values()) for row in rows], dtype=np.float64)
