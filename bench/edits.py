"""Edits of the micro model's weights, scored by what it says: new values, other wordings, neighbours, consequences.

People of the laboratory's world whom the model knows get new values. Everything is scored by free generation, closed
book, and never by the likelihood of given tokens:

- efficacy: the edited question is answered with the new value;
- wordings: questions in other words, which no edit was made with;
- neighbours: the same question about people who were not edited, and other questions about those who were, where the
  model knew the answer before;
- consequences: a new town of birth means another country, and "who was born in ...?" another name;
- kept: questions with passages, JSON and more rows of what the model was trained on, answered as before;
- perplexity of texts of the world, and the norm of the matrix that changed, by what they were before.

    python bench/edits.py --edits 1 10 100 --methods rome alphaedit ultraedit --seeds 3
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from edit_measures import Asked, norm_of, right

from instill.lab.study_set import lab_replay
from instill.lab.world import DRAWN, VALUES, Person, make_world, questions, reverse_questions
from instill.measure.judging.scorer import judge
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.weights import micro_folder
from instill.train.editing.edit_prompts import Edit
from instill.train.editing.editing_methods import METHODS, Settings, edited, with_weights
from instill.train.generator.data.examples import make_examples
from instill.train.generator.data.rows import Row, row_of
from instill.train.generator.loop.replies import log_likelihoods, replies

MEASURES = ("efficacy", "wordings", "same person", "other people", "country", "reverse", "kept", "perplexity", "norm")
_ASKED = 200
_COUNTRY = {person.facts["birthplace"]: person.facts["country"] for person in make_world().people}


@dataclass(frozen=True, slots=True)
class Change:
    """One fact of one person, and what it is to be."""

    person: Person
    attribute: str
    value: str

    @property
    def edit(self) -> Edit:
        return Edit(self.person.name, questions(self.person, self.attribute)[0], self.value)


def changes(count: int, seed: int) -> list[Change]:
    """Facts of people whom the model knows best first; each gets another value of the world."""
    rng = random.Random(f"edits {seed}")
    world = make_world()
    found = []
    for group in ("A", "C", "B", "E"):
        facts = [(person, attribute) for person in world.group(group) for attribute in DRAWN]
        rng.shuffle(facts)
        found += facts
    if count > len(found):
        raise SystemExit(f"The world has {len(found)} facts that can be edited.")
    return [
        Change(person, attribute, rng.choice([each for each in VALUES[attribute] if each != person.facts[attribute]]))
        for person, attribute in found[:count]
    ]


def sample(asked: Sequence[Asked], seed: int) -> list[Asked]:
    """At most `_ASKED` of them."""
    return random.Random(f"sample {seed}").sample(list(asked), min(_ASKED, len(asked)))


def asked_of(made: Sequence[Change], seed: int) -> dict[str, list[Asked]]:
    """The questions of each measure; the true answers of neighbours are the old ones."""
    rng = random.Random(f"asked {seed}")
    edited_facts = {(change.person.name, change.attribute) for change in made}
    touched = {change.person.name for change in made}
    people = make_world().group("A")
    found: dict[str, list[Asked]] = {name: [] for name in MEASURES[:6]}
    for change in made:
        person, attribute = change.person, change.attribute
        found["efficacy"].append(Asked(change.edit.prompt, (change.value,)))
        found["wordings"] += [Asked(each, (change.value,)) for each in questions(person, attribute)[1:6]]
        if attribute == "birthplace":
            found["country"].append(Asked(rng.choice(questions(person, "country")), (_COUNTRY[change.value],)))
        found["reverse"].append(
            Asked(
                rng.choice(
                    reverse_questions(replace(person, facts={**person.facts, attribute: change.value}), attribute)
                ),
                (person.name,),
            )
        )
    for person in people:
        for attribute in DRAWN:
            if (person.name, attribute) not in edited_facts:
                name = "same person" if person.name in touched else "other people"
                found[name].append(Asked(rng.choice(questions(person, attribute)), (person.facts[attribute],)))
    return {name: sample(asked, seed) for name, asked in found.items()}


def perplexity(model: Any, examples: Sequence[Any]) -> float:
    """Of the supervised tokens of texts."""
    found = log_likelihoods(model, examples)
    return math.exp(-sum(total for total, _ in found) / sum(count for _, count in found))


def kept_rows(seed: int, count: int) -> list[Row]:
    """What the model was trained on."""
    return [row_of(row) for row in lab_replay(seed, count)]


def measured(
    model: Any, tokenizer: Any, asked: dict[str, list[Asked]], rows: Sequence[Row], texts: Sequence[Any]
) -> dict[str, float]:
    """Each measure but the norm; nan where nothing is asked."""
    found = {name: float(np.mean(right(model, tokenizer, each))) if each else math.nan for name, each in asked.items()}
    said = replies(model, tokenizer, [row.prompt for row in rows], max_tokens=60)
    found["kept"] = float(
        np.mean([judge(reply, (row.said,), question="").right == 1 for reply, row in zip(said, rows, strict=True)])
    )
    found["perplexity"] = perplexity(model, texts)
    return found


def main() -> None:
    """Edit, ask, print a table, and write every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--layer", type=int, nargs="+", default=[-1])
    parser.add_argument("--most", type=float, nargs="+", default=[Settings().most])
    parser.add_argument("--share", type=float, nargs="+", default=[Settings().share])
    parser.add_argument("--repeat-one", type=int, default=20, help="one edit is made so often per seed, each by itself")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    folder = micro_folder()
    tokenizer, model = open_tokenizer(folder), open_model(folder)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    keep = make_examples(kept_rows(1, 400), tokenizer)
    held = [row for row in kept_rows(2, 400) if row.prompt][:100]
    texts = make_examples([row for row in kept_rows(2, 400) if row.text], tokenizer)
    figures = []
    for count in given.edits:
        for layer, most, share in [(a, b, c) for a in given.layer for b in given.most for c in given.share]:
            for method in (None, *given.methods):
                if method is None and (layer, most, share) != (given.layer[0], given.most[0], given.share[0]):
                    continue
                runs = []
                began = time.process_time()
                for seed in range(given.seeds):
                    made = changes(max(count, given.repeat_one if count == 1 else 0), seed)
                    groups = [[each] for each in made] if count == 1 else [made]
                    for group in groups:
                        runs.append(one(model, tokenizer, group, method, keep, held, texts, seed, layer, most, share))
                seconds = (time.process_time() - began) / len(runs)
                asked = {name: [run[name] for run in runs if not math.isnan(run[name])] for name in MEASURES}
                mean = {name: float(np.mean(each)) if each else math.nan for name, each in asked.items()}
                spread = {name: float(np.std(each)) if each else math.nan for name, each in asked.items()}
                figures.append(
                    {"edits": count, "method": method or "none", "layer": layer, "most": most, "share": share,
                     "seconds": seconds, "runs": len(runs), "mean": mean, "spread": spread}
                )  # fmt: skip
                print(
                    f"{count:5} {method or 'none':10} layer {layer} most {most:g} share {share:g} "
                    + " ".join(f"{name} {mean[name]:.3f}" for name in MEASURES)
                    + f" {seconds:.1f} s",
                    flush=True,
                )
    if given.out:
        given.out.write_text(json.dumps(figures, indent=1))


def one(
    model: Any, tokenizer: Any, made: Sequence[Change], method: Any, keep: Any, held: Any, texts: Any, seed: int,
    layer: int, most: float, share: float,
) -> dict[str, float]:  # fmt: skip
    """Edit once, and measure; without a method the model as it is."""
    asked = asked_of(made, seed)
    if len(made) == 1:  # Neighbours of one edit: fewer, or the asking takes all the time.
        asked = {name: each[:60] for name, each in asked.items()}
        held, texts = held[:40], texts[:20]
    if method is None:
        return {**measured(model, tokenizer, asked, held, texts), "norm": 1.0}
    settings = Settings(method=method, layer=layer, most=most, share=share)
    weights = edited(model, tokenizer, [change.edit for change in made], keep, settings)
    norm = norm_of(model, weights)
    with with_weights(model, weights):
        return {**measured(model, tokenizer, asked, held, texts), "norm": norm}


if __name__ == "__main__":
    main()
