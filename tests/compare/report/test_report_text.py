"""The report for a terminal and for `--json`."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.compare.report.failures import failures
from instill.compare.report.not_measured import not_measured
from instill.compare.report.page import as_html
from instill.compare.report.scores import against_facts, scores_by_task
from instill.compare.report.text import _wrapped, as_dict, as_text
from instill.compare.report.types import ConflictWins, ModelJudge, Report
from instill.errors.escapes import shown_block
from instill.measure.agreement import JudgeSaid, agreement
from instill.measure.verdict import reach_verdict
from tests.compare.report.sample import ARMS, CHANCES, outcomes, sample


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_fit_and_all_is_said(width: int) -> None:
    text = as_text(sample(), width=width)
    assert max(map(len, text.splitlines())) <= width or width == 40
    flowing = " ".join(text.split())
    assert sample().verdict.said in flowing
    for said in (
        "0.93 [0.87, 0.97]",
        "1,290 times [1,080, 1,530] as long as",
        "trained again from the base",
        "Not measured",
    ):
        assert said in flowing


def test_means_of_examples_the_judge_and_what_is_no_arms_are_printed() -> None:
    lines = as_text(sample()).splitlines()
    place = lines.index("format (30), means      follows the schema  F1 of fields       right")
    assert lines[place + 2].split("  ")[0] == "examples in the prompt"
    assert "0.80 [0.65, 0.95]" in lines[place + 2]
    flowing = " ".join(" ".join(lines).split())
    found = sample().judge
    assert found is not None
    assert found.agreement.kappa is not None
    for said in (
        "large, the judge, read 1,680 replies.",
        f"Cohen's kappa {found.agreement.kappa.mean:.2f} [",
        f"Disagreements: {len(found.agreement.disagreements)}; ",
        "The judge says right.",
        "Of the preparation, writing replay rows: fine-tuned 1 min 35 s, ",
        "The comparison itself, in no arm: judging 2 min 5 s, USD 0.34.",
    ):
        assert said in flowing
    own = as_text(replace(sample(), judge=replace(found, own=True)))
    assert "may favour itself" in " ".join(own.split())
    without = as_text(replace(sample(), judge=None, examples=(), overheads=(), preparations=()))
    assert not any(said in without for said in ("judge", "means", "in no arm", "replay"))


def test_a_judge_that_gave_no_verdict_has_no_numbers() -> None:
    row = outcomes(1)[0]
    judge = ModelJudge("mute", False, agreement([row], [JudgeSaid(None, "unsure")]))
    text = as_text(Report("t", reach_verdict([row], []), [row], judge=judge))
    assert "mute, the judge, read 1 reply." in text
    assert "Without a verdict: 1." in text
    assert "kappa" not in text
    alike = ModelJudge("kind", False, agreement([row], [JudgeSaid(row.right >= 1, "")]))
    assert "Cohen's kappa is not defined" in " ".join(
        as_text(Report("t", reach_verdict([row], []), [row], judge=alike)).split()
    )


def test_a_long_name_goes_on_below_and_is_not_cut() -> None:
    report = sample()
    long = [replace(each, arm=f"format {each.arm} of the old harbour") for each in report.examples]
    named = as_text(replace(report, examples=long)).splitlines()
    place = named.index("format (30), means      follows the schema  F1 of fields       right")
    assert [line.split("  0.")[0].rstrip() for line in named[place + 1 : place + 6]] == [
        *("format prompted of the", "  old harbour"),
        *("format examples in the", "  prompt of the old", "  harbour"),
    ]
    # In a narrow window the cells stand below the name.
    narrow = as_text(replace(report, examples=long), width=60).splitlines()
    place = narrow.index("format (30), means")
    assert narrow[place + 1] == "  format prompted of the old harbour"
    assert narrow[place + 2].startswith("    follows the schema: 0.")


def test_nothing_that_a_terminal_obeys_is_printed() -> None:
    rows = [replace(row, arm=f"{row.arm}\x1b[2J\u202e\r") for row in outcomes(5)]
    text = as_text(Report("\x1b]0;owned\x07", reach_verdict(rows, []), rows, commands=["rm\r\x1b[Als"]))
    assert not set(text) & set("\x1b\x07\r\u202e")


def test_the_dictionary_holds_the_numbers() -> None:
    found = json.loads(json.dumps(as_dict(sample()), allow_nan=False))
    assert found["verdict"]["said"] == sample().verdict.said
    assert found["arms"] == list(ARMS)
    assert {each["task"]: each["questions"] for each in found["tasks"]} == dict.fromkeys(CHANCES, 120)
    assert found["not_measured"]["tone"] == "the study set has no questions on tone"
    assert len(found["curves"]) == 1
    assert found["overheads"] == [{"what": "judging", "seconds": 125.0, "money": 0.34}]
    replay = {each["arm"]: each["replay_seconds"] for each in found["preparations"]}
    assert (replay["retrieval"], replay["fine-tuned"]) == (0.0, 95.0)
    assert found["against_facts"]["reverse"]["fine-tuned"]["high"] < -0.3


def test_scores_are_those_of_the_rows() -> None:
    for each in scores_by_task(sample().outcomes):
        for arm, score in each.scores.items():
            rights = [row.right for row in sample().outcomes if (row.task, row.arm) == (each.task, arm)]
            assert score.mean == pytest.approx(sum(rights) / len(rights))


def test_a_difference_is_paired_by_fact() -> None:
    rows = [row for row in outcomes(40) if row.task in ("facts", "noise") and row.arm == "retrieval"]
    same = [replace(row, right=1.0 if row.item.endswith("1") else 0.0) for row in rows]
    assert against_facts(same, "noise")["retrieval"].mean == 0.0
    assert against_facts([row for row in same if row.task == "facts"], "noise") == {}


def test_every_failure_has_one_kind() -> None:
    rows = sample().outcomes
    found = failures(rows)
    assert sum(sum(each.counts.values()) for each in found) == sum(row.right < 1 for row in rows)
    assert all(len(each.examples) <= 4 for each in found)
    by_kind = {each.kind: each for each in found}
    assert all(row.task == "unanswerable" for row in by_kind["answered without support"].examples)
    assert all(row.recall == 0 for row in by_kind["passage not found"].examples)
    assert len({row.arm for row in by_kind["format or tone missed"].examples}) > 1
    assert failures([replace(row, task="control") for row in rows]) == []


def test_who_won_is_told_by_arm_in_terminal_and_page_and_nothing_where_nobody_was_asked() -> None:
    wins = {"document": 3, "belief": 1, "neither": 0, "abstained": 0}
    report = Report("t", reach_verdict([], []), [], conflicts=[ConflictWins("retrieval", 4, wins, None)])
    text = [line.split() for line in as_text(report).splitlines()]
    assert ["Which", "one", "wins", "asked", "document", "belief", "neither", "abstained"] in text
    assert ["retrieval", "4", "3", "1", "0", "0"] in text
    assert '<section id="conflicts"' in as_html(report)
    without = replace(report, conflicts=())
    assert "Which one wins" not in as_text(without) + as_html(without)


def test_a_cause_that_was_found_out_takes_the_place_of_ours() -> None:
    (row,) = [row for row in outcomes(9) if row.right < 1][:1]
    assert failures([row])[0].kind != "of another subject"
    key = (row.task, row.item, row.arm)
    assert failures([row], {key: "of another subject"})[0].kind == "of another subject"
    text = as_text(Report("t", reach_verdict([row], []), [row], causes={key: "of another subject"}))
    assert f'of another subject: "{row.arm}" 1' in text


def test_what_is_missing_is_told_with_its_reason() -> None:
    rows = [row for row in outcomes(10) if not (row.arm == "retrieval" and row.item == "facts-3")]
    right = {row.arm: row.right for row in rows if row.item == "facts-3"}
    found = not_measured(Report("t", reach_verdict(rows, []), rows, missing={"forgetting": "no time"}))
    others = "; ".join(f"{arm} {'none' if arm == 'retrieval' else f'1, {right[arm]:.0f} right'}" for arm in ARMS)
    assert found["facts: 1 question"] == (
        f"not put to all arms, so no arm is scored on them. Asked were: {others}. "
        "Why: the same command again asks what is missing"
    )
    assert found["forgetting"] == "no time"
    assert {"freshness", "tone", "paraphrase", "control", "data curves"} <= set(found)


def test_conflicts_of_one_model_alone_are_told_by_arm() -> None:
    first, second = (row for row in outcomes(2) if (row.task, row.arm) == ("facts", "retrieval"))
    asked = {  # What the base believes, and what the fine-tuned model does.
        "retrieval": {"both": 1.0, "base": 0.0},
        "fine-tuned + retrieval": {"both": 0.0, "tuned 1": 1.0, "tuned 2": 0.0},
    }
    rows = [
        replace(first, task="conflict", arm=arm, item=item, group=item, right=right)
        for arm, own in asked.items()
        for item, right in own.items()
    ]
    found = not_measured(Report("t", reach_verdict(rows, []), rows))
    assert found["conflict: 3 questions"] == (
        "not put to all arms, so no arm is scored on them. Asked were: retrieval 1, 0 right; fine-tuned + retrieval 2, "
        "1 right. Why: an arm is asked only what its own model believes; more changed facts (--changes) bring more "
        "questions for all"
    )
    (shared,) = scores_by_task(rows)
    assert (shared.questions, shared.left_out) == (1, 3)
    other = replace(second, task="conflict", arm="fine-tuned + retrieval")
    apart = [replace(first, task="conflict"), other]
    said = not_measured(Report("t", reach_verdict(apart, []), apart))
    assert "conflict" not in said
    assert said["conflict: 2 questions"].startswith("not put to all arms, so no arm is scored on them. Asked were: ")


@given(st.text(min_size=1, max_size=200), st.sampled_from([40, 80]))
def test_a_line_does_not_grow_when_the_terminal_escapes_what_cannot_be_seen(reply: str, width: int) -> None:
    r"""A small model writes whatever: "\u1afb" is one letter to who wraps the line, and six on the screen."""
    wrapped = _wrapped(reply, width, indent=2, hang=2, cut=True)
    assert shown_block(wrapped) == wrapped
    assert max(map(len, wrapped.splitlines()), default=0) <= width
