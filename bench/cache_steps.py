"""The cache of answers under random edits, removals, changes of labels and questions: is anything stale ever shown?

Documents about pumps are put, edited, removed, renamed and relabelled, and callers with several labels ask for the
pressure of one in several wordings. Every pressure that ever stood in a document is another number. So a number that
is shown, or stands anywhere in what `ask` returns, is stale if it is in no document now, and a leak if it is in none
that the caller sees. Citations are compared with the index, character by character. Now and then the workspace is
opened anew, as by another process.

    python bench/cache_steps.py --steps 10000 --seed 0
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from instill import Workspace
from instill.answer.types import Answer
from instill.common.made_from import made_from
from instill.memory.answer_cache.similarity_threshold import Safe, identity_of, save_safe

PUMPS = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir")
WORDINGS = (
    "What is the pressure of the {} pump?",
    "what is the pressure of the {} pump",
    "Which pressure does the {} pump have?",
    "How much pressure does the {} pump have?",
)
CALLERS: tuple[tuple[str, ...] | None, ...] = (None, ("day",), ("night",), ("day", "night"), ())
LABELS: tuple[tuple[str, ...], ...] = (("day",), ("night",), ("day", "night"), ())
_PRESSURE = re.compile(r"\b(\d{5,}) millibar")


@dataclass
class Steps:
    """A workspace that changes, and what is in it.

    Args:
        held: number and labels of each pump's document that is in the index.
        counts: how often what was done, and "from the cache".
    """

    folder: Path
    rng: Random
    reader: bool = True
    held: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    number: int = 10_000

    def __post_init__(self) -> None:
        Workspace.init(self.folder / "kb").close()
        reader = "" if self.reader else '[answer]\nreader = "off"\n'
        (self.folder / "kb" / "instill.toml").write_text(f"[memory]\ncache = true\ncache_entries = 40\n{reader}")
        self.workspace = Workspace.open(self.folder / "kb")
        for pump in PUMPS:
            self.put(pump)
        self.calibrated()

    def close(self) -> None:
        """Release the workspace."""
        self.workspace.close()

    def calibrated(self) -> None:
        """As if it had been calibrated, for every caller, on what everybody sees: nothing."""
        for labels in CALLERS:
            identity = identity_of(self.workspace.settings, self.workspace.index.generation.fingerprint)
            safe = Safe(0.9, 0.05, 0.95, 1, 1, 0, "2026-01-01T00:00:00Z", identity, made_from([]))
            save_safe(self.workspace.home, safe, labels)

    def step(self) -> None:
        """One change, or one question."""
        chance = self.rng.random()
        if chance < 0.80:
            self.ask()
        elif chance < 0.89:
            self.put(self.rng.choice(PUMPS))
        elif chance < 0.915:
            self.remove(self.rng.choice(PUMPS))
        elif chance < 0.945:
            self.relabel(self.rng.choice(PUMPS))
        elif chance < 0.975:
            self.rename(self.rng.choice(PUMPS))
        else:
            self.reopen()

    def put(self, pump: str) -> None:
        """A pump's document with another pressure, under the labels that it has, or new ones."""
        self.number += 1
        labels = self.held[pump][1] if pump in self.held else self.rng.choice(LABELS)
        text = (
            f"# The {pump} pump\n\nThe pressure of the {pump} pump is {self.number} millibar. "
            f"It stands in hall {self.rng.randint(1, 9)}.\n"
        )
        self.workspace.add_text(text, name=f"{pump.lower()}.md", labels=labels)
        self.held[pump] = (self.number, labels)
        self.counts["put"] += 1

    def remove(self, pump: str) -> None:
        """Take a pump's document out."""
        if pump in self.held:
            self.workspace.remove([self.doc_id(pump)])
            del self.held[pump]
            self.counts["removed"] += 1

    def relabel(self, pump: str) -> None:
        """Other callers see it from now on."""
        if pump in self.held:
            labels = self.rng.choice(LABELS)
            self.workspace.index.relabel(self.doc_id(pump), labels)
            self.held[pump] = (self.held[pump][0], labels)
            self.counts["relabelled"] += 1

    def rename(self, pump: str) -> None:
        """Its title changes, and its text does not."""
        if pump in self.held:
            [record] = self.workspace.index.records(doc_ids=[self.doc_id(pump)])
            title = f"The {pump} pump {self.rng.randint(1, 9)}"
            self.workspace.index.rename(record.doc_id, source=record.source, title=title)
            self.counts["renamed"] += 1

    def reopen(self) -> None:
        """As another process opens it."""
        before = self.workspace
        self.workspace = Workspace.open(self.folder / "kb")
        self.workspace.take_over(before)
        before.close()
        self.counts["reopened"] += 1

    def ask(self) -> None:
        """A caller asks for the pressure of a pump."""
        pump, caller = self.rng.choice(PUMPS), self.rng.choice(CALLERS)
        answer = self.workspace.ask(self.rng.choice(WORDINGS).format(pump), labels=caller)
        self.counts["asked"] += 1
        self.counts["answered"] += not answer.abstained
        self.counts["from the cache"] += answer.trace.tier == "cache"
        self.check(pump, caller, answer)

    def check(self, pump: str, caller: tuple[str, ...] | None, answer: Answer) -> None:
        """Note what is stale, what leaks, and what is wrong."""
        seen = {name: number for name, (number, labels) in self.held.items() if sees(caller, labels)}
        shown = {int(found) for found in _PRESSURE.findall(json.dumps(answer.as_dict()))}
        where = f"step {sum(self.counts.values())}, {pump} for {caller}, {answer.trace.tier}"
        current = {number for number, _ in self.held.values()}
        if shown - current:
            self.problems.append(f"stale: {sorted(shown - current)} at {where}")
        if (shown & current) - set(seen.values()):
            self.problems.append(f"leak: {sorted((shown & current) - set(seen.values()))} at {where}")
        if not answer.abstained and str(seen.get(pump)) not in answer.text:
            self.problems.append(f"wrong: {answer.text!r} at {where}")
        for citation in answer.citations:
            stored = self.workspace.index.document_text(citation.doc_id, caller)
            if stored is None or stored.text[citation.start : citation.end] != citation.text:
                self.problems.append(f"stale citation: {citation.text!r} at {where}")
            elif (stored.record.title, stored.record.source) != (citation.title, citation.source):
                self.problems.append(f"stale name: {citation.title!r} at {where}")

    def doc_id(self, pump: str) -> str:
        """Of a pump's document."""
        [record] = self.workspace.index.records([f"stdin:{pump.lower()}.md"])
        return record.doc_id


def sees(caller: Sequence[str] | None, labels: Sequence[str]) -> bool:
    """Whether a caller sees a document with these labels."""
    return caller is None or bool(set(caller) & set(labels))


def main() -> None:
    """Take the steps and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-reader", action="store_true", help="only the very same question is shown again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        steps = Steps(Path(folder), Random(given.seed), reader=not given.no_reader)
        for _ in range(given.steps):
            steps.step()
        steps.close()
    print(f"{given.steps} steps in {time.monotonic() - began:.0f} s:", dict(steps.counts))
    kinds = Counter(problem.split(":")[0] for problem in steps.problems)
    print(f"stale {kinds['stale'] + kinds['stale citation'] + kinds['stale name']}, leaks {kinds['leak']}, ", end="")
    print(f"answers without the pump's pressure {kinds['wrong']}")
    for problem in steps.problems[:20]:
        print(" ", problem)


if __name__ == "__main__":
    main()
