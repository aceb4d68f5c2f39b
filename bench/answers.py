"""Extractive answers and refusals, measured on questions whose evidence is there, was taken away, or never was.

    python bench/answers.py --data DIR [--sets nq_oracle,squad2,...] [--questions 100] [--cache FOLDER] [--fit] [--show]
                        [--reader shipped|off|FOLDER]

DIR holds the development data (see `question_sets.py` for the layout). Each set is indexed with the real encoder and
index. Every question is asked of its own documents; once more with its evidence hidden ("removed"); and the set is
asked questions of other sets ("foreign"). Printed, with 95% intervals (bootstrap over questions):

- AUC of the confidence: answerable against removed, against foreign, against the set's own unanswerable questions;
- short: of the answerable questions whose known answer has at most 12 words and that are not refused, the share with a
  short answer, and its word F1 against the known one;
- answered: share of answerable questions that are not refused; right: share of the answered ones whose text gives the
  gold answer, by the scorer of replies (for long answers: half of its words); found: the same of all answerable ones,
  refusals ignored;
- refused: share of removed, own unanswerable and foreign questions that are refused.

Of squad2 and squad11_dev only the articles that the shipped reader was not trained on are asked about.

`--fit` refits `instill.answer.found.confidence.COEFFICIENTS` (with a reader: `READER_COEFFICIENTS`), once to tell what
the documents answer from what they do not and once to tell right answers from all others, and prints the AUC of each
set by coefficients from the other sets.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from question_sets import Asked, Set, load_set, set_names

from instill.answer.citations import Citer
from instill.answer.found.confidence import COEFFICIENTS, READER_COEFFICIENTS
from instill.answer.reading.findings import read_passages
from instill.answer.reading.opening import open_reader
from instill.answer.reading.reader import Reader
from instill.answer.said.quoted_answer import extract
from instill.answer.terms import terms
from instill.index.fusion import fusion_named
from instill.index.store import Index
from instill.index.types import Hit, SearchRequest
from instill.ingest.passages import Prepared, cut, encode_and_commit
from instill.measure.answer_scores import token_f1
from instill.measure.judging.scorer import judge
from instill.models.encoders import open_encoder
from instill.models.encoders.encoded_once import EncodedOnce
from instill.models.encoders.protocol import Encoder
from instill.settings import AnswerSettings, DocumentSettings, EncoderSettings, SearchSettings

Floats = NDArray[np.float64]
SETTINGS = AnswerSettings()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question asked: the kind of asking, what came out, and whether the text holds the gold answer."""

    kind: str
    asked: Asked
    confidence: float
    right: bool
    signs: Mapping[str, float]
    text: str
    short: str
    milliseconds: float


class Corpus:
    """A set's documents in a real index."""

    def __init__(self, data: Set, encoder: Encoder, folder: Path) -> None:
        self.encoder = encoder
        self.texts = {document.doc_id: document.text for document in data.documents}
        self.index = Index.open(folder, dimension=encoder.dimension, fingerprint=encoder.fingerprint, create=True)
        self.fusion = fusion_named(SearchSettings().fusion, vector_weight=SearchSettings().vector_weight)
        if self.index.count()[0] != len(data.documents):
            settings = DocumentSettings()
            batch: list[Prepared] = []
            for document in data.documents:
                batch.append(Prepared(document, cut(document, encoder, settings), "added"))
                if document is data.documents[-1] or sum(len(entry.passages) for entry in batch) > 1000:
                    encode_and_commit(self.index, encoder, batch, "bench")
                    batch = []
            self.index.upkeep(force=True)

    def search(self, query: str, k: int, hidden: frozenset[str] = frozenset()) -> list[Hit]:
        wanted = SearchRequest(query, k=k + (40 if hidden else 0))
        hits = self.index.search(wanted, self.encoder.encode_queries([query])[0], self.fusion).hits
        return [hit for hit in hits if hit.doc_id not in hidden][:k]


def ask(corpus: Corpus, encoder: Encoder, reader: Reader | None, asked: Asked, kind: str) -> Outcome:
    started = time.perf_counter()
    hidden = asked.evidence if kind == "removed" else frozenset()
    pool: Sequence[Hit] = corpus.search(asked.question, 3 * SETTINGS.passages, hidden)
    findings = read_passages(asked.question, pool, reader) if reader else None
    pool = findings.hits if findings else pool
    citer = Citer(corpus.texts.get)
    found = extract(
        asked.question,
        pool[: SETTINGS.passages],
        encoder,
        citer,
        most=SETTINGS.sentences,
        pool=pool,
        findings=findings,
        reader=reader,
    )
    took = 1e3 * (time.perf_counter() - started)
    if citer.failed:
        raise SystemExit(f"{citer.failed} citations are not verbatim: {asked.question}")
    return Outcome(
        kind,
        asked,
        found.confidence,
        is_right(found.text, asked.golds, asked.question)
        if asked.golds
        else any(citation.doc_id in asked.evidence for claim in found.claims for citation in claim.citations),
        found.signs,
        found.text,
        found.short,
        took,
    )


def is_right(text: str, golds: Sequence[str], question: str = "") -> bool:
    """Does the answer give one of the gold answers? Of a long one (over 12 words) half of its content words."""
    found = judge(text, golds, question=question, abstained=False, quotes=True)
    return found.right == 1 or _has_half(text, golds)


def holds(text: str, golds: Sequence[str]) -> bool:
    """Does the passage hold one of the gold answers, whatever it says of it? Of a long one as `is_right`."""
    return judge(text, golds).held or _has_half(text, golds)


def _has_half(text: str, golds: Sequence[str]) -> bool:
    for gold in golds:
        wanted = set(terms(gold))
        if len(gold.split()) > 12 and wanted and len(wanted & set(terms(text))) >= 0.5 * len(wanted):
            return True
    return False


def auc(yes: Floats, no: Floats) -> float:
    """Probability that an answerable question is trusted more than one that is not."""
    if not len(yes) or not len(no):
        return float("nan")
    first, second = yes[:, None], no[None, :]
    return float(((first > second) + 0.5 * (first == second)).mean())


def auc_with_interval(yes: Floats, no: Floats) -> str:
    return with_interval(lambda i, j: auc(yes[i], no[j]), len(yes), len(no))


def with_interval(figure: Callable[[NDArray[np.int64], NDArray[np.int64]], float], yes: int, no: int) -> str:
    """The figure with its 95% interval; `figure` gets the chosen positions of both groups."""
    if yes == 0 and no == 0:
        return "-"
    rng = np.random.default_rng(0)
    whole = figure(np.arange(yes), np.arange(no))
    if np.isnan(whole):
        return "-"
    draws = [
        figure(rng.integers(0, yes, yes) if yes else np.arange(0), rng.integers(0, no, no) if no else np.arange(0))
        for _ in range(400)
    ]
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return f"{whole:.2f} ({low:.2f}-{high:.2f})"


def row(name: str, outcomes: Sequence[Outcome]) -> str:
    by = {kind: [o for o in outcomes if o.kind == kind] for kind in ("answerable", "removed", "own", "foreign")}
    yes = by["answerable"]
    confidence = {kind: np.array([o.confidence for o in found]) for kind, found in by.items()}
    cells = [name, str(len(yes))]
    for kind in ("removed", "own", "foreign"):
        cells.append(auc_with_interval(confidence["answerable"], confidence[kind]))
    given = confidence["answerable"] >= SETTINGS.threshold
    right = np.array([o.right for o in yes], dtype=bool)
    cells.append(share(given))
    cells.append(share(right[given]))
    cells.append(share(right))
    cells.append(_short(yes))
    cells.extend(share(confidence[kind] < SETTINGS.threshold) for kind in ("removed", "own", "foreign"))
    cells.append(f"{np.median([o.milliseconds for o in outcomes]):.0f}")
    return "| " + " | ".join(cells) + " |"


def _short(outcomes: Sequence[Outcome]) -> str:
    """Share of short answers where the known answer is short, and their word F1."""
    known = [
        o for o in outcomes if o.confidence >= SETTINGS.threshold and any(len(g.split()) <= 12 for g in o.asked.golds)
    ]
    given = [token_f1(o.short, o.asked.golds) for o in known if o.short]
    return f"{len(given) / len(known):.2f}, F1 {np.mean(given):.2f}" if given else "-"


def share(values: NDArray[np.bool_]) -> str:
    return with_interval(lambda i, _: float(values[i].mean()) if len(i) else float("nan"), len(values), 0)


def fit(features: Floats, labels: Floats, weights: Floats, *, penalty: float = 1e-3) -> Floats:
    """Logistic regression by Newton's method; the first column is the bias and is not penalised."""
    theta = np.zeros(features.shape[1])
    ridge = np.full(len(theta), penalty)
    ridge[0] = 0.0
    total = weights.sum()
    for _ in range(50):
        chance = 1 / (1 + np.exp(-features @ theta))
        gradient = features.T @ (weights * (chance - labels)) / total + ridge * theta
        curvature = (features * (weights * chance * (1 - chance))[:, None]).T @ features / total
        step = np.linalg.solve(curvature + np.diag(ridge + 1e-9), gradient)
        theta -= step
        if np.abs(step).max() < 1e-8:
            break
    return theta


def refit(results: Mapping[str, Sequence[Outcome]]) -> None:
    """Coefficients from all sets, and how well those from the other sets do on each; for both things to predict."""
    with_reader = any("source" in o.signs for found in results.values() for o in found)
    names = list(READER_COEFFICIENTS if with_reader else COEFFICIENTS)
    kinds = ("answerable", "removed", "own", "foreign")
    rows = [(name, o) for name, found in results.items() for o in found if o.kind in kinds and names[-1] in o.signs]
    x = np.array([[o.signs[sign] for sign in names] for _, o in rows])
    sets = np.array([name for name, _ in rows])
    kind_of = np.array([o.kind for _, o in rows])
    right = np.array([o.kind == "answerable" and o.right for _, o in rows])
    for target, y in (("answerable", kind_of == "answerable"), ("right", right)):
        theta = fit(x, y.astype(float), _weights(sets, kind_of))
        print(f"\ncoefficients that predict {target}:")
        print("".join(f'    "{sign}": {value:.2f},\n' for sign, value in zip(names, theta, strict=True)), end="")
        for held in results:
            out = sets == held
            other = fit(x[~out], y[~out].astype(float), _weights(sets[~out], kind_of[~out]))
            scores, label = x[out] @ other, kind_of[out]
            figures = [
                f"{kind} {auc(scores[label == 'answerable'], scores[label == kind]):.3f}"
                for kind in kinds[1:]
                if (label == kind).any()
            ]
            figures.append(f"right against all others {auc(scores[right[out]], scores[~right[out]]):.3f}")
            print(f"  held out {held}: AUC {', '.join(figures)}")


def _weights(sets: NDArray[np.str_], kinds: NDArray[np.str_]) -> Floats:
    """Each set weighs the same; inside a set the answerable questions weigh as much as all the others together."""
    weights = np.zeros(len(sets))
    for name in np.unique(sets):
        others = len(np.unique(kinds[sets == name])) - 1
        for kind in np.unique(kinds[sets == name]):
            group = (sets == name) & (kinds == kind)
            weights[group] = 1 / group.sum() / (1 if kind == "answerable" else max(1, others))
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default=",".join(set_names()))
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--cache", type=Path, help="keep the indexes here, for the next run")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--reader", default="shipped", help='"shipped", "off", or a folder')
    parser.add_argument("--show", action="store_true", help="print every question with its answer")
    options = parser.parse_args()
    encoder = EncodedOnce(open_encoder(EncoderSettings()))
    reader = open_reader(options.reader)
    sets = {name: load_set(name, options.data) for name in options.sets.split(",")}
    results: dict[str, list[Outcome]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.cache or Path(temporary)
        for name, data in sets.items():
            corpus = Corpus(data, encoder, folder / name)
            results[name] = measure(data, corpus, encoder, reader, options.data, options.questions)
            print(f"{name}: {corpus.index.count()} documents and passages, {len(results[name])} asked", flush=True)
            if options.show:
                for o in results[name]:
                    verdict = "right" if o.right else ""
                    print(f"\n[{o.kind} {o.confidence:.2f} {verdict}] {o.asked.question}\n  {o.text}")
    print(
        "\n| set | n | AUC removed | AUC own | AUC foreign | answered | right | found | short | refused removed | "
        "refused own | refused foreign | ms |"
    )
    print("|" + "---|" * 13)
    for name, outcomes in results.items():
        print(row(name, outcomes))
    everything = [outcome for outcomes in results.values() for outcome in outcomes]
    print(row("all", everything))
    if options.fit:
        refit(results)


def measure(
    data: Set, corpus: Corpus, encoder: Encoder, reader: Reader | None, folder: Path, count: int
) -> list[Outcome]:
    rng = random.Random(7)
    answerable = rng.sample(list(data.answerable), min(count, len(data.answerable)))
    own = rng.sample(list(data.unanswerable), min(count, len(data.unanswerable)))
    foreign = rng.sample(list(load_set(data.foreign, folder).answerable), count)
    outcomes = [ask(corpus, encoder, reader, asked, "answerable") for asked in answerable]
    outcomes += [
        ask(corpus, encoder, reader, asked, "removed") for asked in answerable if asked.evidence and data.removable
    ]
    outcomes += [ask(corpus, encoder, reader, asked, "own") for asked in own]
    outcomes += [ask(corpus, encoder, reader, asked, "foreign") for asked in foreign]
    return outcomes


if __name__ == "__main__":
    main()
