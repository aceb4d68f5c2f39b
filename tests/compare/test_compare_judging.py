"""The judge beside the scorer: which replies it reads, what is kept and taken up, what a report says of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from instill import Workspace
from instill.compare.arms.specification import ORACLE, QUOTED
from instill.compare.comparing import compare
from instill.compare.examples.plan import ExamplesPlan
from instill.compare.judged.judging import JUDGED, SHOWN, JudgePlan, Judging, judge_outcomes, judge_plan
from instill.compare.plan import ComparePlan
from instill.compare.prices import Prices
from instill.compare.report.text import as_text
from instill.compare.saved_reports import save
from instill.compare.writing_cost import writing_cost
from instill.errors import GeneratorError, UsageError, WorkspaceError
from instill.measure.judging.scorer import judge
from instill.measure.outcomes import Outcome
from instill.models.generators.endpoint_generator import EndpointGenerator
from instill.models.generators.protocol import Message
from instill.study.questions_by_generator import GeneratorWriter
from instill.study.splits import Shares
from instill.study.stored_study import StoredStudy, write_study
from instill.study.study_making import StudySettings, make_study
from instill.train.generator.data.rows import chat_row
from tests.compare.compare_world import make_world
from tests.study.documents import stored
from tests.study.scripted_server import scripted

PRICES = Prices(tokens_in=1.0, tokens_out=2.0, currency="EUR")


class Judge:
    """Finds right what says the year, in figures or in other words; fails where its script says so."""

    def __init__(self, fails: Callable[[int], bool] = lambda _: False, name: str = "judge") -> None:
        self._fails, self.name, self.prompts = fails, name, list[str]()
        self.last_usage: tuple[int, int] | None = None

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        prompt = messages[-1]["content"]
        self.prompts.append(prompt)
        if self._fails(len(self.prompts)):
            raise GeneratorError("The judge is away.")
        reply = prompt.split(" reply>>")[1]
        right = "1987" in reply or "after 1986" in reply
        yield (
            "Reason: the year.\nVerdict: unsure" if "perhaps" in reply else f"Verdict: {'right' if right else 'wrong'}"
        )
        self.last_usage = (100, 10)


def outcome(reply: str, item: str, *, arm: str = "retrieval", task: str = "facts", answerable: bool = True) -> Outcome:
    expected = ("1987",) if answerable else ()
    question = f"When was oven {item} built?"
    found = judge(reply, expected, question=question)
    return Outcome(
        item, arm, item, task, question, expected, reply, found.kind, found.exact, found.f1, found.right,
        None, None, 0.0, 0, 0, 0.0, "p",
    )  # fmt: skip


REPLIES = ["1987", "1987", "the year after 1986", "1955", "perhaps so", "", "1987"]


def outcomes() -> list[Outcome]:
    return [outcome(reply, str(place)) for place, reply in enumerate(REPLIES)]


def judged(given: Sequence[Outcome], generator: Judge, folder: Path, *, own: bool = False) -> Judging:
    return judge_outcomes(given, generator, folder, len, own=own, prices=PRICES)


def test_replies_are_judged_and_held_beside_the_scorer(tmp_path: Path) -> None:
    generator = Judge()
    found = judged(outcomes(), generator, tmp_path, own=True)
    assert len(generator.prompts) == 6  # not the empty one
    agreed = found.agreement
    assert (agreed.replies, agreed.undecided, agreed.empty, found.left) == (5, 1, 1, 0)
    assert (agreed.matched, agreed.judged) == (0.6, 0.8)
    # Both right 3, both wrong 1, the judge alone right 1: p_o = 0.8, p_e = 0.6 * 0.8 + 0.4 * 0.2 = 0.56.
    assert agreed.kappa is not None
    assert agreed.kappa.mean == pytest.approx(0.24 / 0.44)
    assert (found.asked, found.tokens_in, found.tokens_out, round(found.money, 6)) == (6, 600, 60, 0.72)
    assert found.seconds > 0
    assert (found.overhead.what, found.overhead.seconds, found.overhead.money) == (
        "judging",
        found.seconds,
        found.money,
    )
    assert (found.report.name, found.report.own, found.report.agreement) == ("judge", True, agreed)
    said = found.about["judge"]
    for part in ("judge read 6 replies", "agree on 0.80", "Cohen's kappa 0.55", "1 without a verdict", "favour itself"):
        assert part in said
    assert found.missing == {}
    numbers = json.loads(json.dumps(found.as_dict()))
    assert (numbers["kappa"]["mean"], numbers["disagreements"]) == (agreed.kappa.mean, 1)
    assert numbers["seconds"] == found.seconds
    (shown,) = numbers["shown"]
    assert (shown["item"], shown["matched"], shown["judged"]) == ("2", False, True)
    assert [each["arm"] for each in numbers["arms"]] == ["retrieval"]
    assert "favour" not in judged(outcomes(), Judge(), tmp_path).about["judge"]


def test_only_questions_with_an_answer_are_judged_and_equal_replies_once(tmp_path: Path) -> None:
    given = [outcome("1987", "a", task=task) for task in (*JUDGED, "noise", "freshness", "format", "tone")]
    given += [outcome("1955", "b", task="unanswerable", answerable=False)]
    given += [outcome("1987", "a", arm="closed-book"), outcome("1955", "a", arm="closed-book", task="control")]
    generator = Judge()
    found = judged(given, generator, tmp_path)
    assert len(generator.prompts) == 2
    assert found.agreement.replies == len(JUDGED) + 2
    nothing = judged([outcome("x", "b", task="noise")], generator, tmp_path)
    assert (nothing.agreement.replies, nothing.about) == (0, {"judge": "judge read 0 replies beside the scorer"})
    alike = judged([outcome("1987", "a")], generator, tmp_path)
    assert "kappa not defined" in alike.about["judge"]
    assert alike.as_dict()["kappa"] is None


def test_arms_that_the_judge_sees_otherwise_are_named_and_not_all_cases_shown(tmp_path: Path) -> None:
    words = [outcome("the year after 1986", str(place), arm="fine-tuned") for place in range(SHOWN + 5)]
    figures = [outcome("1987", str(place)) for place in range(SHOWN + 5)]
    found = judged([*words, *figures], Judge(), tmp_path)
    assert [line for line in found.about if line != "judge"] == ["judge, fine-tuned"]
    assert found.about["judge, fine-tuned"] == "right by the scorer 0.00, by the judge 1.00"
    numbers = found.as_dict()
    assert (numbers["disagreements"], len(numbers["shown"])) == (SHOWN + 5, SHOWN)


def test_verdicts_are_kept_for_each_judge_and_taken_up(tmp_path: Path) -> None:
    def stops(number: int) -> bool:
        if number == 4:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        judged(outcomes(), Judge(stops), tmp_path)
    (file,) = tmp_path.glob("*.jsonl")
    with file.open("ab") as stream:
        stream.write(b'{"key": "a", "ri')  # a kill may tear the last line
    generator = Judge()
    found = judged(outcomes(), generator, tmp_path)
    assert len(generator.prompts) == 3
    whole = judged(outcomes(), Judge(), tmp_path / "whole")
    assert replace(found, seconds=0.0) == replace(whole, seconds=0.0)
    assert found == judged(outcomes(), Judge(lambda _: True), tmp_path)
    other = Judge(name="another judge")
    assert judged(outcomes(), other, tmp_path).agreement == found.agreement
    assert len(other.prompts) == 6
    assert len(list(tmp_path.glob("*.jsonl"))) == 2
    whole_file = file.read_bytes()
    file.write_bytes(whole_file + b'{"key": "a", "right": true, "reason": "", "tokens": [1, 1]}\n')  # without a time
    assert judged(outcomes(), Judge(), tmp_path).seconds == found.seconds
    for broken in ('"right": "yes", "reason": ""', '"right": true, "reason": "", "seconds": "long"'):
        file.write_bytes(whole_file + f'{{"key": "a", {broken}, "tokens": [1, 1]}}\n'.encode())
        with pytest.raises(WorkspaceError, match="not a verdict"):
            judged(outcomes(), Judge(), tmp_path)


def test_a_judge_that_fails_leaves_the_rest_and_is_asked_again(tmp_path: Path) -> None:
    broken = Judge(lambda _: True)
    found = judged(outcomes(), broken, tmp_path)
    assert len(broken.prompts) == 3
    assert (found.agreement.replies, found.left, found.asked) == (0, 6, 0)
    assert found.missing == {"judge": "6 replies were not judged: The judge is away."}
    assert "judge" in found.about
    shaky = Judge(lambda number: number in (1, 2, 4))  # never three in a row
    some = judged(outcomes(), shaky, tmp_path)
    assert (len(shaky.prompts), some.left, some.asked) == (6, 3, 3)
    whole = judged(outcomes(), Judge(), tmp_path)
    assert (whole.left, whole.problem, whole.asked, whole.missing) == (0, "", 6, {})


# Who judges


def with_generator(folder: Path, line: str) -> Workspace:
    Workspace.init(folder).close()
    (folder / "instill.toml").write_text(f"[generator]\n{line}\n")
    return Workspace.open(folder)


def test_the_judge_is_the_workspaces_generator_or_an_endpoint(tmp_path: Path) -> None:
    own = Judge()
    address = "http://localhost:9/v1"
    with with_generator(tmp_path / "a", f'base_url = "{address}"\nmodel = "small"\napi_key = "secret"') as workspace:
        assert JudgePlan().generator(workspace, lambda: own) is own
        larger = JudgePlan(model="large").generator(workspace, lambda: own)
        assert larger.name == f"large at {address}"
        elsewhere = JudgePlan("http://localhost:8/v1", "large", SecretStr("other")).generator(workspace, lambda: own)
        bare = JudgePlan("http://localhost:8/v1", "large").generator(workspace, lambda: own)
        keys = [each._api_key.get_secret_value() for each in (larger, elsewhere, bare)]  # type: ignore[attr-defined]
        # The workspace's key goes to the workspace's endpoint alone.
        assert keys == ["secret", "other", ""]
        assert isinstance(bare, EndpointGenerator)
        assert "other" not in repr(JudgePlan("http://localhost:8/v1", "large", SecretStr("other")))


def test_a_judge_that_is_not_there_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    with with_generator(tmp_path / "a", "") as workspace:
        for plan, said in (
            (JudgePlan(), "no generator that could judge"),
            (JudgePlan(url="http://localhost:8/v1"), "model is not named"),
            (JudgePlan(model="large"), "address is not named"),
            (JudgePlan("ftp://x", "large"), "not the address of a judge"),
        ):
            with pytest.raises(UsageError, match=said):
                plan.check(workspace)


def test_options_make_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge_plan(False, "", "") is None
    assert judge_plan(True, "", "") == JudgePlan()
    assert judge_plan(True, "", "").own  # type: ignore[union-attr]
    assert judge_plan(False, "http://localhost:8/v1", "large") == JudgePlan("http://localhost:8/v1", "large")
    monkeypatch.setenv("JUDGES_KEY", "secret")
    found = judge_plan(False, "http://localhost:8/v1", "large", "JUDGES_KEY")
    assert found is not None
    assert found.key is not None
    assert found.key.get_secret_value() == "secret"
    with pytest.raises(UsageError, match="not set"):
        judge_plan(True, "", "", "NO_SUCH_KEY")


# What writing the study set cost


class Author:
    """Writes one question about the oven, and tells what it cost at every second request."""

    name = "author"

    def __init__(self, every: int) -> None:
        self._every, self.asked = every, 0
        self.last_usage: tuple[int, int] | None = None

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        self.asked += 1
        self.last_usage = (1000, 50) if self._every and self.asked % self._every == 0 else None
        yield '{"questions": []}'


def written(folder: Path, every: int) -> StoredStudy:
    author = Author(every)
    text = "The stone oven was built in 1987 by Marta Lindqvist. The old mill was painted by Ove Nyman."
    made = make_study([stored(text)], StudySettings(shares=Shares(controls=0)), writer=GeneratorWriter(author))
    return write_study(folder, made.study, made.rows, made.prompts)


def test_the_cost_of_writing_is_that_of_the_kept_tokens(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole", 1)
    count = len(whole.prompts())
    assert count > 3
    assert {tuple(each["tokens"]) for each in whole.prompts()} == {(1000, 50)}
    line = f"{count} requests, {count * 1000:,} tokens read and {count * 50:,} written, EUR {count * 1.1:.2f}"
    assert writing_cost(whole, PRICES) == {"writing the study set": line}
    half = written(tmp_path / "half", 2)
    assert writing_cost(half, PRICES)["writing the study set"].endswith(f"; {count - count // 2} of them not counted")
    silent = written(tmp_path / "silent", 0)
    assert (
        writing_cost(silent, PRICES)["writing the study set"]
        == f"{count} requests; the generator did not tell its tokens"
    )
    (whole.folder / "prompts.jsonl").write_text("{}\n")
    with pytest.raises(WorkspaceError, match="changed"):
        writing_cost(whole, PRICES)


def test_rules_cost_nothing(tmp_path: Path) -> None:
    made = make_study([stored("The stone oven was built in 1987 by Marta Lindqvist.")], StudySettings())
    study = write_study(tmp_path, made.study, made.rows)
    assert (study.prompts(), writing_cost(study, PRICES)) == ([], {})


# All of it in a report


@pytest.mark.long  # `tests/cli/test_cli_compare.py` has the same by the command.
def test_a_report_holds_examples_judge_and_what_they_cost(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    folder, study = world.workspace.path, world.study
    world.workspace.close()
    examples = ExamplesPlan(format=[chat_row(f"Say {word}.", "Verdict: wrong") for word in ("ay", "oh", "hm", "eh")])
    plan = ComparePlan(arms=(QUOTED, ORACLE), changes=0, noise=0, examples=examples)
    with scripted(["Verdict: wrong"]) as server:
        (folder / "instill.toml").write_text(f'[generator]\nbase_url = "{server.url}"\nmodel = "small"\n')
        with Workspace.open(folder) as workspace:
            compared = compare(workspace, study, plan, judge=JudgePlan())
            asked = len(server.seen)
            again = compare(workspace, study, plan, judge=JudgePlan())
            unjudged = compare(workspace, study, plan)
            assert len(server.seen) == asked
            page = save(compared, tmp_path / "report")
    assert compared.records == again.records
    assert compared.judge == again.judge
    # What the judge says changes no score.
    assert compared.records == unjudged.records
    assert compared.report.verdict.said == unjudged.report.verdict.said
    numbers = json.loads((page.parent / "report.json").read_text())
    needs = {each["need"]: each for each in numbers["verdict"]["needs"]}
    assert needs["format"]["scores"]["prompted"]["mean"] == needs["facts"]["scores"][QUOTED]["mean"] == 1.0
    assert [each["arm"] for each in numbers["examples"]["format"]["means"]] == ["prompted", "examples in the prompt"]
    assert numbers["judge"]["own"] is True
    assert (numbers["judge"]["matched"], numbers["judge"]["judged"]) == (1.0, 0.0)
    assert numbers["overheads"] == [{"what": "judging", "seconds": numbers["judge"]["seconds"], "money": 0.0}]
    assert "examples in the prompt" in [each["arm"] for each in numbers["preparations"]]
    assert "tone" in numbers["not_measured"]
    assert not {"format", "judge"} & set(numbers["not_measured"])
    html = page.read_text()
    assert "s kappa 0.00" in html
    printed = as_text(compared.report)
    for said in ("Cohen's kappa 0.00 [", "The judge says wrong.", "format (1), means", "in no arm: judging "):
        assert said in printed
    assert "3 to learn from, 1 asked" in html
