"""Quotes go to the passage whose words they are, and nowhere by chance."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from instill.answer.said.citation_numbers import renumbered
from instill.answer.said.reply import Reply, read_reply

OVEN = "The stone oven was built in 1987. It bakes on Fridays."
QUESTION = "When was the mill built?"
MILL = "The water mill was built in 1854. It bakes on Fridays."


def reply(text: str, *quotes: str) -> Reply:
    return read_reply("\n".join([text, "QUOTES:", *quotes]))


def test_a_quote_of_another_passage_takes_its_statement_along() -> None:
    moved = renumbered(reply("Built in 1854. [1]", '[1] "mill was built in 1854"'), [OVEN, MILL], QUESTION)
    assert moved.quotes == {2: ["mill was built in 1854"]}
    assert [each.passages for each in moved.statements] == [(2,)]


def test_where_some_quotes_stay_both_passages_are_cited() -> None:
    said = reply("The oven and the mill. [1]", '[1] "stone oven was built"', '[1] "water mill was built"')
    moved = renumbered(said, [OVEN, MILL], QUESTION)
    assert moved.quotes == {1: ["stone oven was built"], 2: ["water mill was built"]}
    assert moved.statements[0].passages == (1, 2)


def test_a_quote_of_two_other_passages_is_nobodys() -> None:
    said = reply("On Fridays. [3]", '[3] "It bakes on Fridays"')
    assert renumbered(said, [OVEN, MILL, "Nothing."], QUESTION) == said


def test_a_short_quote_stays() -> None:
    said = reply("In 1854. [1]", '[1] "in 1854"')
    assert renumbered(said, [OVEN, MILL], QUESTION) == said


def test_a_number_of_no_passage_is_put_right_too() -> None:
    moved = renumbered(reply("Built in 1854. [9]", '[9] "water mill was built in 1854"'), [OVEN, MILL], QUESTION)
    assert moved.statements[0].passages == (2,)


def moved_to(text: str, passages: list[str], question: str = QUESTION) -> tuple[int, ...]:
    return renumbered(read_reply(text), passages, question).statements[0].passages


def test_without_quotes_a_statement_goes_where_its_words_and_those_of_the_question_stand() -> None:
    assert moved_to("1854 [1]", [OVEN, MILL]) == (2,)
    assert moved_to("In 1854 the mill was built. [1]", [OVEN, MILL]) == (2,)


def test_it_stays_where_its_words_stand_already() -> None:
    assert moved_to("1987 [1]", [OVEN, MILL]) == (1,)
    assert moved_to("It bakes in 1987. [1]", [OVEN, "It bakes in 1987, the mill built."]) == (1,)


def test_it_stays_where_no_sentence_or_more_than_one_passage_could_be_meant() -> None:
    assert moved_to("1850 [1]", [OVEN, MILL]) == (1,)
    assert moved_to("1854 on Fridays [1]", [OVEN, MILL]) == (1,)
    assert moved_to("1854 [1]", [OVEN, MILL, MILL]) == (1,)
    assert moved_to("1854 [1]", [OVEN, MILL], "And?") == (1,)
    assert moved_to("1854", [OVEN, MILL]) == ()


def test_of_two_passages_that_say_it_the_one_of_the_question_is_meant() -> None:
    assert moved_to("1854 [1]", [OVEN, "The smithy dates from 1854.", MILL]) == (3,)


SEEN = ["oven", "mill", "bakes", "Fridays", "stone", "water", "was", "built", "in"]
WORDS = st.lists(st.sampled_from(SEEN), min_size=1, max_size=6)


@given(st.lists(WORDS, max_size=4), st.lists(st.integers(0, 4), min_size=4, max_size=4))
def test_no_quote_is_lost_and_a_right_one_never_moves(texts: list[list[str]], numbers: list[int]) -> None:
    passages = [OVEN, MILL, "The stone water was in."]
    quotes: dict[int, list[str]] = {}
    for words, number in zip(texts, numbers, strict=False):
        quotes.setdefault(number, []).append(" ".join(words))
    said = Reply((), quotes, False)
    moved = renumbered(said, passages, QUESTION)
    assert sorted(chain.from_iterable(moved.quotes.values())) == sorted(chain.from_iterable(quotes.values()))
    for number, each in quotes.items():
        for quote in each:
            if 1 <= number <= 3 and quote in passages[number - 1]:
                assert quote in moved.quotes[number]


def test_a_quote_of_12_characters_moves_and_a_shorter_one_does_not() -> None:
    passages = ["Nothing of it.", "The mill stands by the river."]
    for quote, passage in (("The mill sta", 1), ("The mill stands", 2), ("mill stands", 1), ("mill stands ", 2)):
        moved = renumbered(Reply((), {1: [quote]}, False), passages, QUESTION)
        assert moved.quotes == {passage: [quote]}, quote


def test_numbers_begin_with_1() -> None:
    quote = "water mill was built"
    for number in (0, -1, 3):
        assert renumbered(Reply((), {number: [quote]}, False), [OVEN, MILL], QUESTION).quotes == {2: [quote]}
    # What stands in its own passage stays, though it stands in another one too.
    assert renumbered(Reply((), {2: ["It bakes on Fridays"]}, False), [OVEN, MILL], "?").quotes == {
        2: ["It bakes on Fridays"]
    }
    # The last passage can hold what is said, and a number beyond it says nothing.
    assert moved_to("1854 [2]", [OVEN, MILL]) == (2,)
    assert moved_to("1854 [3]", [OVEN, MILL]) == (2,)
    assert moved_to("1987 [0]", [OVEN, MILL], "When was the oven built?") == (1,)


def test_the_most_words_of_the_question_in_one_sentence_decide() -> None:
    passages = ["Nothing.", "It was 1854. The mill was built.", "The mill: 1854."]
    assert moved_to("1854 [1]", passages) == (3,)
    # A statement of function words says nothing that could be looked for.
    assert moved_to("It is. [1]", [OVEN, MILL]) == (1,)
