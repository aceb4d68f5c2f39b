"""The bench of edits reads CounterFact: which records it takes, how it asks, and what follows from a new value."""

from __future__ import annotations

import json
from pathlib import Path

from counterfact import Fact, fact_of, read_facts

RECORD = {"subject": "Ann Lee", "target_new": "Rome", "ground_truth": "Oslo", "prompt": "Ann Lee died in"}


def test_a_record_becomes_what_a_user_would_name() -> None:
    assert fact_of(RECORD) == Fact("Ann Lee", "place of death", "Rome", "Oslo", "Ann Lee died in")
    fact = Fact("Ann Lee", "place of death", "Rome", "Oslo", "Ann Lee died in")
    assert (fact.edit.subject, fact.edit.prompt, fact.edit.value) == (
        "Ann Lee",
        "What is the place of death of Ann Lee?",
        "Rome",
    )
    assert fact.questions[1:] == ("Name the place of death of Ann Lee.", "Ann Lee: what is the place of death?")
    assert fact_of({**RECORD, "prompt": "Ann Lee, the"}) is None


def test_what_follows_is_asked_only_where_it_changes() -> None:
    def follows(relation: str, value: str, true: str) -> tuple[str, tuple[str, ...]] | None:
        return Fact("Ann Lee", relation, value, true, "").consequence

    assert follows("place of birth", "Rome", "Oslo") == ("In which country was Ann Lee born?", ("Italy",))
    assert follows("place of birth", "Leeds", "Oslo") is None
    assert follows("headquarters city", "Boston", "Oslo") == (
        "In which country are the headquarters of Ann Lee?",
        ("United States", "USA", "America"),
    )
    assert follows("place of birth", "Rome", "Milan") is None
    assert follows("place of birth", "Atlantis", "Oslo") is None
    assert follows("place of birth", "Rome", "Atlantis") is None
    assert follows("religion", "Rome", "Oslo") is None


def test_each_subject_is_taken_once_in_an_order_of_the_seed(tmp_path: Path) -> None:
    records = [
        {**RECORD, "subject": f"P{n % 8}", "prompt": f"P{n % 8} died in", "target_new": str(n)} for n in range(16)
    ]
    file = tmp_path / "facts.json"
    file.write_text(json.dumps([*records, {**RECORD, "prompt": "Ann Lee, the"}]))
    found = read_facts(file, 0)
    assert sorted(fact.subject for fact in found) == [f"P{n}" for n in range(8)]
    assert found == read_facts(file, 0)
    assert [fact.subject for fact in found] != [fact.subject for fact in read_facts(file, 1)]
