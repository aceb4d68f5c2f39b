"""Things that a question names side by side have an answer each, and their amounts do not contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from instill import Workspace
from instill.answer.asked.side_by_side import side_by_side
from instill.answer.found.contradiction import names_apart
from instill.answer.terms import terms

EXPENSES = """# Expenses

## Internet, phone, and wellness benefits

- In the north these benefits are added to your pay.
- In the south they are claimed by form.
- Elsewhere they stand on your invoice.
- Fringe benefit amount (per month):
  - Internet: $50
  - Canteen: $20
  - Phone: $75
  - Wellness: $100
"""
PERKS = """# Perks

- 🌐 Internet - A fixed reimbursement of $50 for internet each month, paid with the wage
- 🧘 Leave - You take leave when you are ill
- 🏖️ Paid time off - You agree with your manager on it
- 🎧 Desk - We set up a desk for you
- 📚 Books - We buy the books that you read
- 🍎 Fruit - On Mondays
"""


@pytest.mark.parametrize(
    ("question", "things"),
    [
        ("How much do I get each month for internet, phone and wellness?", ["internet", "phone", "wellness"]),
        ("What is the learning budget and the book budget?", []),
        ("How long do critical and high bugs take?", ["critical", "high bugs take"]),
        ("Who do I tell, and how early?", []),
        ("How much is a return?", []),
    ],
)
def test_things_side_by_side(question: str, things: list[str]) -> None:
    assert side_by_side(question) == [frozenset(terms(thing)) for thing in things]


def test_all_items_that_are_named_are_shown_and_their_amounts_are_no_conflict(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "perks") as opened:
        opened.add_text(EXPENSES, name="expenses/index.md")
        opened.add_text(PERKS, name="intern/index.md")
        answer = opened.ask("How much do I get each month for internet, phone and wellness?")
        alone = opened.ask("How much do I get each month for wellness?")
    first = [citation.text for citation in answer.claims[0].citations]
    assert first == ["- Fringe benefit amount (per month):", "- Internet: $50", "- Phone: $75", "- Wellness: $100"]
    assert answer.notices == ()
    assert answer.short == ""
    assert [citation.text for citation in alone.claims[0].citations][1:] == ["- Wellness: $100"]


@pytest.mark.parametrize(
    ("documents", "names"),
    [
        ([("Fees", "x/fees.md"), ("Fees", "x/faq.md")], ["fees.md", "faq.md"]),
        ([("Fees", "x/a/index.md"), ("Fees", "x/b/index.md")], ["a/index.md", "b/index.md"]),
        ([("Fees", "x/a/prices.md"), ("Questions", "x/b/prices.md")], ["Fees", "Questions"]),
        ([("Fees", "x/a/prices.md"), ("Fees", "x/b/prices.md")], ["a/prices.md", "b/prices.md"]),
        ([("", "a/c/index.md"), ("", "b/c/index.md")], ["a/c/index.md", "b/c/index.md"]),
        ([("Fees", "index.md"), ("Fees", "index.md")], ["index.md", "index.md"]),
    ],
)
def test_documents_of_one_name_are_told_apart(documents: list[tuple[str, str]], names: list[str]) -> None:
    assert names_apart(documents) == names
