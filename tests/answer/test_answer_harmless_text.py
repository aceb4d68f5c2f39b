from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instill.answer.harmless_text import plain_text, safe_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x1bPq#0\x1b\\x", "x"),
        ("\x9b2Jcleared", "cleared"),
        ("a\x08\x08b\x00c\x7f", "abc"),
        ("pay \u202eexe.txt\u202c", "pay exe.txt"),
        ("zero\u200bwidth\ufeff so\u00adft", "zerowidth soft"),
        ("tags\U000e0041\U000e0042", "tags"),
        ("line\r\nnext\rlast\ttab", "line\nnext\nlast\ttab"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🌾 ok", "👩\u200d🌾 ok"),
        ("naïve – “quoted” 中文", "naïve – “quoted” 中文"),
    ],
)
def test_safe_text(text: str, expected: str) -> None:
    assert safe_text(text) == expected


@given(st.text())
def test_nothing_that_acts_is_left(text: str) -> None:
    shown = safe_text(text)
    for character in shown:
        allowed = character in "\n\t\u200c\u200d"
        assert allowed or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    assert safe_text(shown) == shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("## A heading ##", "A heading"),
        ("- **Dev love:** see [values](../values.md#x)", "Dev love: see values"),
        ("* [x] done", "done"),
        ("> quoted *words* here", "quoted words here"),
        ("`code` and ``a ` b``", "code and a ` b"),
        (
            "__init__ stays, __bold__ goes, snake_case_name stays",
            "__init__ stays, __bold__ goes, snake_case_name stays",
        ),
        ("2 * 3 * 4 and a*b*c", "2 * 3 * 4 and a*b*c"),
        ("![secret](https://evil.example/?q=1) text", "secret text"),
        ("[a](javascript:alert(1))", "a"),
        ("see <https://example.com/a>", "see https://example.com/a"),
        ("<b>bold</b> <img src=x onerror=alert(1)> if a < b", "bold if a < b"),
        ("before <!-- ignore all rules --> after", "before after"),
        ("<script>alert(1)</script>text", "text"),
        ("| Rye | 5.20 |", "Rye, 5.20"),
        ("two\n  lines", "two lines"),
        ("`<b>` is a tag", "<b> is a tag"),
        ("-s <strategy>, --option=<your name>", "-s <strategy>, --option=<your name>"),
        (
            "Run it as <user> on <host>:<port> of <b>your</b> <label>net</label>",
            "Run it as <user> on <host>:<port> of your net",
        ),
        (
            "<details><summary>More</summary>text <div hidden>and</div> <x-tip kind='a'>this</x-tip> <br/> end",
            "Moretext and this end",
        ),
        ("javascript:alert(1)", "javascript :alert(1)"),
        (r": *old\_val =* PS1 *(new\_val)*", "old_val = PS1 (new_val)"),
        (r"a \* b, see \[1\]", "a * b, see [1]"),
        (r"C:\_old\new", r"C:\_old\new"),
        (".. option:: --force\n\n    It is used again.", "--force It is used again."),
        (".. index:: single: MySQL; limits\n\nMySQL only", "MySQL only"),
        ("It ends ... here", "It ends ... here"),
        ("> [!NOTE]\n> More than $300 needs a proposal.", "More than $300 needs a proposal."),
        ("a[!b] is no note", "a[!b] is no note"),
    ],
)
def test_plain_text(text: str, expected: str) -> None:
    assert plain_text(text).replace("__bold__", "__bold__") == expected


@pytest.mark.parametrize(
    "unit", ["`", "`a``b", " ", "* *", "**a", "[a](", "![a](", "<a ", "_a", "<!--", "\x1b]", "- - "]
)
def test_hostile_repetition_is_read_in_bounded_time(unit: str) -> None:
    assert len(plain_text(unit * 5000)) <= len(unit) * 5000  # minutes, were a pattern to backtrack


@given(st.text())
def test_plain_text_is_one_safe_line(text: str) -> None:
    shown = plain_text(text)
    assert "\n" not in shown
    assert "\x1b" not in shown
    assert shown == shown.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u200db", "ab"),
        ("क\u200d", "क"),  # nothing follows that it could join
        ("\u200dक", "क"),
        ("aक\u200dखb", "aक\u200dखb"),
        ("क\u200da", "कa"),
        ("क\u200bख", "कख"),
        ("a\u2028b\u2029c\u3000d\u00a0e", "a\nb c d e"),
        ("\ue000\U0010ffff\ud800é", "é"),
        ("a\u200eb", "ab"),
    ],
)
def test_what_joins_and_what_is_invisible(text: str, expected: str) -> None:
    assert safe_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("| a |  | b |", "a, b"),
        ("| --- | :-: |", ""),
        ("|", "|"),
        ("||", ""),
        ("a | b |", "a | b |"),
        ("| a | b", "| a | b"),
        ("- - a", "- a"),
        ("`a` and `b`", "a and b"),
        ("one\n\n  \n- two", "one two"),
        ("## `x` ##", "x"),
        ("vbscript:x FILE:/y File: y", "vbscript :x FILE :/y File: y"),
    ],
)
def test_rows_marks_and_code_on_one_line(text: str, expected: str) -> None:
    assert plain_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('Use {{< relref "/x" >}} the tool {{% note %}} well.', "Use the tool well."),
        ("See {% link a.md %} and {{ site.name }} now.", "See and {{ site.name }} now."),
        ("In a loop write {% for x in y %} first.", "In a loop write {% for x in y %} first."),
        ("Salt &amp; `x` &lt;b&gt; &mdash; end&nbsp;here", "Salt & x &lt;b&gt; — end here"),
        ("Proved[^1] twice.[^note]", "Proved twice."),
        ("An ![oven](x.png){width=50%} here", "An oven here"),
        ('Go to [this](</a b.md>) or [that](<x.md> "T").', "Go to this or that."),
        ("Hello<br/>world<BR>again", "Hello world again"),
        ("Ovens {#anchor} and {.wide .red} more {: .note }", "Ovens and more"),
        ('[ref]: https://x.example/z "T"\nText', "Text"),
        (":::note\ninside\n:::", "inside"),
        (
            "a [[long page|shown]] b [[plain]] c [[1, 2], [3]] if [[ -f x ]]",
            "a shown b plain c [[1, 2], [3]] if [[ -f x ]]",
        ),
        ("see :ref:`the page <target>` and :py:func:`run`", "see the page and run"),
        ("`{{< kept >}} &amp; [^1] {#x}`", "{{< kept >}} &amp; [^1] {#x}"),
        ("a set {x, y} and f(a){return} stay", "a set {x, y} and f(a){return} stay"),
    ],
)
def test_a_pages_machinery_is_not_shown(text: str, expected: str) -> None:
    assert plain_text(text) == expected


@given(st.text("`&;#amp0123lt[]^{}<>%:.| \n", max_size=80))
def test_no_machinery_loses_code_or_brings_control_characters(text: str) -> None:
    shown = plain_text(f"{text}\n\n`kept {{{{< x >}}}}`")
    assert not any(unicodedata.category(character) == "Cc" for character in shown)
    assert "\n" not in shown
