"""Forgetting on the micro model: what its weights know of a page before and after, attacked, quantised, taught again.

Facts of some people are consolidated, then the page of one or more of them is forgotten with `--probe`.

    python bench/forget.py --people 4 --forget 1
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from consolidate import ask_often

from instill import Workspace
from instill.lab.study_set import lab_replay
from instill.lab.world import make_world, write_documents


def main() -> None:
    """Consolidate, forget, and print the receipt's probes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--forget", type=int, default=1)
    parser.add_argument("--controls", type=int, default=12, help="people about whom nobody asks")
    parser.add_argument("--replay", type=int, default=900)
    given = parser.parse_args()
    people = make_world().group("C")[: given.people]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        gone = folder / "pages" / "gone"
        write_documents([*people[given.forget :], *make_world().group("E")[: given.controls]], folder / "pages")
        write_documents(people[: given.forget], gone)
        Workspace.init(folder / "kb").close()
        (folder / "kb" / "instill.toml").write_text("[memory]\nstable_days = 0\nthreshold = 1\n")
        replay = folder / "replay.jsonl"
        replay.write_text("".join(json.dumps(row) + "\n" for row in lab_replay(0, given.replay)))
        with Workspace.open(folder / "kb") as workspace:
            workspace.add(folder / "pages")
            ask_often(workspace, people)
            began = time.process_time()
            [found] = workspace.consolidate(base="micro", replay=replay)
            print(
                f"{len(found.facts)} facts, in use: {found.promoted}, {time.process_time() - began:.0f} s", flush=True
            )
            began = time.process_time()
            receipt = workspace.forget_and_probe(str(gone), base="micro", replay=replay)
            print(f"forgotten, made again and probed: {time.process_time() - began:.0f} s")
            for each in receipt.probes:
                print(each.model_dump_json())
            print("withdrawn", receipt.withdrawn, "stages", [fact.stage for fact in workspace.memory().facts()])


if __name__ == "__main__":
    main()
