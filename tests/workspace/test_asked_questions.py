"""Questions, answers and judgements are kept; a correction is linked to where it stands; labels and purge hold."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import instill.workspace.asked_questions as feedback_module
from instill import Workspace
from instill.common.made_from import made_from
from instill.errors import UsageError
from instill.server.jobs.store import JobStore
from instill.study.questions_from_people import WHICH_QUOTE, tie
from instill.study.types import AskedQuestion, EvidenceText
from instill.workspace.asked_questions import Feedback, Kind
from instill.workspace.still_refused import StillRefused
from tests.cli.test_cli import as_json, instill
from tests.conftest import write_handbook

HOTEL, LAPTOP, TRAIN = "How much may a hotel cost?", "When is a lost laptop reported?", "Who drives the night train?"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    write_handbook(tmp_path / "handbook")
    with Workspace.init(tmp_path / "kb") as found:
        found.add(tmp_path / "handbook")
        yield found


def asked(workspace: Workspace, question: str) -> int:
    number = workspace.ask(question).question_id
    assert number is not None
    return number


def test_an_exchanges_number_tells_when_and_not_how_many_were_before(workspace: Workspace) -> None:
    first = asked(workspace, HOTEL)
    began = time.time()
    second = asked(workspace, HOTEL)
    moment = 1_735_689_600 + second / 1e6
    assert first < second
    assert began - 0.01 <= moment <= time.time() + 0.01


def test_what_was_asked_and_shown_is_kept_with_spans_and_versions(workspace: Workspace) -> None:
    answer = workspace.ask(HOTEL)
    [kept] = Feedback(workspace).newest()
    assert answer.question_id == kept.question_id
    assert kept.answer == {"text": answer.text, "short": answer.short, "method": "extractive", "generator": ""}
    [citation] = answer.citations
    assert kept.citations == [{"doc_id": citation.doc_id, "start": citation.start, "end": citation.end}]
    [record] = workspace.index.records(doc_ids=[citation.doc_id])
    assert kept.documents == [{"doc_id": record.doc_id, "version": record.content_hash}]
    assert (kept.abstained, kept.judgements) == (False, [])
    refused = workspace.ask("What is the capital of Mongolia?")
    assert Feedback(workspace).newest("refused")[0].question_id == refused.question_id


def test_a_correction_is_linked_to_its_span_or_is_missing(workspace: Workspace) -> None:
    feedback = Feedback(workspace)
    hotel, laptop, train = (asked(workspace, question) for question in (HOTEL, LAPTOP, TRAIN))
    feedback.judge(hotel, "right", judge="ann")
    linked = feedback.judge(laptop, "wrong", correction="within  ONE\nhour", note="it was shorter")
    [span] = linked.judgements[0].spans
    stored = workspace.show(span.doc_id)
    assert stored.text[span.start : span.end] == span.text == "within one hour"
    assert span.source.endswith("passwords.txt")
    missing = feedback.judge(train, "wrong", correction="Ms Lindqvist drives it.")
    assert missing.judgements[0].spans == []
    kinds: tuple[Kind, ...] = ("right", "wrong", "corrected", "missing", "unjudged", "refused")
    found = {kind: [each.question_id for each in feedback.newest(kind)] for kind in kinds}
    assert found == {
        "right": [hotel], "wrong": [train, laptop], "corrected": [train, laptop], "missing": [train], "unjudged": [],
        "refused": [train],
    }  # fmt: skip
    assert [each.question_id for each in feedback.newest(words="LAPTOP")] == [laptop]
    assert [each.question_id for each in feedback.newest(limit=1, before=train)] == [laptop]
    assert feedback.question_set() == [
        AskedQuestion(HOTEL, "up to 140 euros a night", (EvidenceText(*_cited(workspace, hotel)),)),
        AskedQuestion(LAPTOP, "within  ONE\nhour", (EvidenceText("within one hour", span.source, span.doc_id),)),
    ], "words that are found nowhere do not say that refusing was right"
    assert feedback.left_out(feedback.question_set()) == {"not found": 1}
    feedback.judge(laptop, "right")
    assert feedback.question_set()[1].answer == "within one hour", "what was said last counts"
    for number, verdict, correction in ((99, "right", ""), (hotel, "maybe", ""), (hotel, "right", "x")):
        with pytest.raises(UsageError):
            feedback.judge(number, verdict, correction=correction)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("correction", "stands"),
    [
        ("take a minimum of 30 days total paid time off", "take a **minimum of 30 days** total paid time off"),
        ("A MINIMUM of “30 days”", "a **minimum of 30 days**"),
        ("paid time off; see the time-off policy", "paid time off; see [the time-off policy](policies/pto.md)"),
        ("see the time-off policy, and ask.", "see [the time-off policy](policies/pto.md), and ask."),
        ("see [the time-off policy](policies/pto.md)", "see [the time-off policy](policies/pto.md)"),
        ("minimum of 31 days", ""),
        ("imum of 30 days", ""),
        ("the policies", ""),
    ],
)
def test_a_correction_is_found_as_the_page_shows_it(tmp_path: Path, correction: str, stands: str) -> None:
    text = (
        "# Leave\n\nPlease take a **minimum of 30 days** total paid time off; "
        "see [the time-off policy](policies/pto.md), and ask.\n"
    )
    with Workspace.init(tmp_path / "kb") as workspace:
        workspace.add_text(text, name="leave.md")
        feedback = Feedback(workspace)
        number = asked(workspace, "How many days of vacation should I take?")
        spans = feedback.judge(number, "wrong", correction=correction).judgements[0].spans
        assert [span.text for span in spans] == ([stands] if stands else [])
        known = feedback.question_set()
        assert bool(known) == bool(stands)
        if not known:
            return
        tied = tie(known, [workspace.show("leave.md")])
        assert not tied.left_out
        assert (tied.facts[0].answer, tied.items[0].answer) == (stands, stands if stands == correction else correction)
        assert text[tied.facts[0].start : tied.facts[0].end] == stands


def test_which_of_several_quotes_of_a_right_answer_answers_is_not_made_up(workspace: Workspace) -> None:
    workspace.add_text("Hotels: a VP signs.\n\nA hotel at night is asked for by who may.\n", name="a.md")
    stored = workspace.show("a.md")
    quotes = tuple(EvidenceText(line, "", stored.record.doc_id) for line in stored.text.split("\n\n"))
    tied = tie([AskedQuestion(HOTEL, "", quotes, together=True)], [stored])
    assert (tied.items, [each.reason for each in tied.left_out]) == ([], [WHICH_QUOTE])
    [item] = tie([AskedQuestion(HOTEL, "night", quotes)], [stored]).items
    assert item.evidence[0].text == "A hotel at night is asked for by who may."
    # So it is kept of an answer without a short form; with one, the quote that holds it is known.
    feedback = Feedback(workspace)
    several = asked(workspace, "Who may go to which hotel, and what do visitors sign?")
    feedback.judge(several, "right")
    [kept] = feedback.question_set()
    shown = feedback.get(several)
    assert kept.together == (len(shown.citations) > 1 and not (shown.answer or {})["short"])
    assert kept.together


def test_a_wanted_answer_is_no_evidence_that_refusing_was_right(workspace: Workspace) -> None:
    feedback = Feedback(workspace)
    number = asked(workspace, "What is the capital of Mongolia?")
    told = feedback.judge(number, "wanted")
    assert (told.verdict, told.is_wanted) == (None, True)
    assert [each.question_id for each in feedback.newest("wanted")] == [number]
    assert [each.question_id for each in feedback.newest("unjudged")] == [number]
    assert feedback.newest("right") == []
    assert feedback.question_set(unknown=True) == []
    with pytest.raises(UsageError, match="Only what is wrong is corrected"):
        feedback.judge(number, "wanted", correction="Ulaanbaatar")
    judged = feedback.judge(number, "right")
    assert (judged.is_wanted, feedback.newest("wanted")) == (False, [])
    again = feedback.judge(number, "wanted")
    assert again.verdict is not None
    assert (again.verdict.verdict, again.is_wanted) == ("right", True), "what was judged before still counts"
    assert [each.answerable for each in feedback.question_set()] == [False]


def _cited(workspace: Workspace, number: int) -> tuple[str, str, str]:
    [citation] = Feedback(workspace).get(number).citations
    stored = workspace.show(citation["doc_id"])
    return stored.text[citation["start"] : citation["end"]], stored.record.source, stored.record.doc_id


def test_spans_of_documents_that_changed_are_no_evidence(workspace: Workspace) -> None:
    number = asked(workspace, HOTEL)
    Feedback(workspace).judge(number, "right")
    file = workspace.path.parent / "handbook" / "travel.md"
    file.write_text(file.read_text().replace("140", "150"))
    workspace.sync()
    assert Feedback(workspace).question_set() == []


def test_labels_decide_who_sees_questions_and_judgements(workspace: Workspace) -> None:
    records = {Path(record.source).name: record for record in workspace.documents()}
    workspace.index.relabel(records["travel.md"].doc_id, ["staff", "hr"])
    staff, hr, both = (workspace.seen_by(labels) for labels in ("staff", "hr", ["hr", "staff"]))
    number = asked(staff, HOTEL)
    owners = asked(workspace, LAPTOP)
    assert [each.question_id for each in Feedback(workspace).newest()] == [owners, number]
    assert [each.question_id for each in Feedback(staff).newest()] == [number]
    assert [each.question_id for each in Feedback(both).newest()] == [number]
    assert Feedback(hr).newest() == []
    with pytest.raises(UsageError, match="no such question"):
        Feedback(hr).judge(number, "right")
    Feedback(both).judge(number, "wrong", correction="something that hr knows")
    assert Feedback(staff).get(number).judgements == []
    assert len(Feedback(both).get(number).judgements) == 1
    workspace.index.relabel(records["travel.md"].doc_id, ["hr"])
    assert Feedback(staff).newest() == [], "the document behind it is not theirs any more"
    with pytest.raises(UsageError, match="owner"):
        Feedback(staff).clear()


def test_a_refusal_of_somebody_who_sees_less_is_no_unanswerable_question(workspace: Workspace) -> None:
    records = {Path(record.source).name: record for record in workspace.documents()}
    workspace.index.relabel(records["refunds.md"].doc_id, ["shop"])
    shop = workspace.seen_by("shop")
    number = asked(shop, HOTEL)
    assert Feedback(workspace).get(number).abstained
    assert Feedback(workspace).get(number).labels == ["shop"]
    Feedback(workspace).judge(number, "right")
    assert Feedback(workspace).question_set() == [], "the owner's documents answer it"
    Feedback(shop).judge(number, "right")
    assert [each.answerable for each in Feedback(shop).question_set()] == [False]
    own = asked(workspace, TRAIN)
    Feedback(workspace).judge(own, "right")
    assert [each.question for each in Feedback(workspace).question_set()] == [TRAIN]
    listed = instill("questions", "list", cwd=workspace.path).stdout
    assert f"{HOTEL} (asked with the labels shop)" in listed


def test_a_long_log_is_read_in_pages(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback_module, "_PAGE", 3)
    staff = workspace.seen_by("staff")
    [travel] = [record for record in workspace.documents() if record.source.endswith("travel.md")]
    workspace.index.relabel(travel.doc_id, ["staff"])
    made = made_from(workspace.index.records(doc_ids=[travel.doc_id])).as_json()
    ids: list[int | None] = [None]
    for number in range(1, 11):
        kept = workspace.catalog.log_question(
            question=f"q{number}", standalone_question="q", abstained=False, confidence=1.0, citations=[],
            milliseconds=1.0, labels=("staff",) if number % 2 else ("hr",), made_from=made,
        )  # fmt: skip
        ids.append(kept)
    third, eighth = ids[3], ids[8]
    assert third is not None
    assert eighth is not None
    assert [each.question for each in Feedback(workspace).newest()] == [f"q{number}" for number in range(10, 0, -1)]
    assert [each.question_id for each in Feedback(staff).newest()] == ids[9:0:-2]
    assert [each.question for each in Feedback(staff).newest(limit=2, before=eighth)] == ["q7", "q5"]
    assert Feedback(staff).get(third).question == "q3"


def test_purging_a_document_takes_its_words_out_of_the_log(workspace: Workspace) -> None:
    feedback = Feedback(workspace)
    hotel, laptop = asked(workspace, HOTEL), asked(workspace, LAPTOP)
    feedback.judge(laptop, "wrong", correction="up to 140 euros a night")
    feedback.judge(hotel, "wrong", note="140")
    [travel] = [record for record in workspace.documents() if record.source.endswith("travel.md")]
    workspace.remove(travel.doc_id)
    workspace.purge()
    [left] = feedback.newest()
    assert (left.question_id, left.judgements) == (laptop, [])
    files = [file for file in workspace.home.rglob("*") if file.is_file()]
    assert not any(b"140 euros" in file.read_bytes() for file in files)
    assert feedback.clear() == 1
    assert feedback.newest() == []


def test_purging_takes_uploaded_files_along_that_nobody_needs(workspace: Workspace) -> None:
    uploads = workspace.home / "uploads" / "all"
    uploads.mkdir(parents=True)
    for name in ("kept", "removed", "waiting"):
        (uploads / f"{name}.md").write_text(f"# Note\n\nThe note is {name}.")
    workspace.add([uploads / "kept.md", uploads / "removed.md"], follow=False)
    jobs = JobStore(workspace.catalog, workspace.home / "jobs")
    jobs.folder.mkdir()
    job = jobs.add("add", "documents", {"paths": [str(uploads / "waiting.md")]}, labels=None, asked_by="ann")
    jobs.take("documents")  # by a process that has ended since: the next one goes on
    for name in (job.job_id, "ended"):
        (jobs.folder / f"{name}.log").write_text("log")
    workspace.remove(str(uploads / "removed.md"))
    workspace.purge()
    assert sorted(file.name for file in uploads.iterdir()) == ["kept.md", "waiting.md"]
    assert {file.name for file in jobs.folder.iterdir()} == {f"{job.job_id}.log", "pause.lock"}


def test_questions_at_the_command_line(workspace: Workspace) -> None:
    place = workspace.path
    instill("ask", HOTEL, cwd=place)
    instill("ask", TRAIN, cwd=place)
    assert "No answer that was judged" in instill("calibrate", "--questions", "feedback", cwd=place, code=2).stderr
    train, hotel = (str(each["question_id"]) for each in as_json("questions", "list", cwd=place)["questions"])
    shown = instill("questions", "judge", train, "wrong", "--correction", "nobody at all", cwd=place).stdout
    assert "listed as missing" in shown
    assert "in no question set" in shown
    instill("questions", "judge", train, "right", cwd=place)
    assert as_json("questions", "judge", hotel, "right", cwd=place)["judgements"][0]["judge"] == "command line"
    listed = as_json("questions", "list", "--kind", "refused", cwd=place)["questions"]
    assert [each["question"] for each in listed] == [TRAIN]
    assert HOTEL in instill("questions", "list", cwd=place).stdout
    instill("questions", "export", "--to", "set.jsonl", cwd=place)
    rows = [json.loads(line) for line in (place / "set.jsonl").read_text().splitlines()]
    assert [(row["question"], row["answerable"]) for row in rows] == [(HOTEL, True), (TRAIN, False)]
    left = instill("train", "encoder", "--questions", "feedback", cwd=place, code=2)
    assert "give 2 rows: 1 with an answer, 1 that say what does not answer." in left.stdout
    assert "There are 1 questions about" in left.stderr
    assert "nothing to train on" in instill("train", "reader", "--out", "x", cwd=place, code=2).stderr
    report = as_json("calibrate", "--questions", "feedback", cwd=place, code=1)
    assert report["asked"] >= 2
    assert instill("questions", "clear", cwd=place).stdout == "Deleted 2 questions, and all conversations.\n"


@pytest.mark.parametrize("section", ["[log]\nquestions = false\n", "[privacy]\nlog_questions = false\n"])
def test_nothing_is_kept_where_it_is_switched_off(workspace: Workspace, section: str) -> None:
    (workspace.path / "instill.toml").write_text(section)
    with Workspace.open(workspace.path) as opened:
        assert opened.ask(HOTEL).question_id is None
        assert Feedback(opened).newest() == []


def test_a_refusal_is_a_gap_only_while_the_callers_documents_refuse_too(tmp_path: Path) -> None:
    """Asked before anything was there, or by somebody who could not see the document, it says nothing of them."""
    tea = "At how many degrees is tea brewed?"
    with Workspace.init(tmp_path / "kb") as workspace:
        assert workspace.ask(tea).abstained
        still = StillRefused()

        def gaps(labels: list[str] | None = None, **more: float) -> list[tuple[str, bool]]:
            seen = workspace.seen_by(labels)
            found = still.of(seen, Feedback(seen).newest("refused"), **more)  # type: ignore[arg-type]
            return [(gap.question.question, gap.asked_again) for gap in found]

        assert gaps() == [(tea, True)]
        workspace.add_text("# Tea\n\nTea is brewed at 80 degrees.", name="tea.md", labels="staff")
        workspace.add_text("# Travel\n\nA hotel may cost 120 euros a night.", name="travel.md", labels="boss")
        assert gaps(most=0) == [(tea, False)]
        assert workspace.ask(HOTEL, labels=["staff"]).abstained
        assert workspace.ask(TRAIN, labels=["staff"]).abstained
        asked_so_far = len(Feedback(workspace).newest())
        assert gaps(["staff"]) == [(TRAIN, True), (HOTEL, True)]
        assert gaps(most=0) == [(tea, False)], "what was refused under labels is told only once it is asked again"
        assert gaps(seconds=0) == [(tea, False)]
        assert gaps() == [(TRAIN, True)]
        assert gaps(most=0) == [(TRAIN, True)], "remembered"
        assert len(Feedback(workspace).newest()) == asked_so_far, "nothing of it is logged"


def test_a_question_is_kept_in_the_words_in_which_it_was_asked(workspace: Workspace) -> None:
    """The documents spell an abbreviation out: it is searched and read in that form, and kept as it was asked."""
    workspace.add_text(
        "# Water\n\nThe Regional Water Board (RWB) meets monthly.\n\nMarta Lind leads the Regional Water Board.\n",
        name="water.md",
    )
    answer = workspace.ask("Who leads the RWB?")
    assert answer.short == "Marta Lind"
    assert answer.trace.standalone_question == "Who leads the RWB?"
    feedback = Feedback(workspace)
    assert answer.question_id is not None
    feedback.judge(answer.question_id, "right")
    assert [each.question for each in feedback.question_set()] == ["Who leads the RWB?"]
