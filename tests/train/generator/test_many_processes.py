"""Two CPU processes train as one does, and only the first of them writes: with the rows spread (DDP), and with the
weights, gradients and moments spread as well (FSDP)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from instill.models.registry.store import Registry
from instill.train.generator.loop import processes
from instill.train.pipeline import train_recipe
from tests.train.pipeline.small_recipes import GAIN, recipe_of, write_gate, write_task
from tests.warm import Warm

LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "--no-python"]
ON_CPU = {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
MORE = "[training]\nepochs = 2\nbatch_size = 12\nmicro_tokens = 128\npack_width = 64\nlearning_rate = 0.01\nprecision = 'fp32'\n"  # noqa: E501

SPREAD = {
    "ddp": {},
    "fsdp": {
        "ACCELERATE_USE_FSDP": "true",
        "FSDP_VERSION": "2",
        "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
        "FSDP_TRANSFORMER_CLS_TO_WRAP": "LlamaDecoderLayer",
    },
}
KINDS = ("full", "lora")
# accelerate shards on accelerators only. torch does on CPUs too; accelerate goes on once it takes them for others.
WORKER = """
import os
import sys
if "ACCELERATE_USE_FSDP" in os.environ:
    from accelerate import PartialState
    from accelerate.utils import DistributedType
    PartialState(cpu=True)
    PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
    from torch.distributed.fsdp import FSDPModule
    from instill.train.generator.loop import loop
    plain = loop._put_together
    def put_together(network, accelerator):
        layers = network.get_submodule([name for name, each in network.named_modules() if name.endswith("layers.0")][0])
        assert isinstance(network, FSDPModule) and isinstance(layers, FSDPModule), "nothing is sharded"
        for each in layers.parameters():
            assert each.to_local().numel() < each.numel()
        return plain(network, accelerator)
    loop._put_together = put_together
from instill.cli.main import app
for recipe in sys.argv[2:]:
    app(["train", recipe, "--workspace", sys.argv[1], "--json"], standalone_mode=False)
    print("---" if os.environ["RANK"] == "0" else "", end="")
"""


@pytest.mark.parametrize("spread", [pytest.param("ddp", marks=pytest.mark.long), "fsdp"])
def test_two_processes_train_measure_and_register_as_one(spread: str, tmp_path: Path, warm: Warm) -> None:
    task = write_task(tmp_path)
    gate = write_gate(task, GAIN)
    recipes = {kind: recipe_of(task, name=kind, plain=f"method = '{kind}'\n{gate}", more=MORE) for kind in KINDS}
    alone = {kind: train_recipe(task / "alone", recipe) for kind, recipe in recipes.items()}
    workspace = task / "both"
    workspace.mkdir()
    (workspace / "instill.toml").write_text("")
    (task / "worker.py").write_text(WORKER)
    arguments = [str(task / "worker.py"), str(workspace), *(str(task / f"{kind}.toml") for kind in KINDS)]
    command = [*LAUNCH, *warm.command(*arguments)]
    settings = {**os.environ, **ON_CPU, **SPREAD[spread]}
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False, timeout=150)
    assert done.returncode == 0, done.stderr[-3000:]
    # One object a recipe: the second process prints nothing.
    told = [json.loads(each) for each in done.stdout.split("---") if each.strip()]
    assert [each["id"] for each in told] == [outcome.card.id for outcome in alone.values()]
    for kind, outcome in alone.items():
        together = Registry(workspace / ".instill").check(outcome.card.id)
        assert together.card.verdict == outcome.card.verdict != "not measured"
        (name,) = (file.name for file in together.folder.glob("*.safetensors"))
        first, second = load_file(outcome.folder / name), load_file(together.folder / name)
        assert first.keys() == second.keys(), kind
        for key, value in first.items():
            torch.testing.assert_close(second[key], value, atol=1e-4, rtol=0)


def test_a_process_alone_is_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert (processes.count(), processes.is_first()) == (1, True)
    processes.wait()
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert (processes.count(), processes.is_first()) == (2, False)
