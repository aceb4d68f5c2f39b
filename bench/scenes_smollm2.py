"""Seven simulated days of SmolLM2: what recurs is trained into it, rare facts stay in the index, some are withdrawn.

Pages about people of the laboratory's world, as in `bench/scenes.py`. Every day the facts of four people are asked for;
each fact of four others once. On the evening of day 3 `instill consolidate` trains what recurs. On day 4 a page changes
and somebody new is asked about, on day 5 a page is forgotten, on the evening of day 7 facts are consolidated again.

Asked on these evenings, of the base and of the weights in use, without any document and in wordings that no row has:
facts that recur, the same in reverse, facts asked for once, people in no document (controls), the old value, the
forgotten facts; and 60 instructions whose answers rules check. Intervals are over facts, or over instructions.

    instill generator get smollm2
    python bench/scenes_smollm2.py --seed 0 --out week.json
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Any

from scenes import ATTRIBUTES, Arm, Days
from smollm2_rows import answered, nats_per_token, open_rows, replay_rows, tasks

from instill.lab.world import Person, answers_in_reverse, questions, reverse_questions
from instill.measure.judging.scorer import judge
from instill.measure.statistics.grouped_mean_interval import SCORE, group_interval
from instill.memory import FOLDER
from instill.memory.consolidating.plan import name_of
from instill.models.generators.transformers_models import open_model
from instill.models.registry.store import Registry
from instill.train.generator.data.duplicates import asked_in
from instill.train.generator.data.rows import chat_row, read_rows
from instill.train.generator.loop.replies import replies

DAYS, EVENINGS, CHANGE, FORGET = 7, (3, 7), 4, 5
WORDINGS = 4
REPLY_TOKENS = 16


@dataclass
class Week(Days):
    """The days of SmolLM2. Those who come up later are fewer: a training takes minutes.

    Args:
        cache: where the replay rows of a seed are kept for the next run.
    """

    base: str = "smollm2"
    wordings: int = WORDINGS
    length: int = DAYS
    cache: Path | None = None

    def prepare(self) -> None:
        """Rows in SmolLM2's own words to train on again, and instructions to measure."""
        self.late, self.controls = self.late[:1], self.controls[:4]
        replayed, self.tasks = tasks(self.seed)
        kept = None if self.cache is None else self.cache / f"replay-{self.seed}.jsonl"
        if kept is not None and kept.is_file():
            rows = [json.loads(line) for line in kept.read_text().splitlines()]
        else:
            rows = replay_rows(self.model, self.tokenizer, replayed)
        if kept is not None:
            kept.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.replay.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.open = open_rows(self.model, self.tokenizer)
        print(f"seed {self.seed}: {len(rows)} replay rows of {len(replayed)}", flush=True)

    def known(self, day: int) -> list[Person]:
        """Those whose facts have recurred by a day and are true."""
        late = self.late if day >= CHANGE else []
        return [person for person in (*self.recurring, *late) if person not in self.gone]

    def live(self, day: int) -> None:
        """What happens on a day, and what is asked: each fact that recurs twice."""
        if day == CHANGE:
            self.change()
        if day == FORGET:
            self.forget()
        asked = [(person, attribute) for person in self.known(day) for attribute in ATTRIBUTES] * 2
        if day <= len(self.once):
            asked += [(self.once[day - 1], attribute) for attribute in ATTRIBUTES]
        for person, attribute in asked:
            self.ask(person, attribute, day)


@dataclass(frozen=True)
class Asked:
    """A question without a document, the answers that are right, and the fact that it asks for."""

    question: str
    answers: tuple[str, ...]
    fact: str


def forward(people: Sequence[Person], attributes: Sequence[str] = ATTRIBUTES, value: str = "") -> list[Asked]:
    """Four questions of each fact, in wordings in which nobody asks on any day.

    Args:
        value: what counts as the answer; "" is what is true of the person.
    """
    return [
        Asked(question, (value or person.facts[attribute],), f"{person.name} {attribute}")
        for person in people
        for attribute in attributes
        for question in (
            *questions(person, attribute)[6:8],
            *questions(person, attribute, evaluated=True)[:2],
        )
    ]


def reverse(people: Sequence[Person]) -> list[Asked]:
    """A question about each fact that names its value and asks for the person."""
    return [
        Asked(question, tuple(sorted(answers_in_reverse(people, attribute, person.facts[attribute]))),
              f"{person.name} {attribute}")
        for person in people
        for attribute in ATTRIBUTES
        for question in reverse_questions(person, attribute)[:1]
    ]  # fmt: skip


def measured(week: Week, day: int, candidate: Path | None) -> dict[str, Any]:
    """What weights know on the evening of a day: each measure as mean, lower and upper end, and number of questions.

    Args:
        candidate: folder of the weights that answer; None: the base.
    """
    model = open_model(week.model_folder, candidate=candidate)
    groups = {
        "recurring": forward(week.known(day)),
        "reverse": reverse(week.known(day)),
        "once": forward(week.once)[::2],
        "controls": forward(week.controls)[::2],
        "new value": forward([week.changed], ("employer",)) if week.changed else [],
        "old value": forward([week.changed], ("employer",), week.old_value) if week.changed else [],
        "forgotten": forward(week.gone),
    }
    shown = asked_by_rows(week, [each for group in groups.values() for each in group])
    groups = {name: [each for each in group if each.question not in shown] for name, group in groups.items()}
    every = [each for group in groups.values() for each in group]
    prompts: list[Any] = [[{"role": "user", "content": each.question}] for each in every]
    said = iter(replies(model, week.tokenizer, prompts, max_tokens=REPLY_TOKENS))
    found: dict[str, Any] = {}
    samples: list[tuple[str, str, str]] = []
    for name, group in groups.items():
        told = [next(said) for _ in group]
        right = [
            judge(reply, each.answers, question=each.question).right == 1
            for reply, each in zip(told, group, strict=True)
        ]
        found[name] = interval(right, [each.fact for each in group])
        samples += [(each.question, each.answers[0], reply) for reply, each in zip(told, group, strict=True)][:12]
    solved = answered(model, week.tokenizer, week.tasks)
    for name, kinds in (("skills", None), ("skills without replay", ("other",)), ("reading", ("reading",))):
        some = [
            (one, task) for one, task in zip(solved, week.tasks, strict=True) if kinds is None or task.kind in kinds
        ]
        found[name] = interval([one for one, _ in some], [task.asked for _, task in some])
    found["perplexity of open replies"] = exp(nats_per_token(model, week.tokenizer, week.open))
    found["replies"] = samples
    return found


def asked_by_rows(week: Week, asked: Sequence[Asked]) -> set[str]:
    """Questions that a row of the last training asks, or tells in the same words; rules write rows too."""
    file = week.workspace.home / FOLDER / "training" / name_of(()) / "rows.jsonl"
    rows = read_rows(file) if file.is_file() else []
    found = asked_in([chat_row(each.question, each.answers[0]) for each in asked], rows)
    return {asked[number].question for number in found}


def interval(values: Sequence[float], groups: Sequence[str]) -> list[float] | None:
    """Mean, its 95% interval over groups, and the number of values; None of nothing."""
    if not values:
        return None
    made = group_interval([float(each) for each in values], list(groups), scale=SCORE)
    return [made.mean, made.low, made.high, len(values)]


def by_index(week: Week, *, ask: bool) -> dict[str, Any]:
    """Facts asked for once: their stage, and of how many the index quotes the value.

    Args:
        ask: such a question counts as one of a person, so it is asked on the last evening only.
    """
    stages = [
        fact.stage
        for fact in week.workspace.memory().facts()
        if any(person.name in fact.question for person in week.once)
    ]
    quoted = [
        float(person.facts[attribute] in week.workspace.ask(questions(person, attribute)[6]).text)
        for person in week.once
        for attribute in ATTRIBUTES
        if ask
    ]
    return {
        "stages": {each: stages.count(each) for each in sorted(set(stages))},
        "quoted": interval(quoted, [str(number) for number in range(len(quoted))]),
    }


def lived(folder: Path, seed: int, *, days: int = DAYS, **more: Any) -> dict[str, Any]:
    """All days of one seed."""
    began = time.monotonic()
    week = Week(folder, seed, **more)

    def said(stage: str) -> None:
        print(f"{time.monotonic() - began:.0f} s: {stage}", flush=True)

    arm = Arm("consolidated", week)
    evenings: list[dict[str, Any]] = []
    stale = watched = 0
    for day in range(1, days + 1):
        week.live(day)
        if day in (CHANGE, CHANGE + 1, FORGET, FORGET + 1) and week.changed:
            wrong, asked = untrue(week, arm)
            stale, watched = stale + wrong, watched + asked
        if day not in EVENINGS:
            continue
        started, cpu = time.monotonic(), time.process_time()
        before = len(week.found)
        week.settings["stage"] = said
        arm.evening(day)
        del week.settings["stage"]
        seconds = [round(time.monotonic() - started), round(time.process_time() - cpu)]
        made = [each.model_dump(mode="json") for each in week.found[before:]]
        base = measured(week, day, None) if day == days else None
        use = arm.in_use()
        # Rejected weights are measured too: they show what the gate rejected.
        weights = use or next((Registry(week.workspace.home).get(each["adapter"]).folder for each in made), None)
        evening = {
            "day": day, "seconds": seconds, "in use": use is not None, "consolidated": made, "base": base,
            "weights": measured(week, day, weights) if weights else None, "index": by_index(week, ask=day == days),
        }  # fmt: skip
        evenings.append(evening)
        print(summary(evening), flush=True)
    week.workspace.close()
    return {
        "seed": seed, "evenings": evenings, "stale": [stale, watched], "settings": week.settings,
        "epochs": week.epochs, "seconds": round(time.monotonic() - began),
    }  # fmt: skip


def untrue(week: Week, arm: Arm) -> tuple[int, int]:
    """Answers with the old value, or with what was forgotten, of the facts that Instill holds to be in weights; and how
    many facts were looked at."""
    people = [*([week.changed] if week.changed else []), *week.gone]
    facts = [(person, attribute) for person in people for attribute in ATTRIBUTES if person in week.gone]
    facts += [(week.changed, "employer")] if week.changed else []
    held = arm.answers_from_weights()
    own = [(person, attribute) for person, attribute in facts if f"{person.name} {attribute}" in held]
    said = arm.says([questions(person, attribute)[0] for person, attribute in own])
    wrong = 0
    for (person, attribute), reply in zip(own, said, strict=True):
        value = week.old_value if person is week.changed else person.facts[attribute]
        wrong += judge(reply, (value,), question=questions(person, attribute)[0]).right == 1
    return wrong, len(facts)


def summary(evening: dict[str, Any]) -> str:
    """A Markdown table of an evening."""
    lines = [f"Day {evening['day']}, in use: {evening['in use']}, {evening['seconds']} s", "", "| | base | weights |"]
    lines.append("|---|---|---|")
    base, weights = evening["base"] or {}, evening["weights"] or {}
    for name in base or weights:
        if name != "replies":
            lines.append(f"| {name} | {_shown(base.get(name))} | {_shown(weights.get(name))} |")
    for each in evening["consolidated"]:
        facts = each["facts"]
        lines += ["", f"{len(facts)} facts, {each['rows']} rows; known {sum(_known(fact) for fact in facts)};"
                  f" reverse {sum(fact['reverse_right'] for fact in facts)} of"
                  f" {sum(fact['reverse_asked'] for fact in facts)};"
                  f" chosen {sum(fact['chosen'] is True for fact in facts)}", *each["reasons"]]  # fmt: skip
    return "\n".join([*lines, f"index: {evening['index']}"])


def _known(fact: dict[str, Any]) -> bool:
    return bool(fact["right"] >= 0.5 * fact["asked"] and fact["right"] > 0 and fact["chosen"] is not False)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"{value[0]:.2f} [{value[1]:.2f}, {value[2]:.2f}] of {value[3]}"
    return "-" if value is None else f"{value:.2f}"


def main() -> None:
    """Live, and write figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--replay-share", type=float, default=0.45)
    parser.add_argument("--learning-rate", type=float, default=9e-4)
    parser.add_argument("--cache", type=Path, help="a folder that keeps the replay rows for the next run")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    settings = {"replay_share": given.replay_share, "learning_rate": given.learning_rate}
    with tempfile.TemporaryDirectory() as folder:
        found = lived(
            Path(folder),
            given.seed,
            days=given.days,
            people=given.people,
            epochs=given.epochs,
            settings=settings,
            cache=given.cache,
        )
    print(f"stale {found['stale'][0]} of {found['stale'][1]}, {found['seconds']} s")
    if given.out:
        given.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
