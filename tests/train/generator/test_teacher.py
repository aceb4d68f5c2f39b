"""Distillation: what the base says with a passage before it is stored once, and comes to be said without it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from instill.errors import UsageError
from instill.lab.micro_model import make_tokenizer
from instill.train.generator.data.examples import make_examples
from instill.train.generator.data.rows import Row, chat_row, write_rows
from instill.train.generator.loop.batches import padded
from instill.train.generator.loop.layers import decoder
from instill.train.generator.loop.loop import train
from instill.train.generator.loop.loss import logits_of
from instill.train.generator.methods.methods import Method, prepare
from instill.train.generator.methods.teacher import Taught, teach
from instill.train.generator.recipes.training_section import Hyperparameters
from instill.train.pipeline import train_recipe
from tests.train.pipeline.small_recipes import recipe_of, small_llama, write_task

PEOPLE = {"Ada": "Oslo", "Bruno": "Turku", "Clara": "Riga", "Elif": "Kiel"}


def rows() -> list[Row]:
    """A question with its passage for the teacher, and without it for the student."""
    found: list[Row] = []
    for who, town in PEOPLE.items():
        row = chat_row(f"Where does {who} live?", f"In {town}.")
        passage = {"role": "user", "content": f"{who} lives in {town}. Where does {who} live?"}
        found.append(replace(row, teacher=(passage,), place=f"rows.jsonl:{len(found) + 1}"))
    return found


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer([message["content"] for row in rows() for message in (*row.messages, *row.teacher)])


def said(model: Any, examples: Any) -> torch.Tensor:
    """Probabilities at the supervised tokens, `(tokens, words)`, in the examples' order."""
    parts = {}
    with torch.no_grad():
        for batch in padded(examples, 8192):
            hidden = decoder(model)(input_ids=batch.ids, position_ids=batch.positions).last_hidden_state
            shares = logits_of(model, hidden.flatten(0, 1)[batch.places]).softmax(-1)
            for number, example in enumerate(batch.examples):
                parts[example.number] = shares[batch.numbers == number]
    return torch.cat([parts[number] for number in sorted(parts)])


def taught_by(model: Any, tokenizer: Any, **given: Any) -> Taught:
    return teach(model, tokenizer, rows(), make_examples(rows(), tokenizer), **{"top_k": 16, **given})


def test_the_teachers_likeliest_words_are_stored(tokenizer: Any) -> None:
    model = small_llama(tokenizer)
    taught = taught_by(model, tokenizer, top_k=5)
    read = [replace(row, messages=(*row.teacher, row.messages[-1])) for row in rows()]
    wanted = said(model, make_examples(read, tokenizer)).topk(5)
    assert taught.words.shape == (taught.starts[-1], 5)
    np.testing.assert_array_equal(taught.words, wanted.indices.numpy())
    np.testing.assert_allclose(taught.shares, wanted.values.numpy(), rtol=1e-4)


def test_a_student_comes_to_say_without_the_passage_what_the_teacher_says_with_it(
    tokenizer: Any, tmp_path: Path
) -> None:
    model = small_llama(tokenizer)
    taught, examples = taught_by(model, tokenizer, top_k=64), make_examples(rows(), tokenizer)
    before = said(model, examples).argmax(-1).numpy()
    model = prepare(model, Method(kind="full"))
    losses: list[float] = []
    chosen = Hyperparameters(epochs=250, batch_size=4, learning_rate=1e-2, precision="fp32")
    train(
        model,
        lambda _: examples,
        chosen,
        tmp_path,
        identity="x",
        objective=taught.objective,
        save_every=0,
        progress=lambda entry: losses.append(entry.loss),
    )
    after = said(model, examples).argmax(-1).numpy()
    assert (before != taught.words[:, 0]).any()
    np.testing.assert_array_equal(after, taught.words[:, 0])
    assert losses[-1] < 0.02 * losses[0]


def test_rows_without_a_passage_keep_the_student_where_it_is(tokenizer: Any) -> None:
    model = small_llama(tokenizer)
    plain = [replace(row, teacher=()) for row in rows()]
    examples = make_examples(plain, tokenizer)
    taught = teach(model, tokenizer, plain, examples, top_k=len(tokenizer))
    with torch.no_grad():
        for batch in padded(examples, 8192):
            hidden = decoder(model)(input_ids=batch.ids, position_ids=batch.positions).last_hidden_state
            loss = taught.objective(model, hidden.flatten(0, 1)[batch.places], batch)
            assert abs(float(loss)) / len(batch.targets) < 1e-4


def test_the_teacher_is_asked_once(tokenizer: Any, tmp_path: Path) -> None:
    model, file = small_llama(tokenizer), tmp_path / "kept/teacher.safetensors"
    first = taught_by(model, tokenizer, file=file, identity="a")
    stamp = file.stat().st_mtime_ns
    second = taught_by(None, tokenizer, file=file, identity="a")  # No model is needed any more.
    np.testing.assert_array_equal(first.words, second.words)
    np.testing.assert_array_equal(first.shares, second.shares)
    assert file.stat().st_mtime_ns == stamp
    taught_by(model, tokenizer, file=file, identity="b")
    assert file.stat().st_mtime_ns != stamp
    file.write_bytes(file.read_bytes()[:50])
    np.testing.assert_array_equal(taught_by(model, tokenizer, file=file, identity="b").words, first.words)
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_runs_that_differ_only_in_seed_or_rate_share_the_teacher(tmp_path: Path) -> None:
    task = write_task(tmp_path)
    write_rows(rows(), task / "homes.jsonl")
    for seed in (0, 1):
        more = f"[training]\nsteps = 2\nseed = {seed}\n"
        assert train_recipe(task, recipe_of(task, plain="objective = 'distil'\n", more=more)).fitted is not None
    (kept,) = (task / "frozen").glob("teacher-*")
    more = "[training]\nsteps = 2\n[distil]\ntop_k = 4\n"
    train_recipe(task, recipe_of(task, plain="objective = 'distil'\n", more=more))
    assert len(list((task / "frozen").glob("teacher-*"))) == 2
    assert kept.exists()


def test_a_reply_that_the_teacher_reads_in_other_tokens_is_refused(tokenizer: Any) -> None:
    made = make_tokenizer(["aaaa aaaa aaaa"])
    # No mark stands between prompt and reply, so tokens may join over the boundary.
    made.chat_template = "{% for message in messages %}{{ message.content }}{% endfor %}"
    row = Row(
        ({"role": "user", "content": "b"}, {"role": "assistant", "content": "aa"}),
        teacher=({"role": "user", "content": "aa"},),
        place="rows.jsonl:7",
    )
    with pytest.raises(UsageError, match="does not read the same reply") as caught:
        teach(small_llama(made), made, [row], make_examples([row], made), top_k=4)
    assert caught.value.where == "rows.jsonl:7"


def test_several_replies_in_a_row_are_refused(tokenizer: Any) -> None:
    row = rows()[0]
    twice = replace(row, messages=(*row.messages, *row.messages))
    with pytest.raises(UsageError, match="does not read the same reply"):
        teach(small_llama(tokenizer), tokenizer, [twice], make_examples([twice], tokenizer), top_k=4)
