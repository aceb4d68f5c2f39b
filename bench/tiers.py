"""Three ways to keep what people keep asking for, in one run: the index, a cache of answers, weights.

Pages about people of the laboratory's world are added; people ask for three facts of some of them in six wordings each.
The cache holds the answers to one wording of each fact. The weights are the micro model's, after `instill consolidate`.
Then every way is asked, by itself:

- the same: the questions that people asked;
- wordings: each fact in four wordings in which nobody asked, and which no row has;
- premise: in which country was somebody born? The pages name the town; the model knew before which country it lies in;
- nobody: the same facts of people in no document. Every answer is wrong; the best is to say that one does not know;
- stale: a page changes, and its fact is asked for at once: share of answers with the old value.

Printed with 95% intervals over facts: right answers (of the index and the cache: the value stands in what is
shown), wrong answers (the rest are refusals), milliseconds of an answer,
tokens of a model that writes, bytes, and seconds until the facts are there.

    OMP_NUM_THREADS=1 python bench/tiers.py --seeds 0 1 --out tiers.json
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from consolidate import ask_often

from instill import Workspace
from instill.common.made_from import made_from
from instill.lab.study_set import lab_replay
from instill.lab.world import VALUES, Person, biography, make_world, questions
from instill.measure.judging.scorer import judge
from instill.measure.statistics.grouped_mean_interval import SCORE, group_interval
from instill.memory.answer_cache.cache import NOTICE
from instill.memory.answer_cache.similarity_threshold import Safe, identity_of, save_safe
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.registry.store import Registry
from instill.models.weights import micro_folder
from instill.train.generator.data.duplicates import asked_in
from instill.train.generator.data.rows import chat_row, read_rows
from instill.train.generator.loop.replies import replies

ATTRIBUTES = ("birthplace", "employer", "year")
GROUPS = ("the same", "wordings", "premise", "nobody")
PEOPLE, STRANGERS, TOKENS = 6, 6, 12
_SAFE = 0.9
"""The similarity below which the cache shows nothing, whatever a calibration finds."""


@dataclass(frozen=True)
class Asked:
    """A question, its answer ("": no document tells it), and the fact that it asks for."""

    question: str
    answer: str
    fact: str


@dataclass
class Tier:
    """What a way answered.

    Args:
        outcomes: by group, 1 right, -1 wrong, 0 refused, with the fact.
        ms: of each answer to the same questions.
    """

    outcomes: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    stale: list[bool] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)
    tokens: float = 0.0
    bytes: int = 0
    seconds: float = 0.0


Says = Callable[[str], str]
"""A reply; "" where it refuses."""


def asked_of(people: Sequence[Person], strangers: Sequence[Person], rows: Path) -> dict[str, list[Asked]]:
    """The questions of each group, without those that a training row asks or tells in the same words."""

    def some(who: Sequence[Person], attribute: str, take: slice, *, told: bool = True) -> list[Asked]:
        return [
            Asked(question, person.facts[attribute] if told else "", f"{person.name} {attribute}")
            for person in who
            for question in [*questions(person, attribute), *questions(person, attribute, evaluated=True)[:2]][take]
        ]

    wordings = slice(6, 10)
    found = {
        "the same": [each for attribute in ATTRIBUTES for each in some(people, attribute, slice(0, 2))],
        "wordings": [each for attribute in ATTRIBUTES for each in some(people, attribute, wordings)],
        "premise": some(people, "country", slice(0, 4)),
        "nobody": [each for a in ATTRIBUTES for each in some(strangers, a, slice(6, 8), told=False)],
    }
    shown = {found["wordings"][number].question for number in asked_in(
        [chat_row(each.question, each.answer) for each in found["wordings"]], read_rows(rows)
    )}  # fmt: skip
    return {**found, "wordings": [each for each in found["wordings"] if each.question not in shown]}


def ask_all(says: Says, groups: dict[str, list[Asked]], tier: Tier, *, quotes: bool = True) -> None:
    """Ask a way everything, and note what came.

    Args:
        quotes: it shows sentences of documents, which are right where the value stands in them.
    """
    for name in GROUPS:
        outcomes = []
        for each in groups[name]:
            began = time.perf_counter()
            reply = says(each.question)
            if name == "the same" and reply:
                tier.ms.append((time.perf_counter() - began) * 1000)
            right = bool(each.answer) and (
                each.answer.lower() in reply.lower()
                if quotes
                else judge(reply, (each.answer,), question=each.question).right == 1
            )
            outcomes.append((1 if right else -1 if reply else 0, each.fact))
        tier.outcomes.setdefault(name, []).extend(outcomes)


def size_of(folder: Path) -> int:
    """Bytes of all files."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def write_pages(people: Sequence[Person], folder: Path, seed: int) -> None:
    """A page for each, which names the town of birth but not its country."""
    rng = random.Random(f"tiers {seed}")
    folder.mkdir(parents=True)
    for person in people:
        text = f"# {person.name}\n\n{biography(person, rng, without=('country',))}\n"
        (folder / f"{person.name.lower().replace(' ', '-')}.md").write_text(text)


def live(folder: Path, seed: int, tiers: dict[str, Tier]) -> None:
    """Fill a workspace, train, ask all three ways, change a page, and ask for what changed."""
    rng = random.Random(f"tiers {seed}")
    world = make_world()
    drawn = rng.sample(world.group("C"), 2 * PEOPLE)
    people, others = drawn[:PEOPLE], drawn[PEOPLE:]  # Pages of others lie beside.
    strangers = rng.sample(world.group("E"), STRANGERS)
    write_pages([*people, *others], folder / "pages", seed)
    Workspace.init(folder / "kb").close()
    settings = folder / "kb" / "instill.toml"
    settings.write_text("[memory]\nstable_days = 0\nthreshold = 1\n")
    replay = folder / "replay.jsonl"
    replay.write_text("".join(json.dumps(row) + "\n" for row in lab_replay(seed, 2400)))
    index, cache, weights = (tiers[name] for name in ("index", "cache", "weights"))
    with Workspace.open(folder / "kb") as workspace:
        began = time.perf_counter()
        workspace.add(folder / "pages")
        index.seconds += time.perf_counter() - began
        index.bytes += size_of(workspace.home / "index")
        ask_often(workspace, people)
        began = time.perf_counter()
        [found] = workspace.consolidate(base="micro", replay=replay, seed=seed, epochs=20)
        weights.seconds += time.perf_counter() - began
        print(f"seed {seed}: in use: {found.promoted}", *found.reasons, flush=True)
        candidate = Registry(workspace.home).get(found.adapter).folder
        weights.bytes += size_of(candidate)
        groups = asked_of(people, strangers, workspace.home / "memory" / "training" / "memory-owner" / "rows.jsonl")
        model, tokenizer = open_model(micro_folder(), candidate=candidate).eval(), open_tokenizer(micro_folder())

        def by_heart(question: str) -> str:
            [reply] = replies(model, tokenizer, [[{"role": "user", "content": question}]], max_tokens=TOKENS)
            return "" if reply.strip().lower().startswith("unknown") else reply

        def from_documents(question: str) -> str:
            answer = workspace.ask(question)
            return "" if answer.abstained else answer.text

        ask_all(from_documents, groups, index)
        ask_all(by_heart, groups, weights, quotes=False)
        weights.tokens = sum(len(tokenizer(each.question)["input_ids"]) + TOKENS for each in groups["wordings"]) / max(
            1, len(groups["wordings"])
        )
    settings.write_text(settings.read_text() + "cache = true\n")
    with Workspace.open(folder / "kb") as workspace:
        safe = Safe(_SAFE, 0.05, 0.95, 1, 1, 0, "2026-01-01T00:00:00Z",
                    identity_of(workspace.settings, workspace.index.generation.fingerprint),
                    made_from(workspace.documents()))  # fmt: skip
        save_safe(workspace.home, safe, None)

        def shown_again(question: str) -> str:
            answer = workspace.ask(question)
            return answer.text if NOTICE in answer.notices else ""

        for person in people:
            for attribute in ATTRIBUTES:
                workspace.ask(questions(person, attribute)[0])
        ask_all(shown_again, {**groups, "the same": groups["the same"][::2]}, cache)
        person = people[0]
        old = person.facts["employer"]
        page = folder / "pages" / f"{person.name.lower().replace(' ', '-')}.md"
        page.write_text(page.read_text().replace(old, rng.choice([each for each in VALUES["employer"] if each != old])))
        workspace.sync()
        for name, says in (("index", from_documents), ("cache", shown_again), ("weights", by_heart)):
            tiers[name].stale += [
                old.lower() in says(question).lower() for question in questions(person, "employer")[:8]
            ]


def summary(tiers: dict[str, Tier], seeds: int) -> str:
    """A Markdown table."""
    lines = ["| | " + " | ".join(tiers) + " |", "|---" * (len(tiers) + 1) + "|"]
    for name in GROUPS:
        for what, wanted in (("right", 1), ("wrong", -1)):
            if name != "nobody" or wanted == -1:
                cells = [_share(tier.outcomes[name], wanted) for tier in tiers.values()]
                lines.append(f"| {name}: {what} | {' | '.join(cells)} |")
    rows: list[tuple[str, list[str]]] = [
        ("stale", [f"{sum(each.stale)} of {len(each.stale)}" for each in tiers.values()]),
        ("ms, median", [f"{sorted(each.ms)[len(each.ms) // 2]:.1f}" for each in tiers.values()]),
        ("tokens", [f"{each.tokens:.0f}" for each in tiers.values()]),
        ("kB", [f"{each.bytes / seeds / 1000:.0f}" for each in tiers.values()]),
        ("seconds until it is there", [f"{each.seconds / seeds:.1f}" for each in tiers.values()]),
    ]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)])


def _share(outcomes: Sequence[tuple[int, str]], wanted: int) -> str:
    found = group_interval(
        [float(outcome == wanted) for outcome, _ in outcomes], [fact for _, fact in outcomes], scale=SCORE
    )
    return f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}] of {len(outcomes)}"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    tiers = {name: Tier() for name in ("index", "cache", "weights")}
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as folder:
            live(Path(folder), seed, tiers)
    print(summary(tiers, len(given.seeds)))
    if given.out:
        found: dict[str, Any] = {name: vars(tier) for name, tier in tiers.items()}
        given.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
