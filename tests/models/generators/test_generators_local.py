"""The local generator with a tiny Llama of random weights, made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from instill.errors import GeneratorError, UsageError
from instill.models.generators import open_generator
from instill.models.generators.chat_text import chat_text
from instill.models.generators.end_tokens import end_ids
from instill.models.generators.local import LocalGenerator
from instill.models.generators.protocol import Message
from instill.settings import GeneratorSettings

MESSAGES: list[Message] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is tea?"}]
TEMPLATE = "{% for m in messages %}<{{ m.role }}> {{ m.content }} {% endfor %}<assistant>"


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("tiny-llama")
    words = ["<unk>", "<eos>", *"<>.?", *"abcdefghijklmnopqrstuvwxyz", *"BWT", "tea", "What", "is", "Be", "brief"]
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="<eos>")
    fast.save_pretrained(str(folder))
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(words), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=128, bos_token_id=None, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(str(folder))
    return folder


def test_streams_text_and_is_repeatable(tiny_llama: Path) -> None:
    made = open_generator(GeneratorSettings(folder=str(tiny_llama)))
    assert isinstance(made, LocalGenerator)
    first = list(made.stream(MESSAGES, max_tokens=20))
    assert "".join(first).strip()
    assert list(made.stream(MESSAGES, max_tokens=20)) == first


def test_a_reply_ends_where_the_chat_template_ends_a_turn(tiny_llama: Path, tmp_path: Path) -> None:
    """A model from another format knows the end of a text alone, which a chat model never writes."""
    import shutil

    from transformers import AutoTokenizer

    folder = tmp_path / "chat"
    shutil.copytree(tiny_llama, folder)
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<turn>"]})
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}<turn>\n{% endfor %}"
    tokenizer.save_pretrained(str(folder))
    turn = tokenizer.convert_tokens_to_ids("<turn>")
    model, tokenizer = LocalGenerator(folder)._open()
    assert end_ids(model, tokenizer) == [1, turn]
    assert model.generation_config.eos_token_id == [1, turn]
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }} is {% endfor %}"
    assert end_ids(model, tokenizer) == [1, turn]  # As the model was told; a word of the template is no end.
    model.generation_config.eos_token_id = 1
    assert end_ids(model, tokenizer) == [1]


def test_the_reply_is_what_the_model_itself_generates(tiny_llama: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    made = LocalGenerator(tiny_llama)
    reply = "".join(made.stream(MESSAGES, max_tokens=12))
    tokenizer = AutoTokenizer.from_pretrained(str(tiny_llama))
    model = AutoModelForCausalLM.from_pretrained(str(tiny_llama))
    prompt = "system: Be brief.\n\nuser: What is tea?\n\nassistant:"
    inputs = tokenizer(prompt, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    with torch.inference_mode():
        output = model.generate(**inputs, do_sample=False, max_new_tokens=12)
    expected = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert reply.strip() == expected.strip()


def test_tokens_in_and_out_are_counted(tiny_llama: Path) -> None:
    made = LocalGenerator(tiny_llama)
    assert made.last_usage is None
    list(made.stream(MESSAGES, max_tokens=12))
    _, tokenizer = made._open()
    size = len(tokenizer("system: Be brief.\n\nuser: What is tea?\n\nassistant:")["input_ids"])
    assert made.last_usage == (size, 12)
    list(made.stream(MESSAGES, max_tokens=3))
    assert made.last_usage == (size, 3)


def test_the_token_that_ends_a_reply_counts_and_none_after_it(tiny_llama: Path) -> None:
    made = LocalGenerator(tiny_llama)
    model, tokenizer = made._open()
    inputs = made._inputs(model, tokenizer, chat_text(tokenizer, MESSAGES, reply_follows=True), 12)
    said = model.generate(**inputs, do_sample=False, max_new_tokens=12)[0, inputs["input_ids"].shape[1] :].tolist()
    last = said[5]
    model.generation_config.eos_token_id = last
    list(made.stream(MESSAGES, max_tokens=12))
    assert made.last_usage == (inputs["input_ids"].shape[1], said.index(last) + 1)


def test_tokens_are_counted_where_a_reader_stops_early_and_none_of_a_prompt_that_was_refused(tiny_llama: Path) -> None:
    made = LocalGenerator(tiny_llama)
    pieces = made.stream(MESSAGES, max_tokens=60)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    usage = made.last_usage
    assert usage is not None
    assert 1 <= usage[1] <= 60
    with pytest.raises(GeneratorError, match="longer"):
        list(made.stream([{"role": "user", "content": "tea " * 200}], max_tokens=10))
    assert made.last_usage is None


def test_the_chat_template_is_used_where_there_is_one(tiny_llama: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "templated"
    shutil.copytree(tiny_llama, folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "chat_template": TEMPLATE}))
    model, tokenizer = LocalGenerator(folder)._open()
    inputs = LocalGenerator(folder)._inputs(model, tokenizer, chat_text(tokenizer, MESSAGES, reply_follows=True), 8)
    expected = tokenizer("<system> Be brief. <user> What is tea? <assistant>")["input_ids"]
    assert inputs["input_ids"][0].tolist() == expected


def test_a_reader_may_stop_early_and_ask_again(tiny_llama: Path) -> None:
    made = LocalGenerator(tiny_llama)
    pieces = made.stream(MESSAGES, max_tokens=60)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert list(made.stream(MESSAGES, max_tokens=5))


def test_a_prompt_that_does_not_fit_says_so(tiny_llama: Path) -> None:
    long: list[Message] = [{"role": "user", "content": "tea " * 200}]
    with pytest.raises(GeneratorError, match="longer than the model reads"):
        list(LocalGenerator(tiny_llama).stream(long, max_tokens=10))


def test_pickled_weights_are_refused(tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((tiny_llama / "config.json").read_text())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04never unpickled")
    with pytest.raises(UsageError, match="safetensors"):
        LocalGenerator(tmp_path)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"config\.json"):
        LocalGenerator(tmp_path)


def test_code_in_the_folder_is_not_run(tiny_llama: Path, tmp_path: Path) -> None:
    import shutil

    folder, mark = tmp_path / "hostile", tmp_path / "ran"
    shutil.copytree(tiny_llama, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "hostile", "auto_map": {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text(f"open({str(mark)!r}, 'w').write('x')\n")
    with pytest.raises(GeneratorError, match="cannot be loaded"):
        list(LocalGenerator(folder).stream(MESSAGES, max_tokens=5))
    assert not mark.exists()


def test_damaged_weights_are_reported(tiny_llama: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "damaged"
    shutil.copytree(tiny_llama, folder)
    (folder / "model.safetensors").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}junk")
    with pytest.raises(GeneratorError, match="cannot be loaded"):
        list(LocalGenerator(folder).stream(MESSAGES, max_tokens=5))


@pytest.mark.parametrize("template", [True, False])
def test_what_the_model_reads_is_what_training_reads(tiny_llama: Path, tmp_path: Path, template: bool) -> None:
    """Also where the tokenizer sets a token before every text."""
    import shutil

    from tokenizers.processors import TemplateProcessing
    from transformers import AutoTokenizer

    from instill.train.generator.data.examples import prompt_ids

    folder = tmp_path / "begins"
    shutil.copytree(tiny_llama, folder)
    made = AutoTokenizer.from_pretrained(str(folder))
    made.bos_token = "B"
    made.backend_tokenizer.post_processor = TemplateProcessing(
        single="B $A", pair=None, special_tokens=[("B", made.convert_tokens_to_ids("B"))]
    )
    made.chat_template = "{{ bos_token }}" + TEMPLATE if template else None
    made.save_pretrained(str(folder))
    model, tokenizer = LocalGenerator(folder)._open()
    assert tokenizer("tea")["input_ids"][0] == tokenizer.bos_token_id
    ids = (
        LocalGenerator(folder)
        ._inputs(model, tokenizer, chat_text(tokenizer, MESSAGES, reply_follows=True), 8)["input_ids"][0]
        .tolist()
    )
    assert ids == prompt_ids(MESSAGES, tokenizer).tolist()
    assert ids[0] == tokenizer.bos_token_id != ids[1]


def test_a_thought_that_the_prompt_opens_is_not_part_of_the_reply(tiny_llama: Path, tmp_path: Path) -> None:
    import shutil

    from transformers import AutoTokenizer

    folder = tmp_path / "opening"
    shutil.copytree(tiny_llama, folder)
    made = AutoTokenizer.from_pretrained(str(folder))
    made.chat_template = TEMPLATE + "<think>\n"
    made.save_pretrained(str(folder))
    # Random weights never close the thought, so nothing is left to say.
    with pytest.raises(GeneratorError, match="empty"):
        list(LocalGenerator(folder).stream(MESSAGES, max_tokens=12))
