"""Misspelt words: what is mended, what is only asked about, and what is taken as it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill import Workspace
from instill.answer.asked.dictionary import in_dictionary
from instill.answer.asked.spelling import Spelling, spelling
from instill.index.vocabulary import Vocabulary
from tests.answer.answer_corpus import COMPANY

TEXT = (
    "Kestra persistence writes snapshots; the configuration of kestra and its replication need memory. Encryption is "
    "symmetric. The eviction policy, the json module and a video of the kernel are described. Sharding, shards. "
    "Databases are copied by Anderson. Настройка сервера описана здесь. Die Speicherung der Daten. maximise "
)
WORDS = Vocabulary.of([TEXT] * 6)
RARE = Vocabulary.of([TEXT])


def spelt(question: str, vocabulary: Vocabulary = WORDS) -> Spelling:
    return spelling(
        question, [], lambda: vocabulary, {"memory", "policy"}.__contains__, lambda word: in_dictionary(word, question)
    )


@pytest.mark.parametrize(
    ("question", "mended"),
    [
        ("how do I enable persistance in ksetra?", "how do I enable persistence in kestra?"),
        ("What is the Configuraiton of kestra?", "What is the configuration of kestra?"),
        ("databses and evicton", "Databases and eviction"),
        ("memmory, shardding", "memory, Sharding"),
        ("replcation: how?", "replication: how?"),
        ("настрйока сервера", "Настройка сервера"),
        ("wie geht die Speicherrung der Daten?", "wie geht die Speicherung der Daten?"),
        ("How Do I Enable Persistance In Kestra", "How Do I Enable persistence In Kestra"),
        ("persistance and persistance", "persistence and persistence"),
    ],
)
def test_a_slip_is_mended(question: str, mended: str) -> None:
    assert spelt(question).applied(question).lower() == mended.lower()


@pytest.mark.parametrize(
    "question",
    [
        "asymmetric encryption, decryption",  # another beginning is another word
        "the shard, sharded, a snapshot, replications",  # forms of words that are there
        "jsonb, a vimeo link",  # a letter more, or another one in a short word, is often meant
        "minimise maximising",
        "kernels of memory",
        '`persistance` "persistance" --persistance persistance_mode persistance2 /etc/persistance persistance.conf',
        "kestrel",  # a word of the dictionary
        "持続性 永続化",
        "E-1037 3.25 12,5",
    ],
)
def test_what_is_right_or_not_sure_stays_as_it_is(question: str) -> None:
    assert spelt(question).changes == ()


def test_a_name_is_only_asked_about_unless_the_documents_write_it_often_and_it_is_a_slip() -> None:
    assert spelt("When did Andersen leave?").stranger == 'No document holds "Andersen". Did you mean "Anderson"?'
    assert spelt("phone of andersonn", RARE).stranger == 'No document holds "andersonn". Did you mean "Anderson"?'
    assert spelt("phone of Andersonn").changes == (("Andersonn", "Anderson"),)
    assert spelt("Who is Kestrell?").stranger == ""


def test_two_words_that_are_equally_near_are_both_offered() -> None:
    words = Vocabulary.of(["starling starting"])
    found = spelling("starbing", [], lambda: words, lambda _: False, lambda _: False)
    assert found.changes == ()
    assert found.questions == 'Did you mean "starling" or "starting"?'


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*TEXT.split(), "E-1037", "3.25", "max_memory", "--sync", "2021"]), max_size=12))
def test_words_of_the_documents_codes_and_numbers_are_never_changed(parts: list[str]) -> None:
    assert spelt(" ".join(parts)) == Spelling()


@pytest.fixture(scope="module")
def bakery(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("bakery")
    for name, text in COMPANY.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "board.md").write_text("# Board\n\nThe neighbourhood plan: buy the windmillery of Ravnsborg.\n")
    workspace = Workspace.init(folder / "kb")
    workspace.add([folder / name for name in COMPANY], labels="all")
    workspace.add(folder / "board.md", labels="board")
    return workspace


def test_a_misspelt_question_finds_what_the_right_one_finds(bakery: Workspace) -> None:
    right = bakery.ask("Who drives the southern route?")
    wrong = bakery.ask("Who drives the suothern rotue?")
    assert wrong.notices == (
        'Searched for "southern" instead of "suothern".',
        'Searched for "route" instead of "rotue".',
    )
    assert wrong.trace.question == "Who drives the suothern rotue?"
    assert wrong.trace.standalone_question == "Who drives the southern route?"
    assert (wrong.text, wrong.claims, wrong.confidence) == (right.text, right.claims, right.confidence)
    assert "Ingrid" in wrong.text


def test_search_says_what_it_searched_for(bakery: Workspace) -> None:
    right, wrong = bakery.search("southern route"), bakery.search("suothern route")
    assert [hit.doc_id for hit in wrong.hits] == [hit.doc_id for hit in right.hits]
    assert [hit.score for hit in wrong.hits] == [hit.score for hit in right.hits]
    assert wrong.searched == "southern route"
    assert wrong.notices == ('Searched for "southern" instead of "suothern".',)
    assert (right.searched, right.notices) == ("", ())


def test_a_word_of_hidden_documents_changes_nothing(bakery: Workspace) -> None:
    query = "the windmilery of Ravnsbrog"
    assert bakery.search(query).notices
    for labels in (["all"], []):
        hidden = bakery.search(query, labels=labels)
        assert (hidden.searched, hidden.notices) == ("", ())
        answer = bakery.ask(query, labels=labels)
        assert answer.notices == () or "Searched" not in "".join(answer.notices)
        assert "Ravnsborg" not in answer.text
        assert "windmillery" not in answer.text


def test_an_unknown_name_is_refused_and_asked_about(bakery: Workspace) -> None:
    answer = bakery.ask("When did Marta Lindquist build the oven?")
    assert answer.abstained
    assert answer.text.endswith('No document holds "Lindquist". Did you mean "Lindqvist"?')
    assert answer.claims == ()
    assert answer.trace.candidates[0].source.endswith("ovens.md")


def test_clusters_are_searched_by_the_right_word_too(bakery: Workspace) -> None:
    answer = bakery.ask("suothern route", mode="clusters")
    assert answer.notices[0] == 'Searched for "southern" instead of "suothern".'


def test_the_words_on_the_disk_are_found_again_after_reopening(bakery: Workspace) -> None:
    with Workspace.open(Path(bakery.path)) as again:
        assert again.search("suothern route").searched == "southern route"
