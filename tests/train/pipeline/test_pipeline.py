"""From a recipe to a champion, with real training of a tiny model: what is kept, what is repeated, what is refused."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from safetensors.torch import load_file

from instill.common.made_from import BESIDE, NOTHING, MadeFrom, Source
from instill.common.progress_watch import Watch
from instill.common.purges import note_purge
from instill.errors import ForgottenMeanwhile, UsageError, WorkspaceError
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.registry.champions import Champions
from instill.models.registry.store import Registry
from instill.train.gate.probes import Probe
from instill.train.gate.recipe_gate import gate_rows
from instill.train.gate.reply_samples import kept
from instill.train.gate.rows import read_gate_rows
from instill.train.generator.beforehand import few_steps
from instill.train.generator.data.rows import chat_row, write_rows
from instill.train.generator.loop.replies import replies
from instill.train.generator.recipes.recipe import read_recipe
from instill.train.pipeline import TrainingResult, train_recipe
from instill.train.several_recipes import held_out_scores
from tests.train.pipeline.small_recipes import (
    GAIN,
    TRAINING,
    UNSEEN,
    homes,
    recipe_of,
    retention,
    weights_of,
    write_gate,
    write_task,
)
from tests.warm import Warm

METHODS = {
    "full": "method = 'full'\n",
    "lora": "method = 'lora'\n",
    "dora": "method = 'dora'\n",
}


def kl_at(task: Path, candidate: Path, scale: float) -> float:
    """Nats a token from the base to the candidate, on the retention rows."""
    tokenizer = open_tokenizer(task / "base")
    rows = read_gate_rows(task / "retention.jsonl", tokenizer)
    base = Probe(open_model(task / "base"), tokenizer)
    other = Probe(open_model(task / "base", candidate=candidate, scale=scale), tokenizer)
    found = other.divergences(base, rows)
    return sum(total for total, _ in found) / sum(count for _, count in found)


def test_a_candidate_is_not_kept_whose_document_was_forgotten_while_it_was_trained(task: Path) -> None:
    home = task / ".instill"
    made = MadeFrom((Source("d1", "h1"), Source("d2", "h2")))
    rows = [replace(row, made_from=made) for row in homes()]
    recipe = recipe_of(task)
    for gone, kept_ in (("d3", True), ("d2", False)):

        def stage(name: str, gone: str = gone) -> None:
            if name == "training":
                note_purge(home, [gone])

        watch = Watch(stage)
        if kept_:
            assert train_recipe(home, recipe, rows=rows, watch=watch).card.made_from == made
            continue
        with pytest.raises(ForgottenMeanwhile, match="so the result is not kept"):
            train_recipe(home, recipe, rows=rows, watch=watch, again=True)
        [run] = (home / "runs").iterdir()
        assert {file.name for file in run.iterdir()} <= {"log.jsonl", "lock", "identity", BESIDE}


def test_a_candidate_is_trained_measured_registered_and_promoted(task: Path) -> None:
    home = task / ".instill"
    stages: list[str] = []
    seen: list[tuple[int, int, str]] = []
    recipe = recipe_of(task, plain=write_gate(task, GAIN), data='held_out = ["unseen.jsonl"]')
    outcome = train_recipe(home, recipe, watch=Watch(stages.append, lambda *told: seen.append(told)))
    assert outcome.promoted
    assert outcome.fitted is not None
    steps = [done for done, _, what in seen if what.startswith("loss")]
    assert (outcome.fitted.steps, steps) == (24, list(range(1, 25)))
    count = len((task / "unseen.jsonl").read_text().splitlines())
    assert {(count, count, "replies of the base"), (count, count, "replies of the candidate")} <= set(seen)
    assert stages == ["opening", "training", "measuring"]
    found = Registry(home).check(outcome.card.id)
    assert found.folder == outcome.folder
    assert found.card.verdict == "passed"
    assert (found.card.rows.count, found.card.parent, found.card.seed) == (36, None, 0)
    assert found.card.metrics.before == {"gain": 0.0}
    assert found.card.metrics.after["gain"] == 1.0
    assert found.card.metrics.after["training"]["steps"] == 24
    assert found.card.recipe == recipe.effective()
    assert Champions(Registry(home)).champion(found.card.base.hash) == found.card.id
    model = open_model(task / "base", candidate=outcome.folder)
    asked = [[{"role": "user", "content": UNSEEN.format("Ada")}]]
    assert replies(model, open_tokenizer(task / "base"), asked) == ["In the old harbour."]
    assert held_out_scores([recipe], outcome.folder) == (1.0,)
    assert held_out_scores([recipe], None) == (0.0,)
    assert sorted(file.name for file in (home / "runs" / outcome.card.id).iterdir()) == ["lock", "log.jsonl"]


def test_the_same_recipe_again_is_the_same_candidate_and_trains_nothing(task: Path) -> None:
    home = task / ".instill"
    recipe = recipe_of(task, plain=write_gate(task, GAIN))
    first = train_recipe(home, recipe)
    before = (first.folder / "card.json").read_bytes()
    second = train_recipe(home, recipe)
    assert (second.card.id, second.fitted, second.tried, second.promoted) == (first.card.id, None, None, True)
    assert (first.folder / "card.json").read_bytes() == before
    assert Registry(home).ids() == [first.card.id]


@pytest.mark.parametrize("method", [*METHODS, "last"])
def test_again_gives_the_same_weights_bit_for_bit(method: str, task: Path) -> None:
    home = task / ".instill"
    recipe = recipe_of(task, plain=METHODS.get(method, "last_layers = 1\n"))
    first = weights_of(train_recipe(home, recipe).folder)
    outcome = train_recipe(home, recipe, again=True)
    assert outcome.fitted is not None
    assert outcome.fitted.steps == 24
    assert weights_of(outcome.folder) == first


def test_what_a_candidate_is_made_of_is_in_its_id(task: Path) -> None:
    home = task / ".instill"

    def made(**given: Any) -> str:
        return train_recipe(home, recipe_of(task, **given)).card.id

    short = TRAINING.replace("epochs = 12", "epochs = 1")
    first = made(more=short)
    assert made(more=short) == first
    seeded = made(more=f"{short}seed = 1\n")
    rows = homes()
    write_rows([chat_row("Where does Ada live?", "In the new harbour."), *rows[1:]], task / "homes.jsonl")
    changed = made(more=short)
    shutil.rmtree(task / "base")
    write_task(task / "other", seed=1)
    shutil.move(task / "other/base", task / "base")
    assert len({first, seeded, changed, made(more=short)}) == 4


def test_the_seed_also_decides_how_an_adapter_begins(task: Path) -> None:
    found = []
    for seed in (0, 1):
        more = f"[training]\nsteps = 1\nlearning_rate = 1e-9\nprecision = 'fp32'\nseed = {seed}\n"
        outcome = train_recipe(task / ".instill", recipe_of(task, plain=METHODS["lora"], more=more))
        tensors = load_file(outcome.folder / "adapter_model.safetensors")
        found.append(next(value for name, value in tensors.items() if "lora_A" in name))
    assert not torch.allclose(found[0], found[1], atol=1e-3)


def test_a_rejected_candidate_is_kept_with_its_reasons(task: Path) -> None:
    home = task / ".instill"
    write_rows([chat_row(f"Say {number}.", str(number)) for number in range(12)], task / "hard.jsonl")
    recipe = recipe_of(task, plain=write_gate(task, '[gain]\nrows = "hard.jsonl"\n'))
    outcome = train_recipe(home, recipe)
    assert outcome.tried is not None
    assert not outcome.promoted
    card = Registry(home).check(outcome.card.id).card
    assert card.verdict == "rejected"
    assert card.reasons == (outcome.tried.chosen.verdict.reasons[0],)
    assert "is not above 0" in card.reasons[0]
    shown = outcome.tried.chosen.replies
    assert [each.score for each in shown] == [0.0, 0.0, 0.0]
    assert {(each.asked, each.expected) for each in shown} <= {(f"Say {each}.", str(each)) for each in range(12)}
    assert all(each.said for each in shown)
    assert kept(home, card.id) == shown
    shutil.rmtree(home / "gates")
    assert kept(home, card.id) == ()
    assert Champions(Registry(home)).champion(card.base.hash) is None
    assert train_recipe(home, recipe).card.verdict == "rejected"


def test_without_a_gate_and_when_asked_not_to_nothing_is_promoted(task: Path) -> None:
    home = task / ".instill"
    ungated = train_recipe(home, recipe_of(task))
    gated = train_recipe(home, recipe_of(task, plain=write_gate(task, GAIN)), promote=False)
    assert (ungated.promoted, ungated.card.verdict) == (False, "not measured")
    assert (gated.promoted, gated.card.verdict) == (False, "passed")
    assert Champions(Registry(home)).lines() == {}


def test_a_new_gate_of_rows_that_were_trained_on_is_refused(task: Path) -> None:
    """A candidate that is there is only measured again, and would pass with what it was taught."""
    home = task / ".instill"
    train_recipe(home, recipe_of(task))
    leaking = write_gate(task, GAIN.replace("unseen.jsonl", "homes.jsonl"))
    with pytest.raises(UsageError, match="are trained on, so measuring on them would not show"):
        train_recipe(home, recipe_of(task, plain=leaking))
    assert Champions(Registry(home)).lines() == {}


def rescored(home: Path, id_: str, score: float) -> None:
    """The same candidate, as if it had scored so on its gate."""
    registry = Registry(home)
    card = registry.get(id_).card
    after = {**card.metrics.after, "gain": score}
    registry.update(id_, metrics=card.metrics.model_copy(update={"after": after}))


@pytest.mark.parametrize(("score", "stays"), [(1.0, False), (1.1, True)])
def test_a_better_champion_by_the_same_gate_stays(score: float, stays: bool, task: Path) -> None:
    home = task / ".instill"
    gate = write_gate(task, GAIN)
    first = train_recipe(home, recipe_of(task, plain=gate))
    rescored(home, first.card.id, score)
    second = train_recipe(home, recipe_of(task, plain=gate, more=TRAINING + "seed = 1\n"))
    assert second.tried is not None
    assert second.tried.passed
    assert second.card.metrics.after["gain"] == 1.0
    expected = (False, None, first.card.id) if stays else (True, first.card.id, None)
    assert (second.promoted, second.replaced, second.better) == expected
    in_use = first if stays else second
    assert Champions(Registry(home)).champion(first.card.base.hash) == in_use.card.id


def test_champions_of_other_gates_and_damaged_ones_are_replaced(task: Path) -> None:
    home = task / ".instill"
    first = train_recipe(home, recipe_of(task, plain=write_gate(task, GAIN)))
    rescored(home, first.card.id, 1.1)
    other = write_gate(task, GAIN + "at_least = 0.2\n", name="other.toml")
    second = train_recipe(home, recipe_of(task, plain=other, more=TRAINING + "seed = 1\n"))
    assert (second.promoted, second.replaced, second.better) == (True, first.card.id, None)
    (second.folder / "card.json").write_text("{", encoding="utf-8")
    third = train_recipe(home, recipe_of(task, plain=other, more=TRAINING + "seed = 2\n"))
    assert (third.promoted, third.replaced, third.better) == (True, second.card.id, None)


@pytest.mark.parametrize("method", METHODS)
def test_what_forgets_too_much_is_kept_in_part(method: str, task: Path) -> None:
    home = task / ".instill"
    whole = train_recipe(home, recipe_of(task, plain=METHODS[method], name="whole"))
    kl = kl_at(task, whole.folder, 1), kl_at(task, whole.folder, 0.75)
    assert kl[0] > 1.1 * kl[1]
    forgetting = f'[forgetting]\nrows = "retention.jsonl"\nkl = {(kl[0] + kl[1]) / 2}\n'
    recipe = recipe_of(task, plain=METHODS[method] + write_gate(task, GAIN, forgetting))
    outcome = train_recipe(home, recipe)
    assert outcome.tried is not None
    assert [each.scale for each in outcome.tried.tried] == [1.0, 0.75]
    assert outcome.promoted
    assert outcome.card.recipe["scale"] == 0.75
    assert "exceeds" in outcome.card.reasons[0]
    # Its weights lie three quarters of the way, whether as an adapter or as tensors of the model.
    files = {file.name for file in outcome.folder.iterdir()}
    assert files == ({"card.json", "adapter_model.safetensors", "adapter_config.json"} if method == "lora" else
                     {"card.json", "weights.safetensors"})  # fmt: skip
    assert kl_at(task, outcome.folder, 1) == pytest.approx(kl[1], rel=1e-3)
    base = dict(open_model(task / "base").named_parameters())
    full = open_model(task / "base", candidate=whole.folder)
    found = open_model(task / "base", candidate=outcome.folder)
    if method != "full":
        full = full.merge_and_unload()
    if method == "lora":
        found = found.merge_and_unload()
    reached = dict(full.named_parameters())
    for name, value in found.named_parameters():
        torch.testing.assert_close(value, torch.lerp(base[name], reached[name], 0.75), atol=1e-5, rtol=1e-5)
    # The same recipe again finds it, whatever its id.
    assert train_recipe(home, recipe).card.id == outcome.card.id


def test_a_changed_gate_measures_again_without_training(task: Path) -> None:
    home = task / ".instill"
    recipe = recipe_of(task, plain=write_gate(task, GAIN.replace("unseen", "few")))
    write_rows(homes([UNSEEN])[:2], task / "few.jsonl")
    first = train_recipe(home, recipe)
    assert first.tried is not None
    assert first.tried.chosen.verdict.conditions[0].outcome == "undecided"
    weights = weights_of(first.folder)
    write_rows(homes([UNSEEN]), task / "few.jsonl")
    second = train_recipe(home, recipe)
    assert second.fitted is None
    assert second.promoted
    assert second.card.id == first.card.id
    assert second.card.metrics.after["training"] == first.card.metrics.after["training"]
    assert weights_of(second.folder) == weights
    assert train_recipe(home, recipe).tried is None


def test_the_instructions_stand_before_the_rows_that_ask_for_the_task_and_no_others(task: Path) -> None:
    plain = write_gate(task, f'{GAIN}[forgetting]\nrows = "retention.jsonl"\nkl = 5.0\n')
    recipe = recipe_of(task, plain=plain, data='instructions = "Say where."')
    asked = gate_rows(recipe, open_tokenizer(task / "base"))
    with_it = [row for row in asked if row.messages and row.messages[0]["role"] == "system"]
    assert {row.messages[0]["content"] for row in with_it} == {"Say where."}
    assert [row.messages[1:] for row in with_it] == [row.messages for row in homes([UNSEEN])]
    assert len(asked) == len(with_it) + len(retention())
    outcome = train_recipe(task / ".instill", recipe)
    assert outcome.promoted


def test_a_damaged_candidate_is_made_anew(task: Path) -> None:
    home, recipe = task / ".instill", recipe_of(task)
    first = train_recipe(home, recipe)
    whole = weights_of(first.folder)
    (first.folder / "weights.safetensors").write_bytes(whole[:-10])
    assert train_recipe(home, recipe).fitted is not None
    assert weights_of(first.folder) == whole
    Registry(home).check(first.card.id)


def test_another_process_that_trains_the_same_is_not_disturbed(task: Path) -> None:
    home, recipe = task / ".instill", recipe_of(task)
    run = home / "runs" / train_recipe(home, recipe).card.id
    with FileLock(run / "lock"), pytest.raises(WorkspaceError, match="Another process"):
        train_recipe(home, recipe, again=True)


def test_training_on_needs_the_same_way_of_training(task: Path) -> None:
    home = task / ".instill"
    first = train_recipe(home, recipe_of(task, plain=METHODS["lora"]))
    again = recipe_of(task, plain=METHODS["lora"], name="on")
    second = train_recipe(home, again, parent=first.card.id)
    assert second.card.parent == first.card.id
    assert train_recipe(home, again).card.id != second.card.id
    for other in (METHODS["full"], METHODS["dora"]):
        with pytest.raises(UsageError, match="trained in another way: method"):
            train_recipe(home, recipe_of(task, plain=other, name="x"), parent=first.card.id)
    wide = recipe_of(task, plain=METHODS["lora"], more=f"{TRAINING}[lora]\nrank = 2\n", name="y")
    with pytest.raises(UsageError, match="trained in another way: lora"):
        train_recipe(home, wide, parent=first.card.id)


WORKER = """
import sys
from pathlib import Path
import torch
from instill.train.generator.recipes.recipe import read_recipe
from instill.train.pipeline import train_recipe
torch.set_num_threads(1)
train_recipe(Path(sys.argv[1]), read_recipe(Path(sys.argv[2])))
"""


def test_a_killed_run_is_taken_up_again_and_ends_with_the_same_bytes(task: Path, warm: Warm) -> None:
    more = "[training]\nsteps = 215\nbatch_size = 2\nlearning_rate = 0.01\nprecision = 'fp32'\n"
    recipe = recipe_of(task, plain=write_gate(task, GAIN), more=more)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        whole = train_recipe(task / "whole", recipe)
        home = task / "killed"
        run = home / "runs" / whole.card.id
        worker = warm.start("-c", WORKER, str(home), str(task / "homes.toml"))
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and worker.poll() is None and not (run / "checkpoint.safetensors").exists():
            time.sleep(0.005)
        worker.kill()
        assert not (home / "adapters" / whole.card.id).exists(), "the worker ended before it could be killed"
        seen: list[int] = []
        outcome = train_recipe(home, recipe, watch=Watch(progress=lambda done, *_: seen.append(done)))
    finally:
        torch.set_num_threads(threads)
    assert (seen[0] if seen else 216) > 200  # It did not begin anew.
    assert outcome.card.id == whole.card.id
    assert weights_of(outcome.folder) == weights_of(whole.folder)
    assert outcome.card.metrics.after["training"]["steps"] == 215
    assert outcome.promoted


def test_a_run_that_was_killed_after_its_last_step_still_tells_its_loss(task: Path, monkeypatch: Any) -> None:
    home, recipe = task / ".instill", recipe_of(task)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Registry, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            train_recipe(home, recipe)
    outcome = train_recipe(
        home,
        recipe,
        watch=Watch(progress=lambda _, __, what: pytest.fail("a step was taken") if what.startswith("loss") else None),
    )
    assert outcome.fitted is not None
    assert outcome.fitted.steps == 24
    assert 0 < outcome.fitted.loss < 3


def test_a_gate_with_a_mistake_is_refused_before_training(task: Path) -> None:
    stages: list[str] = []
    for gate, match in (
        (GAIN.replace("unseen", "missing"), "cannot be read"),
        (GAIN + 'scoring = "json"\n', "cannot score this row"),
        (GAIN.replace("unseen", "homes"), "that the gate measures on, are trained on"),
    ):
        with pytest.raises(UsageError, match=match):
            train_recipe(task / ".instill", recipe_of(task, plain=write_gate(task, gate)), watch=Watch(stages.append))
    assert "measuring" not in stages
    assert Registry(task / ".instill").ids() == []


def test_what_is_no_row_no_model_or_a_pickle_is_refused(task: Path) -> None:
    home = task / ".instill"
    secret = task / "secret.txt"
    secret.write_text("root:x:0:0\n")
    with pytest.raises(UsageError, match="not JSON"):
        train_recipe(home, recipe_of(task, data='rows = ["../task/secret.txt"]'))
    with pytest.raises(UsageError, match="no file at this path"):
        recipe_of(task, data='rows = ["../../nowhere/rows.jsonl"]')
    with pytest.raises(UsageError, match="name"):
        recipe_of(task, name="..")
    pickled = task / "pickled"
    pickled.mkdir()
    shutil.copy(task / "base/config.json", pickled)
    torch.save({}, pickled / "pytorch_model.bin")
    file = task / "pickled.toml"
    file.write_text("name = 'x'\nbase = 'pickled'\n[data]\nrows = ['homes.jsonl']\n")
    with pytest.raises(UsageError, match="pickled weights are not loaded"):
        train_recipe(home, read_recipe(file))
    code = Path(shutil.copytree(task / "base", task / "code"))
    config = json.loads((code / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Model"}
    config["model_type"] = "evil"
    (code / "config.json").write_text(json.dumps(config))
    (code / "evil.py").write_text("raise SystemExit('code from the folder was run')")
    file.write_text(file.read_text().replace("'pickled'", "'code'"))
    with pytest.raises(UsageError, match="cannot be loaded"):
        train_recipe(home, read_recipe(file))
    assert Registry(home).ids() == []


def test_rows_that_would_waste_the_run_are_refused(task: Path) -> None:
    write_rows([chat_row("Where?", "here"), *homes()], task / "homes.jsonl")
    lines = (task / "homes.jsonl").read_text().splitlines()
    lines[0] = json.dumps({"messages": [{"role": "assistant", "content": "here"}]})
    (task / "homes.jsonl").write_text("\n".join(lines))
    with pytest.raises(UsageError, match="out of order") as caught:
        train_recipe(task / ".instill", recipe_of(task))
    assert caught.value.where == "homes.jsonl:1 (assistant is first)"


def test_a_distilled_recipe_without_teachers_is_refused(task: Path) -> None:
    with pytest.raises(UsageError, match="lack `teacher` messages"):
        train_recipe(task / ".instill", recipe_of(task, plain="objective = 'distil'\n"))


def test_retention_rows_are_long_enough_to_be_trusted() -> None:
    assert len(retention()) >= 20


def test_the_card_keeps_the_documents_of_the_rows(task: Path) -> None:
    home, recipe = task / ".instill", recipe_of(task)
    plain = recipe.study_rows()
    assert all(row.made_from == NOTHING for row in plain)

    def train(label: str) -> TrainingResult:
        link = MadeFrom((Source("d1", "h1", (label,)),))
        return train_recipe(home, recipe, rows=[replace(plain[0], made_from=link), *plain[1:]])

    first = train("hr")
    assert first.fitted is not None
    assert first.card.made_from.label_sets == (("hr",),)
    assert not (home / "runs" / first.card.id / BESIDE).exists()
    # The same rows from a document that has other labels now: the same candidate, and both sets of labels count.
    again = train("staff")
    assert again.fitted is None
    assert again.card.id == first.card.id
    assert Registry(home).get(first.card.id).card.made_from.label_sets == (("hr",), ("staff",))


def test_what_a_recipe_leaves_open_is_on_the_card_and_not_warned_of(task: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(few_steps, "_REAL_BYTES", 1)
    warned: list[str] = []
    recipe = recipe_of(task, plain=METHODS["lora"], more="[training]\nsteps = 1\nprecision = 'fp32'\n")
    outcome = train_recipe(task / ".instill", recipe, watch=Watch(warning=lambda each: warned.append(str(each))))
    training = outcome.card.recipe["training"]
    assert (training["batch_size"], training["epochs"], training["learning_rate"]) == (8, 12, 1e-2)
    assert [each.partition(",")[0] for each in warned] == ["The run has 1 step at a rate of 0.01"]
    assert "Set below [training]: steps = 50." in warned[0]
