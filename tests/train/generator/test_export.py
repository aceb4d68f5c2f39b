"""Exports of a small real model, and that nothing is written which says something else."""

from __future__ import annotations

import json
import os
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from instill.common.extras import how_to_install
from instill.errors import InstillError, MissingDependency, UsageError, WorkspaceError
from instill.models.generators.chat_text import chat_text
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.generator.export import export as exporting
from instill.train.generator.export.distance import distances
from instill.train.generator.export.export import export
from instill.train.generator.export.export_formats import serving_line, write_merged
from instill.train.generator.export.parity import GOES_ON, _written, agree, as_prompts, said_by
from tests.train.generator.made_candidates import add_candidate, make_base_model

PROMPTS = as_prompts(["What is tea?", "Who are you?"])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with a candidate of each kind on `base`."""
    folder = tmp_path_factory.mktemp("export")
    base = make_base_model(folder / "base")
    for kind in ("lora", "dora", "full"):
        add_candidate(folder, base, f"{kind}-1", kind)
    return folder


def exported(home: Path, id_: str, out: Path, **options: Any) -> exporting.Exported:
    return export(home / "base", home / "adapters" / id_, out, prompts=PROMPTS, **options)


@pytest.mark.parametrize("kind", ["lora", "dora", "full"])
def test_a_merged_model_says_what_the_candidate_says(home: Path, tmp_path: Path, kind: str) -> None:
    done = exported(home, f"{kind}-1", tmp_path / "out")
    assert max(done.parity.values()) <= 1e-5
    assert done.serve == f"vllm serve {tmp_path / 'out'} --served-model-name {kind}-1"
    assert load_file(tmp_path / "out" / "model.safetensors")["model.norm.weight"].dtype == torch.float32
    assert json.loads((tmp_path / "out" / "instill-card.json").read_text())["id"] == f"{kind}-1"
    tokenizer = open_tokenizer(tmp_path / "out")
    found = said_by(open_model(tmp_path / "out"), tokenizer, PROMPTS)
    candidate = open_model(home / "base", candidate=home / "adapters" / f"{kind}-1")
    assert found.replies == said_by(candidate, tokenizer, PROMPTS).replies
    assert found.replies != said_by(open_model(home / "base"), tokenizer, PROMPTS).replies
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_an_adapter_folder_opens_with_peft(home: Path, tmp_path: Path) -> None:
    from peft import AutoPeftModelForCausalLM

    done = exported(home, "lora-1", tmp_path / "out", form="adapter")
    assert sorted(each.name for each in done.folder.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    assert done.serve == (
        f"vllm serve {home / 'base'} --enable-lora --lora-modules lora-1={tmp_path / 'out'} --max-lora-rank 8"
    )
    opened = AutoPeftModelForCausalLM.from_pretrained(str(done.folder), dtype=torch.float32).eval()
    candidate = open_model(home / "base", candidate=home / "adapters" / "lora-1")
    tokenizer = open_tokenizer(home / "base")
    assert said_by(opened, tokenizer, PROMPTS) == said_by(candidate, tokenizer, PROMPTS)


def test_weights_of_the_model_itself_are_no_adapter(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not an adapter"):
        exported(home, "full-1", tmp_path / "out", form="adapter")
    assert list(tmp_path.iterdir()) == []


def test_what_vllm_does_not_serve_is_said(home: Path) -> None:
    line, notice = serving_line("adapter", home / "base", home / "adapters" / "dora-1", Path("/out"))
    assert (line, notice[:33]) == ("", "vLLM does not serve DoRA adapters")


def test_a_modelfile_lays_messages_out_as_the_chat_template(home: Path, tmp_path: Path) -> None:
    done = exported(home, "lora-1", tmp_path / "out", form="ollama")
    assert (done.folder / "Modelfile").read_text().splitlines() == [
        "FROM ./model",
        'TEMPLATE """{{ if .System }}<|system|>{{ .System }}<|end|>{{ end }}'
        '{{ if .Prompt }}<|user|>{{ .Prompt }}<|end|>{{ end }}<|assistant|>{{ .Response }}<|end|>"""',
        'PARAMETER stop "<|end|>"',
        "PARAMETER num_ctx 512",
        "PARAMETER temperature 0",
    ]
    assert (done.folder / "model" / "model.safetensors").is_file()
    assert done.serve == f"ollama create lora-1 -f {tmp_path / 'out' / 'Modelfile'}"


CONVERTER = """#!{python}
import json, struct, sys
from pathlib import Path
Path({record!r}).write_text(json.dumps(sys.argv[1:]))
assert (Path(sys.argv[1]) / "config.json").is_file()
Path(sys.argv[sys.argv.index("--outfile") + 1]).write_bytes({content!r})
sys.exit({code})
"""


def converter(folder: Path, *, content: bytes = struct.pack("<4sIQ", b"GGUF", 3, 7), code: int = 0) -> Path:
    folder.mkdir()
    file = folder / "convert_hf_to_gguf.py"
    record = str(folder / "arguments.json")
    file.write_text(CONVERTER.format(python=sys.executable, record=record, content=content, code=code))
    return file


LLAMA_CONVERTER = """#!{python}
import json, sys
from pathlib import Path
import gguf
from safetensors.numpy import load_file

model, _, out, *_ = map(Path, sys.argv[1:])
config = json.loads((model / "config.json").read_text())
tensors = load_file(model / "model.safetensors")
heads, shared = config["num_attention_heads"], config["num_key_value_heads"]
Path({record!r}).write_text(json.dumps(sys.argv[1:]))
to = gguf.GGUFWriter(out, "{name}")
to.add_name("made")
to.add_context_length(config["max_position_embeddings"])
to.add_embedding_length(config["hidden_size"])
to.add_block_count(config["num_hidden_layers"])
to.add_feed_forward_length(config["intermediate_size"])
to.add_head_count(heads)
to.add_head_count_kv(shared)
to.add_rope_dimension_count(config["hidden_size"] // heads)
to.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
to.add_layer_norm_rms_eps(config["rms_norm_eps"])
to.add_vocab_size(config["vocab_size"])
names = {{
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}}
to.add_tensor("token_embd.weight", tensors["model.embed_tokens.weight"])
to.add_tensor("output_norm.weight", tensors["model.norm.weight"])
for layer in range(config["num_hidden_layers"]):
    for theirs, ours in names.items():
        found = tensors[f"model.layers.{{layer}}.{{theirs}}.weight"]
        if ours in ("attn_q", "attn_k"):  # llama.cpp turns neighbouring dimensions, transformers halves.
            count = heads if ours == "attn_q" else shared
            found = found.reshape(count, 2, -1, found.shape[1]).swapaxes(1, 2).reshape(found.shape)
        to.add_tensor(f"blk.{{layer}}.{{ours}}.weight", found * {factor})
to.write_header_to_file()
to.write_kv_data_to_file()
to.write_tensors_to_file()
to.close()
"""


def llama_converter(folder: Path, *, factor: float = 1.0, name: str = "llama") -> Path:
    """What llama.cpp's converter does for a Llama, as far as this model needs it."""
    folder.mkdir()
    file, record = folder / "convert_hf_to_gguf.py", str(folder / "arguments.json")
    file.write_text(LLAMA_CONVERTER.format(python=sys.executable, factor=factor, name=name, record=record))
    return file


@pytest.mark.parametrize("executable", [True, False])
def test_gguf_by_a_converter_is_opened_and_says_the_same(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executable: bool
) -> None:
    file = llama_converter(tmp_path / "llama.cpp")
    if executable:
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{file.parent}{os.pathsep}{os.environ['PATH']}")
    else:
        monkeypatch.setenv("LLAMA_CPP_DIR", str(file.parent))
    done = exported(home, "lora-1", tmp_path / "out", form="gguf")
    model, *arguments = json.loads((file.parent / "arguments.json").read_text())
    assert Path(model).name == "model"
    assert arguments[2:] == ["--outtype", "f32"]
    assert sorted(each.name for each in done.folder.iterdir()) == ["Modelfile", "lora-1.gguf"]
    assert (done.folder / "Modelfile").read_text().startswith("FROM ./lora-1.gguf\n")
    assert sorted(done.parity) == ["exported", "gguf", "merged"]
    assert max(done.parity.values()) <= 1e-5
    assert done.notices == (exporting._OPENED,)


def test_what_cannot_be_opened_is_said(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_CPP_DIR", str(llama_converter(tmp_path / "a", name="unheard-of").parent))
    (notice,) = exported(home, "lora-1", tmp_path / "one", form="gguf").notices
    assert notice.startswith(exporting._UNOPENED)
    assert "architecture" in notice
    monkeypatch.setenv("LLAMA_CPP_DIR", str(llama_converter(tmp_path / "b").parent))
    monkeypatch.setitem(sys.modules, "gguf", None)
    (notice,) = exported(home, "lora-1", tmp_path / "two", form="gguf").notices
    assert notice.startswith(exporting._UNOPENED)
    assert notice.endswith(how_to_install("local"))


def test_a_gguf_that_says_something_else_is_not_kept(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_CPP_DIR", str(llama_converter(tmp_path / "llama.cpp", factor=1.5).parent))
    with pytest.raises(InstillError, match="GGUF does not say"):
        exported(home, "lora-1", tmp_path / "out", form="gguf")
    assert [each.name for each in tmp_path.iterdir()] == ["llama.cpp"]


def test_a_converter_that_fails_leaves_nothing(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, (options, said) in enumerate(
        [({"code": 3}, "exit 3"), ({"content": b"text"}, "no file|something else"), ({}, "cannot be opened")]
    ):
        file = converter(tmp_path / f"{number}", **options)  # type: ignore[arg-type]
        monkeypatch.setenv("LLAMA_CPP_DIR", str(file.parent))
        with pytest.raises(InstillError, match=said):
            exported(home, "lora-1", tmp_path / "out", form="gguf")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["0", "1", "2"]


def test_without_a_converter_it_is_said_what_to_install(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("LLAMA_CPP_DIR", raising=False)
    with pytest.raises(MissingDependency, match=r"Get llama\.cpp"):
        exported(home, "lora-1", tmp_path / "out", form="gguf")


def test_weights_that_lose_what_was_trained_are_not_written(home: Path, tmp_path: Path) -> None:
    """This model's replies hang on differences that bfloat16 does not keep."""
    with pytest.raises(InstillError, match=r"exported model does not say .* replies differ"):
        export(home / "base", home / "adapters" / "lora-1", tmp_path / "out", precision="bf16")
    assert list(tmp_path.iterdir()) == []


def test_bf16_is_enough_where_nothing_is_lost(home: Path, tmp_path: Path) -> None:
    weights = home / "adapters" / "full-1" / "weights.safetensors"
    rounded = {name: each.bfloat16() for name, each in load_file(weights).items()}
    (tmp_path / "run").mkdir()
    save_file(rounded, tmp_path / "run" / "weights.safetensors")
    (tmp_path / "run" / "card.json").write_text((weights.parent / "card.json").read_text())
    done = export(home / "base", tmp_path / "run", tmp_path / "out", precision="bf16", prompts=PROMPTS)
    assert done.parity == {"merged": 0.0, "exported": 0.0}
    assert load_file(tmp_path / "out" / "model.safetensors")["model.norm.weight"].dtype == torch.bfloat16


def test_an_altered_tensor_fails_the_check(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = write_merged

    def write_and_alter(model: Any, tokenizer: Any, candidate: Path, folder: Path, precision: Any) -> None:
        write(model, tokenizer, candidate, folder, precision)
        tensors = load_file(folder / "model.safetensors")
        tensors["model.layers.1.mlp.down_proj.weight"] *= 1.5
        save_file(tensors, folder / "model.safetensors", {"format": "pt"})

    monkeypatch.setattr(exporting, "write_merged", write_and_alter)
    with pytest.raises(InstillError, match="exported model does not say what the candidate says"):
        exported(home, "lora-1", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_small_alterations_are_measured(home: Path) -> None:
    tokenizer, model = open_tokenizer(home / "base"), open_model(home / "base")
    reference = said_by(model, tokenizer, PROMPTS)
    with torch.no_grad():
        model.model.norm.weight[0] += 0.01
    other = said_by(model, tokenizer, PROMPTS, reference)
    difference = max(abs(a - b) for a, b in zip(reference.likelihoods, other.likelihoods, strict=True))
    assert difference > 1e-4
    with pytest.raises(InstillError, match="log-probabilities by up to"):
        agree(reference, other, "merged model", 1e-4)
    nothing = replace(reference, likelihoods=(float("nan"),) * 2)
    with pytest.raises(InstillError, match="0 of 2 replies differ"):
        agree(reference, nothing, "merged model", 1.0)


def test_a_form_that_would_not_end_where_the_reply_ends_says_something_else(home: Path) -> None:
    tokenizer, model = open_tokenizer(home / "base"), open_model(home / "base")
    reference = said_by(model, tokenizer, PROMPTS)
    assert agree(reference, said_by(model, tokenizer, PROMPTS, reference), "same model", 1e-6) <= 1e-6
    ended = {tokens[-1] for tokens in reference.tokens if len(tokens) < 32}
    first = reference.tokens[0][0]
    model.generation_config.eos_token_id = first  # It would end after the first word.
    early = said_by(model, tokenizer, PROMPTS, reference)
    assert (early.tokens[0], reference.tokens[0] != (first,)) == ((first,), True)
    with pytest.raises(InstillError, match="replies differ"):
        agree(reference, early, "same model", 1.0)
    for token in ended:
        longer = replace(reference, ends=reference.ends | {token})
        assert _written([5, token], [5, token], [5, token], longer.ends, set())[-1] == GOES_ON


def test_a_form_is_read_along_and_says_what_it_would_write(home: Path) -> None:
    """Reading along and writing are the same: another model's first differing word is the one that it writes."""
    tokenizer = open_tokenizer(home / "base")
    reference = said_by(open_model(home / "base"), tokenizer, PROMPTS)
    model = open_model(home / "base", candidate=home / "adapters" / "lora-1")
    along, own = said_by(model, tokenizer, PROMPTS, reference), said_by(model, tokenizer, PROMPTS)
    for read, written in zip(along.tokens, own.tokens, strict=True):
        assert read == written[: len(read)]
    assert along.tokens != reference.tokens


def test_another_base_is_refused(home: Path, tmp_path: Path) -> None:
    other = make_base_model(tmp_path / "other", seed=9)
    with pytest.raises(UsageError, match="not the model that the candidate was trained on"):
        export(other, home / "adapters" / "lora-1", tmp_path / "out")


def test_a_folder_in_use_is_left_alone(home: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(UsageError, match="in use"):
        exported(home, "lora-1", tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "kept"


def test_hostile_weights_are_not_opened(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hostile"
    folder.mkdir()
    (folder / "card.json").write_text((home / "adapters" / "full-1" / "card.json").read_text())
    save_file({"model.evil.weight": torch.ones(2)}, folder / "weights.safetensors")
    with pytest.raises(WorkspaceError, match=r"no model\.evil"):
        export(home / "base", folder, tmp_path / "out", prompts=PROMPTS)
    (folder / "weights.safetensors").write_bytes(b"\x80\x04.")
    with pytest.raises(WorkspaceError, match="cannot be read"):
        export(home / "base", folder, tmp_path / "out", prompts=PROMPTS)


def test_distances_by_layer(home: Path) -> None:
    base, adapters = home / "base", home / "adapters"
    same = distances(base, adapters / "lora-1", adapters / "lora-1")
    assert [(each.layer, each.norm) for each in same] == [
        ("embed_tokens", 0.0), ("layer 0", 0.0), ("layer 1", 0.0), ("norm", 0.0)
    ]  # fmt: skip
    names = {each.layer: each for each in distances(base, adapters / "full-1", adapters / "lora-1")}
    assert names["embed_tokens"].norm == 0
    assert names["layer 0"].norm > 0
    trained = open_model(base, candidate=adapters / "full-1").model.norm.weight.detach()
    untrained = open_model(base).model.norm.weight.detach()
    assert names["norm"].norm == pytest.approx(float((trained - untrained).norm()), rel=1e-6)
    assert names["norm"].share == pytest.approx(float((trained - untrained).norm() / trained.norm()), rel=1e-6)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, on a base without a chat template."""
    folder = tmp_path_factory.mktemp("bare")
    base = make_base_model(folder / "base")
    tokenizer = open_tokenizer(base)
    tokenizer.chat_template = None
    (base / "chat_template.jinja").unlink()
    tokenizer.save_pretrained(str(base))
    assert open_tokenizer(base).chat_template is None
    for kind in ("lora", "full"):
        add_candidate(folder, base, f"{kind}-1", kind)
    return folder


TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief.\n"},
    {"role": "user", "content": " What is tea?"},
    {"role": "assistant", "content": "A leaf {{ x }}."},
    {"role": "user", "content": "And?"},
]


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_without_a_chat_template_the_layout_that_was_trained_goes_along(bare: Path, tmp_path: Path, kind: str) -> None:
    done = exported(bare, f"{kind}-1", tmp_path / "out")
    assert done.notices == ("The base has no chat template. The layout that was trained is in the tokenizer.",)
    leaving, own = open_tokenizer(tmp_path / "out"), open_tokenizer(bare / "base")
    assert leaving.chat_template
    for count in range(1, 5):
        for follows in (False, True):
            shown = leaving.apply_chat_template(TALK[:count], tokenize=False, add_generation_prompt=follows)
            assert shown == chat_text(own, TALK[:count], reply_follows=follows)
    assert shown.endswith("user: And?\n\nassistant:")


def test_an_adapter_of_a_base_without_a_template_brings_it(bare: Path, tmp_path: Path) -> None:
    done = exported(bare, "lora-1", tmp_path / "out", form="adapter")
    file = tmp_path / "out" / "chat_template.jinja"
    own = open_tokenizer(bare / "base")
    shown = own.apply_chat_template(TALK, chat_template=file.read_text(), tokenize=False, add_generation_prompt=True)
    assert shown == chat_text(own, TALK, reply_follows=True)
    assert done.serve.endswith(f" --max-lora-rank 8 --chat-template {file}")
    assert "which the server must be given" in done.notices[0]


def test_a_modelfile_of_a_base_without_a_template(bare: Path, tmp_path: Path) -> None:
    done = exported(bare, "lora-1", tmp_path / "out", form="ollama")
    template = (done.folder / "Modelfile").read_text().partition('TEMPLATE """')[2].partition('"""')[0]
    assert template == (
        "{{ if .System }}system: {{ .System }}\n\n{{ end }}{{ if .Prompt }}user: {{ .Prompt }}\n\n{{ end }}"
        "assistant:{{ .Response }}<|end|>\n\n"
    )
    assert done.notices == (
        "The base has no chat template. The layout that was trained is in the tokenizer and the Modelfile.",
    )


def test_a_template_without_a_counterpart_is_said(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    base = make_base_model(folder / "base")
    tokenizer = open_tokenizer(base)
    tokenizer.chat_template = (
        "{% for m in messages %}{{ loop.index ~ ' of ' ~ loop.length ~ ' ' ~ m.role ~ ': ' ~ m.content ~ '<|end|>' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    )
    tokenizer.save_pretrained(str(base))
    add_candidate(folder, base, "lora-1", "lora")
    (notice,) = exported(folder, "lora-1", tmp_path / "out", form="ollama").notices
    assert notice.startswith("The chat template has no counterpart in a Modelfile.")
    assert exported(folder, "lora-1", tmp_path / "two").notices == ()


LAYOUTS = {
    "ChatML": (
        "<|im_start|>", "<|im_end|>",
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    ),
    "ChatML, begun by another token": (
        "<s>", "<|im_end|>",
        "{{ bos_token }}{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    ),
    "Llama 3": (
        "<|begin_of_text|>", "<|eot_id|>",
        "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content "
        "+ '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    ),
    "Phi": (
        "<s>", "<|end|>",
        "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_modelfile_says_what_the_runtime_reads(name: str, tmp_path: Path) -> None:
    """Its template, filled in, against the prompt that llama.cpp is given for the same messages."""
    pytest.importorskip("xllamacpp")
    from instill.lab.micro_model import make_tokenizer
    from instill.models.generators.gguf.rendering import rendered
    from instill.train.generator.export.ollama import find_layout, go_template

    bos, eos, template = LAYOUTS[name]
    tokenizer = make_tokenizer(["What is tea?"])
    tokenizer.bos_token, tokenizer.eos_token, tokenizer.chat_template = bos, eos, template
    layout = find_layout(tokenizer)
    assert layout is not None
    written = go_template(layout)
    assert written is not None
    filled = written.replace("{{ if .System }}", "").replace("{{ if .Prompt }}", "").replace("{{ end }}", "")
    filled = filled.replace("{{ .System }}", "Be brief.").replace("{{ .Prompt }}", "What is tea?")
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is tea?"}]
    runtime = rendered(template, messages, bos=bos, eos=eos, begins=False)
    begun = bos if template.startswith("{{ bos_token }}") else ""
    assert begun + filled.partition("{{ .Response }}")[0] == runtime
