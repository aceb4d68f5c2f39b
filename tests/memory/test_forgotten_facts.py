"""The words of forgotten facts are found again wherever they stand, however many facts there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from instill.memory.forgetting.forgotten_facts import ForgottenFact, hash_of_words, places_of_facts


def fact_of(evidence: str) -> ForgottenFact:
    words, hashed = hash_of_words(evidence)
    return ForgottenFact(fact_id="f1", day="2026-11-30", doc_id="d1", source="", words=words, hash=hashed)


def test_each_fact_is_found_by_its_words() -> None:
    text = "Tea: **Green tea**\nis hot. Milk is cold, and green tea is hot; GREEN TEA IS HOT green tea is hot."
    hot, cold, gone = places_of_facts([fact_of("Green tea is hot."), fact_of("milk is cold"), fact_of("a b")], text)
    assert [text[start:end] for start, end in hot] == [
        "Green tea**\nis hot", "green tea is hot", "GREEN TEA IS HOT", "green tea is hot",
    ]  # fmt: skip
    assert [text[start:end] for start, end in cold] == ["Milk is cold"]
    assert gone == []
    assert places_of_facts([fact_of("...")], text) == [[]]


@given(
    st.lists(st.sampled_from(["a", "B", "İx", "ß"]), max_size=12),
    st.lists(st.lists(st.sampled_from(["A", "b", "İX"]), min_size=1, max_size=3), min_size=1, max_size=4),
)
def test_places_are_those_of_a_search_word_by_word(words: list[str], facts: list[list[str]]) -> None:
    text = ", ".join(words)
    lower, offsets = [word.lower() for word in words], [sum(len(each) + 2 for each in words[:n]) for n in range(13)]
    for fact, places in zip(facts, places_of_facts([fact_of(" ".join(each)) for each in facts], text), strict=True):
        wanted, at, expected = [word.lower() for word in fact], 0, []
        while at + len(wanted) <= len(lower):
            if lower[at : at + len(wanted)] == wanted:
                last = at + len(wanted) - 1
                expected.append((offsets[at], offsets[last] + len(words[last])))
                at = last
            at += 1
        assert places == expected
