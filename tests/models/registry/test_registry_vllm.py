"""Candidates on a vLLM server: the command line, and whether a server that runs serves them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

pytest.importorskip("torch")

from instill.common.made_from import Caller, MadeFrom, Source
from instill.errors import GeneratorError, UsageError, WorkspaceError
from instill.models.generators.local import LocalGenerator
from instill.models.generators.protocol import Message
from instill.models.registry import Champions, Registry
from instill.models.registry.vllm import Deployment, Module, checked, model_for, planned, served_models
from instill.settings import load_settings
from instill.workspace import Workspace
from tests.cli.test_cli import instill
from tests.models.registry.vllm_server import running_vllm
from tests.train.generator.made_candidates import add_candidate, make_base_model

_PROMPTS = ("What is tea?", "Who are you?", "Give the answer as JSON.")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A workspace with a base and its candidates, of which "dates" is the champion."""
    folder = tmp_path_factory.mktemp("vllm")
    base = make_base_model(folder / "tea")
    Workspace.init(folder / "kb").close()
    home = folder / "kb" / ".instill"
    for id_, kind, seed in (("tone", "lora", 2), ("dates", "lora", 3), ("whole", "full", 4), ("dora", "dora", 5)):
        add_candidate(home, base, id_, kind, seed=seed)
    Champions(Registry(home)).promote("dates")
    return home, base


class Voice:
    """What a model that was run once said to each prompt, said again: opening one takes seconds."""

    def __init__(self, base: Path, module: Module | None, prompts: Sequence[str] = _PROMPTS) -> None:
        self.name = "heard"
        generator = opened(base, module)
        self._said = {
            prompt: "".join(generator.stream([{"role": "user", "content": prompt}], max_tokens=40))
            for prompt in prompts
        }

    def say(self, messages: Sequence[Message], most: int) -> str:
        assert most == 40
        return self._said[messages[-1]["content"]]

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        yield self.say(messages, max_tokens)


def opened(base: Path, module: Module | None) -> LocalGenerator:
    return LocalGenerator(base, adapter=None if module is None else Path(module.folder))


@pytest.fixture(scope="module")
def voices(world: tuple[Path, Path]) -> dict[str, Voice]:
    """Of the base and of what is served beside it."""
    home, base = world
    plan = planned(home)
    return {plan.base: Voice(base, None)} | {module.id: Voice(base, module) for module in plan.modules}


def served(plan: Deployment, voices: dict[str, Voice], **odd: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a server that was started with the printed command serves; `odd`: otherwise."""
    models: dict[str, dict[str, Any]] = {plan.base: {"root": plan.folder, "parent": None}}
    models |= {module.id: {"root": module.folder, "parent": plan.base} for module in plan.modules}
    return {name: {**each, "say": voices[name].say, **odd.get(name, {})} for name, each in models.items()}


def test_the_command_line_serves_the_champion_first_and_says_what_it_leaves_out(world: tuple[Path, Path]) -> None:
    home, base = world
    plan = planned(home)
    assert [module.id for module in plan.modules] == ["dates", "tone"]
    assert plan.model == "dates"
    assert plan.command(port=9000) == [
        "vllm", "serve", str(base), "--served-model-name", "tea", "--host", "127.0.0.1", "--port", "9000",
        "--enable-lora", "--max-loras", "2", "--max-lora-rank", "8", "--lora-modules",
        f"dates={home / 'adapters' / 'dates'}", f"tone={home / 'adapters' / 'tone'}",
    ]  # fmt: skip
    assert [id_ for id_, _ in plan.left_out] == ["dora", "whole"]
    assert "DoRA" in plan.left_out[0][1]
    assert "weights themselves" in plan.left_out[1][1]
    assert [module.id for module in planned(home, candidates=["tone"]).modules] == ["dates", "tone"]
    with pytest.raises(UsageError, match="DoRA"):
        planned(home, candidates=["dora"])
    with pytest.raises(UsageError, match="no candidate"):
        planned(home, base="coffee")


def test_ranks_are_those_that_vllm_takes() -> None:
    for rank, said in ((1, "8"), (8, "8"), (9, "16"), (257, "320"), (512, "512")):
        command = Deployment("b", "/b", (Module("m", "/m", rank, True), Module("n", "/n", 1, False)), ()).command()
        assert command[command.index("--max-lora-rank") + 1] == said
    alone = Deployment("b", "/b c", (), ())
    assert "--enable-lora" not in alone.command()
    assert (alone.model, alone.shown().split(" --")[0]) == ("b", "vllm serve '/b c'")


def test_a_base_that_is_gone_and_several_bases_are_said(world: tuple[Path, Path], tmp_path: Path) -> None:
    _, base = world
    add_candidate(tmp_path, base, "one")
    add_candidate(tmp_path, make_base_model(tmp_path / "coffee", seed=9), "two")
    with pytest.raises(UsageError, match="several models"):
        planned(tmp_path)
    assert planned(tmp_path, base="coffee").model == "coffee"
    (tmp_path / "coffee" / "config.json").unlink()
    with pytest.raises(WorkspaceError, match="transformers folder"):
        planned(tmp_path, base="coffee")


def test_a_server_that_serves_all_says_the_same(world: tuple[Path, Path], voices: dict[str, Voice]) -> None:
    home, base = world
    plan = planned(home)
    with running_vllm(served(plan, voices), key="k") as url:
        found = checked(plan, url, SecretStr("k"), prompts=_PROMPTS[:2], local=partial(opened, base))
        assert [(each.name, each.wrong) for each in found] == 2 * [("tea", ""), ("dates", ""), ("tone", "")]
        assert found[-1].what.startswith("2 of 2 replies are the same")
        with pytest.raises(GeneratorError, match="refuses the key"):
            checked(plan, url)


def test_what_a_server_serves_otherwise_is_found(world: tuple[Path, Path], voices: dict[str, Voice]) -> None:
    home, _ = world
    plan = planned(home)

    def local(module: Module | None) -> Voice:
        return voices[plan.base if module is None else module.id]

    odd: list[tuple[str, dict[str, Any], str]] = [
        ("dates", {"parent": "coffee"}, "another base"),
        ("dates", {"root": "/elsewhere/tone"}, "another folder"),
        ("tea", {"parent": "coffee"}, "an adapter of coffee"),
        ("dates", {"say": voices["tone"].say}, "says other things"),
        ("dates", {"say": voices["tea"].say}, "says other things"),
    ]
    for name, values, said in odd:
        with running_vllm(served(plan, voices, **{name: values})) as url:
            found = checked(plan, url, prompts=_PROMPTS, local=local)
        wrong = {each.name: each.wrong for each in found if each.wrong}
        assert set(wrong) == {name}
        assert said in wrong[name]
    models = served(plan, voices)
    del models["tone"]
    models["gpt"] = models.pop("tea")
    with running_vllm(models) as url:
        found = checked(plan, url)
    assert {each.name: bool(each.wrong) for each in found} == {"tea": True, "dates": False, "tone": True}


def test_a_base_without_candidates_is_checked_alone(
    world: tuple[Path, Path], voices: dict[str, Voice], tmp_path: Path
) -> None:
    _, base = world
    Workspace.init(tmp_path / "kb").close()
    with pytest.raises(UsageError, match="There is no candidate to serve") as caught:
        planned(tmp_path / "kb" / ".instill")
    assert caught.value.command.startswith("To serve a base alone, name its folder: --base FOLDER. ")
    plan = planned(tmp_path / "kb" / ".instill", base=str(base))
    assert (plan.base, plan.folder, plan.modules, plan.model) == ("tea", str(base.resolve()), (), "tea")
    with running_vllm(served(plan, voices)) as url:
        options = ("--base", str(base), "--check", url, "--use", "--sample", "0")
        instill("deploy", "vllm", *options, cwd=tmp_path / "kb")
    settings = load_settings(tmp_path / "kb" / "instill.toml").generator
    assert (settings.base_url, settings.model) == (url, "tea")


def test_what_is_no_server_of_models_is_refused() -> None:
    with pytest.raises(GeneratorError, match="cannot be reached"):
        served_models("http://127.0.0.1:9/v1")
    with running_vllm({}) as url:
        assert served_models(url) == {}


def test_the_command_checks_and_writes_the_settings(world: tuple[Path, Path], voices: dict[str, Voice]) -> None:
    home, _ = world
    kb = home.parent
    assert "--lora-modules" in instill("deploy", "vllm", cwd=kb).stdout
    plan = planned(home)
    with running_vllm(served(plan, voices, dates={"parent": "coffee"})) as url:
        refused = instill("deploy", "vllm", "--check", url, "--use", "--sample", "0", cwd=kb, code=1)
        assert "another base: coffee" in refused.stdout
        assert load_settings(kb / "instill.toml").generator.base_url == ""
    with running_vllm(served(plan, voices)) as url:
        instill("deploy", "vllm", "--check", url, "--use", "--sample", "0", cwd=kb)
        settings = load_settings(kb / "instill.toml").generator
        assert (settings.base_url, settings.model) == (url, "dates")


def test_a_caller_is_answered_by_the_base_where_the_candidate_knows_what_he_may_not_see(tmp_path: Path) -> None:
    base = make_base_model(tmp_path / "tea")
    for label in ("board", "all"):
        documents = MadeFrom((Source(f"d-{label}", "v", (label,)),))
        add_candidate(tmp_path, base, f"{label}-1", documents=documents.as_json())
    board, everyone, owner = Caller(("board",)), Caller(("all",)), Caller(None)
    assert [model_for(each, tmp_path, "board-1") for each in (board, everyone, owner)] == ["board-1", "tea", "board-1"]
    assert [model_for(each, tmp_path, "all-1") for each in (board, everyone, owner)] == ["tea", "all-1", "all-1"]
    assert model_for(everyone, tmp_path, "qwen3") == "qwen3"
