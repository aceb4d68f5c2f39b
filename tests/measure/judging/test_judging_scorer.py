"""Right answers in all manners of speaking count, hedges and echoes do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.measure.judging.scorer import MOST_OTHER_WORDS, Judged, is_right, judge
from instill.measure.judging.text import normalised

QUESTION = "When was the stone oven built?"
OTHERS = st.lists(st.sampled_from(["beech", "wood", "forty", "loaves", "village", "yard", "1950", "7"]), max_size=60)
PLAIN = st.lists(st.sampled_from(["beech", "wood", "warm", "loaves", "village", "yard"]), max_size=60)
NAMES = st.lists(st.sampled_from(["Marta", "Lindqvist", "old", "harbour"]), min_size=1, max_size=4)
WORDS = st.lists(st.sampled_from(["Marta", "Lindqvist", "1987", "3.5", "old", "harbour"]), min_size=1, max_size=4)


@pytest.mark.parametrize(
    "reply",
    ["1987", " 1987.", "“1987”", "In 1987", "The oven was built in 1987. [1]", "It was 1987, not 1986.", "**1987**",
     "The stone oven was built in 1987 by Marta Lindqvist. It holds forty loaves and is fired with beech wood. [1][2]"],
)  # fmt: skip
def test_a_value_and_a_sentence_are_right(reply: str) -> None:
    found = judge(reply, ["1987"], question=QUESTION)
    assert (found.kind, found.exact, found.right) == ("correct", 1.0, 1.0)


@pytest.mark.parametrize(
    "reply",
    ["", "1986", "19870", "198", "Not 1987", "It was never 1987.", "1986 or 1987", "1987 or 1988", "-1987",
     "It wasn't built in 1987.", " ".join(["1987", *map(str, range(MOST_OTHER_WORDS + 1))])],
)  # fmt: skip
def test_other_values_hedges_and_lists_are_wrong(reply: str) -> None:
    found = judge(reply, ["1987"], question=QUESTION)
    assert (found.kind, found.exact, found.right) == ("wrong", 0.0, 0.0)


def test_saying_the_question_again_is_no_answer() -> None:
    question = "Was the oven built by Marta Lindqvist or by Ove Nyman?"
    assert judge("The oven was built by Marta Lindqvist or by Ove Nyman.", ["Ove Nyman"], question=question).right == 0
    assert judge("Ove Nyman", ["Ove Nyman"], question=question).right == 1


def test_the_nearest_accepted_answer_counts() -> None:
    found = judge("thirty days", ["30 days", "thirty days", "thirty"])
    assert found == Judged("correct", 1.0, 1.0, 1.0, True)
    assert judge("within thirty", ["30 days", "thirty days"]).f1 == 0.5


@pytest.mark.parametrize(
    "reply",
    ["I don't know.", "unknown", "NOT IN THE DOCUMENTS", "The documents do not say.", "Sorry, I do not know that.",
     "The documents do not answer this question."],
)  # fmt: skip
def test_abstaining_is_right_where_there_is_no_answer_and_a_miss_elsewhere(reply: str) -> None:
    assert judge(reply, []) == Judged("abstained", 0.0, 0.0, 1.0, False)
    found = judge(reply, ["1987"], question=QUESTION)
    assert (found.kind, found.right, found.f1) == ("abstained", 0.0, 0.0)


def test_an_abstention_takes_back_an_answer_but_an_accepted_answer_may_read_like_one() -> None:
    assert judge("I don't know, perhaps 1987.", ["1987"], question=QUESTION).kind == "abstained"
    assert judge("Unknown", ["unknown"]).kind == "correct"


def test_what_the_arm_says_of_itself_counts() -> None:
    assert judge("1987", ["1987"], abstained=True).kind == "abstained"
    assert judge("unknown", [], abstained=False) == Judged("wrong", 0.0, 0.0, 0.0, False)


@given(WORDS, OTHERS)
def test_scores_are_within_their_range_and_agree(answer: list[str], reply: list[str]) -> None:
    found = judge(" ".join(reply), [" ".join(answer)], question=QUESTION)
    assert 0 <= found.f1 <= 1
    assert found.exact in (0.0, 1.0)
    assert found.right == found.exact
    assert (found.kind == "correct") == (found.exact == 1)


@given(WORDS)
def test_the_answer_itself_is_right_whatever_its_case_and_marks(answer: list[str]) -> None:
    text = " ".join(answer)
    for reply in (text, text.upper(), f"The  {text} !", f'"{text}." [3]'):
        found = judge(reply, ["something", text])
        assert (found.exact, found.f1) == (1.0, 1.0), reply


@given(NAMES, PLAIN, PLAIN)
def test_a_sentence_counts_up_to_its_bound(answer: list[str], before: list[str], after: list[str]) -> None:
    reply = [*before, *answer, *after]
    others = sum(word not in {*normalised(" ".join(answer))} for word in [*before, *after])
    assert is_right(" ".join(reply), " ".join(answer), QUESTION) == (others <= MOST_OTHER_WORDS)


@given(WORDS, st.text(max_size=80))
def test_nothing_raises_and_adding_an_accepted_answer_never_hurts(answer: list[str], reply: str) -> None:
    one, two = judge(reply, [" ".join(answer)]), judge(reply, [" ".join(answer), reply or "x"])
    assert two.f1 >= one.f1 or two.kind == "abstained"
    assert two.exact >= one.exact


def test_answers_of_marks_alone_are_found_nowhere() -> None:
    assert judge("anything", ["?!"]).right == 0


@pytest.mark.parametrize(
    ("reply", "expected", "question", "kind"),
    [
        # several things, in any order
        ("green, white, red", "red, white and green", "Which colours are on the flag?", "correct"),
        ("The colours are:\n- green\n- red\n- white", "red, white and green", "Which colours?", "correct"),
        ("Bo and Ada", "Ada and Bo", "Who built it?", "correct"),
        ("5 and 3", "3 and 5", "Which rooms are closed?", "correct"),
        ("red and white", "red, white and green", "Which colours?", "wrong"),
        ("green\nwhite\nred\nblue", "red, white and green", "Which colours?", "wrong"),
        ("Cai, Bo and Ada", "Ada and Bo", "Who built it?", "wrong"),
        ("Bo or Ada", "Ada and Bo", "Who built it?", "wrong"),
        ("Bo and Ada did not build it", "Ada and Bo", "Who built it?", "wrong"),
        ("Bo, then Ada", "Ada and Bo", "Who came first and who next?", "wrong"),
        ("Ada\nBo\nCai", "Ada", "Who built it?", "wrong"),
        ("Ada Berg\nSource: Handbook", "Ada Berg", "Who built it?", "correct"),
        ("Sure!\nAda Berg", "Ada Berg", "Who built it?", "correct"),
        ("45 euros\nincluding tax", "45 euros", "What does it cost?", "correct"),
        ("**Answer:** Ada Berg\n**Source:** handbook\n**Page:** 3", "Ada Berg", "Who built it?", "correct"),
        # bounds, in any form
        ("5 at most", "up to 5", "How many guests may stay?", "correct"),
        ("no fewer than 5", "at least 5", "How many guests?", "correct"),
        ("over 5", "more than 5", "How many guests?", "correct"),
        ("at least 18", "18 or older", "How old must one be?", "correct"),
        ("at least 5", "at most 5", "How many guests may stay?", "wrong"),
        ("not more than 5", "more than 5", "How many?", "wrong"),
        ("5", "more than 5", "How many guests?", "wrong"),
        ("It is not at least 5.", "5 or more", "How many?", "wrong"),
        # ranges and times
        ("3-5", "3 to 5", "How many guests?", "correct"),
        ("ten to nine", "8:50", "When?", "correct"),
        ("five to nine", "8:55", "When?", "correct"),
        ("6 in the evening", "18:00", "When does it close?", "correct"),
        ("11 at night", "23:00", "When does it close?", "correct"),
        ("9 in the evening", "9 am", "When does it open?", "wrong"),
        # a share and a count
        ("40", "40%", "What share of the members voted?", "correct"),
        ("40 members", "40%", "What share of the members voted?", "wrong"),
        # the question's own words
        ("Smoking is not allowed.", "no", "Is smoking allowed?", "correct"),
        ("Smoking is allowed.", "no", "Is smoking allowed?", "wrong"),
        ("It is.", "yes", "Is smoking allowed?", "correct"),
        ("No information.", "no", "Is smoking allowed?", "abstained"),
        ("No, it does not say so.", "no", "Is smoking allowed?", "correct"),
        ("Is it allowed?", "yes", "Is smoking allowed?", "wrong"),
        ("There are no lifts.", "0", "How many lifts are there?", "correct"),
        ("None.", "0", "How many lifts are there?", "correct"),
        ("There is no deposit.", "none", "What is the deposit?", "correct"),
        ("There is no deposit.", "250 euros", "What is the deposit?", "wrong"),
        # names of digits, and names turned
        ("3.1", "3.10", "Which version is it?", "wrong"),
        ("It is version 3.10.", "3.10", "Which version is it?", "correct"),
        ("3.1", "3.10", "How long is it?", "correct"),
        ("Berg, Ada", "Ada Berg", "Who built it?", "correct"),
        ("Ada, Berg and Dahl", "Ada Berg", "Who built it?", "wrong"),
        ("0.23 kV", "230 V", "What is the voltage?", "correct"),
        ("As a language model I have no access to that.", "Ada Berg", "Who built it?", "abstained"),
        # not knowing
        ("Hard to say.", "Ines Falk", "Who wrote the report?", "abstained"),
        ("That isn't something I have information about.", "Ines Falk", "Who wrote the report?", "abstained"),
        ("It is hard to say no to such an offer.", "Ines Falk", "Who wrote the report?", "wrong"),
    ],
)
def test_orders_bounds_ranges_and_counts(reply: str, expected: str, question: str, kind: str) -> None:
    assert judge(reply, [expected], question=question).kind == kind
