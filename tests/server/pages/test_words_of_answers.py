"""How an answer's passages, tables and figures read on a page."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from instill.common.place_in_words import headings_below
from instill.measure.verdict_in_words import findings
from instill.server.pages.headlines import headline, sentence_of
from instill.server.pages.marked_text import Table, window
from instill.server.pages.rendering import belief, environment, place, plain
from instill.server.pages.text_tables import tables_of

SCORE = {"mean": 0.8333, "low": 0.516, "high": 0.979}


def test_a_refusals_confidence_is_seen_to_lie_below_the_threshold() -> None:
    assert [belief(value, True) for value in (0.4987, 0.49999, 0.0)] == ["0.498", "0.499", "0.000"]
    assert belief(0.4987, False) == "0.50"


def test_a_passage_reads_without_targets_of_links() -> None:
    assert plain("- [A **stand**](https://example.com/x?ref=1) for `a*b`") == "A stand for a*b"


def test_headings_leave_out_the_title_and_keep_the_last() -> None:
    assert headings_below("Leave", "Leave > Parental leave > If you fall ill") == "Parental leave > If you fall ill"
    assert headings_below("Leave", "Leave") == ""
    assert headings_below("", "Leave > Illness") == "Leave > Illness"
    assert headings_below("Leave", "Parental leave > While away > If you fall ill", 30) == "… > If you fall ill"
    assert headings_below("A", "x" * 80, 60) == "x" * 80


def test_a_citation_reads_without_markdown() -> None:
    cited = {"doc_id": "a", "start": 1, "end": 9, "headings": "**Tea** > `brew` _hot_", "page": None, "line": 3}
    told = {**cited, "title": "**Tea** and [cake](x.md)", "source": "/x/tea.md"}
    assert place(told) == "Tea and cake, line 3"
    chip = str(environment().get_template("parts.html").module.chip(told, 1, True, "80 degrees"))  # type: ignore[attr-defined]
    assert "Tea and cake, line 3 · Tea &gt; brew hot" in chip
    assert 'href="/documents/a?start=1&amp;end=9&amp;words=80%20degrees#cited"' in chip
    assert 'data-source="/documents/a/source?start=1&amp;end=9&amp;words=80%20degrees"' in chip


@pytest.mark.parametrize(
    ("short", "text", "shown", "whole"),
    [
        ("80 degrees", "Tea is brewed at 80 degrees.", True, False),
        ("A hotel may cost up to 140 euros a night", "A hotel may cost up to **140 euros** a night.", False, True),
        ("A hotel may cost 140 euros.", "A hotel may cost 140 euros. Ask before you pay more.", False, False),
        ("140", "140 euros a night.", True, False),
        ("", "140 euros a night.", False, False),
    ],
)
def test_what_the_answer_begins_with_is_said_once(short: str, text: str, shown: bool, whole: bool) -> None:
    found = headline({"short": short, "claims": [{"text": text, "citations": []}]})
    assert (found.shown, found.is_first_claim) == (shown, whole)


def test_the_cited_sentence_is_the_one_with_the_words() -> None:
    text = "# Tea\n\nTea is hot. Brew it at **80** degrees. Then wait.\n"
    start, end = sentence_of("80 degrees", text, 7, len(text))
    assert text[start:end] == "Brew it at **80** degrees."
    assert sentence_of("93 degrees", text, 7, 18) == (7, 18)
    assert sentence_of("", text, 7, 18) == (7, 18)


def test_the_headline_stands_in_the_first_citation_that_holds_it() -> None:
    other, right = {"text": "Tea is hot."}, {"text": "Brew at **80** degrees."}
    said: dict[str, Any] = {"short": "80 degrees", "claims": [{"text": "x", "citations": [other, right, right]}]}
    assert headline(said).stands_in is right
    assert headline({**said, "short": ""}).stands_in is None


def test_tables_of_a_text_are_cells_with_their_places() -> None:
    text = "a | b\n\n| Kind | Degrees |\n|:--|--:|\n| Green \\| white | 70 |\n| Black |\n\n```\n| x |\n|---|\n```\n"
    [table] = tables_of(text)
    cells = [[text[start:end] for start, end in row.cells] for row in table.rows]
    assert cells == [["Kind", "Degrees"], ["Green \\| white", "70"], ["Black"]]
    assert table.numbers == (False, True)
    assert text[table.start : table.end].endswith("| Black |\n")


def test_passages_that_begin_in_a_table_are_told_above_its_rows() -> None:
    text = "Tea:\n| Kind | Degrees |\n|---|---|\n| Green | 70 |\n| Black | 95 |\nEnd."
    stored: Any = SimpleNamespace(text=text, headings=[])
    begins: Any = [SimpleNamespace(start=at, ordinal=number) for number, at in enumerate((0, text.index("Green")))]
    green = text.index("Green")
    before, table, after = window(stored, [(green, green + 5)], begins).parts
    assert isinstance(table, Table)
    assert (before.text, after.text) == ("Tea:\n", "End.")  # type: ignore[union-attr]
    assert [row.cut for row in table.rows] == [None, 1, None]
    assert [[[part.text for part in cell if part.marked] for cell in row.cells] for row in table.rows[:2]] == [
        [[], []], [["Green"], []],
    ]  # fmt: skip
    cut = window(stored, start=green).parts[0]
    assert isinstance(cut, Table)
    assert (cut.headed, len(cut.rows)) == (False, 2)


def test_a_verdict_is_said_as_a_person_would() -> None:
    facts = {"need": "facts", "state": "decided", "arm": "retrieval", "questions": 42, "bound": 0.104}
    fresh = {"need": "freshness", "state": "not enough evidence", "arm": None, "questions": 1, "needed": 1204}
    tone = {"need": "tone", "state": "no arm", "arm": None, "questions": 42, "groups": 21, "needed": 0}
    missing = {"need": "refusal", "state": "not measured", "scores": {}}
    needs = [{**each, "scores": {"retrieval": SCORE}} for each in (facts, fresh, tone)]
    found = findings({"needs": [*needs, missing], "rules": {"level": 0.9}})
    assert [(each.about, each.decided) for each in found] == [
        ("Facts", True), ("Changed documents", False), ("The tone", False),
    ]  # fmt: skip
    right = "It is right in 83 of 100 questions, between 52 and 98 with 90% certainty (42 were asked)."
    assert found[0].said == ["Use “retrieval”.", right, "Another way would be right in at most 10 of 100 more."]
    assert found[1].said == [
        "There are too few questions to choose a way to answer.",
        "About 1,204 questions would decide.",
    ]
    grouped = right.replace("asked)", "asked, about 21 facts)")
    assert found[2].said == ["No way to answer is good enough. The best is “retrieval”.", grouped]
    alone = {**needs[0], "bound": None, "standings": [{}]}
    [only] = findings({"needs": [alone, {**alone, "need": "cost"}], "rules": {"level": 0.9}})
    assert only.said == [
        "“retrieval” was the only way to answer that can be recommended: there was none to compare it with.",
        right,
    ]
    assert findings(None) == findings({"needs": ["x"]}) == []


def test_where_nothing_is_said_of_facts_the_reason_is_said() -> None:
    none = {"need": "facts", "state": "not measured", "scores": {}, "left_out": 0}
    some = {**none, "left_out": 4}
    assert [findings({"needs": [each]})[0].said for each in (none, some)] == [
        ["No questions on facts were asked, so nothing is said of them."],
        ["No questions on facts were put to all ways to answer, so nothing is said of them."],
    ]


def test_few_questions_say_nothing() -> None:
    none = {"mean": 0.0, "low": 0.0, "high": 0.842}
    need = {"need": "refusal", "questions": 4, "groups": 2, "bound": 0.1, "scores": {"retrieval": none}}
    few = "4 questions were asked, about 2 facts: too few to say how often it is right. It takes 20."
    alone = {**need, "state": "decided", "arm": "retrieval", "standings": [{}]}
    several = {**alone, "standings": [{}, {}]}
    none_good = {**need, "state": "no arm", "arm": None, "needed": 0}
    found = findings({"needs": [alone, several, none_good]})
    assert [each.said for each in found] == [
        ["“retrieval” was the only way to answer that can be recommended: there was none to compare it with.", few],
        ["Use “retrieval” for now: too few questions were asked.", few],
        [few],
    ]
    assert not any(each.decided for each in found)


def test_marks_of_markdown_are_not_shown_and_the_highlight_stays_exact() -> None:
    text = "## Hot **tea**\nBrew **green tea at 70 degrees**, __Black tea__ at `**95**`; 2**3**4 and __init__ stay.\n"
    stored: Any = SimpleNamespace(text=text, headings=[SimpleNamespace(start=0)])
    for words, seen in (
        ("green tea at 70 degrees", "green tea at 70 degrees"),
        ("**green tea", "green tea"),
        ("tea at 70 degrees**, __Black", "tea at 70 degrees, Black"),
        ("`**95**`; 2**3**4", "`**95**`; 2**3**4"),
    ):
        at = text.index(words)
        parts = window(stored, [(at, at + len(words))]).parts
        assert [part.text for part in parts if part.marked] == [seen]  # type: ignore[union-attr]
        shown = "".join(part.text for part in parts)  # type: ignore[union-attr]
        assert shown == "## Hot tea\nBrew green tea at 70 degrees, Black tea at `**95**`; 2**3**4 and __init__ stay.\n"
    page = environment().from_string('{% from "text.html" import text %}{{ text(window) }}')
    marked = page.render(window=window(stored, [(0, 14)]))
    assert '<span class="h"><mark id="cited"><span class="hash">## </span>Hot tea</mark></span>' in marked
