"""`ask` answers with the champion: a local generator takes it up, and only on the base that it was made for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from instill.common.made_from import made_from
from instill.errors import GeneratorError, UsageError, WorkspaceError
from instill.models.generators.local import LocalGenerator
from instill.models.generators.protocol import Generator, Message
from instill.models.registry import Champions, Registry
from instill.workspace import Workspace
from tests.train.generator.made_candidates import add_candidate, make_base_model

MESSAGES: list[Message] = [{"role": "user", "content": "What is tea?"}]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base_model(tmp_path_factory.mktemp("served") / "base")


@pytest.fixture
def kb(tmp_path: Path, base: Path) -> Path:
    Workspace.init(tmp_path / "kb").close()
    (tmp_path / "kb" / "instill.toml").write_text(f'[generator]\nfolder = "{base}"\n')
    add_candidate(tmp_path / "kb" / ".instill", base, "lora-1", "lora")
    return tmp_path / "kb"


def reply(generator: Generator | None) -> str:
    assert generator is not None
    return "".join(generator.stream(MESSAGES, max_tokens=12))


def reply_of(kb: Path) -> str:
    with Workspace.open(kb) as workspace:
        return reply(workspace.generator)


def test_the_champion_answers(kb: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = reply(LocalGenerator(base))
    assert reply_of(kb) == plain  # a candidate is there, but none is the champion
    champions = Champions(Registry(kb / ".instill"))
    champions.promote("lora")
    with Workspace.open(kb) as workspace:
        adapted = reply(workspace.generator)
        assert workspace.generator is not None
        assert workspace.generator.name == "base with lora-1 (local)"
    assert adapted == reply(LocalGenerator(base, adapter=kb / ".instill" / "adapters" / "lora-1")) != plain
    monkeypatch.setenv("INSTILL_GENERATOR__ADAPTER", "none")
    assert reply_of(kb) == plain
    monkeypatch.delenv("INSTILL_GENERATOR__ADAPTER")
    champions.rollback()
    assert reply_of(kb) == plain
    monkeypatch.setenv("INSTILL_GENERATOR__ADAPTER", "lor")
    assert reply_of(kb) == adapted


def test_a_promotion_is_taken_up_on_refresh(kb: Path) -> None:
    with Workspace.open(kb) as workspace:
        before = reply(workspace.generator)
        Champions(Registry(kb / ".instill")).promote("lora")
        assert reply(workspace.generator) == before
        workspace.refresh()
        assert reply(workspace.generator) != before


def test_a_champion_of_another_base_is_not_used(kb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Champions(Registry(kb / ".instill")).promote("lora")
    other = make_base_model(tmp_path / "other", seed=7)
    (kb / "instill.toml").write_text(f'[generator]\nfolder = "{other}"\n')
    assert reply_of(kb) == reply(LocalGenerator(other))
    monkeypatch.setenv("INSTILL_GENERATOR__ADAPTER", "lora-1")
    with pytest.raises(GeneratorError, match="made for another model"):
        reply_of(kb)
    with pytest.raises(GeneratorError, match="made for another model"):
        reply(LocalGenerator(other, adapter=kb / ".instill" / "adapters" / "lora-1"))


def test_a_damaged_champion_says_how_to_go_back(kb: Path) -> None:
    Champions(Registry(kb / ".instill")).promote("lora")
    file = kb / ".instill" / "adapters" / "lora-1" / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(GeneratorError, match=r"champion cannot be used.*workspace\.models\.rollback\(\)"):
        reply_of(kb)


def test_mistakes_in_the_setting(kb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_GENERATOR__ADAPTER", "lroa-1")
    with Workspace.open(kb) as workspace, pytest.raises(UsageError, match="Did you mean lora-1"):
        _ = workspace.generator
    (kb / "instill.toml").write_text('[generator]\nbase_url = "http://localhost:1/v1"\nmodel = "m"\n')
    with Workspace.open(kb) as workspace, pytest.raises(UsageError, match="needs the local model"):
        _ = workspace.generator


def test_a_record_that_is_damaged_is_reported(kb: Path) -> None:
    (kb / ".instill" / "champion.json").write_text("{")
    with Workspace.open(kb) as workspace, pytest.raises(WorkspaceError, match="record of champions"):
        _ = workspace.generator


def test_opening_the_generator_imports_no_torch(kb: Path) -> None:
    Champions(Registry(kb / ".instill")).promote("lora")
    program = (
        "import json, sys; from instill.workspace import Workspace\n"
        f"with Workspace.open({str(kb)!r}) as w: w.generator\n"
        "print(json.dumps(sorted({'torch', 'transformers', 'peft'} & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_a_candidate_is_used_for_those_only_who_see_its_documents(kb: Path) -> None:
    registry = Registry(kb / ".instill")
    with Workspace.open(kb) as workspace:
        workspace.add_text("Tea is green.", name="tea.txt", labels=["hr"])
        made = made_from(workspace.documents())
    Champions(registry).promote("lora")

    def names(*callers: tuple[str, ...] | None) -> list[str]:
        with Workspace.open(kb) as workspace:
            found = [workspace.seen_by(labels).generator for labels in callers]
            for generator in found:
                reply(generator)  # Its name tells of the candidate once it is open.
            # One model is in memory for all callers who get the same.
            assert len({id(generator) for generator in found}) == len({each.name for each in found if each})
            return [each.name for each in found if each is not None]

    adapted, plain = "base with lora-1 (local)", "base (local)"
    assert names(None, ("hr",)) == [adapted, plain]  # Nobody wrote down what it was made from.
    registry.update("lora-1", documents=made)
    assert names(None, ("hr",), ("hr", "staff"), ("staff",), ()) == [adapted, adapted, adapted, plain, plain]
    with Workspace.open(kb) as workspace:
        workspace.index.relabel(made.sources[0].doc_id, ["staff"])
    assert names(None, ("hr",), ("staff",)) == [adapted, plain, adapted]
    with Workspace.open(kb) as workspace:
        workspace.remove([made.sources[0].doc_id])
        assert workspace.purge().trained == ("candidate lora-1",)
    assert names(None, ("hr",), ("staff",)) == [adapted, adapted, plain]
