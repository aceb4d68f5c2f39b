"""Extractive answers with the real encoder and index."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from instill.answer.types import REFUSAL, UNSURE, UNSURE_FROM, is_refusal
from instill.errors import UsageError
from tests.answer.answer_corpus import Corpus, doc_id


@pytest.mark.parametrize(
    ("question", "cited", "source"),
    [
        ("Who built the stone oven?", "The stone oven was built in 1987 by Marta Lindqvist.", "ovens.md"),
        ("When was the stone oven built?", "1987", "ovens.md"),
        (
            "How many days of paid holiday does a baker have?",
            "Every baker has 31 days of paid holiday a year.",
            "leave.md",
        ),
        ("When is a doctor's note needed?", "from the fourth day of illness", "leave.md"),
        ("Who drives the southern route?", "Ingrid", "delivery.md"),
        ("Why is the oven cleaned on Sundays?", "because no bread is baked on that day", "ovens.md"),
        ("What does a honey cake cost?", "7.50", "prices.md"),
        ("How long do new parents stay at home?", "sixteen weeks", "leave.md"),
    ],
)
def test_answers_with_a_verbatim_citation(company: Corpus, question: str, cited: str, source: str) -> None:
    answer = company.verified(company.answerer().ask(question))
    assert not answer.abstained
    assert any(cited in citation.text and citation.source == source for citation in answer.citations)
    assert 0.5 <= answer.confidence <= 1.0
    assert answer.trace.method == "extractive"


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of Mongolia?", "Who won the 1998 world cup?", "How do I configure a Kubernetes ingress?",
        "What is the boiling point of tungsten?", "Which actor plays the captain in the third film?", "asdf qwer zxcv",
        "Wie hoch ist der Mount Everest?", "????",
    ],
)  # fmt: skip
def test_refuses_what_the_documents_do_not_say(company: Corpus, question: str) -> None:
    answer = company.answerer().ask(question)
    assert answer.abstained
    assert answer.text.startswith(REFUSAL)
    assert answer.claims == ()
    assert answer.trace.candidates  # the nearest passages are shown
    assert answer.confidence < 0.5


def test_a_list_is_answered_whole(company: Corpus) -> None:
    answer = company.verified(company.answerer().ask("What are the core values of Harbour Mills?"))
    lines = answer.claims[0].text.splitlines()
    items = [line.split(":")[0] for line in lines if line.startswith("- ")]
    assert items == ["- Patience", "- Candour", "- Thrift", "- Neighbourliness"]
    assert "We believe in these core values:" in answer.claims[0].text
    assert all(name in answer.citations[0].text for name in ("Patience", "Neighbourliness"))


def test_a_refusal_claims_no_more_than_is_known(company: Corpus) -> None:
    asked = "Who drives the northern route?"
    careful = company.answerer(threshold=0.9999).ask(asked)
    assert (careful.abstained, careful.text) == (True, UNSURE)
    assert careful.confidence >= UNSURE_FROM
    assert careful.nearest
    foreign = company.answerer().ask("Which violin concerto did Brahms dedicate to Joachim?")
    assert foreign.text.startswith(REFUSAL)
    assert all(map(is_refusal, (careful.text, foreign.text)))
    assert not is_refusal(company.answerer().ask(asked).text)


def test_steps_come_in_their_order(company: Corpus) -> None:
    answer = company.verified(company.answerer().ask("What are the steps to clean the oven?"))
    assert [claim.text[:8] for claim in answer.claims if "." in claim.text][:3] == [
        "- 1. Let",
        "- 2. Brus",
        "- 3. Wipe",
    ] or (
        "Let the oven cool" in answer.text and answer.text.index("Let the oven") < answer.text.index("Wipe the stone")
    )


def test_a_table_row_reads_with_the_names_of_its_columns(company: Corpus) -> None:
    answer = company.verified(company.answerer().ask("What is the price of a rye loaf?"))
    (claim,) = [claim for claim in answer.claims if "Rye" in claim.text]
    assert claim.text == "Bread: Rye loaf, Weight: 1000 g, Price: 5.20"
    assert [citation.text for citation in claim.citations] == [
        "| Bread | Weight | Price |", "| Rye loaf | 1000 g | 5.20 |"
    ]  # fmt: skip


def test_two_documents_where_the_question_needs_both(company: Corpus) -> None:
    answer = company.verified(
        company.answerer(threshold=0.0).ask("When do the vans leave the yard and how many loaves does the oven hold?")
    )
    assert {"delivery.md", "ovens.md"} <= {citation.source for citation in answer.citations}


def test_markers_number_the_citations(company: Corpus) -> None:
    answer = company.answerer().ask("Who drives the northern route, and when do the vans leave?")
    for number in range(1, len(answer.citations) + 1):
        assert f"[{number}]" in answer.text
    assert f"[{len(answer.citations) + 1}]" not in answer.text


def test_the_threshold_decides(company: Corpus) -> None:
    question = "Who built the stone oven?"
    assert company.answerer(threshold=1.0).ask(question).abstained
    assert not company.answerer(threshold=0.0).ask("what is the capital of some country").abstained


def test_at_most_as_many_sentences_as_asked_for(company: Corpus) -> None:
    answer = company.answerer(sentences=1).ask("Who built the stone oven?")
    assert len(answer.claims) == 1


def test_the_same_sentence_in_two_documents_is_said_once(tmp_path: Path) -> None:
    text = "# Boat {n}\n\nThe ferry to the island leaves at noon every day.\n"
    corpus = Corpus.of({f"{n}.md": text.format(n=n) for n in range(4)}, tmp_path / "index")
    answer = corpus.verified(corpus.answerer(threshold=0.0).ask("When does the ferry to the island leave?"))
    assert answer.text.count("leaves at noon") == 1


def test_a_list_is_followed_beyond_its_passage(tmp_path: Path) -> None:
    items = "".join(
        f"- **Rule {n}:** in the workshop nobody may ever touch lever number {n} of the great machine without first "
        f"asking the foreman of shift {n}, who keeps the book.\n"
        for n in range(1, 11)
    )
    files = {"rules.md": f"# Workshop\n\nThese are the workshop rules:\n\n{items}\nEnd of rules.\n"}
    corpus = Corpus.of(files, tmp_path / "index")
    stored = corpus.index.passages_of(doc_id("rules.md"))
    assert len(stored) > 1
    answer = corpus.verified(corpus.answerer(threshold=0.0).ask("What are the workshop rules?"))
    assert [f"Rule {n}:" in answer.text for n in range(1, 11)] == [True] * 10


def test_a_sentence_that_points_back_comes_with_the_one_before(tmp_path: Path) -> None:
    files = {"a.md": "# Bridge\n\nThe iron bridge is green. It was designed in 1911 by Klara Weiss of Bremen.\n"}
    corpus = Corpus.of(files, tmp_path / "index")
    answer = corpus.verified(corpus.answerer(threshold=0.0, sentences=1).ask("Who designed the bridge in 1911?"))
    assert answer.claims[0].text == "The iron bridge is green. It was designed in 1911 by Klara Weiss of Bremen."


def test_an_empty_index_refuses(tmp_path: Path) -> None:
    encoder_of = Corpus.of({"a.md": "# A\n\nText.\n"}, tmp_path / "index")
    encoder_of.index.remove([doc_id("a.md")])
    answer = encoder_of.answerer().ask("What is this?")
    assert answer.abstained
    assert answer.trace.candidates == ()


@pytest.mark.parametrize("question", ["", "   ", "\n", "x" * 5000])
def test_no_question_or_too_long(company: Corpus, question: str) -> None:
    with pytest.raises(UsageError):
        company.answerer().ask(question)


def test_timings_name_the_steps(company: Corpus) -> None:
    answer = company.answerer().ask("Who built the stone oven?")
    assert set(answer.timings) == {"rewrite", "search", "extract", "total"}
    assert answer.as_dict()["claims"]


def test_asking_imports_nothing_heavy() -> None:
    code = (
        "import sys\nimport instill.answer.answerer, instill.models.generators\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'pandas', 'markitdown', 'openai'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
