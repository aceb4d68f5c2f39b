"""An answer without a generator: the best sentences of the best passages, each cited, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instill.answer.citations import Citer
from instill.answer.confidence import confidence, signs
from instill.answer.display import plain_text
from instill.answer.findings import Findings
from instill.answer.question import Question, read_question
from instill.answer.ranking import Ranking, rank_sentences
from instill.answer.selection import MARGIN, READER_MARGIN, Span, arrange, choose, choose_list, with_their_lists
from instill.answer.types import Citation, Claim
from instill.encoders.protocol import Encoder
from instill.index.types import Hit

LONGEST_SHORT = 120
"""Longest short answer in characters; what is longer is said by its sentence."""

REFUSAL = "The documents do not answer this question."


@dataclass(frozen=True, slots=True)
class Extract:
    """Claims with their confidence and the signs it was computed from.

    No claims when the hits hold no statement; `ranking` is None without hits. `short` is the exact answer inside the
    claims' quotes, "" when the reader names none or the question asks for more than a phrase.
    """

    text: str
    claims: tuple[Claim, ...]
    confidence: float
    ranking: Ranking | None
    signs: Mapping[str, float] = field(default_factory=dict)
    short: str = ""


def extract(
    question: str,
    hits: Sequence[Hit],
    encoder: Encoder,
    citer: Citer,
    *,
    most: int = 4,
    pool: Sequence[Hit] = (),
    findings: Findings | None = None,
) -> Extract:
    """Answer `question` from `hits`, best first.

    Args:
        most: most sentences; a list that answers is quoted whole.
        pool: more hits than are read, for the rarity of the question's terms.
        findings: what the reader found in them.
    """
    if not hits:
        return Extract("", (), 0.0, None)
    asked = read_question(question)
    ranking = rank_sentences(asked, hits, encoder, pool=pool, findings=findings)
    rows = choose(ranking, most, margin=READER_MARGIN if findings else MARGIN)
    if not rows:
        return Extract("", (), 0.0, ranking)
    found = signs(asked, ranking, rows, findings)
    spans = choose_list(ranking, citer, asked, encoder) or with_their_lists(arrange(ranking, rows), citer)
    claims = [claim for span in spans for claim in claims_of(span, citer)]
    belief = confidence(found) if claims else 0.0
    short = short_answer(asked, claims, findings) if findings and len(spans) <= most else ""
    return Extract(written(claims), tuple(claims), belief, ranking, found, short)


def short_answer(question: Question, claims: Sequence[Claim], findings: Findings) -> str:
    """The words that answer, from the first passage in which the reader finds some inside a quote of the claims."""
    if question.wants_list:
        return ""
    quotes = [citation for claim in claims for citation in claim.citations]
    for rank, found in enumerate(findings.readings):
        hit = findings.hits[rank]
        start, end = hit.start + found.start, hit.start + found.end
        for quote in quotes:
            if quote.doc_id == hit.doc_id and quote.start <= start < end <= quote.end and found.span > 0:
                words = plain_text(hit.text[found.start : found.end])
                return words if len(words) <= LONGEST_SHORT and len(words) < 0.7 * len(quote.text) else ""
    return ""


def claims_of(span: Span, citer: Citer) -> list[Claim]:
    """The span's claim, its introduction cited with it; a list's introduction is a claim of its own."""
    citation = citer.cite(span.hit, span.start, span.end)
    if citation is None:
        return []
    shown = _shown(span, citation)
    if span.intro is None:
        return [Claim(shown, (citation,))] if shown else []
    intro = citer.cite(span.hit, *span.intro)
    if intro is None:
        return [Claim(shown, (citation,))]
    if intro.text.lstrip().startswith("|") and citation.text.lstrip().startswith("|"):
        return [Claim(_row(intro.text, citation.text) or shown, (intro, citation))]
    if span.listed:
        return [Claim(plain_text(intro.text), (intro,)), Claim(f"- {_bare(shown)}", (citation,))]
    return [Claim(f"{plain_text(intro.text)} {shown}", (intro, citation))]


def _shown(span: Span, citation: Citation) -> str:
    shown = plain_text(citation.text)
    return f"- {_bare(shown)}" if span.listed and shown else shown


def _bare(item: str) -> str:
    return item.removeprefix("- ")


def _row(head: str, row: str) -> str:
    """A table row with the names of its columns: "Plan: Team, Price: 10"; "" when they do not match."""
    named = next((line for line in head.split("\n") if any(character.isalnum() for character in line)), "")
    names = [plain_text(cell) for cell in named.strip().strip("|").split("|")]
    cells = [plain_text(cell) for cell in row.strip().strip("|").split("|")]
    if len(names) != len(cells):
        return ""
    return ", ".join(f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=True) if cell)


def written(claims: Sequence[Claim]) -> str:
    """The claims as one text; `[n]` is the n-th of the answer's citations, list items stand on lines of their own."""
    numbers: dict[Citation, int] = {}
    text = ""
    for claim in claims:
        marks = "".join(f"[{numbers.setdefault(citation, len(numbers) + 1)}]" for citation in claim.citations)
        line = f"{claim.text} {marks}"
        breaks = claim.text.startswith("- ") or text.rpartition("\n")[2].startswith("- ")
        text += ("\n" if breaks and text else " " if text else "") + line
    return text
