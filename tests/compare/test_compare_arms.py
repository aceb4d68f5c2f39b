"""The arms on a real workspace: real index, encoder and reader, a real server for the generated ones."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from instill import Workspace
from instill.answer.for_caller import answerer_for
from instill.compare.arms.built_in_arms import (
    ClosedBookArm,
    PipelineArm,
    ReadingArm,
    found_passages,
    generator_with,
    oracle_passages,
    whole_documents,
    with_others,
)
from instill.compare.arms.passages import Passages, citation_precision, evidence_given, is_hidden
from instill.compare.arms.prompts import PLAIN, RULES, Instructed
from instill.compare.arms.protocol import Place, counting_with
from instill.errors import UsageError, WorkspaceError
from instill.models.generators.endpoint_generator import EndpointGenerator
from instill.models.generators.protocol import Generator, Message, Skill
from instill.study.closed_book import ClosedBook, EvidenceInPrompt
from instill.study.study_set import StudyItem
from tests.compare.compare_world import Breaks, Knows, Reads, World
from tests.models.generators.endpoint_process import Endpoint


def item_about(world: World, answer: str, form: str = "direct") -> StudyItem:
    return next(item for item in world.items if item.answer == answer and item.form == form)


def test_retrieval_answers_with_citations_of_the_evidence(world: World) -> None:
    arm = PipelineArm("retrieval", world.workspace, world.passages)
    item = item_about(world, "1987")
    reply = arm.answer(item)
    assert reply.text == "1987"
    assert (reply.abstained, reply.error, reply.tokens_in, reply.tokens_out) == (False, "", 0, 0)
    assert reply.messages == ({"role": "user", "content": item.question},)
    assert reply.passages is not None
    assert evidence_given(item, reply.passages) == 1
    assert citation_precision(item, reply.citations) == 1
    assert 0 < reply.seconds < 60


def test_what_an_unanswerable_question_excludes_is_given_to_no_arm(world: World) -> None:
    items = [item for item in world.of("unanswerable") if item.excluded]
    assert items
    given = [oracle_passages(world.passages), whole_documents(world.passages), found_passages(world.passages, 8)]
    for item in items:
        hidden = item.excluded[0].text
        for passages in given:
            hits, _ = passages(item)
            assert hits
            assert not any(is_hidden(hit, item) or hidden in hit.text for hit in hits)
        reply = PipelineArm("retrieval", world.workspace, world.passages).answer(item)
        assert reply.passages is not None
        assert not any(hidden in passage.text for passage in reply.passages)


def test_the_oracle_gives_the_passages_with_the_evidence_alone(world: World) -> None:
    for item in world.items:
        if item.evidence:
            reply = PipelineArm(
                "oracle", world.workspace, world.passages, given=oracle_passages(world.passages)
            ).answer(item)
            assert reply.passages is not None
            assert evidence_given(item, reply.passages) == 1
            assert {place.doc_id for place in reply.passages} == {each.doc_id for each in item.evidence}
            break


def test_evidence_that_changed_is_told(world: World) -> None:
    item = item_about(world, "1987")
    moved = item.evidence[0].model_copy(update={"start": 0, "end": 9})
    with pytest.raises(WorkspaceError, match="changed since"):
        world.passages.oracle(item.model_copy(update={"evidence": (moved,)}))
    gone = moved.model_copy(update={"doc_id": "no such document"})
    with pytest.raises(WorkspaceError, match="changed since"):
        world.passages.whole(item.model_copy(update={"evidence": (gone,)}), 100)


def test_a_whole_document_is_cut_to_its_budget_and_says_so(world: World) -> None:
    item = item_about(world, "1987")
    text = world.workspace.index.document_text(item.evidence[0].doc_id)
    assert text is not None
    whole = world.passages.whole(item, 3000)
    assert ("".join(hit.text for hit in whole.hits), whole.notice) == (text.text, "")
    cut = world.passages.whole(item, 12)
    (hit,) = cut.hits
    assert text.text.startswith(hit.text)
    assert counting_with(world.workspace.encoder)(hit.text) == 12
    assert "the first 12 of" in cut.notice
    reply = ReadingArm(
        "whole document", world.workspace, Reads(), whole_documents(world.passages, 12), len, wording=PLAIN
    ).answer(item)
    assert reply.notices == (cut.notice,)


def test_closed_book_asks_without_documents_and_a_fine_tuned_one_is_another_generator(world: World) -> None:
    item = item_about(world, "1987")
    closed = ClosedBook([fact.evidence.text for fact in world.facts], [RULES.instructions])
    count = counting_with(world.workspace.encoder)
    base = ClosedBookArm("closed book", Knows({}), closed, count).answer(item)
    tuned = ClosedBookArm("fine-tuned", Knows({item.question: "1987"}), closed, count).answer(item)
    assert (base.text, tuned.text) == ("I don't know", "1987")
    assert base.messages == tuned.messages == RULES.closed(item.question)
    assert base.passages is None
    assert base.estimated
    assert base.tokens_in == count(RULES.instructions) + count(item.question)
    assert tuned.tokens_out == count("1987")


def test_a_closed_book_arm_that_would_leak_sends_nothing(world: World) -> None:
    item = item_about(world, "1987")
    leaky = Instructed(instructions=f"Remember: {item.evidence[0].text}")
    knows = Knows({item.question: "1987"})
    arm = ClosedBookArm(
        "closed book", knows, ClosedBook([each.evidence.text for each in world.facts]), len, wording=leaky
    )
    with pytest.raises(EvidenceInPrompt):
        arm.answer(item)
    assert knows.asked == 0


def test_a_generated_answer_goes_through_the_real_pipeline(world: World, endpoint: Endpoint) -> None:
    item = item_about(world, "Marta Lindqvist")
    generator = EndpointGenerator(endpoint.url, "honest/compare")
    reply = PipelineArm("retrieval, generated", world.workspace, world.passages, generator=generator).answer(item)
    assert "Marta Lindqvist" in reply.text
    assert citation_precision(item, reply.citations) == 1
    (seen,) = endpoint.seen("honest/compare")
    assert seen["body"]["messages"] == [dict(message) for message in reply.messages]
    assert seen["body"]["temperature"] == 0
    assert reply.estimated
    assert reply.tokens_in > 100
    assert reply.tokens_out > 5


class Trained(Reads):
    """A model that was trained to answer from passages, and one that was not; both keep what they are asked."""

    def __init__(self, said: str) -> None:
        self.asked: list[str] = []
        self.said = said

    def skilled(self, skill: Skill) -> Generator | None:
        return self if skill == "ground" else None

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        self.asked.append("\n".join(message["content"] for message in messages))
        yield self.said


def test_a_trained_model_is_asked_by_the_arm_as_ask_asks_it(world: World) -> None:
    """The arm overhears its generator, which must not hide what the generator can do."""
    item = item_about(world, "Marta Lindqvist")
    said = 'It was built by Marta Lindqvist [1].\nQUOTES:\n[1] "built in 1987 by Marta Lindqvist"'
    by_arm, by_ask = Trained(said), Trained(said)
    reply = PipelineArm("retrieval", world.workspace, world.passages, generator=by_arm).answer(item)
    place = world.workspace
    answer = answerer_for(
        place.index,
        search=lambda query, *, k: place.search(query, k=k).hits,
        labels=None,
        encoder=place.encoder,
        generator=by_ask,
        reader=place.reader,
        settings=place.settings,
        threshold=place.threshold.value,
    ).ask(item.question)
    assert by_arm.asked
    assert by_arm.asked == by_ask.asked
    assert answer.trace.method == "generator"
    assert (reply.text, reply.quoted) == (answer.short or answer.text, False)
    assert reply.messages[-1]["content"] in by_arm.asked[-1]


def test_what_is_quoted_is_said_to_be(world: World) -> None:
    item = item_about(world, "1987")
    assert PipelineArm("retrieval", world.workspace, world.passages).answer(item).quoted
    closed = ClosedBook(fact.evidence.text for fact in world.facts)
    knows = ClosedBookArm("closed-book", Knows({}), closed, counting_with(world.workspace.encoder))
    assert not knows.answer(item).quoted


class Warm(Reads):
    """Keeps the temperatures at which it was asked."""

    def __init__(self) -> None:
        self.temperatures: list[float] = []

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        self.temperatures.append(temperature)
        yield from super().stream(messages, max_tokens=max_tokens, temperature=temperature)


def test_arms_ask_at_temperature_0_whatever_is_set_and_leave_the_setting(world: World, tmp_path: Path) -> None:
    kb = Path(shutil.copytree(world.workspace.path, tmp_path / "kb"))
    (kb / "instill.toml").write_text("[generator]\ntemperature = 0.9\n", encoding="utf-8")
    with Workspace.open(kb) as workspace:
        passages, warm = Passages(workspace, world.facts), Warm()
        for given in (None, oracle_passages(passages)):
            arm = PipelineArm("retrieval", workspace, passages, generator=warm, given=given)
            assert arm.answer(item_about(world, "1987")).tokens_in == 100
        assert warm.temperatures == [0.0, 0.0]
        assert workspace.settings.generator.temperature == 0.9


def test_whole_documents_are_read_with_the_prompt_of_ask(world: World, endpoint: Endpoint) -> None:
    item = item_about(world, "Marta Lindqvist")
    generator = EndpointGenerator(endpoint.url, "honest/whole")
    count = counting_with(world.workspace.encoder)
    reply = ReadingArm("whole document", world.workspace, generator, whole_documents(world.passages), count).answer(
        item
    )
    assert reply.text == item.evidence[0].text
    assert citation_precision(item, reply.citations) == 1
    unknown = EndpointGenerator(endpoint.url, "unknown/whole")
    assert ReadingArm("w", world.workspace, unknown, whole_documents(world.passages), count).answer(item).abstained


def test_a_generator_that_tells_what_it_used_is_believed(world: World) -> None:
    item = item_about(world, "1987")
    arm = ReadingArm("oracle", world.workspace, Reads(), oracle_passages(world.passages), len, wording=PLAIN)
    reply = arm.answer(item)
    assert (reply.tokens_in, reply.tokens_out, reply.estimated) == (100, 10, False)
    assert "1987" in reply.text
    assert reply.messages[0]["content"].startswith("Passage 1: ")


def test_a_failing_generator_is_an_error_of_the_reply(world: World, endpoint: Endpoint) -> None:
    item = item_about(world, "1987")
    closed = ClosedBookArm("closed book", Breaks(), ClosedBook([]), len)
    reply = closed.answer(item)
    assert (reply.text, reply.messages) == ("", RULES.closed(item.question))
    assert "The generator failed." in reply.error
    assert closed.answer(item).text == "1987"
    broken = EndpointGenerator(endpoint.url, "status-401/compare")
    fallen = PipelineArm("retrieval, generated", world.workspace, world.passages, generator=broken).answer(item)
    assert (fallen.text, fallen.abstained, fallen.citations, fallen.quoted) == ("", None, (), False)
    assert "refused the key" in fallen.error
    assert fallen.notices == ()
    assert fallen.passages is not None  # What it was given counts for the search.


def test_a_reply_that_takes_too_long_is_an_error_of_the_arm(world: World) -> None:
    """The time limit is the pipeline's own, around the generator."""

    class Slow:
        name = "slow"

        def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
            yield "The"
            time.sleep(2)
            yield " oven"

    limited = world.workspace.settings.generator.model_copy(update={"answer_s": 0.2})
    arm = PipelineArm("slow", world.workspace, world.passages, generator=Slow())
    arm._settings = world.workspace.settings.model_copy(update={"generator": limited})
    reply = arm.answer(item_about(world, "1987"))
    assert (reply.text, reply.quoted) == ("", False)
    assert "took longer than" in reply.error


def test_noise_is_mixed_in_and_read(world: World) -> None:
    item = item_about(world, "1987")
    right = oracle_passages(world.passages)
    mixed = with_others(right, found_passages(world.passages, 6))
    hits, _ = mixed(item)
    wanted = {(hit.doc_id, hit.start) for hit in right(item)[0]}
    places = [(hit.doc_id, hit.start) for hit in hits]
    assert wanted < set(places)
    assert len(set(places)) == len(places)
    reply = PipelineArm("noise", world.workspace, world.passages, given=mixed).answer(item)
    assert reply.text == "1987"
    assert reply.passages is not None
    assert len(reply.passages) == len(hits)


def test_an_adapter_needs_a_local_generator(world: World) -> None:
    with pytest.raises(UsageError, match="local generator"):
        generator_with(world.workspace, "champion")


def test_evidence_is_given_in_pieces_or_elsewhere_word_for_word(world: World) -> None:
    item = item_about(world, "1987")
    (evidence,) = item.evidence
    middle = (evidence.start + evidence.end) // 2
    first = Place(evidence.doc_id, evidence.start, middle, "")
    second = Place(evidence.doc_id, middle, evidence.end, "")
    assert evidence_given(item, [first]) == 0
    assert evidence_given(item, [first, second]) == 1
    assert evidence_given(item, [Place("other", 0, 99, f"As they say: {evidence.text}\nSo.")]) == 1
    assert citation_precision(item, [first, Place("other", 0, 5, "wood.")]) == 0.5
    assert citation_precision(item, []) is None
    assert evidence_given(world.of("unanswerable")[0], [first]) is None
