"""Candidates tried side by side: by llama.cpp where the base came from a GGUF file, with the instructions they know."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("xllamacpp")

from instill.errors import UsageError
from instill.models.generators.gguf.base_folder import base_of
from instill.models.generators.gguf.generator import GgufGenerator
from instill.models.registry import Registry
from instill.models.registry.replies_side_by_side import BASE, try_candidates
from tests.models.generators.tiny_gguf import write_tiny
from tests.train.generator.made_candidates import add_candidate, make_base_model


def test_a_base_from_a_file_and_its_candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path / "cache"))
    made = base_of(str(write_tiny(tmp_path / "random.gguf", seed=3)))
    home = tmp_path / "home"
    add_candidate(home, made.folder, "tone-1", seed=2, recipe={"method": "lora", "data": {"instructions": "Be kind."}})
    base, tone = try_candidates(Registry(home), ["tone"], "Hello", max_tokens=12)
    assert (base.name, base.problem, tone.name, tone.problem) == (BASE, "", "tone-1", "")
    assert base.text != tone.text
    generator = GgufGenerator(made.file, threads=1)
    told = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}]
    assert base.text == "".join(generator.stream(told, max_tokens=12)).strip()  # type: ignore[arg-type]
    generator.close()
    other = make_base_model(tmp_path / "other", seed=4)
    add_candidate(home, other, "other-1")
    with pytest.raises(UsageError, match="made for several models"):
        try_candidates(Registry(home), ["tone", "other"], "Hello")
