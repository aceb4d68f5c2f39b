"""Data curves with real training of a tiny model: what is drawn, what is scored, what is kept, what is refused."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.curve.growing import (
    BESIDE_FILE,
    RESULTS_FILE,
    CurveSettings,
    CurveWatch,
    MeasuredCurve,
    default_sizes,
    measure_data_curve,
    steps_of_size,
)
from instill.curve.material import Material, draw, identity_of, recipe_material
from instill.curve.page import curve_page, curve_table, write_page
from instill.errors import UsageError, WorkspaceError
from instill.models.generators.transformers_models import open_model, open_tokenizer
from instill.models.registry.store import Registry
from instill.settings.location import make_workspace
from instill.train.gate.rows import GateRows
from instill.train.generator.data.rows import Row, chat_row, write_rows
from instill.train.generator.loop.replies import replies
from instill.train.generator.recipes.recipe import Data, Recipe
from instill.train.pipeline import train_recipe
from tests.train.pipeline.small_recipes import PEOPLE, TAUGHT, UNSEEN, homes, recipe_of
from tests.warm import Warm

SHORT = "[training]\nepochs = 3\nbatch_size = 6\nlearning_rate = 0.02\nprecision = 'fp32'\n"
HELD_OUT = 'held_out = ["unseen.jsonl"]'


def plain_material(groups: list[str] | None, count: int | None = None) -> Material:
    """Rows to draw from, without a model."""
    count = len(groups) if groups is not None else count or 0
    rows = tuple(chat_row(f"question {number}", f"answer {number}") for number in range(count))
    none = GateRows((), (), Path())
    return Material(
        name="plain",
        label="exact answers",
        recipe=Recipe(name="plain", base="micro", data=Data(rows=["rows.jsonl"])),
        rows=rows,
        row_groups=tuple(groups) if groups is not None else None,
        asked=none,
        groups=(),
        controls=none,
        scoring="exact",
        score=lambda *_: 0.0,
        max_tokens=32,
    )


def with_facts(task: Path) -> None:
    """The rows once more, each with the fact that it is about."""
    rows = [
        {**chat_row(each.format(who), "In the old harbour.").as_dict(), "facts": [who]}
        for who in PEOPLE
        for each in TAUGHT
    ]
    (task / "homes.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def lines_of(file: Path) -> list[dict[str, Any]]:
    """Results without the time that they took."""
    found = [json.loads(line) for line in file.read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in found]


GROUPS = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=40)


@given(GROUPS, st.integers(0, 5), st.data())
def test_smaller_sizes_are_within_larger_ones_and_facts_stay_together(
    groups: list[str], seed: int, data: st.DataObject
) -> None:
    material = plain_material(groups)
    size = data.draw(st.integers(1, len(groups)))
    drawn = draw(material, size, seed, "fact")
    assert draw(material, len(groups), seed, "fact")[:size] == drawn
    assert len({row.answer for row in drawn}) == size
    of_row = dict(zip((row.answer for row in material.rows), groups, strict=True))
    found = [of_row[row.answer] for row in drawn]
    in_part = [group for group in set(found) if found.count(group) < groups.count(group)]
    assert len(in_part) <= 1


@given(GROUPS, st.integers(0, 5), st.data())
def test_by_wording_every_size_has_as_many_facts_as_it_can_have(
    groups: list[str], seed: int, data: st.DataObject
) -> None:
    material = plain_material(groups)
    size = data.draw(st.integers(1, len(groups)))
    drawn = draw(material, size, seed, "wording")
    assert draw(material, len(groups), seed, "wording")[:size] == drawn
    assert len({row.answer for row in drawn}) == size
    of_row = dict(zip((row.answer for row in material.rows), groups, strict=True))
    counts = {group: [of_row[row.answer] for row in drawn].count(group) for group in groups}
    for one in counts:
        for other in counts:  # No fact has two rows more than one that has rows left.
            assert counts[one] <= counts[other] + 1 or counts[other] == groups.count(other)


@given(st.integers(16, 5000))
def test_default_sizes_are_enough_for_a_curve(count: int) -> None:
    sizes = default_sizes(plain_material(None, count))
    assert len(sizes) >= 5
    assert sizes[-1] == count
    assert list(sizes) == sorted(set(sizes))


def test_by_wording_the_smallest_size_tells_every_fact_once() -> None:
    sizes = default_sizes(plain_material([group for group in "abcdef" for _ in range(8)]), "wording")
    assert (sizes[0], sizes[-1]) == (6, 48)
    assert len(sizes) >= 5


def test_a_score_is_that_of_the_ordinary_training_of_the_same_rows(task: Path) -> None:
    recipe = recipe_of(task, data=HELD_OUT, more=SHORT)
    material = recipe_material(recipe)
    assert (material.scoring, len(material.asked), material.row_groups) == ("exact", 12, None)
    found = measure_data_curve(task / ".instill", material, task / "curve", CurveSettings((24,), seeds=2, settle=False))
    assert Registry(task / ".instill").ids() == []
    assert list((task / ".instill/runs").iterdir()) == []
    seeded = recipe_of(task, more=f"{SHORT}seed = 1\n")
    outcome = train_recipe(task / ".instill", seeded, rows=draw(material, 24, 1, "fact"))
    asked = [[{"role": "user", "content": UNSEEN.format(who)}] for who in PEOPLE]
    said = replies(open_model(task / "base", candidate=outcome.folder), open_tokenizer(task / "base"), asked)
    own = next(result for result in found.curve.results if result.seed == 1)
    assert own.scores == tuple(float(reply == "In the old harbour.") for reply in said)
    assert outcome.fitted is not None
    assert found.steps == {24: outcome.fitted.steps}


def test_results_are_taken_up_and_further_sizes_and_seeds_come_to_them(task: Path) -> None:
    material = recipe_material(recipe_of(task, data=HELD_OUT, more=SHORT))
    home, folder = task / ".instill", task / "curve"
    taken: list[bool] = []
    watch = CurveWatch(lambda entry: taken.append(entry.taken_up))
    first = measure_data_curve(home, material, folder, CurveSettings((3, 9), seeds=1), watch)
    kept = (folder / RESULTS_FILE).read_text()
    again = measure_data_curve(home, material, folder, CurveSettings((3, 9), seeds=1), watch)
    assert taken == [False, False, True, True]
    assert again.as_dict() == first.as_dict()
    more = measure_data_curve(home, material, folder, CurveSettings((3, 5, 9), seeds=2, settle=False), watch)
    assert taken[4:] == [True, False, False, False, True, False]
    assert (folder / RESULTS_FILE).read_text().startswith(kept)
    assert {(each.size, each.seed) for each in more.curve.results} == {(n, s) for n in (3, 5, 9) for s in (0, 1)}
    assert set(more.taught) == {3, 5, 9}


def test_results_of_something_else_are_refused_and_by_default_kept_apart(task: Path) -> None:
    home, settings = task / ".instill", CurveSettings((2, 4), seeds=1)
    material = recipe_material(recipe_of(task, data=HELD_OUT, more=SHORT))
    first = measure_data_curve(home, material, None, settings)
    other = recipe_material(recipe_of(task, data=HELD_OUT, more=SHORT.replace("0.02", "0.01")))
    with pytest.raises(WorkspaceError, match="other data, questions or settings"):
        measure_data_curve(home, other, first.folder, settings)
    second = measure_data_curve(home, other, None, settings)
    assert first.folder != second.folder
    assert sorted(home.glob("curves/*")) == sorted([first.folder, second.folder])


def test_what_decides_a_score_decides_the_identity(task: Path) -> None:
    material = recipe_material(recipe_of(task, data=HELD_OUT, more=SHORT))
    first = identity_of(material, "b", [], "fact")
    moved = recipe_material(recipe_of(task, data=HELD_OUT, more=f"{SHORT}seed = 5\n", name="other"))
    assert identity_of(moved, "b", [], "fact") == first
    changed = [
        identity_of(material, "c", [], "fact"),
        identity_of(material, "b", [Row(text="replay")], "fact"),
        identity_of(material, "b", [], "wording"),
        identity_of(recipe_material(material.recipe, "f1"), "b", [], "fact"),
    ]
    write_rows(homes(["Say where {} lives."]), task / "unseen.jsonl")
    changed.append(identity_of(recipe_material(material.recipe), "b", [], "fact"))
    write_rows(homes()[1:], task / "homes.jsonl")
    changed.append(identity_of(recipe_material(material.recipe), "b", [], "fact"))
    assert len({first, *changed}) == 7


def test_all_trainings_share_the_output_of_frozen_layers(task: Path) -> None:
    material = recipe_material(recipe_of(task, plain="last_layers = 1\n", data=HELD_OUT, more=SHORT))
    home = task / ".instill"
    measure_data_curve(home, material, None, CurveSettings((12, 36), seeds=2, settle=False))
    (index,) = home.glob("frozen/*/index.bin")
    # A record is 48 bytes; each of the 36 rows was computed once for four trainings.
    assert index.stat().st_size == 36 * 48


def test_learning_by_heart_is_found_and_named(task: Path) -> None:
    """Every person lives elsewhere, so the rows can be learned and what is held out cannot."""
    rows = [chat_row(each.format(who), f"{who} {who}") for who in PEOPLE for each in TAUGHT]
    write_rows(rows, task / "homes.jsonl")
    held_out = [chat_row(f"What is the craft of {who}?", "A smith of silver.") for who in PEOPLE]
    write_rows(held_out, task / "unseen.jsonl")
    more = SHORT.replace("epochs = 3", "epochs = 40")
    found = measured_of(task, recipe_of(task, data=HELD_OUT, more=more), (9, 36))
    assert found.overfitting is not None
    assert found.overfitting.kind == "gap"
    assert found.taught[36] > 0.3
    assert [result.mean for result in found.curve.results] == [0.0, 0.0]
    assert "learned by heart" in curve_page(found)


def measured_of(task: Path, recipe: Recipe, sizes: tuple[int, ...]) -> MeasuredCurve:
    return measure_data_curve(task / ".instill", recipe_material(recipe), None, CurveSettings(sizes, seeds=1))


def test_plain_texts_are_learned_and_not_asked(task: Path) -> None:
    write_rows([Row(text=f"{row.prompt[0]['content']} {row.answer}") for row in homes()], task / "homes.jsonl")
    found = measured_of(task, recipe_of(task, data=HELD_OUT, more=SHORT), (6, 12))
    assert (found.taught, found.overfitting) == ({}, None)
    assert curve_table(found)[0] == ["Rows", "Score [95%]", "Seeds", "Steps", "Time"]


def test_steps_grow_with_the_rows_or_stay_the_same(task: Path) -> None:
    recipe = recipe_of(task, data=f'{HELD_OUT}\nreplay = ["crafts.jsonl"]\nreplay_share = 0.25', more=SHORT)
    material = recipe_material(recipe)
    assert [steps_of_size(material, size) for size in (2, 36)] == [3, 24]  # 36 rows and 12 of replay, 3 times by 6.
    home = task / ".instill"
    growing = measure_data_curve(home, material, None, CurveSettings((2, 6), seeds=1))
    assert growing.steps == {2: 3, 6: 6}
    assert any("--equal-steps" in note for note in growing.notes)
    equal = measure_data_curve(home, material, None, CurveSettings((2, 6), seeds=1, equal_steps=True))
    assert equal.steps == {2: 24, 6: 24}
    assert not any("--equal-steps" in note for note in equal.notes)


def test_rows_that_name_facts_are_drawn_by_fact(task: Path) -> None:
    with_facts(task)
    material = recipe_material(recipe_of(task, data=HELD_OUT, more=SHORT))
    assert material.row_groups is not None
    assert material.row_groups[:4] == ("facts Ada", "facts Ada", "facts Ada", "facts Bruno")
    names = [str(row.prompt[0]["content"]) for row in draw(material, 6, 0, "fact")]
    assert sum(any(who in name for name in names) for who in PEOPLE) == 2
    names = [str(row.prompt[0]["content"]) for row in draw(material, 12, 0, "wording")]
    assert all(any(who in name for name in names) for who in PEOPLE)


def test_a_schema_makes_the_score_that_of_fields(task: Path) -> None:
    (task / "schema.json").write_text('{"type": "object"}')
    rows = [chat_row(f"Where does {who} live?", json.dumps({"place": "harbour"})) for who in PEOPLE]
    write_rows(rows[:8], task / "homes.jsonl")
    write_rows(rows[8:], task / "unseen.jsonl")
    recipe = recipe_of(task, data=f'{HELD_OUT}\nschema = "schema.json"', more=SHORT)
    material = recipe_material(recipe)
    assert material.scoring == "json"
    assert material.score('{"place": "harbour", "more": 1}', rows[8], ['{"place": "harbour"}']) == pytest.approx(2 / 3)
    assert recipe_material(recipe, "f1").scoring == "f1"
    write_rows(homes([UNSEEN]), task / "unseen.jsonl")
    with pytest.raises(UsageError, match="not JSON"):
        recipe_material(recipe)


def test_what_cannot_be_measured_is_said_before_anything_is_trained(task: Path) -> None:
    home = task / ".instill"
    with pytest.raises(UsageError, match="holds no rows out"):
        recipe_material(recipe_of(task, more=SHORT))
    material = recipe_material(recipe_of(task, data=HELD_OUT, more=SHORT))
    for settings, what in (
        (CurveSettings((37,)), "cannot be drawn from 36"),
        (CurveSettings((0, 3)), "cannot be drawn"),
        (CurveSettings(gain=1.5), "between 0 and 1"),
        (CurveSettings(seeds=0), "once at least"),
        (CurveSettings(have=0), "At least one row"),
        (CurveSettings(by="wording"), "do not say which of them are about the same"),
        (CurveSettings((3, 3)), "one is there twice"),
    ):
        with pytest.raises(UsageError, match=what):
            measure_data_curve(home, material, task / "curve", settings)
    write_rows([*homes(), *homes([UNSEEN])], task / "homes.jsonl")  # What is held out, at the end.
    leaking = recipe_material(recipe_of(task, data=HELD_OUT, more=SHORT))
    with pytest.raises(UsageError, match="that the gate measures on, are trained on"):
        measure_data_curve(home, leaking, task / "leak", CurveSettings((2,), seeds=1))
    assert not (task / "leak").exists()


def test_page_and_picture_stand_alone_and_what_others_wrote_is_escaped(task: Path) -> None:
    recipe = recipe_of(task, data=HELD_OUT, more=SHORT)
    found = measured_of(task, recipe, (2, 4, 9, 20))
    page, drawn = write_page(found, ["instill curve '<b>.toml'"])
    text = page.read_text()
    assert found.curve.advice.said.split(":")[0] in text
    assert "&lt;b&gt;.toml" in text
    assert "<script" not in text
    assert "<link" not in text
    assert set(re.findall(r"https?://[^\"' )]+", text)) == {"http://www.w3.org/2000/svg"}
    assert drawn.read_text().startswith("<svg ")
    assert drawn.read_text().count('class="point"') == text.count('class="point"') == 4
    head, rows = curve_table(found)
    assert (head[0], [row[0] for row in rows]) == ("Rows", ["2", "4", "9", "20"])


def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(task: Path, warm: Warm) -> None:
    recipe_of(task, data=HELD_OUT, more=SHORT)
    make_workspace(task / "kb")
    command = ["-m", "instill", "curve", str(task / "homes.toml"), "-w", str(task / "kb"), "--json"]
    command += ["--sizes", "4,8,16,36", "--seeds", "2", "--all"]
    killed = task / "killed"
    with (task / "said.txt").open("w") as said:
        process = warm.start(*command, "--out", str(killed), streams=(0, said, said))
    deadline = time.monotonic() + 120
    while not ((killed / RESULTS_FILE).exists() and len((killed / RESULTS_FILE).read_text().splitlines()) > 3):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    before = (killed / RESULTS_FILE).read_bytes()
    whole = before[: before.rfind(b"\n") + 1]
    assert 3 <= len(whole.splitlines()) - 1 < 8
    taken: list[bool] = []
    material = recipe_material(recipe_of(task, data=HELD_OUT, more=SHORT))
    settings = CurveSettings((4, 8, 16, 36), seeds=2, settle=False)
    home = task / "kb/.instill"
    after = measure_data_curve(home, material, killed, settings, CurveWatch(lambda entry: taken.append(entry.taken_up)))
    assert taken.count(True) == len(whole.splitlines()) - 1
    assert (killed / RESULTS_FILE).read_bytes().startswith(whole)
    fresh = measure_data_curve(task / "other/.instill", material, task / "fresh", settings)
    assert lines_of(killed / RESULTS_FILE) == lines_of(task / "fresh" / RESULTS_FILE)
    assert {json.dumps(line) for line in lines_of(killed / BESIDE_FILE)} == {
        json.dumps(line) for line in lines_of(task / "fresh" / BESIDE_FILE)
    }
    assert after.curve.advice == fresh.curve.advice
    assert np.allclose(
        [point.score.mean for point in after.curve.fit.points], [p.score.mean for p in fresh.curve.fit.points]
    )
    assert list((home / "runs").iterdir()) == []
