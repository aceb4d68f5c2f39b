"""A comparison with a model in a GGUF file: it is asked by llama.cpp, and its unpacked folder is what is fine-tuned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("xllamacpp")

from instill import Workspace
from instill.compare.arms.line_up import BASE, has_generator, opened
from instill.compare.comparing import _base_hash
from instill.compare.tuned.train_arms import _check_base
from instill.errors import UsageError
from instill.models.generators.generator_by_word import local_base
from instill.models.generators.gguf.generator import GgufGenerator
from instill.models.generators.model_hash import model_hash
from tests.models.generators.tiny_gguf import write_tiny


def test_a_file_is_a_local_generator_whose_folder_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path / "cache"))
    file = write_tiny(tmp_path / "tiny.gguf")
    with Workspace.init(tmp_path / "kb") as workspace:
        assert not has_generator(workspace)
        assert local_base(workspace.settings.generator) == ""
    (tmp_path / "kb" / "instill.toml").write_text(f"[generator]\ngguf = {json.dumps(str(file))}\nthreads = 1\n")
    with Workspace.open(tmp_path / "kb") as workspace:
        settings = workspace.settings.generator
        assert has_generator(workspace)
        generator = opened(workspace, BASE)
        assert isinstance(generator, GgufGenerator)
        assert "".join(generator.stream([{"role": "user", "content": "Where?"}], max_tokens=9)) == "Paris."
        generator.close()
        folder = Path(local_base(settings))
        assert model_hash(folder) == _base_hash(settings)
        _check_base(workspace, str(folder))
        with pytest.raises(UsageError, match="the workspace's own generator"):
            _check_base(workspace, str(tmp_path))
