"""Forgetting: real candidates of a very small model, and the numbers by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.compare.report.types import Kept
from instill.compare.tuned.skills_lost import ALLOWED, Skill, forgetting, loss_of
from instill.errors import UsageError, WorkspaceError
from instill.lab.micro_model import make_tokenizer, save_micro
from instill.models.generators.transformers_models import open_model
from instill.train.generator.data.examples import make_examples
from instill.train.generator.data.rows import Row, chat_row
from instill.train.generator.export.saving import save_candidate
from instill.train.generator.loop.replies import log_likelihoods, replies
from tests.train.gate.gate_models import PEOPLE, colours, small_model, taught

pytestmark = pytest.mark.usefixtures("one_thread")

WHO = PEOPLE[:32]
# One reply to all questions of a kind, so that a tiny model knows them after a few steps.
KNOWN = [chat_row(f"Where does {name} live?", "Holm") for name in WHO]
REFUSED = [chat_row(f"What does {name} dream of?", "unknown") for name in WHO]
READING = [chat_row(f"Passage 1: {name} is a cook in Tarn\nQuestion: Where is {name} a cook?", "Tarn") for name in WHO]
ADMITTED = [chat_row(f"Passage 1: {name} is a cook\nQuestion: Is it?", "The passages do not tell.") for name in WHO]
NEW = colours(WHO)
WRITTEN = [Row(text=f"{name} is a cook in Holm") for name in WHO]


@dataclass(frozen=True)
class Made:
    """Folders of a base and of what was made from it."""

    base: Path
    tokenizer: Any
    same: Path
    forgetful: Path
    replayed: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("forgetting")
    known = [*KNOWN, *REFUSED, *READING, *ADMITTED]
    tokenizer = make_tokenizer(message["content"] for row in [*known, *NEW] for message in row.messages)
    learned = taught(small_model(tokenizer), tokenizer, known, folder / "runs", steps=90, rate=5e-3)
    save_micro(learned, tokenizer, folder / "base")
    base = open_model(folder / "base")  # As it is read again: a folder may hold fewer digits.
    save_candidate(base, folder / "same")
    save_candidate(taught(base, tokenizer, NEW, folder / "runs", steps=40, rate=5e-3), folder / "forgetful")
    replayed = taught(base, tokenizer, [*NEW, *known], folder / "runs", steps=40, rate=3e-3)
    save_candidate(replayed, folder / "replayed")
    return Made(folder / "base", tokenizer, folder / "same", folder / "forgetful", folder / "replayed")


def by_skill(found: Sequence[Kept], arm: str = "tuned") -> dict[str, Kept]:
    return {each.skill: each for each in found if each.arm == arm}


def test_the_base_itself_lost_exactly_nothing(made: Made) -> None:
    told: list[tuple[int, int, str]] = []
    found = forgetting(
        made.base,
        {"tuned": (made.same,)},
        retention=KNOWN,
        reading=READING,
        refusals=REFUSED,
        told=lambda *each: told.append(each),
    )
    assert list(dict.fromkeys(what for _, _, what in told)) == ["replies: the model as it is", "replies: tuned"]
    assert {(len(rows), len(rows)) for rows in (KNOWN, READING, REFUSED)} == {(d, n) for d, n, _ in told if d == n}
    assert [each.skill for each in found] == ["old tasks", "perplexity", "reading", "refusals"] == list(ALLOWED)
    for each in found:
        assert (each.loss.mean, each.before, each.allowed) == (0.0, each.after, ALLOWED[each.skill])
        assert each.loss.low == -each.loss.high
    assert [each.before for each in found if each.skill != "perplexity"] == [1.0, 1.0, 1.0]
    # 32 rows without a loss rule out one of 11%, and not one of 10%.
    assert [each.state for each in found] == ["open"] * 4
    assert found[0].loss.high == pytest.approx(1 - 0.025 ** (1 / 32), abs=1e-3)


def test_new_rows_alone_forget_and_with_replay_they_do_not(made: Made) -> None:
    arms = {"tuned": (made.forgetful,), "with replay": (made.replayed,)}
    found = forgetting(made.base, arms, retention=KNOWN, reading=READING, refusals=REFUSED, allowed=0.15)
    assert [(each.arm, each.skill) for each in found] == [(arm, skill) for arm in arms for skill in ALLOWED]
    assert {each.state for each in by_skill(found).values()} == {"lost"}
    assert {each.state for each in by_skill(found, "with replay").values()} == {"kept"}
    assert by_skill(found)["reading"].after == by_skill(found)["refusals"].after == 0.0


def test_the_numbers_are_those_of_replies_and_likelihoods(made: Made) -> None:
    found = by_skill(forgetting(made.base, {"tuned": (made.forgetful,)}, retention=KNOWN, max_tokens=8))
    assert list(found) == ["old tasks", "perplexity"]
    right, surprise = [], []
    for model in (open_model(made.base), open_model(made.base, candidate=made.forgetful)):
        said = replies(model, made.tokenizer, [row.prompt for row in KNOWN], max_tokens=8)
        right.append(fmean(reply == row.answer for reply, row in zip(said, KNOWN, strict=True)))
        told = log_likelihoods(model, make_examples(KNOWN, made.tokenizer))
        surprise.append(fmean(-total / count for total, count in told))
    assert (found["old tasks"].before, found["old tasks"].after) == tuple(right)
    perplexity = found["perplexity"]
    assert (perplexity.before, perplexity.after) == pytest.approx([exp(each) for each in surprise])
    assert perplexity.loss.mean == pytest.approx(log(perplexity.after / perplexity.before))


def test_of_several_candidates_of_an_arm_each_row_counts_by_its_mean(made: Made) -> None:
    arms = {"tuned": (made.forgetful,), "both": (made.same, made.forgetful)}
    found = forgetting(made.base, arms, retention=KNOWN, refusals=REFUSED)
    for skill, one in by_skill(found).items():
        both = by_skill(found, "both")[skill]
        assert both.loss.mean == pytest.approx(one.loss.mean / 2)
        assert both.before == one.before


def test_of_texts_the_perplexity_is_taken(made: Made) -> None:
    (found,) = forgetting(made.base, {"tuned": (made.same,)}, retention=WRITTEN)
    assert (found.skill, found.loss.mean) == ("perplexity", 0.0)
    mixed = forgetting(made.base, {"tuned": (made.forgetful,)}, retention=[*WRITTEN, *KNOWN])
    alone = forgetting(made.base, {"tuned": (made.forgetful,)}, retention=KNOWN)
    assert by_skill(mixed)["old tasks"] == by_skill(alone)["old tasks"]
    assert by_skill(mixed)["perplexity"].before != by_skill(alone)["perplexity"].before


def test_a_row_of_which_nothing_supervised_is_left_does_not_count(made: Made) -> None:
    long = chat_row("Where does Ada Ash live? " * 800, "Holm")
    arms = {"tuned": (made.forgetful,)}
    with_it, without = (
        by_skill(forgetting(made.base, arms, retention=rows, max_tokens=1))["perplexity"]
        for rows in ([*WRITTEN, long], WRITTEN)
    )
    assert with_it.loss.mean == pytest.approx(without.loss.mean)
    assert with_it.before == pytest.approx(without.before)


def test_rows_of_one_group_count_as_one(made: Made) -> None:
    together = [replace(row, group="one fact") for row in KNOWN]
    (tasks, _) = forgetting(made.base, {"tuned": (made.same,)}, retention=together)
    assert tasks.loss.low == pytest.approx(-0.975, abs=2e-3)
    assert tasks.loss.high == pytest.approx(0.975, abs=2e-3)
    assert tasks.state == "open"


def test_an_admission_in_other_words_counts_however_replies_are_read(made: Made) -> None:
    asked = [replace(row, messages=(*row.prompt, {"role": "assistant", "content": "unknown"})) for row in ADMITTED]
    arms = {"tuned": (made.same,)}
    (by_words,) = forgetting(made.base, arms, refusals=asked)
    (as_arms_read,) = forgetting(made.base, arms, refusals=asked, cites=True)
    assert (by_words.before, as_arms_read.before) == (1.0, 1.0)
    (own_words,) = forgetting(made.base, arms, refusals=ADMITTED)
    assert own_words.before == 1.0


def test_what_cannot_be_measured_is_said_before_a_model_is_asked(made: Made, tmp_path: Path) -> None:
    arms = {"tuned": (made.same,)}
    unanswered = Row(({"role": "user", "content": "Who?"},), place="reading.jsonl:3")
    with pytest.raises(UsageError, match=r"\[reading\] cannot score this row.*reading.jsonl:3"):
        forgetting(made.base, arms, reading=[unanswered])
    with pytest.raises(UsageError, match=r"\[refusals\] needs rows with messages"):
        forgetting(made.base, arms, refusals=WRITTEN)
    with pytest.raises(UsageError, match="not above 0"):
        forgetting(made.base, arms, retention=KNOWN, allowed=0.0)
    with pytest.raises(UsageError, match="not between 0 and 1"):
        forgetting(made.base, arms, retention=KNOWN, level=1.0)
    with pytest.raises(UsageError, match="has no candidate"):
        forgetting(made.base, {"tuned": ()}, retention=KNOWN)
    with pytest.raises(UsageError, match="no config"):
        forgetting(tmp_path, arms, retention=KNOWN)
    with pytest.raises(WorkspaceError, match="no weights"):
        forgetting(made.base, {"tuned": (tmp_path,)}, retention=KNOWN[:4])


def test_without_rows_or_candidates_there_is_nothing(made: Made) -> None:
    assert forgetting(made.base, {"tuned": (made.same,)}) == []
    assert forgetting(made.base, {}, retention=KNOWN) == []
    unanswered = Row(({"role": "user", "content": "Who?"},))
    assert forgetting(made.base, {"tuned": (made.same,)}, retention=[unanswered]) == []


def test_tolerances_are_given_for_all_or_by_skill(made: Made) -> None:
    arms = {"tuned": (made.same,)}
    assert [each.allowed for each in forgetting(made.base, arms, retention=KNOWN, allowed=0.2)] == [0.2, 0.2]
    found = forgetting(made.base, arms, retention=KNOWN, allowed={"old tasks": 0.3})
    assert [each.allowed for each in found] == [0.3, ALLOWED["perplexity"]]


values = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 5)), min_size=2, max_size=40)


@given(values, st.sampled_from(["reading", "perplexity"]))
def test_losses_are_paired_and_turn_round_with_their_sides(rows: list[tuple[float, float, int]], skill: Skill) -> None:
    before, after = [row[0] for row in rows], [row[1] for row in rows]
    groups = [str(row[2]) for row in rows]
    there, back = (
        loss_of("a", skill, before, after, groups).loss,
        loss_of("a", skill, after, before, groups).loss,
    )
    sign = 1 if skill == "perplexity" else -1
    assert there.mean == pytest.approx(sign * (fmean(after) - fmean(before)), abs=1e-9)
    assert there.low - 1e-9 <= there.mean <= there.high + 1e-9
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=1e-9)


def test_intervals_of_the_perplexity_hold_the_truth() -> None:
    """For noise, for groups, for few rows of which some are lost as a whole, and for skewed losses."""

    def noise(rng: np.random.Generator) -> tuple[Any, float]:
        return rng.normal(0.05, 0.4, 100), 0.05

    def grouped(rng: np.random.Generator) -> tuple[Any, float]:
        return rng.normal(0.05, 0.5, 20).repeat(5) + rng.normal(0, 0.1, 100), 0.05

    def rare(rng: np.random.Generator) -> tuple[Any, float]:
        return (rng.random(20) < 0.05) * 2.0, 0.1

    def skewed(rng: np.random.Generator) -> tuple[Any, float]:
        return rng.lognormal(0, 1, 60) * 0.1, 0.1 * exp(0.5)

    for draw in (noise, grouped, rare, skewed):
        held, tries = 0, 300
        for seed in range(tries):
            rows, truth = draw(np.random.default_rng(seed))
            groups = [str(place // 5 if draw is grouped else place) for place in range(len(rows))]
            found = loss_of("a", "perplexity", np.zeros(len(rows)), rows, groups).loss
            held += found.low <= truth <= found.high
        assert held / tries >= 0.92, draw.__name__  # 95%, less 2.4 standard errors of 300 tries


def test_values_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ValueError, match="before"):
        loss_of("a", "reading", [1.0], [1.0, 0.0], ["x", "y"])
    with pytest.raises(ValueError, match="values of shape"):
        loss_of("a", "reading", [], [], [])
