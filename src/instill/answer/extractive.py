"""An answer without a generator: the best sentences of the best passages, each cited, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from instill.answer.citations import Citer
from instill.answer.confidence import confidence, signs
from instill.answer.display import plain_text
from instill.answer.question import read_question
from instill.answer.ranking import Ranking, rank_sentences
from instill.answer.selection import Span, arrange, choose, choose_list, with_their_lists
from instill.answer.types import Citation, Claim
from instill.encoders.protocol import Encoder
from instill.index.types import Hit

REFUSAL = "The documents do not answer this question."


@dataclass(frozen=True, slots=True)
class Extract:
    """Claims with their confidence and the signs it was computed from.

    No claims when the hits hold no statement; `ranking` is None without hits.
    """

    text: str
    claims: tuple[Claim, ...]
    confidence: float
    ranking: Ranking | None
    signs: Mapping[str, float] = field(default_factory=dict)


def extract(
    question: str, hits: Sequence[Hit], encoder: Encoder, citer: Citer, *, most: int = 4, pool: Sequence[Hit] = ()
) -> Extract:
    """Answer `question` from `hits`, best first.

    Args:
        most: most sentences; a list that answers is quoted whole.
        pool: more hits than are read, for the rarity of the question's terms.
    """
    if not hits:
        return Extract("", (), 0.0, None)
    asked = read_question(question)
    ranking = rank_sentences(asked, hits, encoder, pool=pool)
    rows = choose(ranking, most)
    if not rows:
        return Extract("", (), 0.0, ranking)
    found = signs(asked, ranking, rows)
    spans = choose_list(ranking, citer, asked, encoder) or with_their_lists(arrange(ranking, rows), citer)
    claims = [claim for span in spans for claim in claims_of(span, citer)]
    return Extract(written(claims), tuple(claims), confidence(found) if claims else 0.0, ranking, found)


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
    names = [plain_text(cell) for cell in head.strip().strip("|").split("|")]
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
