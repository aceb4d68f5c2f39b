"""What rules have put together is asked only where a person would ask it so."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.study.facts import find_facts
from instill.study.rules.questions_from_heading import heading_question
from instill.study.rules.questions_from_sentence import drafts
from instill.study.rules.reads_well import active_of, reads_well, tail_of
from instill.study.rules.word_forms import base_of_gerund
from instill.study.rules.wordings_of_fact import items_of
from tests.study.documents import stored


def asked(sentence: str) -> list[str]:
    """All full questions about a sentence, of facts and of drafts."""
    found = [item.question for fact in find_facts([stored(sentence, "d", "Page")]).facts for item in items_of(fact)]
    found += [
        each.question for seed in range(4) for each in drafts(sentence, random.Random(seed)) if each.kind != "cloze"
    ]
    return [each for each in dict.fromkeys(found) if each.endswith("?")]


@pytest.mark.parametrize(
    ("sentence", "among", "never"),
    [
        (
            "The stone oven is cleaned every evening by Marta Lindqvist.",
            "Who cleans the stone oven?",
            r"(?i)who cleaned",
        ),
        (
            "Old letters are copied by Ove Nyman for the archive of the town.",
            "Who copies old letters?",
            r"who copied|Old|What are",
        ),
        ("The stone oven was cleaned in 1990 by Marta Lindqvist.", "Who cleaned the stone oven?", "cleans"),
        (
            "Adobe Acrobat was removed in 2021 because the licence was too expensive.",
            "When was Adobe Acrobat removed?",
            r"when was .*because",
        ),
        (
            "The harbour tower was opened in 1902 and is run by the town of Visby.",
            "When was the harbour tower opened?",
            r"when .* (?:and|run)",
        ),
        (
            "The baking school was moved in 1954 after the roof of the mill fell in.",
            "When was the baking school moved?",
            r"when .* (?:after|roof)",
        ),
        ("The winter market was closed until 1990 by the council of Visby.", "", r"(?i)^(?:when|in what year)"),
        ("The search index is written by Redis for every new table.", "", r"(?i)^who (?!or what)|by whom (?!or)"),
        ("Every baker has 31 days of paid holiday a year.", "How many days does Every baker have of paid holiday", ""),
        ("Tracking the yearly spend is the duty of each single teammate in Visby.", "", r"(?i)tracking the"),
        ("Regardless of what schema is used, one fact is sure because it is proved.", "", "Regardless"),
        ("Renaming accounts is a bit tricky on the server of the bakery.", "", r"(?i)renaming accounts\?"),
    ],
)
def test_questions_about_a_sentence(sentence: str, among: str, never: str) -> None:
    found = asked(sentence)
    if among:
        assert any(each.lower().startswith(among.lower().rstrip("?")) for each in found), found
    if never:
        assert not [each for each in found if re.search(never, each)], found


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("Adding a user", "add a user?"),
        ("Connect to the database", "connect to the database?"),
        ("How to request a promotion", "request a promotion?"),
        ("How to request a promotion?", "request a promotion?"),
        ("When to escalate a ticket", "When should I escalate a ticket?"),
        ("Naming your page", "page?"),
        ("Marketing areas of knowledge", "about marketing areas of knowledge"),
        ("When can I expect a response?", "When can I expect a response?"),
        ("How I approach problems", ""),
        ("What I find enjoyable at work", ""),
        ("How I can switch to AOF?", ""),
        ("Validating the request and selectively responding", ""),
        ("June 24, 2022", ""),
        ("Step 4: Publishing", ""),
        ("Create account", ""),
        ("In enum definitions", ""),
        ("What is changing?", ""),
        ("Database migration tooling 🗃️", "database migration tooling?"),
        ("All the places patterns can be used", ""),
        ("Terraform failed to deploy via TFC", ""),
    ],
)
def test_questions_from_a_heading(title: str, wanted: str) -> None:
    for seed in range(6):
        question = heading_question(["Guide", title], random.Random(seed))
        assert question.removesuffix("?").endswith(wanted.removesuffix("?"))
        assert bool(question) == bool(wanted)
        assert "I name your" not in question


@pytest.mark.parametrize(
    ("gerund", "base"),
    [("adding", "add"), ("running", "run"), ("string", "string"), ("passing", "pass"), ("using", "use")],
)
def test_what_is_done_in_its_base_form(gerund: str, base: str) -> None:
    assert base_of_gerund(gerund) == base


@pytest.mark.parametrize(
    ("be", "participle", "active"),
    [("is", "pushed", "pushes"), ("are", "written", "writes"), ("was", "taken", "took"), ("is", "played", "plays")],
)
def test_who_does_what_is_done(be: str, participle: str, active: str) -> None:
    assert active_of(be, participle) == active


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from(
            [
                "of",
                "the",
                "oven",
                "in",
                "Visby",
                "and",
                "is",
                "because",
                "who",
                "by",
                "Marta",
                "new",
                "very",
                "built",
                "to",
            ]
        ),
        max_size=14,
    )
)
def test_a_tail_is_a_beginning_that_ends_in_no_small_word(words: list[str]) -> None:
    tail = tail_of(" ".join(words)).split()
    assert tail == words[: len(tail)]
    assert len(tail) <= 9
    assert not {"because", "who"} & set(tail)
    assert not tail or tail[-1] not in ("of", "the", "in", "and", "is", "by", "very", "to")


@settings(max_examples=150)
@given(st.text("abcdefgh WhoisThe?_(),.", max_size=60))
def test_any_text_is_judged(text: str) -> None:
    assert reads_well(text) in (True, False)
