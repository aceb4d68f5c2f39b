"""What comes nearest to a question that is refused is shown as answers are; "401(k)" and "401k" are one word."""

from __future__ import annotations

from pathlib import Path

from instill import Workspace
from instill.answer.harmless_text import with_short_addresses
from instill.workspace import AskMode

TRACKED = "https://shop.example.com/desks/oak?ref=" + "sr_1_10_" * 80
DESKS = f"# Desks\n\n- [A stand for a laptop]({TRACKED}) is praised\n- Oak desks are shown at {TRACKED} by the shop\n"
ERRORS = "# Errors\n\nThere are 401 responses that come from the application, and a match of none is an error.\n"
PARTS = {"Kitchen": "Ann", "Roof": "Bob", "Cellar": "Carl", "Stairs": "Dora", "Hall": "Finn"}
MODES: tuple[AskMode, ...] = ("extractive", "clusters")
BENEFITS = "# Benefits\n\n## Savings\n\nOur 401k plan is run by Ada. The company does not match what you pay in.\n"


def test_addresses_are_cut_and_targets_of_links_left_out(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "desks") as opened:
        opened.add_text(DESKS, name="desks.md")
        answer = opened.ask("Is a treadmill desk of the Vorberg company covered?")
    assert answer.abstained
    shown = "\n".join(claim.text for claim in answer.nearest)
    assert f"{TRACKED[:60]}…" in shown
    assert TRACKED[:61] not in shown
    assert "](" not in shown
    assert all(citation.text in DESKS for claim in answer.nearest for citation in claim.citations)


def test_a_short_address_stays() -> None:
    assert with_short_addresses("See https://example.com/desk.") == "See https://example.com/desk."
    assert with_short_addresses(f"See {TRACKED} now") == f"See {TRACKED[:60]}… now"


def test_a_plan_is_found_under_both_of_its_names(tmp_path: Path) -> None:
    with Workspace.init(tmp_path / "plans") as opened:
        opened.add_text(ERRORS, name="errors.md")
        opened.add_text(BENEFITS, name="benefits.md")
        for question in ("Who runs the 401(k) plan?", "Who runs the 401K plan?"):
            answer = opened.ask(question)
            assert not answer.abstained
            assert answer.citations[0].source.endswith("benefits.md")
            assert "run by Ada" in answer.text
            assert answer.trace.candidates[0].source.endswith("benefits.md")


def test_a_refusal_shows_several_places_each_once(tmp_path: Path) -> None:
    parts = [f"## {name}\n\nThe {name.lower()} of the office is looked after by {by}.\n" for name, by in PARTS.items()]
    with Workspace.init(tmp_path / "office") as opened:
        opened.add_text("# Office\n\n" + "\n".join(parts), name="office.md", labels=["staff"])
        opened.add_text("# Garden\n\nThe garden is looked after by Eve.\n", name="garden.md", labels=["staff"])
        opened.add_text("# Pool\n\nThe swimming pool is looked after by Gus.\n", name="pool.md", labels=["board"])
        for mode in MODES:
            refusal = opened.ask("Who looks after the swimming pool in Paris?", mode=mode, labels=["staff"])
            assert refusal.abstained
            places = [(each.doc_id, each.headings) for claim in refusal.nearest for each in claim.citations]
            assert (len(refusal.nearest), len(set(places))) == (4, 4)
            texts = {record.doc_id: opened.index.document_text(record.doc_id) for record in opened.documents()}
            for each in (each for claim in refusal.nearest for each in claim.citations):
                stored = texts[each.doc_id]
                assert stored is not None
                assert stored.text[each.start : each.end] == each.text
        answered = opened.ask("Who looks after the garden?")
        assert (answered.abstained, answered.nearest) == (False, ())
