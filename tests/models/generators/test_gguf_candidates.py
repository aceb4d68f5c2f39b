"""Training's side of GGUF files: a base unpacked, and what was trained on it served by llama.cpp, saying the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("xllamacpp")
pytest.importorskip("torch")

import torch

from instill.errors import UsageError, WorkspaceError
from instill.models.generators import open_generator
from instill.models.generators.chat_text import chat_text
from instill.models.generators.gguf.base_folder import Made, base_of, origin, origin_file
from instill.models.generators.gguf.candidate_files import changes_of, files_of, write_lora, write_merged
from instill.models.generators.gguf.checked_header import read_layout
from instill.models.generators.gguf.generator import GgufGenerator
from instill.models.generators.gguf.lora_file import check_lora
from instill.models.generators.gguf.model_file import read_model
from instill.models.generators.model_hash import model_hash
from instill.models.generators.protocol import Message, skilled
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.registry import Registry
from instill.models.registry.adapter_in_use import adapter_for, measured_reading
from instill.models.registry.card import Condition, GateResult
from instill.models.registry.champions import Champions
from instill.settings import GeneratorSettings
from tests.models.generators.tiny_gguf import write_lora as write_gguf_lora
from tests.models.generators.tiny_gguf import write_tiny
from tests.train.generator.made_candidates import add_candidate

ASKED: list[Message] = [{"role": "user", "content": "Where is the tower?"}]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A model of random weights in a GGUF file, unpacked."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSTILL_CACHE_DIR", str(folder / "cache"))
        return base_of(str(write_tiny(folder / "random.gguf", seed=3)))


@pytest.fixture(autouse=True)
def _cache(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(made.file.parent / "cache"))


@pytest.fixture(scope="module")
def home(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with a candidate of each kind on that base."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSTILL_CACHE_DIR", str(made.file.parent / "cache"))
        for number, kind in enumerate(("lora", "dora", "full"), start=1):
            add_candidate(home, made.folder, f"{kind}-1", kind, seed=number)
    return home


def tokens_of(model: Any, tokens: list[int], most: int) -> list[int]:
    """What a transformers model goes on with, token by token, the likeliest each."""
    found = list(tokens)
    with torch.inference_mode():
        for _ in range(most):
            found.append(int(model(torch.tensor([found])).logits[0, -1].argmax()))
    return found[len(tokens) :]


def said_by_both(generator: GgufGenerator, model: Any, tokenizer: Any) -> tuple[str, str]:
    """The same prompt through llama.cpp and transformers, up to the first end of a reply."""
    text, tokens = generator.prompt(ASKED)
    assert text == chat_text(tokenizer, ASKED, reply_follows=True)
    assert tokens == tokenizer(text, add_special_tokens=False)["input_ids"]
    theirs = tokens_of(model, tokens, 24)
    ends = [at for at, each in enumerate(theirs) if each in (0, 2)]
    plain = tokenizer.decode(theirs[: min(ends, default=24)], skip_special_tokens=True)
    return "".join(generator.stream(ASKED, max_tokens=24)), plain


def test_a_base_is_unpacked_once_and_says_the_same(made: Made) -> None:
    assert base_of(str(made.file)) == made
    assert made.loss < 1e-6
    assert model_hash(made.folder) == origin(made.folder) == made.hash
    assert origin_file(made.folder) == made.file
    generator = GgufGenerator(made.file, threads=1)
    ours, theirs = said_by_both(generator, open_model(made.folder), open_tokenizer(made.folder))
    assert ours == theirs
    assert len(set(ours)) > 3
    generator.close()


def test_a_folder_that_was_changed_or_copied_is_no_longer_the_file(made: Made, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / made.folder.name
    shutil.copytree(made.folder, copy)
    assert origin(copy) is None
    assert model_hash(copy) != made.hash


def test_a_name_that_was_not_got_or_a_damaged_file_is_no_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path))
    with pytest.raises(UsageError, match="is not on this machine"):
        base_of("smollm2")
    (tmp_path / "odd.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(UsageError, match="The GGUF file is not used"):
        base_of("odd.gguf", tmp_path)


def test_a_lora_is_written_in_16_bits_to_be_passed_on(made: Made, home: Path, tmp_path: Path) -> None:
    model, candidate = read_model(made.file), home / "adapters" / "lora-1"
    write_lora(candidate, model, tmp_path / "half.gguf")
    _, whole = files_of(candidate, model)
    assert whole is not None
    halves, wholes = read_layout(tmp_path / "half.gguf").tensors, read_layout(whole).tensors
    assert {each.kind for each in halves.values()} == {"F16"}
    assert {name: each.shape for name, each in halves.items()} == {name: each.shape for name, each in wholes.items()}
    said = []
    for adapter in (check_lora(tmp_path / "half.gguf", model), candidate):
        generator = GgufGenerator(made.file, adapter=adapter, threads=1)
        said.append("".join(generator.stream(ASKED, max_tokens=8)))
        generator.close()
    assert said[0] == said[1]
    for kind in ("dora", "full"):
        with pytest.raises(WorkspaceError, match="it is no LoRA"):
            write_lora(home / "adapters" / f"{kind}-1", model, tmp_path / "none.gguf")


@pytest.mark.parametrize("kind", ["lora", "dora", "full"])
def test_a_candidate_says_in_llama_cpp_what_it_says_in_transformers(made: Made, home: Path, kind: str) -> None:
    candidate = home / "adapters" / f"{kind}-1"
    generator = GgufGenerator(made.file, adapter=candidate, threads=1)
    model = open_model(made.folder, candidate=candidate)
    # The numbers themselves: 8 bits are too few to compare replies of random weights.
    merged = made.file.parent / f"{kind}.gguf"
    write_merged(candidate, read_model(made.file), merged, "F32")
    exact = GgufGenerator(merged, threads=1)
    ours, theirs = said_by_both(exact, model, open_tokenizer(made.folder))
    assert ours == theirs
    base = "".join(GgufGenerator(made.file, threads=1).stream(ASKED, max_tokens=24))
    assert ours != base
    file, lora = files_of(candidate, read_model(made.file))
    if kind == "lora":
        assert (file, "".join(generator.stream(ASKED, max_tokens=24))) == (made.file, ours)
        assert lora is not None
    else:
        assert lora is None
        kinds = {each.kind for name, each in read_model(file).layout.tensors.items() if name.endswith("up.weight")}
        assert kinds == {"Q8_0"}
        assert next(generator.stream(ASKED, max_tokens=24))
    assert files_of(candidate, read_model(made.file)) == (file, lora)
    assert generator.name.startswith("random")
    for each in (generator, exact):
        each.close()


def test_rows_of_queries_and_keys_are_in_the_order_of_gguf_files(made: Made, home: Path) -> None:
    model, candidate = read_model(made.file), home / "adapters" / "lora-1"
    change = changes_of(candidate, model)["blk.0.attn_q.weight"]
    assert change.up is not None
    from safetensors.numpy import load_file

    theirs = load_file(candidate / "adapter_model.safetensors")[
        "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight"
    ]
    half = theirs.shape[0] // 2 // 2  # Of one head.
    assert np.array_equal(change.up[:4], theirs[[0, half, 1, half + 1]])


def test_the_champion_of_a_file_is_used_with_it(made: Made, home: Path) -> None:
    Champions(Registry(home)).promote("lora-1")
    generator = open_generator(GeneratorSettings(gguf=str(made.file), threads=1), adapter=adapter_for(home, "champion"))
    assert isinstance(generator, GgufGenerator)
    assert "".join(generator.stream(ASKED, max_tokens=8))
    assert generator.name == "random with lora-1 (local)"
    generator.close()


@pytest.mark.parametrize(
    ("setting", "conditions", "writes"),
    [
        ("champion", ["gain", "format"], False),
        ("champion", ["gain", "reading"], True),
        ("lora-1", ["gain", "format"], True),
    ],
)
def test_a_champion_writes_answers_if_its_gate_measured_reading(
    made: Made, home: Path, setting: str, conditions: list[str], writes: bool, tmp_path: Path
) -> None:
    """Otherwise the shipped skill goes on to write them; one that is named by its id was meant."""
    registry = Registry(home)
    gate = GateResult(passed=True, conditions=tuple(Condition(name=each, passed=True) for each in conditions))
    registry.update("lora-1", gate=gate)
    Champions(registry).promote("lora-1")
    ground = write_gguf_lora(tmp_path / "ground.gguf", {0: (0, 2)})
    generator = GgufGenerator(
        made.file,
        adapter=adapter_for(home, setting),
        writes_answers=measured_reading if setting == "champion" else None,
        skills={"ground": ground},
        threads=1,
    )
    assert (skilled(generator, "ground") is None) == writes
    generator.close()


def test_a_candidate_of_another_shape_is_refused(home: Path, tmp_path: Path) -> None:
    other = read_model(write_tiny(tmp_path / "other.gguf"))
    with pytest.raises(WorkspaceError, match="another shape"):
        files_of(home / "adapters" / "lora-1", other)


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_a_candidate_of_a_file_leaves_as_a_file_without_a_converter(
    made: Made, home: Path, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from instill.train.generator.export.export import export

    monkeypatch.delenv("LLAMA_CPP_DIR", raising=False)
    monkeypatch.setenv("PATH", "")
    done = export(made.folder, home / "adapters" / f"{kind}-1", tmp_path / "out", form="gguf")
    assert sorted(each.name for each in done.folder.iterdir()) == ["Modelfile", f"{kind}-1.gguf"]
    assert done.parity["gguf"] <= done.tolerance
    generator = GgufGenerator(done.folder / f"{kind}-1.gguf", threads=1)
    model = open_model(made.folder, candidate=home / "adapters" / f"{kind}-1")
    ours, theirs = said_by_both(generator, model, open_tokenizer(made.folder))
    assert ours == theirs
    generator.close()


def test_a_recipe_trains_on_a_file_and_the_file_answers_with_it(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    from instill.train.generator.recipes.recipe import read_recipe
    from instill.train.pipeline import train_recipe

    rows = [{"messages": [*ASKED, {"role": "assistant", "content": "Rome"}]}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows * 4))
    (tmp_path / "recipe.toml").write_text(
        f'name = "rome"\nbase = {json.dumps(str(made.file))}\nmethod = "lora"\n'
        '[data]\nrows = ["rows.jsonl"]\n[training]\nepochs = 40\nlearning_rate = 0.01\n'
    )
    outcome = train_recipe(tmp_path / "home", read_recipe(tmp_path / "recipe.toml"))
    assert outcome.card.base.hash == made.hash
    generator = open_generator(
        GeneratorSettings(gguf=str(made.file), threads=1),
        adapter=adapter_for(tmp_path / "home", outcome.card.id),
    )
    assert generator is not None
    assert "".join(generator.stream(ASKED, max_tokens=12)) == "Rome"
