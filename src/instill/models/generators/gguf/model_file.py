"""Is a GGUF file a language model that can be answered from? Its parts are held against one another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instill.models.generators.gguf.checked_header import Layout, read_layout, refused

ARCHITECTURES = ("llama",)

_OTHER = (
    "Use a model of the llama architecture (Llama, Mistral, SmolLM2, TinyLlama, ...), or serve this one by a program "
    "of its own and set generator.base_url."
)
_VOCABULARY = 4_000_000
_SIZES = {
    "block_count": 1_000, "embedding_length": 1_000_000, "feed_forward_length": 10_000_000,
    "context_length": 100_000_000, "attention.head_count": 100_000,
}  # fmt: skip
_IDS = ("bos", "eos", "eot", "eom", "unknown", "seperator", "padding", "cls", "mask")
"""Tokens with a meaning, as llama.cpp writes their keys."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A language model in a GGUF file.

    Args:
        context: most tokens that it reads and writes together.
        template: its chat template, Jinja; "" where it has none.
        bos, eos: how a text begins and how a reply ends, as they are written; "" where there is none.
        adds_bos: whether a text begins with `bos` where no template says so.
    """

    layout: Layout
    context: int
    template: str
    bos: str
    eos: str
    adds_bos: bool

    @property
    def file(self) -> Path:
        return self.layout.file

    def bytes_of_context(self, tokens: int) -> int:
        """Memory that keys and values of so many tokens take, in half precision."""
        name, values = self.layout.architecture, self.layout.values
        heads = values[f"{name}.attention.head_count"]
        groups = values.get(f"{name}.attention.head_count_kv", heads)
        width = values[f"{name}.embedding_length"] // heads * groups
        return 2 * 2 * int(tokens * values[f"{name}.block_count"] * width)


def read_model(file: Path) -> ModelFile:
    """The model in a GGUF file, if its parts fit together. Its weights are not read.

    Raises:
        UsageError: it is no sound GGUF file, no language model, of another architecture, or one of several parts.
    """
    layout = read_layout(file)
    values, architecture = layout.values, layout.architecture
    if values.get("general.type", "model") != "model":
        raise refused(file, f"holds no model but: {_word(values['general.type'])}", "Name the model's own .gguf file.")
    if architecture not in ARCHITECTURES:
        raise refused(file, f"holds a model of the architecture {_word(architecture) or '(none)'}", _OTHER)
    if values.get("split.count", 1) not in (0, 1):
        raise refused(file, "is one of several parts", "Join the parts into one file (llama-gguf-split --merge).")
    sizes = {key: _size(layout, key, most) for key, most in _SIZES.items()}
    width, heads = sizes["embedding_length"], sizes["attention.head_count"]
    groups = values.get(f"{architecture}.attention.head_count_kv", heads)
    if type(groups) is not int or not 1 <= groups <= heads or heads % groups or width % heads:
        raise refused(file, f"has {heads} heads, {_word(groups)} of them for keys, at a width of {width}")
    tokens = _vocabulary(layout)
    _check_weights(layout, sizes, len(tokens))
    bos, eos = (_token(layout, tokens, name) for name in ("bos", "eos"))
    template = values.get("tokenizer.chat_template", "")
    if not isinstance(template, str) or len(template) > 1_000_000:
        raise refused(file, "has a chat template that is no text, or too long")
    adds = values.get("tokenizer.ggml.add_bos_token", values.get("tokenizer.ggml.model") == "llama")
    return ModelFile(layout, sizes["context_length"], template, bos, eos, bool(adds) and bool(bos))


def _size(layout: Layout, key: str, most: int) -> int:
    found = layout.values.get(f"{layout.architecture}.{key}")
    if type(found) is not int or not 1 <= found <= most:
        raise refused(layout.file, f"has {_word(found)} for {layout.architecture}.{key}")
    return found


def _vocabulary(layout: Layout) -> list[str]:
    values, file = layout.values, layout.file
    tokens = values.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list) or not 1 <= len(tokens) <= _VOCABULARY or not isinstance(tokens[0], str):
        raise refused(file, "has no vocabulary", "Name a file that holds its vocabulary too.")
    for name in ("scores", "token_type"):
        # Each is read for every token, whatever its length.
        beside = values.get(f"tokenizer.ggml.{name}", tokens)
        if not isinstance(beside, list) or len(beside) != len(tokens):
            raise refused(file, f"has {name} for another number of tokens than its vocabulary")
    for name in _IDS:
        found = values.get(f"tokenizer.ggml.{name}_token_id", 0)
        if type(found) is not int or not 0 <= found < len(tokens):
            raise refused(file, f"names {_word(found)} as its {name} token, which is not in its vocabulary")
    return tokens


def _check_weights(layout: Layout, sizes: dict[str, int], words: int) -> None:
    width, blocks = sizes["embedding_length"], sizes["block_count"]
    table = layout.tensors.get("token_embd.weight")
    if table is None or table.shape != (width, words):
        raise refused(layout.file, f"has no token_embd.weight for {words:,} tokens at a width of {width}")
    numbers = {name.split(".")[1] for name in layout.tensors if name.startswith("blk.")}
    if numbers != {str(number) for number in range(blocks)}:
        raise refused(layout.file, f"says that it has {blocks} layers, and holds the tensors of {len(numbers)}")


def _token(layout: Layout, tokens: list[str], name: str) -> str:
    at = layout.values.get(f"tokenizer.ggml.{name}_token_id")
    return "" if at is None else tokens[at]


def _word(value: Any) -> str:
    """A value of the file, short enough to be shown."""
    return str(value)[:60]
