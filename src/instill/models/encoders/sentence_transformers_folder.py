"""Reading a folder in the layout of sentence-transformers: which modules, which limits, which prompts.

Only files are read; nothing in the folder is run. Weights are taken from safetensors alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instill.common.untrusted_files import odd_file
from instill.errors import UsageError, WorkspaceError
from instill.models.encoders.transformer_weights import checkpoint_files


@dataclass(frozen=True, slots=True)
class SentenceFolder:
    """A sentence-transformers folder.

    Args:
        transformer: the folder that holds `config.json`, the weights and `tokenizer.json`.
        config: the content of `config.json`.
        modules: `(kind, folder)` after the transformer, kinds "Pooling", "Dense", "Normalize", ...
        max_tokens: longest input, special tokens included.
        query_prompt, passage_prompt: put before every query and passage; often "".
    """

    path: Path
    transformer: Path
    config: Mapping[str, Any]
    modules: tuple[tuple[str, Path], ...]
    max_tokens: int
    query_prompt: str = ""
    passage_prompt: str = ""

    @property
    def tokenizer(self) -> Path:
        return self.transformer / "tokenizer.json"


def read_folder(path: Path) -> SentenceFolder:
    """Read the layout of a sentence-transformers folder.

    Raises:
        UsageError: the folder is not there, or not a sentence-transformers folder.
        WorkspaceError: its files are damaged, lead outside, or hold no safetensors.
    """
    if not (path / "modules.json").is_file():
        state = "has no modules.json" if path.is_dir() else "does not exist"
        raise UsageError(
            f"The encoder's folder {state}.",
            where=str(path),
            remedy='Set encoder.model to a sentence-transformers folder, or to "minilm".',
        )
    _check_files(path, path)
    listed = _load(path / "modules.json")
    try:
        modules = [(str(entry["type"]).rpartition(".")[2], _inside(path, str(entry["path"]))) for entry in listed]
    except (KeyError, TypeError) as error:
        raise WorkspaceError("modules.json does not list modules.", where=str(path / "modules.json")) from error
    if not modules or modules[0][0] != "Transformer":
        raise UsageError(
            "The encoder's first module is not a transformer.",
            where=str(path),
            remedy="Choose a model of sentences that starts with one.",
        )
    for place in {place for _, place in modules} - {path}:
        _check_files(path, place)
    transformer = modules[0][1]
    config = read_json(transformer / "config.json")
    if not (transformer / "tokenizer.json").is_file():
        raise WorkspaceError(
            "The encoder's folder has no tokenizer.json.",
            where=str(transformer),
            remedy="Save the model again with a recent sentence-transformers; it writes that file.",
        )
    checkpoint_files(transformer)
    query, passage = _prompts(path)
    return SentenceFolder(
        path=path,
        transformer=transformer,
        config=config,
        modules=tuple(modules[1:]),
        max_tokens=_max_tokens(transformer, config),
        query_prompt=query,
        passage_prompt=passage,
    )


def _prompts(path: Path) -> tuple[str, str]:
    """Query and passage prompt; where none of the usual names is there, the default prompt is used for both."""
    file = path / "config_sentence_transformers.json"
    config = read_json(file) if file.is_file() else {}
    prompts = config.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str) for text in prompts.values()):
        raise WorkspaceError("Prompts must be texts.", where=str(file))
    default = prompts.get(config.get("default_prompt_name") or "", "")
    query = prompts.get("query") or default
    passage = next((prompts[name] for name in ("document", "passage", "corpus") if prompts.get(name)), default)
    return query, passage


def _max_tokens(transformer: Path, config: Mapping[str, Any]) -> int:
    positions = config.get("max_position_embeddings")
    positions = positions if isinstance(positions, int) else 512
    if config.get("model_type") in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        positions -= 2  # Numbers 0 and 1 are not positions there.
    limits = [positions]
    for name, key in (("sentence_bert_config.json", "max_seq_length"), ("tokenizer_config.json", "model_max_length")):
        file = transformer / name
        value = read_json(file).get(key) if file.is_file() else None
        if isinstance(value, int | float) and value > 0:
            limits.append(int(min(value, 1e9)))
    return min(limits)


def _check_files(path: Path, place: Path) -> None:
    odd = odd_file(place, home=path) if place.is_dir() else ""
    if odd:
        raise WorkspaceError(
            f"The encoder's folder is refused: {odd}.", where=str(place), remedy="Download the folder again."
        )


def _inside(path: Path, part: str) -> Path:
    place = (path / part).resolve()
    if not place.is_relative_to(path.resolve()):
        raise WorkspaceError("modules.json leads outside its folder.", where=str(path / "modules.json"))
    return path / part if part else path


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object. Raises WorkspaceError."""
    content = _load(path)
    if not isinstance(content, dict):
        raise WorkspaceError("A file of the encoder's folder does not hold a JSON object.", where=str(path))
    return content


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WorkspaceError(
            "A file of the encoder's folder cannot be read as JSON.",
            where=str(path),
            remedy="Download the folder again.",
        ) from error
