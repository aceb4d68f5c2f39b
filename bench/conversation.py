"""Follow-up questions made to stand alone from the conversation's own terms, without a generator.

    python bench/conversation.py --data DIR [--turns 300] [--cache FOLDER]

Two measurements. `dialog/cast` (conversational search topics with rewrites by people): content terms of our rewrite
against the person's: recall (of the person's terms, how many ours has), precision, and how often a question that
needed no change was changed. `dialog/dialdoc21` (turns grounded in documents): share of follow-up turns for which the
span that answers is in the first five passages, and the mean reciprocal rank of the first such passage (20 looked at),
for the turn as it is, ours, and the turn with the whole conversation in front, with paired bootstrap intervals of the
difference to the raw turn.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from ask import Corpus, Remembering
from ask_sets import doc_id, load_set

from instill.answer.conversation import standalone
from instill.answer.text import terms
from instill.answer.types import Turn
from instill.encoders import open_encoder
from instill.settings import EncoderSettings

DEPTH = 20


def cast_conversations(data: Path) -> Iterator[list[tuple[str, str]]]:
    """Conversations as (question as asked, question as a person rewrote it)."""
    folder = data / "dialog/cast"
    evaluation = folder / "2019/data/evaluation"
    lines = (evaluation / "evaluation_topics_annotated_resolved_v1.0.tsv").read_text("utf-8").strip().split("\n")
    rewrites = dict(line.split("\t") for line in lines)
    for topic in json.loads((evaluation / "evaluation_topics_v1.0.json").read_text("utf-8")):
        yield [(turn["raw_utterance"], rewrites[f"{topic['number']}_{turn['number']}"]) for turn in topic["turn"]]
    for topic in json.loads((folder / "2020/2020_manual_evaluation_topics_v1.0.json").read_text("utf-8")):
        yield [(turn["raw_utterance"], turn["manual_rewritten_utterance"]) for turn in topic["turn"]]


def cast(data: Path) -> None:
    figures: dict[str, list[float]] = {}
    for conversation in cast_conversations(data):
        history: list[Turn] = []
        for asked, rewritten in conversation:
            if history:
                wanted = set(terms(rewritten))
                ours = standalone(asked, history).question
                for name, text in (("raw", asked), ("ours", ours)):
                    found = set(terms(text))
                    figures.setdefault(f"{name} recall", []).append(len(found & wanted) / max(1, len(wanted)))
                    figures.setdefault(f"{name} precision", []).append(len(found & wanted) / max(1, len(found)))
                if set(terms(asked)) == wanted:
                    figures.setdefault("changed without need", []).append(float(ours != asked))
            history.append(Turn("user", asked))
    print(f"\ncast: {len(figures['raw recall'])} follow-ups")
    for name, values in figures.items():
        print(f"  {name}: {np.mean(values):.3f}")


def dialdoc_turns(data: Path) -> list[tuple[list[Turn], str, str, str]]:
    """Follow-up turns as (history, question, document, grounding text). The file has the newest turn first."""
    turns = []
    for line in (data / "dialog/dialdoc21/turns.jsonl").read_text("utf-8").split("\n"):
        if not line.strip():
            continue
        entry = json.loads(line)
        said = [part.strip() for part in entry["history"].split("\t")][::-1]
        if len(said) < 2 or not said[-1].startswith("user:"):
            continue
        history = [
            Turn("user" if part.startswith("user:") else "assistant", part.partition(":")[2].strip())
            for part in said[:-1]
        ]
        grounding = ast.literal_eval(entry["answers"])["text"][0].strip()
        turns.append((history, said[-1].removeprefix("user:").strip(), entry["doc"], grounding))
    return turns


def dialdoc(data: Path, count: int, cache: Path) -> None:
    encoder = Remembering(open_encoder(EncoderSettings()))
    corpus = Corpus(load_set("dialdoc", data), encoder, cache / "dialdoc")
    ways: dict[str, Callable[[Sequence[Turn], str], str]] = {
        "raw": lambda _, question: question,
        "ours, the question": lambda history, question: standalone(question, history).question,
        "ours, as searched": lambda history, question: standalone(question, history).search,
        "whole conversation": lambda history, question: " ".join([*(turn.text for turn in history), question]),
    }
    ranks: dict[str, list[float]] = {name: [] for name in ways}
    for history, question, name, grounding in random.Random(3).sample(dialdoc_turns(data), count):
        for way, rewrite in ways.items():
            hits = corpus.search(rewrite(history, question)[:2000], DEPTH)
            place = corpus.texts[doc_id(name)].find(grounding[:40])
            right = [hit.doc_id == doc_id(name) and hit.start <= place < hit.end for hit in hits]
            ranks[way].append(1 / (1 + right.index(True)) if any(right) else 0.0)
    print(f"\ndialdoc21: {count} follow-ups")
    raw = np.array(ranks["raw"])
    rng = np.random.default_rng(0)
    for way, values in ranks.items():
        found = np.array(values)
        recall = found >= 1 / 5
        draws = rng.integers(0, count, (2000, count))
        low, high = np.quantile((recall[draws].mean(1) - (raw >= 1 / 5)[draws].mean(1)), [0.025, 0.975])
        print(f"  {way}: recall@5 {recall.mean():.3f} (to raw {low:+.3f} to {high:+.3f}), MRR {found.mean():.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=300)
    parser.add_argument("--cache", type=Path)
    options = parser.parse_args()
    cast(options.data)
    with tempfile.TemporaryDirectory() as temporary:
        dialdoc(options.data, options.turns, options.cache or Path(temporary))


if __name__ == "__main__":
    main()
