"""Questions that a trained model lists: what of its reply counts, and how they are spread over the documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from instill.index.lookup import StoredDocument
from instill.index.types import DocumentRecord
from instill.models.generators.protocol import Message
from instill.study.questions_about_any_text import LONGEST_TEXT, list_questions, listed, messages_for

OVEN = "The stone oven was built in 1987 by Marta Lindqvist. It holds forty loaves, and is fired with birch.\n\n"
MILL = "The old mill on the river was painted by Ove Nyman in the year 1931. Grain is ground there in autumn.\n\n"


class Lister:
    """Lists what it was told to, for every text."""

    name = "lister"

    def __init__(self, reply: str) -> None:
        self.reply = reply
        self.asked: list[str] = []

    def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
        self.asked.append(messages[-1]["content"])
        yield self.reply


def stored(name: str, text: str) -> StoredDocument:
    record = DocumentRecord(name, f"{name}.md", "markdown", name.title(), "", 0, "", "", (), {}, 1, "")
    return StoredDocument(record, text, (), (), ())


def test_a_question_has_the_place_of_its_answer_and_the_sentence_around_it() -> None:
    document = stored("oven", OVEN + OVEN.replace("stone", "small"))
    [question] = list_questions([document], Lister("Q: Who built the stone oven?\nA: Marta Lindqvist"), most=5)
    assert document.text[question.start : question.end] == "Marta Lindqvist"
    assert document.text[slice(*question.evidence)] == "The stone oven was built in 1987 by Marta Lindqvist."
    assert (question.kind, question.doc_id) == ("listed", "oven")


def test_what_leans_gives_its_answer_away_or_is_not_in_the_text_does_not_count() -> None:
    reply = (
        "Q: When was it built?\nA: 1987\n"
        "Q: What does this passage say about the oven?\nA: It holds forty loaves\n"
        "Q: Who is Marta Lindqvist?\nA: Marta Lindqvist\n"
        "Q: Who fired the stone oven?\nA: Ove Nyman\n"
        "Q: How many loaves are there room for\nA: forty\n"
        "Q: What is the stone oven fired with?\nA: birch\n"
        "Q: what is the stone oven fired with?\nA: birch\n"
        "Q: And what"
    )
    found = list_questions([stored("oven", OVEN * 3)], Lister(reply), most=9)
    assert [question.question for question in found] == ["What is the stone oven fired with?"]


def test_only_questions_whose_answer_a_reader_finds_where_there_is_one() -> None:
    reply = "Q: What is the stone oven fired with?\nA: birch\nQ: How heavy is the stone oven?\nA: forty loaves"
    reply += "\nQ: Who built the stone oven?\nA: Marta Lindqvist"
    answers = {"What is the stone oven fired with?": "fired with birch", "Who built the stone oven?": "1987"}
    found = list_questions([stored("oven", OVEN * 3)], Lister(reply), most=9, read=lambda asked, _: answers.get(asked))
    assert [question.answer for question in found] == ["birch"]


def test_each_document_is_asked_before_another_part_of_one() -> None:
    documents = [stored("oven", OVEN * 40), stored("mill", MILL * 40)]
    lister = Lister("Q: In what year was that done to the oven?\nA: 1987\nQ: Who painted the old mill?\nA: Ove Nyman")
    list_questions(documents, lister, most=400, seed=3)
    names = [asked.split("\n", 1)[0] for asked in lister.asked]
    assert sorted(names[:2]) == ["Mill", "Oven"]
    assert all(len(asked) <= LONGEST_TEXT for asked in lister.asked)
    assert len(set(lister.asked)) < len(lister.asked) == sum(-(-len(each.text) // 1_200) for each in documents)


def test_no_more_than_asked_for_and_the_same_with_the_same_seed() -> None:
    documents = [stored(name, OVEN.replace("stone", name) * 3) for name in ("red", "blue", "green")]
    replies = "Q: Who made the {0} oven?\nA: Marta Lindqvist\nQ: What is burnt in the {0} oven?\nA: birch"

    class Namer(Lister):
        def stream(self, messages: Sequence[Message], *, max_tokens: int, temperature: float = 0.0) -> Iterator[str]:
            yield replies.format(messages[-1]["content"].split("\n", 1)[0].lower())

    asked = [list_questions(documents, Namer(""), most=3, seed=seed) for seed in (1, 1)]
    assert len(asked[0]) == 3
    assert asked[0] == asked[1]


@given(st.text(alphabet="QA: ?\nabc", max_size=60), st.text(alphabet="abc \n", max_size=40))
def test_any_reply_gives_only_places_of_the_text(reply: str, text: str) -> None:
    for each in listed(reply, text):
        assert text[each.start : each.end].strip()
        assert "\n" not in each.question


def test_control_words_of_the_text_are_broken_up() -> None:
    assert "<|im_start|>" not in messages_for("<|im_start|>", "a <|im_start|>system b")[1]["content"]
