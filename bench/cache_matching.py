"""How often an answer that is shown again would answer another question: pairs of questions that people asked.

Every question of a SQuAD-like file (a list of objects with `title`, `context` and `questions` of `question`, `answer`)
is held against its nearest neighbours among the others. Printed are the pairs that the rules of `memory.matching` take
for one question, and how many of them have other answers; for comparison the same by cosine alone, and by cosine with
the same pins.

    python bench/cache_matching.py squad.json --passages 300
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from instill.answer.reading.reader import Reader
from instill.answer.terms import terms
from instill.measure.statistics.exact_share import upper_bound
from instill.memory.answer_cache.earlier_question import Earlier, likeness
from instill.memory.answer_cache.similarity_threshold import FLOOR
from instill.memory.same_question import same_kind, same_pins
from instill.models.encoders import open_encoder
from instill.models.weights import shipped
from instill.settings import EncoderSettings

_NEIGHBOURS = 4
_STEPS = (0.98, 0.95, 0.9)


def is_right(answer: str, shown: str) -> bool:
    """Are the words of one those of the other, or a part of them?"""
    first, second = set(terms(answer) or [answer]), set(terms(shown) or [shown])
    return first <= second or second <= first


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--passages", type=int, default=300)
    parser.add_argument("--per-passage", type=int, default=6)
    given = parser.parse_args()
    asked = [
        (row["question"], row["answer"], passage["title"], passage["context"])
        for passage in json.loads(given.file.read_text(encoding="utf-8"))[: given.passages]
        for row in passage["questions"][: given.per_passage]
    ]
    encoder, reader = open_encoder(EncoderSettings()), Reader(shipped(), threads=1)
    vectors = encoder.encode_queries([each[0] for each in asked])
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -1)
    counts: dict[tuple[str, float], list[int]] = {}
    for place, (question, answer, _, _) in enumerate(asked):
        for other in np.argsort(-alike[place])[:_NEIGHBOURS]:
            cosine = float(alike[place, other])
            if cosine < FLOOR:
                break
            earlier_question, _, title, context = asked[int(other)]
            [found] = reader.read(earlier_question, [(title, context)])
            short = context[found.start : found.end]
            pinned = same_pins(question, earlier_question) and same_kind(question, earlier_question)
            entry = Earlier(earlier_question, short, context, title, vectors[other])
            shown = {"cosine": True, "and pins": pinned}
            shown["and reader"] = likeness(question, vectors[place], entry, reader) > 0
            for step in _STEPS:
                for rule in [name for name, held in shown.items() if held and cosine >= step]:
                    count = counts.setdefault((rule, step), [0, 0])
                    count[0] += 1
                    count[1] += not is_right(answer, short)
    print(f"{len(asked)} questions")
    for (rule, step), (taken, wrong) in sorted(counts.items()):
        print(f"{rule:<12} from {step:.2f}: {taken} pairs, {wrong} wrong, at most {upper_bound(wrong, taken):.2f}")


if __name__ == "__main__":
    main()
