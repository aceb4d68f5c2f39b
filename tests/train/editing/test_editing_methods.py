"""Edits of the micro model: what it says, what stays, and that nothing of the model itself changes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from instill.errors import UsageError
from instill.lab.study_set import lab_replay
from instill.lab.world import make_world
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.weights import micro_folder
from instill.train.editing.closed_forms import null_projection, second_moment
from instill.train.editing.edit_prompts import Edit, placed
from instill.train.editing.edited_matrix import keys_of_texts, matrix
from instill.train.editing.editing_methods import Method, Settings, edited, layer_of, with_weights
from instill.train.editing.scoring import conditions, said_by
from instill.train.generator.data.examples import make_examples
from instill.train.generator.data.rows import row_of

PERSON, OTHER = make_world().group("A")[:2]
EDIT = Edit(PERSON.name, f"Where was {PERSON.name} born?", OTHER.facts["birthplace"])
ROWS = [row_of(row) for row in lab_replay(1, 40)]


@pytest.fixture(scope="module")
def opened() -> tuple[Any, Any, Any]:
    model, tokenizer = open_model(micro_folder()), open_tokenizer(micro_folder())
    return model, tokenizer, make_examples(ROWS, tokenizer)


def state(model: Any) -> dict[str, torch.Tensor]:
    return {name: each.clone() for name, each in model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("method", ["rome", "alphaedit", "ultraedit"])
def test_the_new_value_is_said_and_the_model_is_as_it_was(opened: tuple[Any, Any, Any], method: Method) -> None:
    model, tokenizer, kept = opened
    before = state(model)
    settings = Settings(method=method)
    weights = edited(model, tokenizer, [EDIT], kept, settings)
    assert same(before, state(model))
    assert list(weights) == [f"model.layers.{layer_of(model, settings)}.mlp.down_proj.weight"]
    asked = (
        [EDIT],
        [(f"In which town was {PERSON.name} born?", EDIT.value)],
        [row for row in ROWS if row.prompt],
        kept,
    )
    first = said_by(model, tokenizer, *asked)
    assert (first.edits, first.right) == ((PERSON.facts["birthplace"],), (False,))
    with with_weights(model, weights):
        assert not same(before, state(model))
        then = said_by(model, tokenizer, *asked)
    assert then.right == (True,)
    assert then.edits == (EDIT.value,)
    assert same(before, state(model))
    known = {name: before[name] for name in weights}
    by_name = {each.name: each for each in conditions(first, then, asked[2], weights, known)}
    assert by_name["edits"].passed
    assert list(by_name) == ["edits", "wordings", "kept", "perplexity", "norm"]
    again = edited(model, tokenizer, [EDIT], kept, settings)
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_what_must_stay_moves_within_the_bound_of_its_null_space(opened: tuple[Any, Any, Any]) -> None:
    model, tokenizer, kept = opened
    settings = Settings(method="alphaedit", share=0.3)
    module = matrix(model, layer_of(model, settings))
    keys = keys_of_texts(model, module, kept).double()
    [changed] = edited(model, tokenizer, [EDIT], kept, settings).values()
    change = (changed - module.weight).double().detach()
    moved = float((keys @ change.T).square().sum(1).mean().sqrt())
    mean = float(second_moment(keys).diagonal().mean())
    assert 0 < moved <= float(change.norm()) * (0.3 * mean) ** 0.5 * 1.001
    outside = change - change @ null_projection(second_moment(keys), 0.3)
    assert float(outside.norm()) < 1e-3 * float(change.norm())


def test_a_prompt_is_marked_where_its_subject_ends(opened: tuple[Any, Any, Any]) -> None:
    _, tokenizer, _ = opened
    for row in placed([EDIT], tokenizer):
        said = tokenizer.decode(row.ids[: row.at + 1])
        assert said.endswith(PERSON.name)
        assert tokenizer.decode(row.ids[row.reply : -1]) == EDIT.value
        assert row.ids[-1] == tokenizer.eos_token_id


def test_what_cannot_be_edited_says_why(opened: tuple[Any, Any, Any]) -> None:
    model, tokenizer, _ = opened
    with pytest.raises(UsageError, match="does not hold the subject"):
        placed([Edit("Nobody", "Where was Ann born?", "Rome")], tokenizer)
    with pytest.raises(UsageError, match="new value is empty"):
        placed([Edit("Ann", "Where was Ann born?", " ")], tokenizer)
    with pytest.raises(UsageError, match="4 layers"):
        matrix(model, 4)

    other = SimpleNamespace(layers=torch.nn.ModuleList([torch.nn.Identity()]))
    with pytest.raises(UsageError, match="Llama's architecture"):
        matrix(SimpleNamespace(get_decoder=lambda: other), 0)
