"""SIGKILL, again and again: two writers beside a reader, over every command that writes.

    python bench/crash.py --kills 1000

Each round starts two writers, lets them work for up to half a second, and kills both. The writers repeat one command
each: `add` and `sync` of files that they change (shorter, longer), `remove` and back, `reindex`, `train` of a tiny
model, `models promote`. Then everything is looked at: the index is sound, each document wholly of one version and
there (but for one that was just being removed), each candidate whole, the champion one that can be opened. A `sync`
that follows must complete and bring every file in; every tenth time the command that was killed must complete, too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.warm import Program, Warm, running_warm  # noqa: E402

FILES = 8
PAIRS = (
    ("add", "sync"), ("remove", "add"), ("reindex", "sync"), ("train", "promote"), ("reindex", "remove"),
    ("train", "add"), ("promote", "sync"), ("sync", "sync"),
)  # fmt: skip
LONGEST_S = 0.5
SETTINGS = "[documents]\npassage_tokens = 48\n"
RECIPE = """name = "crash"
base = "base"
method = "full"

[data]
rows = ["rows.jsonl"]

[training]
epochs = 2
batch_size = 4
precision = "fp32"
seed = {seed}
"""


# -- what the writers do -----------------------------------------------------------------------------------------


def write_version(place: Path, number: int, version: int) -> None:
    """One file, replaced at once. Every passage names the version; how many there are depends on it."""
    parts = 1 + (7 * version + 3 * number) % 6
    said = f"Machine {number} runs release {version} of the software, and this part of the sheet says so once more. "
    text = "\n".join(f"## Part {part}\n\n{said * 2}\n" for part in range(parts))
    draft = place / f"draft-{os.getpid()}"
    draft.write_text(text)
    draft.replace(place / "docs" / f"machine{number}.md")


def recipe_at(place: Path, seed: int) -> Any:
    from instill.train.generator.recipes.recipe import read_recipe

    file = place / "task" / f"crash-{os.getpid()}.toml"
    file.write_text(RECIPE.format(seed=seed))
    return read_recipe(file)


def do(verb: str, place: Path, chance: random.Random) -> None:
    """The command once."""
    from instill import Workspace
    from instill.errors import UsageError
    from instill.models.registry.champions import Champions
    from instill.models.registry.store import Registry
    from instill.train.pipeline import train_recipe

    if verb == "train":
        train_recipe(place / "kb" / ".instill", recipe_at(place, chance.randrange(10**6)))
        return
    if verb == "promote":
        registry = Registry(place / "kb" / ".instill")
        Champions(registry).promote(chance.choice(registry.ids()), force=True)
        return
    with Workspace.open(place / "kb") as workspace:
        if verb == "reindex":
            workspace.reindex()
            return
        number = chance.randrange(FILES)
        if verb == "remove":
            with suppress(UsageError):  # the kill before came between removing and adding
                workspace.remove([str(place / "docs" / f"machine{number}.md")])
            workspace.add([str(place / "docs")])
            return
        for each in {number, chance.randrange(FILES), chance.randrange(FILES)}:
            write_version(place, each, chance.randrange(10**6))
        if verb == "add":
            workspace.add([str(place / "docs")])
        else:
            workspace.sync()


def write(place: Path, verb: str, seed: int) -> None:
    """The command again and again, until it is killed."""
    from instill import Workspace
    from instill.errors import WorkspaceError

    with Workspace.open(place / "kb") as workspace:
        workspace.encoder.encode_queries(["warm"])
    chance = random.Random(seed)
    print("ready", flush=True)
    for _ in range(1000):
        try:
            do(verb, place, chance)
        except WorkspaceError as error:
            if "rebuilt" not in str(error):
                print(f"{verb}: {error!r}", file=sys.stderr, flush=True)
                sys.exit(1)


# -- what is looked at -------------------------------------------------------------------------------------------


def read(place: Path) -> str:
    """Search and look at whole documents until `stop` is there; how often, or what was wrong."""
    from instill import Workspace
    from instill.errors import WorkspaceError

    for rounds in count():
        if (place / "stop").exists():
            return str(rounds)
        try:
            with Workspace.open(place / "kb") as workspace:
                for _ in range(20):
                    hits = workspace.search("which release does machine 7 run", k=60).hits
                    if len({(hit.doc_id, hit.ordinal) for hit in hits}) != len(hits):
                        return "a passage twice in one search"
                    for doc_id in {hit.doc_id for hit in hits[:10]}:
                        stored = workspace.index.document_text(doc_id)
                        if stored is not None and len(set(re.findall(r"release (\d+)", stored.text))) != 1:
                            return f"a document of several versions: {stored.record.source}"
        except WorkspaceError as error:
            if "rebuilt" not in str(error):
                return repr(error)
    raise AssertionError("unreachable")


def faults(place: Path, *, everything: bool, one_may_lack: bool) -> list[str]:
    """What is wrong with the index and the registry; empty when nothing is."""
    from instill import Workspace
    from instill.index import soundness
    from instill.index.repair import damage_of
    from instill.models.registry.champions import Champions
    from instill.models.registry.store import Registry

    found = []
    with Workspace.open(place / "kb") as workspace:
        index = workspace.index
        found += soundness.look(index._tables.snapshot()).sentences()
        found += damage_of(workspace.home / "index") if everything else []
        records = index.records()
        if len(records) < FILES - one_may_lack:
            found.append(f"lost: {FILES - len(records)} documents")
        for record in records:
            stored = index.document_text(record.doc_id)
            passages = index.passages_of(record.doc_id)
            versions = {version for each in passages for version in re.findall(r"release (\d+)", each.text)}
            if stored is None or versions != set(re.findall(r"release (\d+)", stored.text)) or len(versions) != 1:
                found.append(f"torn: {record.source}")
        registry = Registry(workspace.home)
        for entry in registry.entries():
            if entry.problem:
                found.append(f"candidate {entry.id}: {entry.problem}")
            else:
                registry.check(entry.id)
        for line in Champions(registry).lines().values():
            if line.champion is not None:
                registry.check(line.champion)
    return found


def look(place: Path, verbs: list[str], *, again: bool) -> list[str]:
    """`faults` now, and after the next run."""
    from instill import Workspace

    found = faults(place, everything=again, one_may_lack="remove" in verbs)
    if again:
        for verb in sorted(set(verbs)):
            do(verb, place, random.Random(0))
    with Workspace.open(place / "kb") as workspace:
        report = workspace.sync()
        found += [f"next sync: {failure.source}: {failure.what}" for failure in report.failed]
        for record in workspace.documents():
            stored = workspace.index.document_text(record.doc_id)
            if stored is None or stored.text.strip() != Path(record.source).read_text().strip():
                found.append(f"after the next sync: {record.source} is not as its file")
    return found + faults(place, everything=False, one_may_lack=False)


def prepare(place: Path) -> None:
    """A workspace of small documents, a tiny base, and two candidates."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from instill import Workspace
    from instill.lab.micro_model import make_tokenizer, save_micro
    from instill.train.generator.data.rows import chat_row, write_rows
    from instill.train.pipeline import train_recipe

    (place / "docs").mkdir()
    for number in range(FILES):
        write_version(place, number, 0)
    with Workspace.init(place / "kb") as workspace:
        (place / "kb" / "instill.toml").write_text(SETTINGS)
    with Workspace.open(place / "kb") as workspace:
        workspace.add([str(place / "docs")])
    task = place / "task"
    task.mkdir()
    write_rows(
        [chat_row(f"Where does {who} live?", "In the old harbour.") for who in ("Ada", "Bo")], task / "rows.jsonl"
    )
    tokenizer = make_tokenizer(["Where does Ada live? Where does Bo live? In the old harbour."])
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=128, tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )  # fmt: skip
    save_micro(model, tokenizer, task / "base")
    for seed in (1, 2):
        train_recipe(workspace.home, recipe_at(place, seed))


# -- the rounds --------------------------------------------------------------------------------------------------


class Side:
    """A program beside this one, and the lines that it prints."""

    def __init__(self, warm: Warm, *arguments: str) -> None:
        reading, printing = os.pipe()
        self.program: Program = warm.start(__file__, *arguments, streams=(0, printing, 2))
        os.close(printing)
        self._said = os.fdopen(reading)

    def line(self) -> str:
        """The next line; empty when it ended without one."""
        return self._said.readline().rstrip()

    def kill(self) -> bool:
        """SIGKILL; was it running?"""
        killed = self.program.kill()
        self._said.close()
        return killed


def run(kills: int, seed: int, limit_s: float) -> int:
    """Print a table; the exit code."""
    chance, began = random.Random(seed), time.monotonic()
    killed: Counter[str] = Counter()
    wrong: list[str] = []
    ended: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, running_warm() as warm:
        place = Path(folder)
        assert warm.start(__file__, "prepare", folder).wait() == 0
        reader = Side(warm, "read", folder)
        rounds = 0
        while sum(killed.values()) < kills and time.monotonic() - began < limit_s and not wrong:
            verbs = PAIRS[rounds % len(PAIRS)]
            writers = [Side(warm, "write", folder, verb, str(chance.randrange(10**9))) for verb in verbs]
            for writer in writers:
                assert writer.line() == "ready"
            time.sleep(chance.uniform(0, LONGEST_S))
            for verb, writer in zip(verbs, writers, strict=True):
                (killed if writer.kill() else ended)[verb] += 1
            again = str(int(rounds // len(PAIRS) % 10 == 0))
            checker = Side(warm, "look", folder, *verbs, again)
            said = checker.line()
            checker.program.wait()
            wrong += json.loads(said) if said else [f"the check of round {rounds} ({verbs}) ended without a word"]
            rounds += 1
        (place / "stop").touch()
        reads = reader.line()
        reader.kill()
    if not reads.isdecimal():
        wrong.append(f"reader: {reads}")
    print(f"{sum(killed.values())} kills in {rounds} rounds, {time.monotonic() - began:.0f} s, seed {seed}")
    print("killed in: " + ", ".join(f"{verb} {number}" for verb, number in sorted(killed.items())))
    print(f"ended with an error by themselves: {dict(ended) or 'none'}; the reader opened {reads} times")
    print("\n".join(wrong) if wrong else "torn 0, twice 0, lost 0; every next run completed")
    return 1 if wrong or ended else 0


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] in ("prepare", "read", "write", "look"):
        what, place, *rest = sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]
        if what == "prepare":
            prepare(place)
        elif what == "read":
            print(read(place))
        elif what == "write":
            write(place, rest[0], int(rest[1]))
        else:
            print(json.dumps(look(place, rest[:-1], again=rest[-1] == "1")))
        return
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--minutes", type=float, default=60.0)
    given = options.parse_args()
    sys.exit(run(given.kills, given.seed, given.minutes * 60))


if __name__ == "__main__":
    main()
