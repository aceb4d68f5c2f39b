"""Edits of SmolLM2 by what it says: new values, other wordings, what follows, other subjects, and what else it can do.

Facts of CounterFact (`counterfact.py`) get their new values as `instill edit SUBJECT RELATION VALUE` gives them: the
edited question is "What is the RELATION of SUBJECT?". Everything is scored by free generation of at most 16 tokens,
without any document, by the judge of `instill.measure.judging.scorer`, and never by the likelihood of given tokens:

- said: the edit's own question is answered with the new value;
- wordings: the two other wordings that `instill edit` asks;
- completion: the set's own prompt ("The mother tongue of Danielle Darrieux is"), as a message;
- follows: after a new place of birth, of death or of headquarters, its country (where the old one was another);
- neighbours: the same questions about subjects that were not edited, of those that the model answers rightly before;
  for one edit those of its relation;
- skills, and perplexity of the model's own open replies: as in `scenes_smollm2.py`;
- norm of the matrix that changed, by what it was.

Rows that must stay (`--keep` of `instill edit`) are instructions that SmolLM2 answers rightly, in its own words. At
most 100 edits are asked about, spread over all. Intervals are over edits, or over questions where no edit is asked
about.

    instill generator get smollm2
    python bench/edits_smollm2.py DATA/counterfact-edit.json --arms none ultraedit:1 rome:1 --out edits.json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from math import exp
from pathlib import Path
from typing import Any, cast

import numpy as np
from counterfact import Fact, read_facts
from edit_measures import Asked, norm_of, right
from smollm2_rows import Task, answered, nats_per_token, open_rows, replay_rows, tasks

from instill.measure.statistics.grouped_mean_interval import SCORE, group_interval
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.editing.editing_methods import METHODS, Method, Settings, edited, with_weights
from instill.train.generator.data.examples import make_examples
from instill.train.generator.data.rows import row_of
from instill.train.generator.recipes.base import folder_of

ASKED, NEIGHBOURS, TOKENS = 100, 80, 16
OF_ONE = 12
"""Neighbours that are asked about after a single edit, and skills."""

Pairs = list[tuple[bool | float, str]]
"""Values, each with the edit or the question that it belongs to."""


class Bench:
    """SmolLM2, what it knows before any edit, and what must stay.

    Args:
        most: the largest number of edits; the facts after those are for neighbours.
        replayed: instructions that are tried for the rows that must stay.
        asked: facts that are asked for neighbours.
    """

    def __init__(self, facts: Sequence[Fact], most: int, replayed: int, asked: int) -> None:
        folder = folder_of("smollm2")
        self.tokenizer, self.model = open_tokenizer(folder), open_model(folder)
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        self.facts = facts[:most]
        tried, self.tasks = tasks(0)
        rows = replay_rows(self.model, self.tokenizer, tried[:replayed])
        self.kept = make_examples([row_of(row) for row in rows], self.tokenizer)
        self.open = open_rows(self.model, self.tokenizer)
        others = facts[most : most + asked]
        known = right(self.model, self.tokenizer, [question(each) for each in others], TOKENS)
        self.known = [each for each, one in zip(others, known, strict=True) if one]
        told(f"{len(rows)} rows that must stay; {len(self.known)} of {len(others)} neighbours are known")

    def edit(self, facts: Sequence[Fact], method: Method) -> tuple[dict[str, Any], float]:
        """The weights with these edits, and the processor seconds that they took."""
        began = time.process_time()
        found = edited(self.model, self.tokenizer, [each.edit for each in facts], self.kept, Settings(method=method))
        return found, time.process_time() - began

    def measured(self, facts: Sequence[Fact], *, single: bool = False) -> dict[str, Pairs]:
        """Every measure but the norm, with the weights that the model has now."""
        some = facts[:: -(-len(facts) // ASKED)]
        neighbours, skills = self.known[:NEIGHBOURS], self.tasks
        if single:
            neighbours = [each for each in self.known if each.relation == facts[0].relation][:OF_ONE]
            skills = self.tasks[::5]
        groups: dict[str, list[tuple[Asked, str]]] = {
            "said": [(Asked(each.edit.prompt, (each.value,)), each.subject) for each in some],
            "wordings": [(Asked(other, (each.value,)), each.subject) for each in some for other in each.questions[1:]],
            "completion": [(Asked(each.completion, (each.value,)), each.subject) for each in some],
            "follows": [(Asked(*each.consequence), each.subject) for each in some if each.consequence],
            "neighbours": [(question(each), each.subject) for each in neighbours],
        }
        every = [asked for group in groups.values() for asked, _ in group]
        verdicts = iter(right(self.model, self.tokenizer, every, TOKENS))
        found: dict[str, Pairs] = {
            name: [(next(verdicts), subject) for _, subject in group] for name, group in groups.items()
        }
        found["skills"] = list(zip(answered(self.model, self.tokenizer, skills), map(_asked, skills), strict=True))
        found["perplexity"] = [(exp(nats_per_token(self.model, self.tokenizer, self.open)), "")]
        return found

    def arm(self, method: str, count: int, singles: int) -> dict[str, Any]:
        """One method with so many edits; a single edit is made several times, each by itself."""
        began = time.process_time()
        if method == "none":
            found, norms, seconds = self.measured(self.facts[:count]), [1.0], [0.0]
        else:
            groups = [[each] for each in self.facts[:singles]] if count == 1 else [self.facts[:count]]
            found, norms, seconds = {}, [], []
            for group in groups:
                weights, took = self.edit(group, cast(Method, method))
                seconds.append(took)
                norms.append(norm_of(self.model, weights))
                with with_weights(self.model, weights):
                    for name, pairs in self.measured(group, single=count == 1).items():
                        found.setdefault(name, []).extend(pairs)
                told(f"{method}: {group[0].edit}, {len(group)} edits, {took:.0f} s, norm {norms[-1]:.2f}")
        return {
            "method": method, "edits": count,
            **{name: interval(found[name]) for name in found if name != "perplexity"},
            "perplexity": float(np.mean([value for value, _ in found["perplexity"]])),
            "norm": float(np.mean(norms)), "most norm": max(norms),
            "seconds": float(np.mean(seconds)), "all seconds": time.process_time() - began,
        }  # fmt: skip


def question(fact: Fact) -> Asked:
    """What is true of a subject, in the words of an edit."""
    return Asked(fact.questions[0], (fact.true,))


def interval(pairs: Pairs) -> list[float] | None:
    """Mean, its 95% interval over edits, and the number of values; None of nothing."""
    if not pairs:
        return None
    made = group_interval([float(value) for value, _ in pairs], [group for _, group in pairs], scale=SCORE)
    return [made.mean, made.low, made.high, len(pairs)]


def shown(arm: dict[str, Any]) -> str:
    """A line of a Markdown table."""
    cells = [str(arm["edits"]), arm["method"]]
    for name in ("said", "wordings", "completion", "follows", "neighbours", "skills"):
        value = arm[name]
        cells.append("-" if value is None else f"{value[0]:.2f} [{value[1]:.2f}, {value[2]:.2f}] of {value[3]}")
    cells += [f"{arm['perplexity']:.2f}", f"{arm['norm']:.2f}", f"{arm['seconds']:.0f}"]
    return f"| {' | '.join(cells)} |"


def told(line: str) -> None:
    """Progress."""
    print(f"{time.process_time():.0f} s: {line}", file=sys.stderr, flush=True)


def _asked(task: Task) -> str:
    return task.asked


def main() -> None:
    """Make every arm in turn; figures are written after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="counterfact-edit.json")
    arms = ["none", *(f"{method}:{count}" for method in METHODS for count in (1, 10, 100, 1000))]
    parser.add_argument("--arms", nargs="+", default=arms, help="METHOD:EDITS each, or none")
    parser.add_argument("--singles", type=int, default=6, help="single edits, each made by itself")
    parser.add_argument("--questions", type=int, default=ASKED, help="edits that are asked about before any edit")
    parser.add_argument("--replayed", type=int, default=100)
    parser.add_argument("--neighbours", type=int, default=300, help="facts that are asked for those that are known")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    wanted = [
        (method, int(count or given.questions)) for method, _, count in (arm.partition(":") for arm in given.arms)
    ]
    facts = read_facts(given.data, given.seed)
    most = max(1000, *(count for _, count in wanted))
    bench = Bench(facts, most, given.replayed, given.neighbours)
    made = []
    for method, count in wanted:
        made.append(bench.arm(method, count, given.singles))
        print(shown(made[-1]), flush=True)
        if given.out:
            given.out.write_text(json.dumps({"seed": given.seed, "arms": made}, indent=1))


if __name__ == "__main__":
    main()
