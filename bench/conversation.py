"""Follow-up questions made to stand alone from the conversation's own terms, and by a generator.

    python bench/conversation.py --data DIR [--turns 300] [--cache FOLDER] [--generator smollm2] [--json] [--fit]

`dialog/cast`, TREC CAsT 2019 and 2020 (the user's turns, each with a person's rewrite). CAsT's own 38 million passages
are not at hand, so retrieval is measured by a stand-in: some 8,700 passages of encyclopedias and public services
(`retrieval/nq_oracle`, `retrieval/squad11_dev`, `reading/squadshifts_new_wiki`, `dialog/dialdoc21`), where the hybrid
ranking for the person's rewrite is the reference. Printed for the turn as asked, ours as shown, ours as searched and
the rewrite: share of the rewrite's terms held (recall) and of the terms that are the rewrite's (precision); overlap of
the first ten passages with the reference's; nDCG@10 with the reference's ranks as gains (first 10, tenth 1); and how
many of the reference's first three are in the first ten. In brackets the share of the gap from asked to rewrite that
is closed. Questions that the person left as they are: how many ours changes, and the nDCG that is left to them.
Each year is measured by coefficients fitted on the other.

`dialog/dialdoc21` (turns grounded in documents, nothing fitted on them): share of follow-up turns for which the span
that answers is in the first five passages, and the mean reciprocal rank of the first such passage (20 looked at).

Intervals: 95%, bootstrap over conversations, paired. `--fit` prints the coefficients of both years together.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from answers import Corpus, Floats
from conversation_fit import FollowUp, cast_follow_ups, fit_model, squad_successions
from question_sets import Set, doc_id, document, load_set

from instill.answer.asked.conversation import standalone
from instill.answer.terms import terms
from instill.answer.types import Turn
from instill.models.encoders import open_encoder
from instill.models.encoders.encoded_once import EncodedOnce
from instill.models.generators import open_generator
from instill.models.generators.generator_by_word import settings_for
from instill.models.generators.protocol import Generator
from instill.settings import EncoderSettings, Settings, with_values

DEPTH = 20
MEASURES = ("term recall", "term precision", "overlap@10", "nDCG@10", "top 3 in 10")
GAPS = ("term recall", "overlap@10", "nDCG@10", "top 3 in 10")
Ranked = tuple[tuple[str, int], ...]


def encyclopedic(data: Path) -> Set:
    """The passages that stand in for CAsT's."""
    documents = [entry for name in ("nq_oracle", "squad11_dev", "dialdoc") for entry in load_set(name, data).documents]
    articles = json.loads((data / "reading/squadshifts_new_wiki/new_wiki_v1.0.json").read_text("utf-8"))["data"]
    contexts = {part["context"]: article["title"] for article in articles for part in article["paragraphs"]}
    for number, (context, title) in enumerate(contexts.items()):
        documents.append(document(f"squadshifts {number + 1}", title.replace("_", " "), context))
    return Set(documents, [], [], "")


def cast(data: Path, corpus: Corpus, generator: Generator | None = None) -> dict[str, Any]:
    turns, squad = cast_follow_ups(data), squad_successions(data)
    models = {
        year: fit_model([t for t in turns if t.year != year], [t for t in squad if t.year != year])
        for year in (2019, 2020)
    }
    ours = {id(turn): standalone(turn.asked, turn.history, model=models[turn.year]) for turn in [*turns, *squad]}
    ways: dict[str, Callable[[FollowUp], str]] = {
        "as asked": lambda turn: turn.asked,
        "ours, shown": lambda turn: ours[id(turn)].question,
        "ours, searched": lambda turn: ours[id(turn)].search,
        "person's rewrite": lambda turn: turn.rewrite,
    }
    if generator is not None:
        written = {id(turn): standalone(turn.asked, turn.history, generator) for turn in [*turns, *squad]}
        ways["ours, written"] = lambda turn: written[id(turn)].search
    known: dict[str, Ranked] = {}

    def ranked(query: str) -> Ranked:
        if query not in known:
            known[query] = tuple((hit.doc_id, hit.start) for hit in corpus.search(query, 10))
        return known[query]

    scores = {
        way: np.array([compared(text(turn), turn.rewrite, ranked) for turn in turns]) for way, text in ways.items()
    }
    report: dict[str, Any] = {}
    for name, years in (("2019", {2019}), ("2020", {2020}), ("both", {2019, 2020})):
        chosen = np.array([turn.year in years for turn in turns])
        groups = [turn.group for turn in turns if turn.year in years]
        report[name] = {"follow-ups": int(chosen.sum()), "conversations": len(set(groups))}
        for way, values in scores.items():
            means = {measure: float(values[chosen, column].mean()) for column, measure in enumerate(MEASURES)}
            closed = {
                measure: gap_closed(
                    values[chosen, MEASURES.index(measure)],
                    scores["as asked"][chosen, MEASURES.index(measure)],
                    scores["person's rewrite"][chosen, MEASURES.index(measure)],
                    groups,
                )
                for measure in GAPS
                if way.startswith("ours")
            }
            report[name][way] = {"means": means, "gap closed": closed}
    complete = np.array([turn.complete for turn in turns])
    report["stand alone"] = {
        way: {
            "changed": float(np.mean([ways[way](turn) != turn.asked for turn in turns if turn.complete])),
            "changed, SQuAD": float(np.mean([ways[way](turn) != turn.asked for turn in squad])),
            "nDCG@10": float(scores[way][complete, MEASURES.index("nDCG@10")].mean()),
        }
        for way in ways
        if way.startswith("ours")
    }
    return report


def compared(text: str, rewrite: str, ranked: Callable[[str], Ranked]) -> list[float]:
    """`MEASURES` of a text against the person's rewrite."""
    found, wanted = set(terms(text)), set(terms(rewrite))
    ours, reference = ranked(text), ranked(rewrite)
    gains = {passage: 10.0 - place for place, passage in enumerate(reference)}
    discounts = 1 / np.log2(np.arange(2, 12))
    gained = sum(gains.get(passage, 0.0) * discounts[place] for place, passage in enumerate(ours))
    best = sum((10.0 - place) * discounts[place] for place in range(len(reference)))
    return [
        len(found & wanted) / max(1, len(wanted)),
        len(found & wanted) / max(1, len(found)),
        len(set(ours) & set(reference)) / max(1, len(reference)),
        gained / best if best else 1.0,
        len(set(ours) & set(reference[:3])) / max(1, len(reference[:3])),
    ]


def gap_closed(ours: Floats, raw: Floats, best: Floats, groups: Sequence[str]) -> list[float]:
    """Share of the gap from `raw` to `best` that `ours` closes, with its interval."""
    gained, gap = by_group(ours - raw, groups), by_group(best - raw, groups)
    draws = np.random.default_rng(0).integers(0, len(gap), (4000, len(gap)))
    low, high = np.quantile(gained[draws].sum(1) / gap[draws].sum(1), [0.025, 0.975])
    return [float(gained.sum() / gap.sum()), float(low), float(high)]


def by_group(values: Floats, groups: Sequence[str]) -> Floats:
    """Sums by conversation."""
    numbers = np.unique(groups, return_inverse=True)[1]
    return np.bincount(numbers, weights=values).astype(np.float64)


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


def dialdoc(data: Path, count: int, corpus: Corpus, generator: Generator | None = None) -> dict[str, Any]:
    ways: dict[str, Callable[[Sequence[Turn], str], str]] = {
        "as asked": lambda _, question: question,
        "ours, shown": lambda history, question: standalone(question, history).question,
        "ours, searched": lambda history, question: standalone(question, history).search,
        "whole conversation": lambda history, question: " ".join([*(turn.text for turn in history), question]),
    }
    if generator is not None:
        ways["ours, written"] = lambda history, question: standalone(question, history, generator).search
    turns = random.Random(3).sample(dialdoc_turns(data), count)
    groups = [f"{name} {history[0].text}" for history, _, name, _ in turns]
    report: dict[str, Any] = {"follow-ups": count, "conversations": len(set(groups))}
    asked = np.zeros(count)
    for way, rewrite in ways.items():
        ranks = np.zeros(count)
        for number, (history, question, name, grounding) in enumerate(turns):
            place = corpus.texts[doc_id(name)].find(grounding[:40])
            hits = corpus.search(rewrite(history, question)[:2000], DEPTH)
            right = [hit.doc_id == doc_id(name) and hit.start <= place < hit.end for hit in hits]
            ranks[number] = 1 / (1 + right.index(True)) if any(right) else 0.0
        found = (ranks >= 1 / 5).astype(float)
        asked = found if way == "as asked" else asked
        sums, sizes = by_group(found - asked, groups), by_group(np.ones(count), groups)
        draws = np.random.default_rng(0).integers(0, len(sums), (4000, len(sums)))
        low, high = np.quantile(sums[draws].sum(1) / sizes[draws].sum(1), [0.025, 0.975])
        report[way] = {
            "recall@5": float(found.mean()),
            "to as asked": [float((found - asked).mean()), float(low), float(high)],
            "MRR": float(ranks.mean()),
        }
    return report


def show(report: dict[str, Any]) -> None:
    print("| CAsT | text | " + " | ".join(MEASURES) + " |")
    print("|" + "---|" * (2 + len(MEASURES)))
    for name in ("2019", "2020", "both"):
        part = report["cast"][name]
        title = f"{name}: {part['follow-ups']} in {part['conversations']}"
        for way in [key for key in part if isinstance(part[key], dict)]:
            cells = []
            for measure, mean in part[way]["means"].items():
                gap = part[way]["gap closed"].get(measure)
                cells.append(f"{mean:.3f}" + (f" ({gap[0]:.2f}: {gap[1]:.2f} to {gap[2]:.2f})" if gap else ""))
            print(f"| {title} | {way} | " + " | ".join(cells) + " |")
    for way, figures in report["cast"]["stand alone"].items():
        print(
            f"questions that stand alone, {way}: " + ", ".join(f"{key} {value:.3f}" for key, value in figures.items())
        )
    part = report["dialdoc21"]
    print(f"\n| dialdoc21: {part['follow-ups']} in {part['conversations']} | recall@5 | minus as asked | MRR |")
    print("|---|---|---|---|")
    for way in [key for key in part if isinstance(part[key], dict)]:
        gain = "{:+.3f} ({:+.3f} to {:+.3f})".format(*part[way]["to as asked"])
        print(f"| {way} | {part[way]['recall@5']:.3f} | {gain} | {part[way]['MRR']:.3f} |")


def show_fit(data: Path) -> None:
    model = fit_model(cast_follow_ups(data), squad_successions(data))
    for name, coefficients in (("unsaid", model.unsaid), ("wanted", model.wanted)):
        print(f"    {name}={{")
        for sign, value in coefficients.items():
            print(f'        "{sign}": {value:.2f},')
        print("    },")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=300, help="follow-ups of dialdoc21")
    parser.add_argument("--cache", type=Path, help="keep the indexes here, for the next run")
    parser.add_argument("--generator", default="none", help="also have follow-ups written by it")
    parser.add_argument("--fit", action="store_true", help="only print coefficients")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.fit:
        show_fit(options.data)
        return
    encoder = EncodedOnce(open_encoder(EncoderSettings()))
    generator = open_generator(with_values(Settings(), settings_for(options.generator)).generator)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.cache or Path(temporary)
        report = {
            "cast": cast(options.data, Corpus(encyclopedic(options.data), encoder, folder / "encyclopedic"), generator),
            "dialdoc21": dialdoc(
                options.data,
                options.turns,
                Corpus(load_set("dialdoc", options.data), encoder, folder / "dialdoc"),
                generator,
            ),
        }
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        show(report)


if __name__ == "__main__":
    main()
