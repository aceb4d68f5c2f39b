"""What the words of the report mean, for a reader who never saw one."""

from __future__ import annotations

from instill.compare.arms.specification import ORACLE
from instill.compare.report.types import Report
from instill.measure.page.elements import Markup, described, safe, section

_WORDS = {
    "arm": "One way to answer that is compared, such as retrieval (search, then answer from what was found) or a "
    "fine-tuned model.",
    "need": "What is wanted of an arm: facts, facts that have just changed (freshness), a format, a tone, or to refuse "
    "a question that the documents do not answer.",
    "[low, high]": "The range in which the true value lies with 95% confidence. Few questions give a wide range.",
    "closed-book": "A model answers without any document, from its weights alone.",
    ORACLE: "The passage with the answer is handed over, as if search always found it. It shows what is possible, and "
    "is never recommended.",
    "gate": "Questions that are asked as often as one likes. Those of the audit are asked once, at the very end.",
    "tolerance": "A loss that counts as none. Of arms that differ by less, the cheapest is recommended.",
    "held out": "Kept back from training, so that a model cannot have learnt the answers by heart.",
}


def words_section(report: Report) -> Markup:
    """The words that a reader needs."""
    if not report.verdict.needs:
        return Markup("")
    return section("words", "Words", [described((safe(word), safe(said)) for word, said in _WORDS.items())])
