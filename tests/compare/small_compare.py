"""A comparison that trains a tiny model on the small world: seconds, with every part in it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from instill import Workspace
from instill.common.toml_files import toml_value
from instill.compare.arms.prompts import PLAIN
from instill.compare.arms.specification import AWARE, BOTH, CLOSED, QUOTED, TUNED
from instill.compare.comparing import Compared, compare
from instill.compare.plan import ComparePlan
from instill.compare.tuned.tuning_by_recipe import TuningPlan
from instill.lab.micro_model import make_tokenizer, save_micro
from instill.study.stored_study import open_study
from tests.compare.compare_world import World
from tests.train.pipeline.small_recipes import retention, small_llama

ARMS = (CLOSED, QUOTED, TUNED, BOTH, AWARE)
REPLAY: list[dict[str, Any]] = [row.as_dict() for row in retention()]


def give_model(world: World, folder: Path) -> Path:
    """Make a base that knows the words of the world, and set it as the workspace's generator."""
    texts = [json.dumps(row, ensure_ascii=False) for row in [*world.study.rows(), *REPLAY]]
    tokenizer = make_tokenizer([*texts, *(item.question for item in world.items)])
    model = small_llama(tokenizer)
    model.config.max_position_embeddings = 1024
    save_micro(model, tokenizer, folder)
    settings = f"[generator]\nfolder = {toml_value(str(folder))}\nmax_tokens = 16\n"
    (world.workspace.path / "instill.toml").write_text(settings, encoding="utf-8")
    return folder


def small_plan(base: str, **more: Any) -> ComparePlan:
    tuning = TuningPlan("small", base, "full", learning_rate=0.02, epochs=3, batch_size=16)
    plain: dict[str, Any] = {
        "arms": ARMS,
        "questions": 8,
        "tuning": tuning,
        "replay": REPLAY[:20],
        "retention": REPLAY[20:],
        "wording": PLAIN,
        "pipeline": False,
        "passages": 2,
        "noise": 2,
        "changes": 1,
    }
    return ComparePlan(**{**plain, **more})


def run(kb: Path, **more: Any) -> Compared:
    """The comparison, in the workspace's newest study set."""
    with Workspace.open(kb) as workspace:
        plan = small_plan(workspace.settings.generator.folder, **more)
        return compare(workspace, open_study(workspace.home), plan, commands=["instill compare"])


if __name__ == "__main__":
    run(Path(sys.argv[1]))
