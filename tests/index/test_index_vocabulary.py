"""The words of what a caller sees: exact, near by proven distance, under labels, bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.index.index_for_caller import SeenIndex
from instill.index.vocabulary import Vocabulary, texts_of
from tests.index.index_builders import document, open_index

words = st.text("abcé", min_size=3, max_size=7)


def distance(one: str, other: str) -> int:
    """Optimal string alignment, by its definition."""
    table = [[max(i, j) if not i or not j else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            changed = one[i - 1] != other[j - 1]
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + changed)
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
    return table[-1][-1]


@given(st.lists(words, max_size=12), words, st.integers(1, 2))
def test_near_is_what_the_definition_says(known: list[str], word: str, most: int) -> None:
    plain = {each.replace("é", "e") for each in known}
    found = Vocabulary.of([" ".join(known)]).near(word, most)
    assert {(each.form.replace("é", "e"), far) for each, far in found} == {
        (each, distance(word.replace("é", "e"), each))
        for each in plain
        if distance(word.replace("é", "e"), each) <= most
    }


@pytest.mark.parametrize(
    ("texts", "word", "form", "count", "named"),
    [
        (["Olav met Olav.", "OLAV"], "olav", "Olav", 3, True),
        (["Redis is redis", "Redis"], "REDIS", "redis", 3, False),
        (["Le résumé"], "resume", "résumé", 1, False),
        (["Настройка сети"], "настройка", "Настройка", 1, True),
        (["max_memory=3 a1b2 E-1037"], "memory", "memory", 1, False),
        (["ÅNGSTRÖM ångström"], "angstrom", "ångström", 2, False),
    ],
)
def test_a_word_is_known_in_any_writing(texts: list[str], word: str, form: str, count: int, named: bool) -> None:
    known = Vocabulary.of(texts).get(word)
    assert known is not None
    assert (known.form, known.count, known.named) == (form, count, named)


def test_runs_of_scripts_without_spaces_and_short_words_are_no_words() -> None:
    assert len(Vocabulary.of(["東京都に行く at 3 pm ภาษาไทย 한국어"])) == 0


def test_hidden_passages_have_no_words_and_every_commit_counts(tmp_path: Path) -> None:
    index = open_index(tmp_path / "index")
    index.commit([document(1, ["harbour rules"], labels=["staff"]), document(2, ["secret merger"], labels=["board"])])
    staff = SeenIndex(index, ["staff"])
    assert index.vocabulary().get("merger") is not None
    assert staff.vocabulary().get("merger") is None
    assert staff.vocabulary(["board"]).get("harbour") is None
    assert SeenIndex(index, []).vocabulary().get("harbour") is None
    assert index.vocabulary(where="source like '%2.txt'").get("harbour") is None
    assert staff.vocabulary() is staff.vocabulary()
    index.commit([document(3, ["lighthouse"], labels=["staff"])])
    assert staff.vocabulary().get("lighthouse") is not None
    index.remove([document(1, ["harbour rules"]).document.doc_id])
    assert staff.vocabulary().get("harbour") is None


def test_of_more_words_than_the_bound_evenly_spread_passages_are_read(tmp_path: Path) -> None:
    index = open_index(tmp_path / "index")
    index.commit([document(number, [f"alpha beta gamma delta number{number}"]) for number in range(40)])
    table = index._tables.snapshot()
    rows = texts_of(table, "ordinal >= 0", most=10_000)
    assert len(rows) == 40
    words_in_all = sum(table.search().select(["length"]).limit(None).to_arrow()["length"].to_pylist())
    few = texts_of(table, "ordinal >= 0", most=words_in_all // 4)
    assert len(few) == 10
    assert few == rows[::4]
