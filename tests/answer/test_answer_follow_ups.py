"""Follow-ups are looked for in the documents that answered before, and shown as they were understood."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from instill.answer.answerer import Answerer
from instill.answer.asked.conversation import standalone
from instill.answer.asked.documents_of_conversation import about_of
from instill.answer.asked.pronouns import is_vague, state_of
from instill.answer.asked.pronouns import of_what_was_said as is_of_what_was_said
from instill.answer.found.follow_up_passages import gather
from instill.answer.reading.reader import Reader
from instill.answer.types import REFUSAL, Answer, Turn
from instill.index.types import Hit
from instill.models.weights import shipped
from tests.answer.answer_corpus import Corpus, doc_id

# Both machines are described in the same words, so that only the conversation tells which one is meant.
FILES = {
    "mixer.md": (
        "# Mixer M4\n\nThe Mixer M4 kneads 12 kg of dough.\n\n## Cleaning\n\nThe bowl is cleaned on Mondays with hot "
        "water. Soap is forbidden because it softens the seal of the bowl.\n\n## Repairs\n\nRepairs are done by "
        "Ingrid Holm. Call her on 4471.\n"
    ),
    "slicer.md": (
        "# Slicer S2\n\nThe Slicer S2 cuts 900 loaves an hour.\n\n## Cleaning\n\nThe blade is cleaned on Fridays with "
        "a dry cloth. Water is forbidden because it rusts the blade.\n\n## Repairs\n\nRepairs are done by Ove Lund. "
        "Call him on 4482.\n"
    ),
    "canteen.md": "# Canteen\n\nLunch is served from eleven to two. The soup costs three euros.\n",
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.of(FILES, tmp_path_factory.mktemp("machines") / "index")


@pytest.fixture(scope="module")
def answerer(corpus: Corpus) -> Answerer:
    return corpus.answerer(reader=Reader(shipped(), threads=1), threshold=0.0)


def talk(answerer: Answerer, *questions: str) -> Answer:
    """The answer to the last of the questions, which were asked in turn."""
    history: list[Turn] = []
    for question in questions:
        answer = answerer.ask(question, history=history)
        history += answer.turns()
    return answer


@pytest.mark.parametrize(
    ("first", "then", "source", "said"),
    [
        ("How much dough does the Mixer M4 knead?", "when is it cleaned?", "mixer.md", "Mondays"),
        ("How many loaves does the Slicer S2 cut?", "when is it cleaned?", "slicer.md", "Fridays"),
        ("How much dough does the Mixer M4 knead?", "who does the repairs?", "mixer.md", "Ingrid Holm"),
        ("How many loaves does the Slicer S2 cut?", "who does the repairs?", "slicer.md", "Ove Lund"),
        ("When is the blade cleaned?", "why not with water?", "slicer.md", "rusts"),
    ],
)  # fmt: skip
def test_a_follow_up_is_answered_from_the_document_that_answered_before(
    corpus: Corpus, answerer: Answerer, first: str, then: str, source: str, said: str
) -> None:
    answer = corpus.verified(talk(answerer, first, then))
    assert answer.citations[0].source == source
    assert said in answer.citations[0].text


def test_another_subject_is_looked_for_everywhere(answerer: Answerer) -> None:
    answer = talk(answerer, "How many loaves does the Slicer S2 cut?", "something else: what does the soup cost?")
    assert answer.trace.standalone_question == "what does the soup cost?"
    assert "three euros" in answer.citations[0].text


def test_what_is_meant_is_shown(answerer: Answerer) -> None:
    first = "How many loaves does the Slicer S2 cut?"
    assert talk(answerer, first).trace.standalone_question == first
    assert talk(answerer, first, "when is it cleaned?").trace.standalone_question == "when is the Slicer S2 cleaned?"
    assert talk(answerer, first, "who does the repairs?").trace.standalone_question == (
        "who does the repairs (Slicer S2)?"
    )


def test_a_person_of_the_answer_is_who_she_is(answerer: Answerer) -> None:
    answer = talk(answerer, "Who repairs the Mixer M4?", "what is her number?")
    assert answer.trace.standalone_question == "what is Ingrid Holm's number?"
    assert "4471" in answer.citations[0].text


def test_a_person_is_named_by_names_alone() -> None:
    said = "Proposal by Lucía to open earlier. Ngozi van der Berg does the dressing."
    assert state_of([Turn("user", "Who does the dressing?"), Turn("assistant", said)]).name == "Ngozi van der Berg"


def test_an_answer_gives_its_turns(answerer: Answerer) -> None:
    answer = answerer.ask("When is the blade cleaned?")
    user, assistant = answer.turns()
    assert user == Turn("user", "When is the blade cleaned?")
    assert (assistant.text, assistant.topics[:2]) == (answer.text, ("Slicer S2", "Cleaning"))
    assert assistant.documents[0] == doc_id("slicer.md")


def test_what_a_conversation_is_about() -> None:
    turns = [
        Turn("assistant", "One.", ("Old",), ("d0",)),
        Turn("assistant", "Two.", ("First", "Part"), ("d1", "d2")),
        Turn("assistant", "Three.", ("Second", "Section"), ("d3",)),
        Turn("assistant", REFUSAL),
    ]
    about = about_of(turns)
    assert (about.documents, about.titles) == (("d3", "d1", "d2", "d0"), ())
    assert (about.last, about.name, about.section) == ("d3", "Second", "Section")
    assert [about.nearness(each, "") for each in ("d3", "d1", "d2", "d0", "d9")] == pytest.approx(
        [1.0, 0.7, 0.56, 0.5, 0.0]
    )
    assert about.just_said("d3", "Second", "Guide > Section")
    assert not about.just_said("d3", "Second", "Guide > Other")
    assert not about.just_said("d1", "First", "Section")


def test_one_answer_from_elsewhere_does_not_change_the_subject() -> None:
    cited = [Turn("assistant", "So.", ("T", "S"), (document,)) for document in ("d1", "d1", "d2")]
    about = about_of(cited)
    assert about.nearness("d2", "") == pytest.approx(1 / 1.2)
    assert (about.nearness("d1", ""), about.last) == (1.0, "d2")


def test_documents_are_known_by_title_where_a_turn_has_no_ids() -> None:
    about = about_of([Turn("assistant", "One.", ("Manual", "Cleaning"))])
    assert (about.nearness("d1", "Manual"), about.nearness("d1", "Other")) == (1.0, 0.0)
    assert not about_of([Turn("user", "Who?"), Turn("assistant", "Ann.")])


@pytest.mark.parametrize(
    ("question", "vague", "of_what_was_said"),
    [
        ("how do I turn that off?", True, True),
        ("what should I use instead?", True, True),
        ("why a blue one?", True, True),
        ("can I write to it?", True, False),
        ("how long does it take?", True, False),
        ("which one is the slowest?", True, False),
        ("and on Windows?", True, False),
        ("how is the blade cleaned?", False, False),
    ],
)
def test_which_questions_say_what_they_are_about(question: str, vague: bool, of_what_was_said: bool) -> None:
    assert (is_vague(question), is_of_what_was_said(question)) == (vague, of_what_was_said)


def test_a_follow_up_is_read_with_the_questions_before_it_and_by_itself() -> None:
    history = [
        Turn("user", "How do I pause all clients?"),
        Turn("assistant", "CLIENT PAUSE 500."),
        Turn("user", "how do I stop it early"),
        Turn("assistant", "CLIENT UNPAUSE."),
    ]
    found = standalone("in seconds?", history)
    assert [form.read for form in found.forms] == [
        "in seconds? (how do I stop it early? How do I pause all clients?)",
        found.question,
    ]
    alone = standalone("Who wrote the handbook of the company?", history)
    assert [(form.read, form.in_context) for form in alone.forms] == [("Who wrote the handbook of the company?", "")]
    other = standalone("something else: who wrote the handbook?", history)
    assert [form.read for form in other.forms] == ["who wrote the handbook?"]


def passages(*numbers: int) -> Sequence[Hit]:
    return [Hit("d", n, 0, 1, "x", "", None, None, "a", "text", "", (), {}, 1.0, 1.0, 0.5) for n in numbers]


def test_passages_that_several_searches_find_come_first() -> None:
    found = gather([passages(1, 2), passages(2, 3)])
    assert [hit.ordinal for hit in found] == [2, 1, 3]
    assert [hit.score for hit in found] == pytest.approx([1 / 11 + 1 / 10, 1 / 10, 1 / 11])
