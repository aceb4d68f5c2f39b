"""What a GGUF file says is read within bounds: a sound file as the gguf package reads it, any other is refused."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.errors import UsageError
from instill.models.generators.gguf.checked_header import BLOCKS, read_layout
from instill.models.generators.gguf.model_file import read_model
from tests.models.generators.tiny_gguf import CHATML, TOKENS, write_tiny


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("layout") / "tiny.gguf")


def test_values_and_tensors_are_as_the_gguf_package_reads_them(tiny: Path) -> None:
    import gguf

    reader, layout = gguf.GGUFReader(tiny), read_layout(tiny)
    theirs = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    assert dict(layout.values) == theirs
    assert {name: (each.shape, each.kind, each.offset, each.size) for name, each in layout.tensors.items()} == {
        each.name: (tuple(each.shape.tolist()), each.tensor_type.name, each.data_offset, each.n_bytes)
        for each in reader.tensors
    }


def test_blocks_are_as_the_gguf_package_has_them() -> None:
    import gguf

    for number, (name, weights, width) in BLOCKS.items():
        kind = gguf.GGMLQuantizationType(number)
        assert (kind.name, *gguf.GGML_QUANT_SIZES[kind]) == (name, weights, width)


def test_a_model_says_what_is_needed_to_answer_from_it(tiny: Path) -> None:
    model = read_model(tiny)
    assert (model.context, model.template, model.bos, model.eos, model.adds_bos) == (
        256, CHATML, "<|im_start|>", "<|im_end|>", False,
    )  # fmt: skip


@given(data=st.data())
def test_no_damage_is_anything_but_refused(tiny: Path, tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    """Cut anywhere, or with bytes of the header changed: it is read, or refused with where and what to do."""
    content = bytearray(tiny.read_bytes())
    header = min(each.offset for each in read_layout(tiny).tensors.values())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
        must_refuse = True
    else:
        must_refuse = False
        for _ in range(data.draw(st.integers(1, 8))):
            at = data.draw(st.integers(0, header - 9))
            content[at : at + 8] = data.draw(
                st.sampled_from([b"\xff" * 8, bytes(8), struct.pack("<Q", 2**62), struct.pack("<Q", 10**9)])
                | st.binary(min_size=8, max_size=8)
            )
    file = tmp_path_factory.getbasetemp() / f"damaged-{os.getpid()}.gguf"
    file.write_bytes(content)
    refusal: UsageError | None = None
    try:
        read_model(file)
    except UsageError as error:
        refusal = error
    assert refusal or not must_refuse
    if refusal:
        assert refusal.what.startswith("The GGUF file is not used: it ")
        assert refusal.where == str(file)
        assert refusal.command


def _header(tensors: int, keys: int, rest: bytes = b"", *, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys) + rest


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no GGUF file"),
        (b"PK\x03\x04" + bytes(100), "is no GGUF file"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "is big-endian"),
        (_header(0, 0, version=1), "has the version 1"),
        (_header(2**60, 0), "says that it has 0 values and 1,152,921,504,606,846,976 tensors"),
        (_header(0, 2**33), "says that it has 8,589,934,592 values"),
        (_header(0, 1, struct.pack("<Q", 2**63)), "says that a key has"),
        (_header(0, 1, _text("a")), "ends in the middle of its header"),
        (_header(0, 1, _text("a") + struct.pack("<I", 99)), "a value of the unknown kind 99"),
        (_header(0, 1, _text("a") + struct.pack("<IQ", 8, 2**40)), "says that the text of a has"),
        (_header(0, 1, _text("a") + struct.pack("<IIQ", 9, 9, 1)), "has lists in the list a"),
        (_header(0, 1, _text("a") + struct.pack("<IIQ", 9, 4, 2**61)), "says that a has"),
        (_header(0, 1, _text("a") + struct.pack("<IIQ", 9, 4, 1000)), "says that a has 1,000 items"),
        (_header(0, 2, (_text("a") + struct.pack("<II", 4, 1)) * 2), "has the key a twice"),
        (_header(0, 1, _text("general.alignment") + struct.pack("<II", 4, 0)), "an alignment"),
        (_header(1, 0, _text("t") + struct.pack("<I", 9)), "says that t has 9 dimensions"),
        (_header(1, 0, _text("t") + struct.pack("<IQIQ", 1, 32, 77, 0) + bytes(999)), "a kind of number"),
        (_header(1, 0, _text("t") + struct.pack("<IQIQ", 1, 33, 8, 0) + bytes(999)), r"the shape \(33,\) as Q8_0"),
        (_header(1, 0, _text("t") + struct.pack("<IQQIQ", 2, 2**40, 2**40, 0, 0) + bytes(999)), "has the shape"),
        (_header(1, 0, _text("t") + struct.pack("<IQIQ", 1, 32, 0, 2**63) + bytes(999)), "is cut short: t"),
        (_header(1, 0, _text("t") + struct.pack("<IQIQ", 1, 32, 0, 7) + bytes(999)), "is cut short: t"),
    ],
)  # fmt: skip
def test_what_lies_about_itself_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.gguf"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=why):
        read_layout(file)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    for place, why in (
        (tmp_path, "is not a file"),
        (tmp_path / "pipe.gguf", "is not a file"),
        (tmp_path / "x", "No such"),
    ):
        with pytest.raises(UsageError, match=why):
            read_layout(place)


@pytest.mark.parametrize(
    ("values", "without", "why"),
    [
        ({"general.architecture": "qwen3moe"}, (), "of the architecture qwen3moe"),
        ({"general.type": "mmproj"}, (), "holds no model but: mmproj"),
        ({"split.count": 3}, (), "one of several parts"),
        ({"llama.block_count": 900}, (), "says that it has 900 layers, and holds the tensors of 1"),
        ({"llama.block_count": 0}, (), "has 0 for llama.block_count"),
        ({"llama.embedding_length": 64}, (), "no token_embd.weight for"),
        ({"llama.attention.head_count": 3}, (), "has 3 heads"),
        ({"llama.attention.head_count_kv": 0}, (), "0 of them for keys"),
        ({"llama.context_length": 2**31}, (), "for llama.context_length"),
        ({"tokenizer.ggml.tokens": ["a"]}, (), "token_type for another number of tokens"),
        ({"tokenizer.ggml.scores": [0.5]}, (), "scores for another number of tokens"),
        ({"tokenizer.ggml.token_type": [1]}, (), "token_type for another number"),
        ({"tokenizer.ggml.eos_token_id": len(TOKENS)}, (), "as its eos token, which is not in its vocabulary"),
        ({}, ("token_embd.weight",), "no token_embd.weight"),
    ],
)  # fmt: skip
def test_a_model_whose_parts_do_not_fit_together_is_refused(
    values: dict[str, Any], without: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=why):
        read_model(write_tiny(tmp_path / "odd.gguf", values=values, without=without))
