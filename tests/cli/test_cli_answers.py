"""An answer on a terminal: no line is wider than it, code stands as it is, items hang."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.answer.types import Answer, Citation, Claim, Trace
from instill.cli.answers import print_answer, where, wrapped
from tests.cli.test_cli import as_json, instill


@given(st.text("ab c\n-1.", max_size=400))
def test_no_line_is_wider_than_the_terminal_unless_a_word_is(text: str) -> None:
    for line in wrapped(text):
        assert len(line) <= 80 or len(line.split()) == 1


def test_an_items_later_lines_stand_below_its_text() -> None:
    lines = list(wrapped("- " + "word " * 30))
    assert lines[0].startswith("- word")
    assert len(lines) > 1
    assert all(line.startswith("  word") for line in lines[1:])


def cited(**given: object) -> Citation:
    return Citation("d1", "/notes/guide.md", "Guide", 5, 20, "Use this: run it", "Guide > Start", **given)  # type: ignore[arg-type]


def test_a_source_has_a_page_or_a_line() -> None:
    assert where(cited(line=7)) == "guide.md, line 7 · Guide > Start · d1 [5, 20)"
    assert where(cited(page=3)) == "guide.md, p. 3 · Guide > Start · d1 [5, 20)"


def test_code_is_indented_and_never_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    command = "run --with " + "--option " * 20
    text = f"Use this:\n```\n{command.strip()}\n```"
    answer = Answer(text, (Claim(text, (cited(line=7),)),), 0.9, False, Trace("Use?", "Use?", "extractive"))
    print_answer(answer)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Use this: [1]"
    assert lines[1] == "    " + command.strip()
    assert "```" not in lines


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    (folder / "parcels.md").write_text(
        "# Parcels\n\n## Collection\n\nParcels are collected every Tuesday at nine by Joris Vandermeer.\n\n"
        "## Returns\n\nA returned parcel is kept for eleven days in the cellar.\n",
        encoding="utf-8",
    )
    instill("init", ".", cwd=folder)
    instill("add", "parcels.md", cwd=folder)
    return folder


def test_search_and_ask_say_what_a_misspelt_word_was_taken_for(desk: Path) -> None:
    note = 'note: Searched for "collected" instead of "colelcted".'
    assert note in instill("search", "parcels colelcted", cwd=desk).stderr
    assert note in instill("ask", "When are parcels colelcted?", cwd=desk).stderr
    found = as_json("search", "parcels colelcted", cwd=desk)
    assert (found["query"], found["searched"]) == ("parcels colelcted", "parcels collected")
    assert found["notices"] == ['Searched for "collected" instead of "colelcted".']


def test_a_refusal_asks_what_was_meant(desk: Path) -> None:
    done = instill("ask", "When does Joris Vandermeyer come?", "--strict", cwd=desk, code=7)
    assert 'No document holds "Vandermeyer". Did you mean "Vandermeer"?' in " ".join(done.stdout.split())


def test_a_refusal_shows_the_nearest_pieces_and_where_they_stand(desk: Path) -> None:
    question = "Which insurance covers parcel 7741?"
    done = instill("ask", question, "--strict", cwd=desk, code=7)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("The documents do not answer this question.")
    near = lines[lines.index("Nearest:") + 1 :]
    assert near[0].startswith("  parcels.md, line ")
    assert " · Parcels > " in near[0]
    assert any(line.startswith("  ") and "arcel" in line and ".md" not in line for line in near)
    found = as_json("ask", question, cwd=desk)
    assert found["abstained"]
    assert found["claims"] == []
    text = (desk / "parcels.md").read_text(encoding="utf-8")
    for claim in found["nearest"]:
        for citation in claim["citations"]:
            assert citation["source"].endswith("/parcels.md")
            assert citation["headings"].startswith("Parcels")
            assert text.splitlines()[citation["line"] - 1].strip()
            assert citation["text"] in text
    assert 1 <= len(found["nearest"]) <= 4


def test_an_answer_has_no_nearest_pieces(desk: Path) -> None:
    found = as_json("ask", "How long is a returned parcel kept?", cwd=desk)
    assert "eleven days" in found["text"]
    assert found["nearest"] == []


def test_a_long_nearest_piece_is_shown_in_part(capsys: pytest.CaptureFixture[str]) -> None:
    claim = Claim("\n".join(f"- number {n} of a long list of things" for n in range(60)), (cited(line=7),))
    trace = Trace("Use?", "Use?", "extractive")
    print_answer(Answer("The documents do not answer this question.", (), 0.1, True, trace, nearest=(claim,)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["The documents do not answer this question.", "", "Nearest:", f"  {where(cited(line=7))}"]
    assert lines[4] == "  - number 0 of a long list of things"
    assert lines[-1] == "  ..."
    assert sum(map(len, lines[4:])) < 500
