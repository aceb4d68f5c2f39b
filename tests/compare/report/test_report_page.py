"""The page: complete, in its order, needs nothing else, and hostile text stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instill.compare.report.page import as_html
from instill.compare.report.sections.judge import DISAGREEMENTS
from instill.compare.report.types import Kept, ModelJudge, Report
from instill.measure.agreement import JudgeSaid, agreement
from instill.measure.outcomes import Outcome
from instill.measure.page.pictures import CURVE, DARK, INK, MARK, PAPER
from instill.measure.page.style import DARK_TEXT, LIGHT_TEXT
from instill.measure.verdict import reach_verdict
from tests.compare.report.parsing import Page
from tests.compare.report.sample import outcomes, sample

HOSTILE = (
    "<script>alert(1)</script>",
    "</pre></details></section><img src=x onerror=alert(1)>",
    "<!-- ", "]]>", "</title></style><style>body{display:none}</style>",
    "\" onmouseover=alert(1) x=\"", "' autofocus onfocus=alert(1) '", "&lt;script&gt;&#60;b&#62;",
    "javascript:alert(1)", "\u202egnirts\u2066 \u2069", "a\x00b\x1b[31m\x9bc\ud800", "x" * 5000, "e" + "\u0301" * 500,
    "<svg/onload=alert(1)>", "{{7*7}} ${7*7}", "a\u2028\u2029\v\f\x85b", "</bdi><bdo dir=rtl>", "<plaintext>",
)  # fmt: skip
OUR_ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "nav", "ul", "li", "a", "main",
    "section", "table", "caption", "thead", "tbody", "tr", "th", "td", "div", "span", "strong", "bdi", "details",
    "summary", "pre", "dl", "dt", "dd", "figure", "figcaption", "svg", "desc", "rect", "line", "text", "circle",
    "polygon", "polyline",
}  # fmt: skip
SECTIONS = [
    "needs", "scores", "costs", "examples", "beside", "forgetting", "freshness", "conflicts", "curves", "failures",
    "judge", "prompts", "missing", "commands", "about", "words",
]  # fmt: skip


def written(text: str, *, outside: str = "retrieval") -> str:
    """A small page in which `text` stands everywhere where others' text can stand."""
    rows = [
        replace(row, question=text, expected=(text, text), reply=text)
        for row in outcomes(6)
        if row.arm in ("closed-book", "retrieval")
    ]
    rows = [replace(row, arm=outside if row.arm == "retrieval" else row.arm) for row in rows]
    full = sample()
    report = Report(
        text,
        reach_verdict(rows, []),
        rows,
        evidence={row.item: text for row in rows},
        prompts={row.prompt: text for row in rows},
        kept=[replace(each, skill=text) for each in full.kept[:1]],
        refreshes=[replace(each, said=text) for each in full.refreshes],
        curves=[replace(full.curves[0], name=text)],
        examples=[replace(each, arm=text) for each in full.examples],
        judge=ModelJudge(text, False, agreement(rows, [JudgeSaid(row.right < 1, text) for row in rows])),
        missing={"something": text},
        commands=[text],
        about={"model": text},
    )
    return as_html(report)


@cache
def harmless_shape() -> list[tuple[str, tuple[str, ...]]]:
    """Elements and attributes of the page in which nothing is hostile."""
    return Page(written("harmless")).shape


def test_the_parts_stand_in_their_order() -> None:
    page = Page(as_html(sample()))
    assert [attributes["id"] for tag, attributes in page.elements if tag == "section"] == SECTIONS
    assert page.having("href") == [f"#{name}" for name in SECTIONS]
    assert sample().verdict.said in page.texts["p"][0]
    whole = page.texts["main"][0]
    for need in sample().verdict.needs:
        assert need.said in whole
    for said in (
        "replay rows: fine-tuned 1 min 35 s",
        "in no arm: judging 2 min 5 s, USD 0.34",
        "s kappa 0.83",
    ):
        assert said in whole
    assert page.texts["section"][SECTIONS.index("judge")].count("It names the place.") == DISAGREEMENTS
    assert "0.80 [0.65, 0.95]" in page.texts["section"][SECTIONS.index("examples")]
    for said in ("1,290 times [", "Register, volume", "Answer in a few words", "instill compare", "sha256 3f1c…9a"):
        assert said in whole
    assert "the study set has no questions on tone" in page.texts["section"][SECTIONS.index("missing")]


def test_every_task_has_its_bars() -> None:
    page = Page(as_html(sample()))
    assert len([1 for tag, found in page.elements if tag == "rect" and found.get("class") == "bar"]) == 7 * 5


def test_it_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    content = as_html(sample())
    page = Page(content)
    assert {tag for tag, _ in page.elements} <= OUR_ELEMENTS
    for name in ("src", "srcset", "action", "data", "xlink:href", "ping"):
        assert not page.having(name)
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "url(" not in content
    assert "@import" not in content
    assert re.findall(r"https?://[^\s\"]+", content) == ["http://www.w3.org/2000/svg"] * content.count("<svg ")
    assert "default-src 'none'; style-src 'unsafe-inline'" in page.having("content")


def test_it_can_be_read_aloud() -> None:
    page = Page(as_html(sample()))
    names = [tag for tag, _ in page.elements]
    assert names.count("table") == names.count("caption")
    assert all(found.get("scope") in ("col", "row") for tag, found in page.elements if tag == "th")
    assert all(found.get("role") == "img" and found.get("aria-label") for tag, found in page.elements if tag == "svg")
    for number, tag in enumerate(names):
        if tag == "svg":
            assert names[number + 1] == "title"
    assert len(set(page.having("id"))) == len(page.having("id"))
    assert page.elements[0] == ("html", {"lang": "en"})
    levels = [int(tag[1]) for tag in names if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    content = written(text)
    assert Page(content).shape == harmless_shape()
    assert not Page(content).comments
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", content)
    content.encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_of_arms_stay_text(text: str) -> None:
    content = written("harmless", outside=text)
    page = Page(content)
    assert {tag for tag, _ in page.elements} <= OUR_ELEMENTS
    assert not page.comments
    content.encode()


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1).filter(lambda text: text.strip()) | st.text("<>&\"'/=-! abon", min_size=1).filter(str.strip))
def test_any_text_leaves_the_page_as_it_is(text: str) -> None:
    assert Page(written(text)).shape == harmless_shape()


def test_what_was_written_is_what_is_read() -> None:
    page = Page(written('<b>bold</b> & "quoted"'))
    assert page.texts["h1"] == ['<b>bold</b> & "quoted"']
    assert '<b>bold</b> & "quoted"' in page.texts["bdi"]


def test_long_texts_are_cut_and_it_is_said() -> None:
    assert "… (3,800 more characters)" in written("x" * 5000)


def test_an_empty_comparison_has_a_page() -> None:
    page = Page(as_html(Report("Empty", reach_verdict([], []), [])))
    assert page.texts["p"][0] == "Nothing was measured, so nothing is recommended."


def luminance(colour: str) -> float:
    if colour == "white":
        colour = "#ffffff"
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def blend(over: str, under: str, opacity: float) -> str:
    over, under = (each if each != "white" else "#ffffff" for each in (over, under))
    mixed = (round(int(over[p : p + 2], 16) * opacity + int(under[p : p + 2], 16) * (1 - opacity)) for p in (1, 3, 5))
    return "#" + "".join(f"{each:02x}" for each in mixed)


def test_contrast() -> None:
    for colours in (LIGHT_TEXT, DARK_TEXT):
        for text in ("ink", "soft", "accent"):
            for ground in ("paper", "card"):
                assert contrast(colours[text], colours[ground]) >= 4.5
    for ink, paper, curve, mark in ((INK, PAPER, CURVE, MARK), tuple(DARK[each] for each in (INK, PAPER, CURVE, MARK))):
        for ground in (paper, blend(curve, paper, 0.28), blend(mark, paper, 0.38)):
            assert contrast(ink, ground) >= 4.5
        assert contrast(ink, blend(curve, paper, 0.5)) >= 4.5  # the interval on its bar
        assert contrast(curve, paper) >= 3
        assert contrast(mark, paper) >= 3


def test_a_failure_names_what_was_expected() -> None:
    base = outcomes(1)[0]
    row = replace(
        base, task="facts", kind="wrong", right=0.0, exact=0.0, f1=0.0, reply=" ", expected=("Elm", "Port Elm")
    )
    page = Page(as_html(Report("t", reach_verdict([row], []), [row])))
    assert "Elm / Port Elm" in page.texts["bdi"]
    assert "(nothing)" in page.texts["dd"]


def test_the_state_of_what_was_kept() -> None:
    loss = sample().kept
    assert [each.state for each in loss] == ["lost", "lost", "kept", "open", "kept", "kept", "open", "kept"]
    assert isinstance(loss[0], Kept)
    assert isinstance(sample().outcomes[0], Outcome)
