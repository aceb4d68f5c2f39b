"""One question in other clothes is found, and another question in the same clothes is not."""

from __future__ import annotations

import unicodedata
from random import Random
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.study.duplicate_questions import Questions, asks_same, question_key, same_question

QUESTION = "What is the flag colour of Norland?"
SAME = [
    "What is the flag colour of Norland",
    "Please, what is the flag colour of Norland?",
    "WHAT IS THE FLAG COLOUR OF NORLAND?",
    "what   is\tthe flag\u00a0colour\nof Norland ?",
    "What is the \uff46\uff4c\uff41\uff47 colo\u200bur of Norland?",
    "Hello! What is the flag colour of Norland?",
    "Good morning, could you please tell me what the flag colour of Norland is? Thank you very much!",
    "What is the flag colour of Norland, please?",
    "The flag colour of Norland: what is it, please?",
    "What's Norland’s flag colour?",
    "Norland's flag colour?",
    "flag colour of Norland",
    "Which flag colour has Norland?",
    "I would like to know what the flag colour of Norland is.",
    "Question: What is the flag colour of Norland? Answer: green",
    "I wonder... what is the flag-colour of Norland?!",
    "Hey there, quick one – what is the flag colour of Norland?",
    "My friends talked about flags all day. What is the flag colour of Norland? Nobody knew.",
    "Somebody wanted to know what is the flag colour of Norland.",
    "**What is the flag colour of Norland?**",
    "(What is the flag colour of Norland?)",
]
OTHERS = [
    "What is the flag colour of Sudland?",
    "What is the flag size of Norland?",
    "What is the flag colour of Norland Island?",
    "Who chose the flag colour of Norland?",
    "When was the flag colour of Norland chosen?",
    "What is the flag?",
    "What is the colour of Norland?",
    "The flag colour of Norland is green.",
    "Norland has a flag. Its colour is green.",
]


@pytest.mark.parametrize("text", SAME)
def test_the_same_question_is_found_in_other_clothes(text: str) -> None:
    assert Questions({0: question_key(QUESTION)}).asked_in(text) == {0}


@pytest.mark.parametrize("text", OTHERS)
def test_another_question_is_not_the_same(text: str) -> None:
    assert Questions({0: question_key(QUESTION)}).asked_in(text) == set()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Turn on the light in the hall.", "Turn off the light in the hall."),
        ("Turn on the light in the hall.", "Please switch on the light in the hall."),
        ("A room in Oslo for 2 nights, please.", "A room in Oslo for 3 nights, please."),
        ("What is 12 - 7?", "What is 7 - 12?"),
        ("What is 12 - 7?", "What is 12 + 7?"),
        ("What is 12 * 7?", "What is 12 / 7?"),
        ("Is 3 larger than 5?", "Is 5 larger than 3?"),
        ("What is 2.5 times 4?", "What is 25 times 4?"),
        ("Did Ada Ash beat Bo Birk?", "Did Bo Birk beat Ada Ash?"),
        ("How far is it from Oslo to Kiel?", "How far is it from Kiel to Oslo?"),
        ("Which dogs are allowed?", "Which dogs are not allowed?"),
        ("Which dogs may come in?", "Which dogs mayn't come in?"),
        ("Where was the mill built?", "When was the mill built?"),
        ("How many towers has it?", "How old are its towers?"),
        ("What does Ada like?", "What does Ada want?"),
        ("What is tea?", "What is tea made of?"),
        ("Hello!", "Thank you."),
        ("Hello, house.", "Good evening, house."),
    ],
)
def test_small_words_numbers_and_their_order_count(first: str, second: str) -> None:
    assert not asks_same(first, second)
    assert not asks_same(second, first)
    assert asks_same(first, f" {first.upper()} ")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("How many of the 1,200 men came?", "how many of the 1200 men came"),
        ("Where is caf\u00e9 Mozart?", "Where is cafe\u0301 Mozart?"),
        ("Where does Ada live?", "Tell me where Ada lives."),
        ("Wo liegt Holm?", "Hallo, wo liegt Holm, bitte?"),
        ("Which dogs aren't allowed?", "Which dogs are not allowed"),
        ("Hello!", "hello"),
        ("\u6771\u4eac\u306f\u3069\u3053\u3067\u3059\u304b\uff1f", "\u6771\u4eac\u306f\u3069\u3053\u3067\u3059\u304b"),
    ],
)
def test_forms_of_writing_do_not_count(first: str, second: str) -> None:
    assert asks_same(first, second)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What is tea?", "Coffee, tea and milk."),
        ("Great film!", "A great film. It is long, and I cried."),
        ("And then?", "She went home and then, tired, to bed."),
        ("Norland?", "In Norland, flags are green."),
    ],
)
def test_a_word_or_two_are_no_question_unless_they_are_asked(question: str, text: str) -> None:
    wanted = Questions({0: question_key(question)})
    assert wanted.asked_in(text) == set()
    assert wanted.asked_in(f"Well. {question}" if "?" in question else question) == {0}


NAMES = ("Norland", "Visby", "Holm", "Osk", "Tarn")
THINGS = ("flag", "mill", "harbour", "tower", "bridge")
QUALITIES = ("colour", "age", "height", "owner")
BEFORE = ("", "Please, ", "Hello! ", "Good evening. ", "Hi there, ", "Could you tell me: ", "Dear all, hello: ", "Q: ")
FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
AFTER = ("", "?", " ?", ", please?", "!", "? Thank you.", "? Thanks a lot!", " ...")


@settings(max_examples=150)
@given(
    st.sampled_from(NAMES),
    st.sampled_from(THINGS),
    st.sampled_from(QUALITIES),
    st.sampled_from(BEFORE),
    st.sampled_from(AFTER),
    st.booleans(),
    st.sampled_from(FORMS),
    st.randoms(use_true_random=False),
)
def test_every_pair_of_clothes_and_question(
    name: str,
    thing: str,
    quality: str,
    before: str,
    after: str,
    upper: bool,
    form: Literal["NFC", "NFD", "NFKC", "NFKD"],
    rng: Random,
) -> None:
    """Of all questions of the kind, exactly the one that is dressed is found."""
    pairs = [(n, t, q) for n in NAMES for t in THINGS for q in QUALITIES]
    wanted = Questions({number: question_key(f"What is the {t} {q} of {n}?") for number, (n, t, q) in enumerate(pairs)})
    plain = rng.choice([f"what is the {thing} {quality} of {name}", f"{name}'s {thing} {quality}"])
    text = before + "".join(sign + (" " if sign == " " and rng.random() < 0.3 else "") for sign in plain) + after
    text = unicodedata.normalize(form, text.upper() if upper else text)
    found = wanted.asked_in(text)
    assert found == {pairs.index((name, thing, quality))}


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=9))
def test_a_key_is_the_same_as_itself_and_its_rotations(words: list[str]) -> None:
    key = tuple(words)
    assert same_question(key, key)
    if len(set(words)) == len(words) > 2:
        # Two parts that follow each other may change places; around a third they may not.
        assert same_question(key, (*key[1:], key[0]))
        assert not same_question(key, (key[-1], *key[1:-1], key[0]))
