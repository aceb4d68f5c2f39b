"""How well an encoder by itself puts the right passages first: nDCG@10 over every passage of a set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from instill.errors import UsageError
from instill.measure.statistics.interval_type import Numbers
from instill.models.encoders.protocol import Encoder
from instill.train.reader.rows import Row

DEPTH = 10
_BUILT_IN = "unrelated.json"


@dataclass(frozen=True, slots=True)
class RankingSet:
    """Questions over passages.

    Args:
        passages: as the encoder reads them.
        gains: by question, the gain of each right passage (by its number).
        groups: by question, what is drawn whole for an interval.
    """

    name: str
    passages: Sequence[str]
    questions: Sequence[str]
    gains: Sequence[Mapping[int, float]]
    groups: Sequence[str]


def judge(encoder: Encoder, given: RankingSet) -> Numbers:
    """nDCG@10 of each question, float64 `(questions,)`, by exact cosine."""
    passages = encoder.encode_passages(given.passages)
    queries = encoder.encode_queries(given.questions)
    scores = []
    for vector, gains in zip(queries, given.gains, strict=True):
        ranked = np.argsort(-(passages @ vector), kind="stable")[:DEPTH].tolist()
        scores.append(ndcg(ranked, gains))
    return np.array(scores, np.float64)


def ndcg(ranked: Sequence[int], gains: Mapping[int, float]) -> float:
    """Normalised discounted cumulative gain with linear gains, at the depth of `ranked` (Järvelin, Kekäläinen 2002).

    Example:
        >>> round(ndcg([7, 3], {3: 1.0}), 3)
        0.631
    """
    found = sum(gains.get(place, 0.0) / np.log2(rank + 2) for rank, place in enumerate(ranked))
    best = sum(gain / np.log2(rank + 2) for rank, gain in enumerate(sorted(gains.values(), reverse=True)[:DEPTH]))
    return float(found / best) if best else 0.0


def from_rows(name: str, rows: Sequence[Row], *, most: int, seed: int = 0) -> RankingSet:
    """A set of at most `most` of the rows' questions over all of the rows' passages, each below its title."""
    titles: dict[str, str] = {}
    for row in rows:
        titles.setdefault(row.passage, row.title)
    places = {passage: place for place, passage in enumerate(titles)}
    asked = [row for row in rows if row.answerable]
    if len(asked) > most:
        asked = Random(seed).sample(asked, most)  # noqa: S311  Not for security.
    return RankingSet(
        name,
        [f"{title}\n{passage}" if title else passage for passage, title in titles.items()],
        [row.question for row in asked],
        [{places[row.passage]: 1.0} for row in asked],
        [row.group for row in asked],
    )


def built_in() -> RankingSet:
    """Forty questions of general knowledge, written for this project: a sign of what an encoder forgets."""
    content = json.loads(resources.files(__package__).joinpath(_BUILT_IN).read_text(encoding="utf-8"))
    gains = [{place: 1.0} for place in range(len(content))]
    questions = [entry["question"] for entry in content]
    return RankingSet("general", [entry["passage"] for entry in content], questions, gains, questions)


def read_beir(folder: Path, *, queries: int = 100, documents: int = 800, seed: int = 0) -> RankingSet:
    """A set in BEIR's layout: `corpus.jsonl`, `queries.jsonl`, `qrels.tsv`.

    Of more than `queries` judged queries a sample, over their right documents and others up to `documents`.

    Raises:
        UsageError: a file is missing or in another form.
    """
    try:
        judged: dict[str, dict[str, float]] = {}
        for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
            query, document, gain = line.split("\t")
            if float(gain) > 0:
                judged.setdefault(query, {})[document] = float(gain)
        asked = [row for row in _lines(folder / "queries.jsonl") if row["_id"] in judged]
        corpus = {row["_id"]: _text(row) for row in _lines(folder / "corpus.jsonl")}
    except OSError as error:
        raise UsageError(f"The set cannot be read: {error.strerror}.", where=str(error.filename)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"This is not a set in BEIR's layout: {error!r}.",
            where=str(folder),
            remedy="It has corpus.jsonl, queries.jsonl and qrels.tsv (query, document, gain; with a first line).",
        ) from error
    rng = Random(seed)  # noqa: S311  Not for security.
    asked = rng.sample(asked, min(queries, len(asked)))
    right = {document for row in asked for document in judged[row["_id"]] if document in corpus}
    others = sorted(corpus.keys() - right)
    shown = sorted(right) + rng.sample(others, min(len(others), max(0, documents - len(right))))
    places = {document: place for place, document in enumerate(shown)}
    gains = [
        {places[document]: gain for document, gain in judged[row["_id"]].items() if document in places} for row in asked
    ]
    names = [row["_id"] for row in asked]
    return RankingSet(folder.name, [corpus[name] for name in shown], [row["text"] for row in asked], gains, names)


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def _text(row: Mapping[str, Any]) -> str:
    return "\n".join(part for part in (row.get("title") or "", row["text"]) if part) or "-"
