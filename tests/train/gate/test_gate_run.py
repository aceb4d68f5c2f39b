"""Real candidates of a very small model before the gate."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from instill.errors import UsageError
from instill.models.registry.card import GateResult
from instill.train.gate.base_measurements import Kept
from instill.train.gate.conditions.abstention import over_refusal
from instill.train.gate.probes import Probe
from instill.train.gate.rows import read_gate_rows
from instill.train.gate.run import Interpolated, judge, lost_only, with_interpolation
from instill.train.gate.specification import Gate, load_gate
from instill.train.gate.verdict import Condition, GateVerdict
from instill.train.generator.data.rows import Row, chat_row, write_rows
from tests.train.gate.gate_models import (
    KNOWN,
    LOOP,
    NEW,
    REFUSED,
    colours,
    gate_file,
    small_model,
    small_tokenizer,
    taught,
)

pytestmark = pytest.mark.usefixtures("one_thread")

GATE = """\
max_tokens = 24
[gain]
rows = "new.jsonl"
[forgetting]
rows = "known.jsonl"
accuracy_drop = 0.05
perplexity_rise = 0.2
kl = 1.0
[abstention]
rows = "refused.jsonl"
drop = 0.05
over_refusal = 0.05
[format]
schema = "reply.schema.json"
valid = 0.95
[text]
loops = 0.05
"""


@dataclass(frozen=True)
class Models:
    """A base and what was made of it."""

    tokenizer: Any
    base: Any
    taught: Any
    looping: Any


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    run = tmp_path_factory.mktemp("runs")
    tokenizer = small_tokenizer()
    base = taught(small_model(tokenizer), tokenizer, [*KNOWN, *REFUSED], run, steps=120, rate=5e-3)
    candidate = taught(base, tokenizer, [*NEW, *KNOWN, *REFUSED], run, steps=80, rate=5e-3)
    looping = taught(base, tokenizer, colours([row.prompt[0]["content"][10:-1] for row in NEW], LOOP), run, steps=60)
    return Models(tokenizer, base, candidate, looping)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return load_gate(gate_file(tmp_path, GATE, new=NEW, known=KNOWN, refused=REFUSED))


def by_name(verdict: GateVerdict) -> dict[str, Condition]:
    return {condition.name: condition for condition in verdict.conditions}


def mixed(models: Models, share: float) -> Any:
    """The base, moved towards the candidate and beyond it."""
    made = copy.deepcopy(models.base)
    with torch.no_grad():
        for own, other in zip(made.parameters(), models.taught.parameters(), strict=True):
            own.lerp_(other, share)
    return made


def test_a_candidate_that_learned_and_forgot_nothing_passes(models: Models, gate: Gate) -> None:
    verdict = judge(gate, models.base, models.taught, models.tokenizer)
    assert verdict.passed, verdict.reasons
    assert verdict.reasons == []
    found = by_name(verdict)
    assert (found["gain"].measured.mean, found["gain"].before, found["gain"].after) == (1.0, 0.0, 1.0)
    assert found["gain"].said.startswith("The gain of 1.000 [0.88")
    assert list(found) == [
        "gain",
        "forgetting.accuracy",
        "forgetting.perplexity",
        "forgetting.kl",
        "abstention.kept",
        "abstention.over_refusal",
        "format",
        "text",
    ]
    # What is decided needs no more rows, and each says on how many it was measured and what it is held against.
    assert {name: (each.outcome, each.needed) for name, each in found.items()} == dict.fromkeys(found, ("passed", 0))
    assert {name: (each.rows, each.limit) for name, each in found.items()} == {
        "gain": (64, 0.0), "forgetting.accuracy": (64, 0.05), "forgetting.perplexity": (64, 0.2),
        "forgetting.kl": (64, 1.0), "abstention.kept": (64, 0.05), "abstention.over_refusal": (64, 0.05),
        "format": (64, pytest.approx(0.05)), "text": (192, 0.05),
    }  # fmt: skip
    assert (found["format"].before, found["format"].after, found["text"].after) == (None, 0.0, 0.0)
    assert (found["forgetting.kl"].before, found["abstention.kept"].after) == (0.0, 1.0)
    assert verdict.metrics["before"]["gain"] == 0.0
    assert verdict.metrics["after"]["abstention.kept"] == 1.0


def test_the_base_itself_has_lost_exactly_nothing_and_gained_nothing(models: Models, gate: Gate) -> None:
    verdict = judge(gate, models.base, models.base, models.tokenizer)
    found = by_name(verdict)
    for name in ("forgetting.kl", "forgetting.perplexity"):
        measured = found[name].measured
        assert (measured.mean, measured.low, measured.high) == (0.0, 0.0, 0.0)
    failed = [name for name, condition in found.items() if condition.outcome == "failed"]
    assert failed == ["gain", "format"]
    assert not verdict.passed


def test_a_looping_candidate_is_found(models: Models, gate: Gate) -> None:
    verdict = judge(gate, models.base, models.looping, models.tokenizer)
    found = by_name(verdict)
    assert found["text"].outcome == "failed"
    assert found["text"].measured.mean > 0.3
    assert {"gain", "forgetting.kl", "abstention.kept", "format"} <= {
        condition.name for condition in verdict.conditions if not condition.passed
    }
    assert len(verdict.reasons) == sum(not condition.passed for condition in verdict.conditions)


def test_reading_controls_and_over_refusal(models: Models, tmp_path: Path) -> None:
    """The base refuses what the candidate learned: seen from the candidate, it is the base that refuses too much."""
    text = """\
max_tokens = 24
scoring = "contains"
[reading]
rows = "new.jsonl"
[controls]
rows = "controls.jsonl"
[abstention]
rows = "refused.jsonl"
"""
    gate = load_gate(gate_file(tmp_path, text, new=NEW, controls=NEW[:40], refused=REFUSED))
    learned = by_name(judge(gate, models.base, models.taught, models.tokenizer))
    unlearned = by_name(judge(gate, models.taught, models.base, models.tokenizer))
    assert {name: condition.outcome for name, condition in learned.items()} == {
        "reading": "passed",
        "abstention.kept": "passed",
        "abstention.over_refusal": "passed",
        "controls": "failed",
    }
    assert {name: condition.outcome for name, condition in unlearned.items()} == {
        "reading": "failed",
        "abstention.kept": "passed",
        "abstention.over_refusal": "failed",
        "controls": "passed",
    }


def test_what_nothing_could_be_checked_on_is_not_called_passed(models: Models, tmp_path: Path) -> None:
    """The base and a candidate that loops read nothing: no score of reading could fall. What a gate names is told."""
    text = """\
max_tokens = 24
scoring = "contains"
[gain]
rows = "new.jsonl"
[reading]
rows = "never.jsonl"
[not_checked]
"forgetting.perplexity" = "There are too few rows."
"""
    never = [chat_row(str(row.prompt[-1]["content"]), "Qxz") for row in NEW]
    gate = load_gate(gate_file(tmp_path, text, new=NEW, never=never))
    verdict = judge(gate, models.base, models.taught, models.tokenizer)
    found = by_name(verdict)
    assert (found["reading"].outcome, found["reading"].passed, found["reading"].missed) == ("not checked", False, False)
    assert found["reading"].said == (
        f"Not checked: The drop of the score in reading cannot show: base and candidate score 0 on all of the "
        f"{len(NEW)} rows."
    )
    assert found["forgetting.perplexity"].said == "Not checked: There are too few rows."
    assert (verdict.passed, verdict.reasons) == (True, []), "what is not checked keeps nothing back"
    assert not GateVerdict((found["reading"],)).passed, "but where nothing was checked, nothing passes"


def test_what_few_rows_leave_open_says_how_many_would_do(models: Models, tmp_path: Path) -> None:
    few = load_gate(gate_file(tmp_path, GATE, new=NEW[:6], known=KNOWN[:6], refused=REFUSED[:6]))
    found = by_name(judge(few, models.base, models.taught, models.tokenizer))
    # What was a refusal is an answer now: that much of a fall is proven by six rows.
    assert found["abstention.over_refusal"].outcome == "passed"
    assert found.pop("abstention.over_refusal").needed == 0
    assert {name: each.outcome for name, each in found.items()} == dict.fromkeys(found, "undecided")
    assert found["gain"].needed == 9
    assert found["forgetting.accuracy"].needed == found["abstention.kept"].needed > 20
    assert all(f"{each.needed}" in each.said for each in found.values())
    assert all(each.needed > each.rows for each in found.values())


def test_what_is_rightly_refused_is_no_over_refusal(models: Models, tmp_path: Path) -> None:
    """Rows whose accepted answer is a refusal are left out, wherever they stand among the rows."""
    file = tmp_path / "asked.jsonl"
    write_rows([*KNOWN[:12], *REFUSED[:20], *KNOWN[12:24]], file)
    asked = read_gate_rows(file, models.tokenizer)
    # A model that refuses everything that it does not know, beside one that refuses nothing.
    base, looping = (Probe(model, models.tokenizer, max_tokens=24) for model in (models.base, models.looping))
    found = over_refusal(looping, base, [asked], (), 0.2)
    assert (found.rows, found.before, found.after) == (24, 0.0, 0.0)
    # An own phrase is a refusal as well.
    none = over_refusal(looping, base, [asked], ("Holm",), 0.2)
    assert none.rows == 24 - sum(row.messages[-1]["content"] == "Holm" for row in [*KNOWN[:24]])
    assert none.after == 0.0


def test_a_verdict_fits_on_a_card(models: Models, gate: Gate) -> None:
    verdict = judge(gate, models.base, models.looping, models.tokenizer)
    shown = json.loads(json.dumps(verdict.as_dict(), allow_nan=False))
    card = GateResult.model_validate(shown)
    assert card.passed is False
    assert [condition.name for condition in card.conditions] == [each.name for each in verdict.conditions]


def test_broken_weights_fail_and_do_not_break_the_gate(models: Models, gate: Gate) -> None:
    broken = copy.deepcopy(models.base)
    with torch.no_grad():
        broken.model.norm.weight.fill_(float("nan"))
    verdict = judge(gate, models.base, broken, models.tokenizer)
    found = by_name(verdict)
    assert found["forgetting.kl"].outcome == found["forgetting.perplexity"].outcome == "failed"
    assert "is not a number" in found["forgetting.kl"].said
    json.dumps(verdict.as_dict(), allow_nan=False)


def test_few_rows_cannot_decide_and_say_how_many_would(models: Models, tmp_path: Path) -> None:
    text = '[forgetting]\nrows = "known.jsonl"\naccuracy_drop = 0.02\nkl = 0.05\nperplexity_rise = 0.1'
    gate = load_gate(gate_file(tmp_path, text, known=KNOWN[:10]))
    verdict = judge(gate, models.base, models.base, models.tokenizer)
    assert [condition.outcome for condition in verdict.conditions] == ["undecided"] * 3
    assert [condition.needed for condition in verdict.conditions] == [122, 20, 20]
    assert ": 10 rows cannot show whether it stays within 0.02; about 122 are needed." in verdict.reasons[0]
    assert "(Base and candidate score the same; 10 rows leave room" in verdict.reasons[0]
    assert not lost_only(verdict)


def test_the_bases_results_are_kept_for_the_next_candidate(models: Models, tmp_path: Path) -> None:
    text = 'max_tokens = 24\n[gain]\nrows = "new.jsonl"\n[forgetting]\nrows = "known.jsonl"\nperplexity_rise = 0.2'
    gate = load_gate(gate_file(tmp_path, text, new=NEW, known=KNOWN))
    folder = tmp_path / "base"
    first = judge(gate, models.base, models.taught, models.tokenizer, kept=Kept(folder, "0a"))
    # Were the base asked again, another model in its place would say something else.
    again = judge(gate, models.looping, models.taught, models.tokenizer, kept=Kept(folder, "0a"))
    assert again == first
    other = judge(gate, models.looping, models.taught, models.tokenizer, kept=Kept(folder, "0b"))
    assert other != first
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes()[:20])
    assert judge(gate, models.base, models.taught, models.tokenizer, kept=Kept(folder, "0a")) == first


def test_kept_states_give_the_same_divergence(models: Models, tmp_path: Path) -> None:
    write_rows([*KNOWN, Row(text="Ada Ash lives in Holm.")], tmp_path / "rows.jsonl")
    rows = read_gate_rows(tmp_path / "rows.jsonl", models.tokenizer)
    candidate = Probe(models.taught, models.tokenizer)
    plain = candidate.divergences(Probe(models.base, models.tokenizer), rows)
    for _ in range(2):
        kept = Probe(models.base, models.tokenizer, kept=Kept(tmp_path / "base", "0a"))
        assert candidate.divergences(kept, rows) == plain
        assert Probe(models.base, models.tokenizer).divergences(kept, rows) == [(0.0, count) for _, count in plain]
    (file,) = (tmp_path / "base").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:100])
    assert (
        candidate.divergences(Probe(models.base, models.tokenizer, kept=Kept(tmp_path / "base", "0a")), rows) == plain
    )


def test_divergence_is_that_of_the_definition(models: Models, tmp_path: Path) -> None:
    write_rows(KNOWN[:1], tmp_path / "rows.jsonl")
    rows = read_gate_rows(tmp_path / "rows.jsonl", models.tokenizer)
    ((total, count),) = Probe(models.taught, models.tokenizer).divergences(Probe(models.base, models.tokenizer), rows)
    whole = models.tokenizer.apply_chat_template([dict(each) for each in KNOWN[0].messages], tokenize=False)
    ids = models.tokenizer(whole, add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        base, candidate = (model(ids).logits[0, -count - 1 : -1].double() for model in (models.base, models.taught))
    shares = base.softmax(-1)
    assert total == pytest.approx(float((shares * (shares.log() - candidate.log_softmax(-1))).sum()), rel=1e-4)


def interpolated(models: Models, tmp_path: Path, limit: float, opened: list[float]) -> Interpolated:
    text = f'max_tokens = 24\n[gain]\nrows = "new.jsonl"\n[forgetting]\nrows = "known.jsonl"\nkl = {limit}'
    gate = load_gate(gate_file(tmp_path, text, new=NEW, known=KNOWN))

    def open_at(scale: float) -> Any:
        opened.append(scale)
        return mixed(models, 1.5 * scale)

    return with_interpolation(gate, open_at, models.base, models.tokenizer)


def divergence(models: Models, tmp_path: Path, share: float) -> float:
    write_rows(KNOWN, tmp_path / "known.jsonl")
    rows = read_gate_rows(tmp_path / "known.jsonl", models.tokenizer)
    found = Probe(mixed(models, share), models.tokenizer).divergences(Probe(models.base, models.tokenizer), rows)
    return sum(total for total, _ in found) / sum(count for _, count in found)


def test_the_largest_scale_that_forgets_little_enough_is_taken(models: Models, tmp_path: Path) -> None:
    """The candidate overshoots by half; half of it is three quarters of a good one."""
    limit = (divergence(models, tmp_path, 0.75) * divergence(models, tmp_path, 1.125)) ** 0.5
    opened: list[float] = []
    found = interpolated(models, tmp_path, limit, opened)
    assert opened == [1.0, 0.75, 0.5]
    assert [(each.scale, each.verdict.passed) for each in found.tried] == [(1.0, False), (0.75, False), (0.5, True)]
    assert found.passed
    assert found.chosen.scale == 0.5
    assert [condition.name for condition in found.tried[0].verdict.conditions if not condition.passed] == [
        "forgetting.kl"
    ]


def test_where_no_scale_passes_the_whole_candidate_is_reported(models: Models, tmp_path: Path) -> None:
    opened: list[float] = []
    found = interpolated(models, tmp_path, 1e-4, opened)
    assert opened == [1.0, 0.75, 0.5, 0.25]
    assert not found.passed
    assert found.chosen.scale == 1.0


def test_a_candidate_without_a_gain_is_not_interpolated(models: Models, gate: Gate) -> None:
    opened: list[float] = []

    def open_at(scale: float) -> Any:
        opened.append(scale)
        return models.looping

    assert not with_interpolation(gate, open_at, models.base, models.tokenizer).passed
    assert opened == [1.0]


@pytest.mark.parametrize(
    ("section", "rows", "says"),
    [
        ("[gain]", [chat_row("Who?", "")], "cannot score this row: no accepted answer"),
        ("[gain]", [Row(text="A text.")], "[gain] needs rows with messages"),
        ('[gain]\nscoring = "json"', [chat_row("Who?", "Ada")], "is not JSON"),
        ("[abstention]", [Row(text="A text.")], "[abstention] needs rows with messages"),
        ("[forgetting]\naccuracy_drop = 0.1", [Row(text="A text.")], "[forgetting] needs rows with messages"),
    ],
)
def test_rows_that_do_not_fit_are_found_before_a_model_is_asked(
    tmp_path: Path, section: str, rows: list[Row], says: str
) -> None:
    name, _, rest = section.partition("\n")
    gate = load_gate(gate_file(tmp_path, f'{name}\nrows = "rows.jsonl"\n{rest}', rows=rows))
    with pytest.raises(UsageError) as caught:
        judge(gate, None, None, small_tokenizer())
    assert says in str(caught.value)


def test_text_needs_something_that_is_replied_to(tmp_path: Path) -> None:
    text = '[forgetting]\nrows = "texts.jsonl"\nkl = 0.1\n[text]'
    gate = load_gate(gate_file(tmp_path, text, texts=[Row(text="A text.")]))
    with pytest.raises(UsageError, match="finds no rows with messages"):
        judge(gate, None, None, small_tokenizer())


def test_accepted_answers_are_the_reply_and_the_answers(tmp_path: Path) -> None:
    asked = {"role": "user", "content": "Where?"}
    call = {"type": "function", "function": {"name": "find", "arguments": {"q": "Holm"}}}
    lines = [
        {"messages": [asked, {"role": "assistant", "content": "Holm"}], "answers": ["in Holm", "Holm"]},
        {"messages": [asked], "answers": ["Tarn"]},
        {"messages": [asked, {"role": "assistant", "content": None, "tool_calls": [call]}]},
        {"text": "Holm is a town."},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(line) + "\n\n" for line in lines), encoding="utf-8")
    rows = read_gate_rows(file, small_tokenizer())
    wanted = '<tool_call>{"name": "find", "arguments": {"q": "Holm"}}</tool_call>'
    assert rows.accepted == (("Holm", "in Holm"), ("Tarn",), (wanted,), ())
    assert len(rows.asking) == 3
    file.write_text('{"messages": [{"role": "user", "content": "Where?"}], "answers": "Tarn"}', encoding="utf-8")
    with pytest.raises(UsageError, match="not a list of strings"):
        read_gate_rows(file, small_tokenizer())
