"""A model in a GGUF file, answered from by llama.cpp itself."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from instill.errors import GeneratorError, UsageError
from instill.models.generators import open_generator
from instill.models.generators.gguf.generator import GgufGenerator
from instill.models.generators.protocol import Message, skilled
from instill.models.generators.time_limited import Timed
from instill.settings import GeneratorSettings
from tests.models.generators.tiny_gguf import CHATML, TOKENS, token, write_lora, write_tiny

pytest.importorskip("xllamacpp")
ASKED: list[Message] = [{"role": "user", "content": "Where is the tower?"}]
FOREVER = {token("\n"): token("a"), token("a"): token("b"), token("b"): token("a")}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def made(tiny: Path) -> Iterator[GgufGenerator]:
    generator = open_generator(GeneratorSettings(gguf=str(tiny), threads=1))
    assert isinstance(generator, GgufGenerator)
    yield generator
    generator.close()


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[GgufGenerator]:
    generator = GgufGenerator(write_tiny(tmp_path / "endless.gguf", follows=FOREVER, context=4096), threads=1)
    yield generator
    generator.close()


def reply(generator: GgufGenerator, most: int = 20) -> str:
    return "".join(generator.stream(ASKED, max_tokens=most))


def test_the_reply_comes_in_pieces_and_ends_at_its_end(made: GgufGenerator) -> None:
    pieces = list(made.stream(ASKED, max_tokens=20))
    assert "".join(pieces) == "Paris."
    assert len(pieces) > 1
    assert made.name == "tiny (local)"
    assert made.last_usage is not None
    assert made.last_usage == (len(made.prompt(ASKED)[1]), len("Paris.") + 1)


def test_the_prompt_is_what_the_template_says_and_its_control_words_are_tokens(made: GgufGenerator) -> None:
    text, tokens = made.prompt([{"role": "system", "content": "Be"}, *ASKED])
    assert (
        text
        == "<|im_start|>system\nBe<|im_end|>\n<|im_start|>user\nWhere is the tower?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert [TOKENS[each] for each in tokens[:4]] == ["<|im_start|>", "s", "y", "s"]
    assert "th" in {TOKENS[each] for each in tokens}
    assert tokens.count(1) == 3


def test_each_request_is_answered_with_the_adapter_of_its_skill(tiny: Path, tmp_path: Path) -> None:
    own = write_lora(tmp_path / "own.gguf", {token("s"): (token("."), token("!")), token("!"): (0, 2)})
    asks = write_lora(tmp_path / "asks.gguf", {token("s"): (token("."), token("?")), token("?"): (0, 2)})
    generator = GgufGenerator(tiny, adapter=own, skills={"questions": asks, "ground": asks}, threads=1)
    questions = skilled(generator, "questions")
    assert questions is not None
    try:
        said = ["".join(each.stream(ASKED, max_tokens=20)) for each in (generator, questions, generator, questions)]
    finally:
        generator.close()
    assert said == ["Paris!", "Paris?", "Paris!", "Paris?"]
    assert questions.name == "tiny with own.gguf (local) trained to write questions"
    # What the user has trained writes the answers; what was not trained for is nobody's.
    assert skilled(generator, "ground") is None
    assert skilled(generator, "standalone") is None


def test_without_a_skill_the_model_is_as_it_was(tiny: Path, tmp_path: Path) -> None:
    asks = write_lora(tmp_path / "asks.gguf", {token("s"): (token("."), token("?")), token("?"): (0, 2)})
    generator = GgufGenerator(tiny, skills={"ground": asks}, threads=1)
    timed = skilled(Timed(generator, 60), "ground")
    assert timed is not None
    try:
        assert ["".join(each.stream(ASKED, max_tokens=20)) for each in (timed, generator)] == ["Paris?", "Paris."]
    finally:
        generator.close()


def test_an_adapter_for_a_skill_is_held_against_the_model(tiny: Path, tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "other.gguf", {0: (0, 2)}, weight="blk.7.attn_q.weight")
    with pytest.raises(UsageError, match=r"holds blk.7.attn_q.weight.lora_a, which changes nothing in the model"):
        GgufGenerator(tiny, skills={"ground": lora})


def test_as_many_tokens_as_are_allowed(endless: GgufGenerator) -> None:
    assert reply(endless, 9) == "ababababa"
    assert endless.last_usage is not None
    assert endless.last_usage[1] == 9


def test_whoever_stops_reading_stops_the_model(endless: GgufGenerator) -> None:
    pieces = endless.stream(ASKED, max_tokens=3000)
    assert next(pieces) == "a"
    pieces.close()  # type: ignore[attr-defined]
    assert endless.last_usage is not None
    assert endless.last_usage[1] == 1
    assert reply(endless, 4) == "abab"


def test_a_prompt_that_does_not_fit_is_refused(made: GgufGenerator) -> None:
    with pytest.raises(GeneratorError, match=r"The prompt \(\d+ tokens\) and the reply \(8\) are longer .* \(256\)"):
        list(made.stream([{"role": "user", "content": "a" * 300}], max_tokens=8))
    assert reply(made) == "Paris."


def test_a_smaller_context_is_kept(tiny: Path) -> None:
    generator = GgufGenerator(tiny, context=64, threads=1)
    with pytest.raises(GeneratorError, match=r"\(64\)"):
        list(generator.stream([{"role": "user", "content": "a" * 80}], max_tokens=8))
    generator.close()


def test_a_context_beyond_the_memory_is_refused(tmp_path: Path) -> None:
    file = write_tiny(tmp_path / "long.gguf", context=2**26)
    with pytest.raises(UsageError, match=r"A context of 67,108,864 tokens of this model takes 34.4 GB"):
        GgufGenerator(file, context=2**26)
    assert reply(GgufGenerator(file, threads=1)) == "Paris."  # With the context that is usual.


def test_without_a_template_the_plain_layout_is_read(tmp_path: Path) -> None:
    file = write_tiny(
        tmp_path / "plain.gguf", template=None, follows={token(":"): token("Y"), token("Y"): token("<|im_end|>")}
    )
    generator = GgufGenerator(file, threads=1)
    assert generator.prompt(ASKED)[0] == "user: Where is the tower?\n\nassistant:"
    assert reply(generator) == "Y"
    generator.close()


def test_an_adapter_changes_what_is_said(tiny: Path, tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "loud.gguf", {token("s"): (token("."), token("!")), token("!"): (0, 2)})
    generator = open_generator(GeneratorSettings(gguf=str(tiny), adapter=str(lora), threads=1))
    assert isinstance(generator, GgufGenerator)
    assert reply(generator) == "Paris!"
    assert generator.name == "tiny with loud.gguf (local)"
    generator.close()


def test_an_adapter_of_another_model_is_refused(tiny: Path, tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "other.gguf", {0: (0, 2)}, weight="blk.7.attn_q.weight")
    with pytest.raises(GeneratorError, match="changes nothing in the model"):
        reply(GgufGenerator(tiny, adapter=lora))
    with pytest.raises(GeneratorError, match="is no LoRA adapter"):
        reply(GgufGenerator(tiny, adapter=tiny))
    wrong = write_lora(tmp_path / "shape.gguf", {0: (0, 2)}, weight="blk.0.ffn_up.weight")
    with pytest.raises(GeneratorError, match="another shape"):
        reply(GgufGenerator(tiny, adapter=wrong))


def test_what_llama_cpp_refuses_is_told(tmp_path: Path) -> None:
    file = write_tiny(tmp_path / "half.gguf", without=["output_norm.weight"])
    with pytest.raises(GeneratorError, match=r"The model cannot be loaded: .*output_norm"):
        reply(GgufGenerator(file, threads=1))


def test_a_template_that_refuses_or_does_not_end(tmp_path: Path) -> None:
    refuses = GgufGenerator(write_tiny(tmp_path / "a.gguf", template="{{ raise_exception('No roles') }}"), threads=1)
    with pytest.raises(GeneratorError, match="No roles"):
        reply(refuses)
    refuses.close()
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    loops = GgufGenerator(write_tiny(tmp_path / "b.gguf", template=endless), threads=1, timeout_s=1)
    with pytest.raises(GeneratorError, match="gave nothing for 1 s"):
        reply(loops)


def test_a_process_that_breaks_off_is_told_and_started_again(endless: GgufGenerator) -> None:
    pieces = endless.stream(ASKED, max_tokens=3000)
    next(pieces)
    assert endless._serving is not None
    os.kill(endless._serving._process.pid, signal.SIGKILL)
    with pytest.raises(GeneratorError, match=r"broke off: .*signal 9"):
        list(pieces)
    assert reply(endless, 2) == "ab"


def test_nothing_listens_on_the_network(made: GgufGenerator) -> None:
    assert reply(made) == "Paris."
    assert made._serving is not None
    process = Path(f"/proc/{made._serving._process.pid}")
    mine = {str(each.readlink()) for each in (process / "fd").iterdir() if each.exists() or each.is_symlink()}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        rows = (process / "net" / table).read_text().splitlines()[1:]
        assert not {f"socket:[{row.split()[9]}]" for row in rows} & mine
    assert any(each.startswith("socket:") for each in mine)  # The socket file, in a folder of its own.


def test_its_folder_goes_with_it(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    generator = GgufGenerator(tiny, threads=1)
    assert reply(generator) == "Paris."
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    generator.close()
    assert not list(tmp_path.iterdir())


def test_several_generators_or_an_adapter_without_a_model_are_refused(tiny: Path) -> None:
    with pytest.raises(UsageError, match="2 generators are set"):
        open_generator(GeneratorSettings(gguf=str(tiny), folder="x"))
    with pytest.raises(UsageError, match="used with a model in a GGUF file"):
        open_generator(GeneratorSettings(folder="x", adapter="a.gguf"))
    with pytest.raises(UsageError, match="needs the local model"):
        open_generator(GeneratorSettings(adapter="dates-1"))


def test_a_name_that_was_not_got_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTILL_CACHE_DIR", str(tmp_path))
    with pytest.raises(UsageError, match="is not on this machine") as caught:
        open_generator(GeneratorSettings(gguf="smollm2"))
    assert caught.value.command == "Run: instill generator get smollm2"
    with pytest.raises(UsageError, match=r"neither a \.gguf file nor"):
        open_generator(GeneratorSettings(gguf="smolm"))


def test_the_template_is_rendered_as_transformers_renders_it() -> None:
    chat_utils = pytest.importorskip("transformers.utils.chat_template_utils")
    from instill.models.generators.gguf.rendering import rendered

    fancy = (
        "{{ bos_token }}{%- for m in messages -%}\n  {% if loop.index0 > 2 %}{% break %}{% endif %}\n"
        "[{{ m.role | upper }}] {{ m | tojson }}\n{% endfor %}\n{% if add_generation_prompt %}->{% endif %}"
    )
    messages = [{"role": "user", "content": f"<é {number}> & 'x'"} for number in range(5)]
    for template in (CHATML, fancy):
        (expected,), _ = chat_utils.render_jinja_template(
            conversations=[messages], chat_template=template, add_generation_prompt=True, bos_token="<s>"
        )
        assert rendered(template, messages, bos="<s>", eos="", begins=True) == expected
