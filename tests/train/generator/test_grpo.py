"""Training by rewards: replies that earn more become likelier, the gate sees it, and a stopped run goes on exactly."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState

from instill.errors import UsageError
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.train.generator.beforehand.dry_run import dry_run
from instill.train.generator.data.rows import chat_row, write_rows
from instill.train.generator.methods.grpo import Drawing, train_by_reward
from instill.train.generator.methods.methods import Method, prepare
from instill.train.generator.recipes.recipe import Reward
from instill.train.generator.recipes.training_section import Hyperparameters
from instill.train.generator.rewarding.rewards import Rewards
from instill.train.pipeline import train_recipe
from instill.train.progress import TrainingStep, entries
from tests.train.generator.rewarded_tasks import REWARDED, WRONG, write_torn_base
from tests.train.pipeline.small_recipes import GAIN, UNSEEN, homes, recipe_of, write_gate

REWARD = Reward(max_tokens=8, group=4)
PLAIN = "objective = 'reward'\nmethod = 'lora'\n"


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_torn_base(tmp_path_factory.mktemp("torn"))


def test_the_mean_reward_rises_on_rows_held_out_and_the_gate_sees_it(torn: Path, capfd: Any) -> None:
    recipe = recipe_of(torn, name="by-reward", plain=PLAIN + write_gate(torn, GAIN), more=REWARDED.format(steps=10))
    outcome = train_recipe(torn, recipe)
    assert outcome.card.verdict == "passed"
    assert (outcome.card.metrics.before["gain"], outcome.card.metrics.after["gain"]) == (0.0, 1.0)
    assert outcome.card.metrics.after["training"]["reward"] > 0.5
    assert outcome.promoted
    log = entries(torn / ".." / torn.name / "runs" / outcome.card.id / "log.jsonl")
    assert [each.step for each in log] == [10]
    tokenizer, rows = open_tokenizer(torn / "base"), homes([UNSEEN])
    drawing = Drawing(tokenizer, rows, Rewards(Reward()), REWARD)
    means = []
    for candidate in (None, outcome.folder):
        torch.manual_seed(0)
        drawn = drawing.draw(open_model(torn / "base", candidate=candidate), list(range(len(rows))) * 8)
        means.append(sum(each.earned.total for each in drawn) / len(drawn))
    assert means[0] < 0.45
    assert means[1] > 0.75
    out, err = capfd.readouterr()
    assert "rollout_func" not in err
    assert "{" not in out


def run(torn: Path, folder: Path, stop_at: int = 0, **more: Any) -> tuple[list[TrainingStep], dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    tokenizer = open_tokenizer(torn / "base")
    model = prepare(open_model(torn / "base", trainable=True), Method(rank=2))
    chosen = Hyperparameters(epochs=1, steps=6, batch_size=5, learning_rate=0.01, precision="fp32", **more)
    seen: list[TrainingStep] = []

    def report(entry: TrainingStep) -> None:
        seen.append(entry)
        if entry.step == stop_at:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        train_by_reward(
            model, tokenizer, homes()[:12], Rewards(REWARD), REWARD, chosen, folder, save_every=2, progress=report
        )
    return seen, {name: value.clone() for name, value in model.state_dict().items() if "lora" in name}


def test_two_runs_are_the_same_and_a_stopped_one_goes_on_to_the_same_weights(torn: Path, tmp_path: Path) -> None:
    whole, weights = run(torn, tmp_path / "whole")
    assert [each.step for each in whole] == [1, 2, 3, 4, 5, 6]
    assert all(0 <= (each.reward or 0) <= 1 for each in whole)
    assert len(run(torn, tmp_path / "stopped", stop_at=5)[0]) == 5
    later, other = run(torn, tmp_path / "stopped")
    assert [each.step for each in later] == [5, 6]
    assert later[0].resumed_at == 4
    assert [each.reward for each in later] == [each.reward for each in whole[4:]]
    assert weights.keys() == other.keys()  # The reference that trl adds is gone.
    assert all(torch.equal(value, other[name]) for name, value in weights.items())
    assert AcceleratorState._shared_state == {}


def test_in_parts_that_fit_it_learns_the_same(torn: Path, tmp_path: Path) -> None:
    whole, weights = run(torn, tmp_path / "whole", stop_at=1)
    parts, others = run(torn, tmp_path / "parts", stop_at=1, micro_tokens=64)
    assert whole[0].reward == parts[0].reward
    assert all(torch.allclose(value, others[name], atol=1e-4) for name, value in weights.items())


def test_a_dry_run_estimates_and_says_whether_replies_differ(torn: Path) -> None:
    tokenizer = open_tokenizer(torn / "base")
    known = [chat_row("Where?", WRONG), *[chat_row(f"{n}?", WRONG) for n in "abc"]]
    unknown = [chat_row(f"{n}?", "A reply that is never given.") for n in "abcd"]
    cases = ((1.0, homes(), "reward-before"), (0.1, known, "reward-full"), (0.1, unknown, "reward-flat"))
    for temperature, rows, name in cases:
        more = f"{REWARDED.format(steps=10)}temperature = {temperature}\nlongest = 1.0\n"
        recipe = recipe_of(torn, name="dry", plain=PLAIN, more=more)
        model = prepare(open_model(torn / "base"), recipe.as_method())
        before = torch.random.get_rng_state()
        report = dry_run(recipe, model, tokenizer, rows=rows)
        assert torch.equal(torch.random.get_rng_state(), before)
        assert report.passed
        assert name in {each.name for each in report.findings}
        assert report.estimate is not None
        assert report.estimate.steps == 10
        assert (report.estimate.seconds or 0) > 0


def test_rows_without_a_question_or_a_reply_are_refused(torn: Path) -> None:
    write_rows([homes()[0], chat_row("Where?", "")], torn / "odd.jsonl")
    (torn / "texts.jsonl").write_text('{"text": "Count to three."}\n', encoding="utf-8")
    for name in ("odd", "texts"):
        recipe = recipe_of(torn, name=name, plain=PLAIN, data=f'rows = ["{name}.jsonl"]', more=REWARDED.format(steps=1))
        with pytest.raises(UsageError, match="lack a question, or a reply"):
            train_recipe(torn, recipe)


def test_answers_stand_in_for_a_reply(torn: Path) -> None:
    (torn / "asked.jsonl").write_text(
        '{"messages": [{"role": "user", "content": "Where?"}], "answers": ["In Holm.", "Holm"]}\n', encoding="utf-8"
    )
    recipe = recipe_of(torn, name="asked", plain=PLAIN, data='rows = ["asked.jsonl"]', more=REWARDED.format(steps=1))
    (row,) = recipe.study_rows()
    assert (row.answer, row.answers) == ("In Holm.", ("In Holm.", "Holm"))


@pytest.mark.parametrize(
    ("plain", "data", "more", "said"),
    [
        ("method = 'full'", "", "", "trains an adapter"),
        ("method = 'dora'", "", "", "trains an adapter"),
        ("last_layers = 1", "", "", "trains an adapter"),
        ("", "", "[reward]\nanswer = 0", "No check has a weight"),
        ("", "", "[reward]\nschema = 1", "no schema"),
        ("", "", "[reward]\nanswer = 0\nrefusal = 1\nscoring = 'f1'", "without reward.answer"),
        ("", "", "[reward]\nscoring = 'rouge'", "no way 'rouge'"),
        ("", "", "[reward]\ngroup = 1", "group"),
        ("", "", "[reward]\ntemperature = 0", "temperature"),
        ("", "", "[reward]\nkl = -1", "kl"),
        ("", "", "[reward]\ncite = 1", "cite"),
        ("", 'replay = ["crafts.jsonl"]', "", "Replay has no effect"),
        ("", "", "[lora]\ndropout = 0.1", "Dropout has no effect"),
    ],
)
def test_settings_that_do_not_fit_are_refused(torn: Path, plain: str, data: str, more: str, said: str) -> None:
    lines = f"objective = 'reward'\n{plain or chr(10)}\n"
    if not plain:
        lines += "method = 'lora'\n"
    with pytest.raises(UsageError, match=said):
        recipe_of(torn, name="odd", plain=lines, data=data, more=more)


def test_rewards_have_no_effect_on_another_objective(torn: Path) -> None:
    with pytest.raises(UsageError, match="no effect without objective"):
        recipe_of(torn, name="odd", more="[reward]\nkl = 0.1\n")
