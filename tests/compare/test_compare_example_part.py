"""Formats and tones as a part of a comparison: what is asked, kept, said, and left out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from instill import Workspace
from instill.compare.arms.line_up import LineUp
from instill.compare.examples.example_part import ExamplePart, example_needs, run_example_part
from instill.compare.examples.plan import ExamplesPlan, read_examples, read_instructions
from instill.compare.plan import ComparePlan
from instill.compare.prices import Prices
from instill.compare.tuned.tuning_by_recipe import TuningPlan
from instill.errors import GeneratorError, UsageError
from instill.measure.verdict import reach_verdict
from instill.models.generators.protocol import Generator, Message
from instill.train.generator.data.rows import Row, chat_row, write_rows
from instill.train.generator.recipes.recipe import read_recipe

NAMES = ["Ada", "Bo", "Cai", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivo", "Jun"]
SCHEMA = {"type": "object", "properties": {"item": {"type": "string"}, "for": {"type": "string"}}}
PRICES = Prices(tokens_in=1.0, machine_hour=3600.0)


def orders() -> list[Row]:
    fruits = ["pears", "plums", "figs", "quinces", "apples", "melons", "grapes", "dates", "limes", "nuts"]
    return [
        chat_row(f"Take down {fruit} for {name}.", json.dumps({"item": fruit, "for": name}))
        for fruit, name in zip(fruits, NAMES, strict=True)
    ]


def openings() -> list[Row]:
    shops = [f"{kind} {name}" for kind in ("bakery", "smithy", "ferry", "tannery") for name in NAMES]
    return [chat_row(f"When does the {shop} open?", f"Arr! The {shop} be open at dawn, matey!") for shop in shops]


class Clerk:
    """Orders: JSON where examples are shown, else a sentence. Shops: plainly, like a pirate when told or shown."""

    name = "clerk"
    last_usage: tuple[int, int] | None = (10, 5)

    def __init__(self) -> None:
        self.asked = 0

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        assert temperature == 0
        self.asked += 1
        words = messages[-1]["content"].rstrip(".?").split()
        shown = any(message["role"] == "assistant" for message in messages)
        told = "pirate" in messages[0]["content"]
        if words[0] == "When":
            shop = " ".join(words[3:5])
            yield f"Arr, the {shop} be open at dawn, matey!" if shown or told else f"The {shop} opens at dawn."
        else:
            yield json.dumps({"for": words[-1], "item": words[2]}) if shown else f"{words[-1]} wants {words[2]}."


class Mute:
    name = "mute"

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        raise GeneratorError("The generator is mute.")


class Only:
    """Models of which there is one."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def generator(self, candidate: str = "") -> Generator:
        assert not candidate
        return self._generator

    def release(self) -> None:
        """Nothing is held."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Empty: formats and tones need no document."""
    return Workspace.init(tmp_path_factory.mktemp("examples") / "kb")


def schema_file(folder: Path) -> Path:
    file = folder / "order.json"
    file.write_text(json.dumps(SCHEMA))
    return file


def run(examples: ExamplesPlan, workspace: Workspace, generator: Generator) -> ExamplePart:
    needs = example_needs(examples, generator=True)
    return run_example_part(needs, workspace, ComparePlan(examples=examples), Only(generator), prices=PRICES)


def test_a_format_is_asked_of_both_prompts_and_put_into_numbers(workspace: Workspace, tmp_path: Path) -> None:
    examples = ExamplesPlan(format=orders(), schema=schema_file(tmp_path), share=0.5)
    clerk = Clerk()
    part = run(examples, workspace, clerk)
    rows = [(each.outcome.task, each.outcome.arm, each.outcome.right) for each in part.records]
    assert rows == [("format", "prompted", 0.0)] * 5 + [("format", "examples in the prompt", 1.0)] * 5
    assert part.records[0].outcome.money == 0.01
    (made,) = part.preparations
    assert (made.arm, made.facts, made.seconds_per_fact) == ("examples in the prompt", 0, 0.0)
    assert made.seconds > 0
    assert made.money == pytest.approx(made.seconds)
    assert part.missing == {}
    assert part.about["format examples"] == "5 to learn from, 5 asked"
    assert part.about["format, examples in the prompt"] == "valid 1.00, F1 of fields 1.00, the same 1.00"
    assert part.about["format, prompted"] == "valid 0.00, F1 of fields 0.00, the same 0.00"
    numbers = json.loads(json.dumps(part.numbers))["format"]
    assert (numbers["rows"], numbers["asked"], [each["arm"] for each in numbers["means"]]) == (
        10,
        5,
        ["prompted", "examples in the prompt"],
    )
    assert numbers["means"][1]["valid"]["mean"] == 1.0
    assert [(each.need, each.arm, each.questions, list(each.means)) for each in part.means] == [
        ("format", arm, 5, ["follows the schema", "F1 of fields", "right"])
        for arm in ("prompted", "examples in the prompt")
    ]
    assert [each.means["follows the schema"].mean for each in part.means] == [0.0, 1.0]
    assert {prompt[:5] for prompt in part.prompts.values()} == {"user:"}
    assert len(part.prompts) == 2
    verdict = reach_verdict([each.outcome for each in part.records], part.preparations)
    assert verdict.need("format").questions == 5
    assert verdict.need("tone").state == "not measured"

    asked = clerk.asked
    again = run(examples, workspace, clerk)
    assert again.records == part.records
    assert clerk.asked == asked
    # What was asked before has the prices of now.
    plan = ComparePlan(examples=examples)
    needs = example_needs(examples, generator=True)
    dearer = run_example_part(needs, workspace, plan, Only(clerk), prices=Prices(tokens_in=7.0))
    assert {each.outcome.money for each in dearer.records if each.outcome.arm == "prompted"} == {0.07}
    assert clerk.asked == asked
    run(replace(examples, instructions="Reply as JSON."), workspace, clerk)
    assert clerk.asked == 2 * asked


def test_both_needs_have_arms_of_their_own_and_the_same_plain_one(workspace: Workspace) -> None:
    clerk = Clerk()
    instructions = "Talk like a pirate."
    one = run(ExamplesPlan(tone=openings(), instructions=instructions, share=0.4), workspace, clerk)
    assert list(dict.fromkeys(each.outcome.arm for each in one.records)) == ["prompted", "examples in the prompt"]
    asked = clerk.asked
    part = run(ExamplesPlan(orders(), openings(), instructions=instructions, share=0.4), workspace, clerk)
    # Of the tone, nothing is asked again.
    assert clerk.asked == asked + 2 * 4
    arms = {(each.outcome.task, each.outcome.arm) for each in part.records}
    assert arms == {
        ("format", "prompted"), ("format", "format examples in the prompt"),
        ("tone", "prompted"), ("tone", "tone examples in the prompt"),
    }  # fmt: skip
    assert [each.arm for each in part.preparations] == ["format examples in the prompt", "tone examples in the prompt"]
    right = [each.outcome.right for each in part.records if each.outcome.task == "tone"]
    assert right == [1.0] * 32  # told in the instructions, or shown
    assert part.numbers["tone"]["tone"] == {"auc": 1.0, "pairs": 24}
    assert [(each.arm, each.means["in the tone"].mean, each.means["right"].mean) for each in part.means[2:]] == [
        ("prompted", 1.0, 1.0),
        ("tone examples in the prompt", 1.0, 1.0),
    ]
    assert part.numbers["tone"]["means"][1]["in_tone"]["mean"] == 1.0
    assert part.about["tone"] == "told by a classifier from what the model says itself: AUC 1.00 on 24 pairs"
    assert "format, format examples in the prompt" in part.about
    verdict = reach_verdict([each.outcome for each in part.records], part.preparations)
    assert {arm for need in ("format", "tone") for arm in verdict.need(need).scores} == {arm for _, arm in arms}


def test_a_tone_that_cannot_be_told_is_missing_with_the_reason(workspace: Workspace) -> None:
    clerk = Clerk()
    few = run(ExamplesPlan(tone=openings()[:12]), workspace, clerk)
    assert (few.records, few.preparations) == ([], [])
    assert few.missing["tone"].startswith("The tone cannot be measured: it takes examples of 20 different inputs")
    assert few.numbers["tone"]["why_not"] == few.missing["tone"]
    assert few.about == {"tone examples": "9 to learn from, 3 asked"}
    asked = [str(row.prompt[0]["content"]) for row in openings()]
    plain = [chat_row(each, f"The {' '.join(each.split()[3:5])} opens at dawn.") for each in asked]
    alike = run(ExamplesPlan(tone=plain), workspace, clerk)
    assert (alike.records, alike.missing["tone"][:29]) == ([], "The tone cannot be measured: ")
    assert "AUC 0.50" in alike.missing["tone"]
    mute = run(ExamplesPlan(tone=openings()), workspace, Mute())
    assert (mute.records, "The generator is mute" in mute.missing["tone"]) == ([], True)


def test_without_examples_nothing_is_done(workspace: Workspace) -> None:
    assert example_needs(None, generator=False) == []
    assert run_example_part([], workspace, ComparePlan(), Only(Mute()), prices=PRICES) == ExamplePart()


def test_what_cannot_be_asked_is_said_before_anything_is(tmp_path: Path) -> None:
    schema = schema_file(tmp_path)
    broken = chat_row("Take down nothing.", "nothing")
    cases = [
        (ExamplesPlan(format=orders()), False, "none is set"),
        (ExamplesPlan(format=[*orders(), broken], schema=schema), True, "does not follow the schema"),
        (ExamplesPlan(tone=[Row(text="Arr!"), *openings()]), True, "no user's message"),
        (ExamplesPlan(tone=openings()[:1]), True, "cannot be split"),
    ]
    for examples, generator, said in cases:
        with pytest.raises(UsageError, match=said):
            example_needs(examples, generator=generator)


def test_files_become_a_plan(tmp_path: Path) -> None:
    rows, told = tmp_path / "rows.jsonl", tmp_path / "told.txt"
    write_rows(orders(), rows)
    told.write_text("Reply as JSON.\n")
    assert read_examples(None, None) is None
    found = read_examples(rows, None, schema=tmp_path / "s.json", instructions=str(told))
    assert found is not None
    assert [row.answer for row in found.format] == [row.answer for row in orders()]
    assert (found.tone, found.instructions, found.rows("format")) == ((), "Reply as JSON.", found.format)
    long = "Reply as JSON. " * 400
    assert read_instructions(long) == long.strip()
    told.write_text(" ")
    for given, said in (
        (str(told), "empty"),
        (str(tmp_path / "nothing"), "no file of this name"),
        ("x" * 999, "no file"),
    ):
        with pytest.raises(UsageError, match=said):
            read_instructions(given)
    for options in ({"schema": tmp_path / "s.json"}, {"instructions": "Reply as JSON."}):
        with pytest.raises(UsageError, match="format=FILE"):
            read_examples(None, None, **options)


def test_a_tuned_generator_learns_the_examples_and_keeps_the_instructions(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.train.pipeline.small_recipes import homes, retention, write_task

    base = write_task(tmp_path) / "base"
    Workspace.init(tmp_path / "kb").close()
    settings = f'[generator]\nfolder = "{base}"\nmax_tokens = 16\n'
    (tmp_path / "kb" / "instill.toml").write_text(settings)
    examples = ExamplesPlan(format=homes(), instructions="Where is it?")
    tuning = TuningPlan("tiny", str(base), "full", learning_rate=0.02, epochs=12, batch_size=18, replay_share=0.2)
    plan = ComparePlan(examples=examples, tuning=tuning, replay=[row.as_dict() for row in retention()])
    with Workspace.open(tmp_path / "kb") as workspace:
        needs = example_needs(examples, generator=True)
        part = run_example_part(needs, workspace, plan, LineUp(workspace, plan, [], {}), prices=PRICES)
        folder = workspace.home / "compare" / "arms" / "tiny-format"
    right = {arm: [each.outcome.right for each in part.records if each.outcome.arm == arm] for arm in
             ("prompted", "fine-tuned on examples")}  # fmt: skip
    assert right == {"prompted": [0.0] * 9, "fine-tuned on examples": [1.0] * 9}
    made = {each.arm: each for each in part.preparations}["fine-tuned on examples"]
    assert made.seconds == made.money > 0
    assert part.numbers["format"]["candidate"] in part.about["fine-tuned on examples candidate"]
    recipe = read_recipe(folder / "recipe.toml")
    taught = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    assert {row["messages"][0]["content"] for row in taught} == {"Where is it?"}
    assert (len(taught), recipe.data.replay) == (27, ["replay.jsonl"])
    asked = {each.outcome.question for each in part.records}
    assert not asked & {row["messages"][1]["content"] for row in taught}
