"""Questions that nobody would ask so are not written: what was found by reading those about two sets of documents."""

from __future__ import annotations

from random import Random

import pytest

from instill.study.rules.questions_from_heading import heading_question
from instill.study.rules.questions_from_sentence import drafts


def asked(sentence: str, kind: str) -> list[str]:
    """The questions of a kind that are written about a sentence, with whatever chance."""
    return [draft.question for seed in range(8) for draft in drafts(sentence, Random(seed)) if draft.kind == kind]


def of_heading(heading: str) -> set[str]:
    return {question for seed in range(20) if (question := heading_question(["Guide", heading], Random(seed)))}


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("Homebrew is the easiest way to install the server on a laptop.", "definition"),
        ("Forking is an expensive operation on most systems of this kind.", "definition"),
        ("The Stone Bridge is one of the finest bridges of the region.", "definition"),
        ("Replica migration is the process of moving a replica in order to keep every master covered.", "reason"),
        ("The backup is usually the way of old systems in order to keep every record of theirs.", "reason"),
        ("Keys created during an asynchronous flush will be unaffected by it.", "name"),
        ("Payments made from virtual cards are made by Airbase.", "name"),
    ],
)
def test_no_question_is_made_of_it(sentence: str, kind: str) -> None:
    assert asked(sentence, kind) == []


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("Homebrew is a package manager for laptops of developers.", "definition"),
        ("The nightly backup of the bakery is kept in the cellar in order to survive a fire of the house.", "reason"),
        ("Marta Lindqvist founded the stone bakery of the old village.", "name"),
        ("The payments of the firm are approved by Airbase.", "name"),
    ],
)
def test_a_plain_sentence_is_asked_about(sentence: str, kind: str) -> None:
    assert asked(sentence, kind)


@pytest.mark.parametrize(
    "heading",
    [
        "Omit sensitive information", "Sourcing and Outreach Best Practices", "Handling of strings",
        "Pipelining VS Scripting", "Breaking glass if problems occur", "Restart Okta Verify",
    ],
)  # fmt: skip
def test_no_question_is_made_of_a_heading_that_is_half_an_order(heading: str) -> None:
    assert of_heading(heading) == set()


@pytest.mark.parametrize(
    ("heading", "about"),
    [
        ("Security team", "the security team in Guide"),
        ("The Redis event library", "the Redis event library"),
        ("Kubernetes", "Kubernetes in Guide"),
        ("Blocking commands", "blocking commands in Guide"),
        ("Prerequisites", "prerequisites in Guide"),
    ],
)
def test_a_thing_is_named_as_one_says_it(heading: str, about: str) -> None:
    found = of_heading(heading)
    assert found <= {f"What do I need to know about {about}?", f"Tell me about {about}"}
    assert found


def test_an_instruction_stays_one() -> None:
    assert of_heading("Abbreviating the debugging commands") == {
        f"{opening} abbreviate the debugging commands?" for opening in ("How do I", "How can I", "How do you")
    }
