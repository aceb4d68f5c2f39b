"""An answer without a generator: the pieces of the documents that answer, each cited, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from instill.answer.asked.acronyms import asks_for, explains
from instill.answer.asked.compared_things import sides_of
from instill.answer.asked.kind_of_answer import Question, read_question
from instill.answer.asked.language import in_another_language
from instill.answer.asked.must_be_spoken_of import missing_pins, pins_of
from instill.answer.citations import Citer
from instill.answer.found.choose_pieces import choose_pieces
from instill.answer.found.choose_sentences import Span
from instill.answer.found.chosen_piece import Chosen, evidence_of
from instill.answer.found.confidence import confidence, signs
from instill.answer.found.contradiction import contradictions, told_of
from instill.answer.found.minutes_of_a_day import points_of_the_day
from instill.answer.found.other_kinds import kinds_among
from instill.answer.found.pieces import Piece
from instill.answer.found.ranking import Ranking, rank_sentences
from instill.answer.found.record_lookup import look_up, unmeasured
from instill.answer.found.record_query import select_records
from instill.answer.found.records import holds_the_field
from instill.answer.found.version_answer import VersionsTold, told_of_versions
from instill.answer.found.versions import newer_first
from instill.answer.harmless_text import plain_text
from instill.answer.reading.findings import Findings
from instill.answer.reading.reranking import Reads
from instill.answer.said.piece_text import row_with_names, shown
from instill.answer.said.refusal import missing_side, of_another_kind, what_is_missing
from instill.answer.said.short_answer import heading_answer, marked_words, short_answer
from instill.answer.terms import terms
from instill.answer.types import UNCERTAIN_BELOW, Citation, Claim
from instill.index.types import Hit
from instill.models.encoders.protocol import Encoder

SURE = 0.9
"""Confidence of a selection from records that accounts for every word of the question."""

_LOOKED_AT = 5  # passages, for their language


@dataclass(frozen=True, slots=True)
class Extract:
    """Claims with their confidence and the signs it was computed from.

    No claims when the hits hold no statement; `ranking` is None without hits. `short` is the exact answer inside the
    claims' quotes, "" where none is safe to show. `missing` says what the question names and the evidence does not,
    as a sentence, or ""; `notice` says that documents disagree, or is "". `marked` are the words that the reader
    takes for the answer, safe to show alone or not; "" where there is no reader, or many records answer.
    `reason` is what a refusal says where nothing else is missing, as a sentence, or "".
    """

    text: str
    claims: tuple[Claim, ...]
    confidence: float
    ranking: Ranking | None
    signs: Mapping[str, float] = field(default_factory=dict)
    short: str = ""
    missing: str = ""
    notice: str = ""
    marked: str = ""
    reason: str = ""


def extract(
    question: str,
    hits: Sequence[Hit],
    encoder: Encoder,
    citer: Citer,
    *,
    in_context: str = "",
    most: int = 3,
    pool: Sequence[Hit] = (),
    findings: Findings | None = None,
    reader: Reads | None = None,
) -> Extract:
    """Answer `question` from `hits`, best first.

    Args:
        in_context: a follow-up as the reader is given it, or "".
        most: most pieces.
        pool: more hits than are read, for the rarity of the question's terms and the names that they hold.
        findings: what the reader found in them.
        reader: reads each piece by itself.
    """
    if not hits:
        return Extract("", (), 0.0, None)

    def choose_of(rest: str, some: Sequence[Hit]) -> list[Chosen]:
        own = rank_sentences(read_question(rest), some, encoder, document_text=citer.text)
        return choose_pieces(read_question(rest), own, encoder, citer, reader, most=1)

    asked = read_question(question, in_context)
    ranking = rank_sentences(asked, hits, encoder, pool=pool, findings=findings, document_text=citer.text)
    chosen = choose_pieces(asked, ranking, encoder, citer, reader, most=most, findings=findings)
    if not chosen:
        return Extract("", (), 0.0, ranking)
    wide = [*hits, *pool]
    points = points_of_the_day(question, wide, citer.text)
    if points is not None:
        return of_points(points, chosen, ranking, findings, citer, asked)
    told = told_of_versions(question, chosen, wide, citer.text, choose_of)
    if told is not None and told.sure:
        return of_versions(told, chosen, ranking, findings, citer, asked)
    versions: Mapping[str, str]  # By id, how each document dates itself.
    chosen, versions = newer_first(chosen, question, citer.text)
    found_row = look_up(question, chosen, citer.text, wide, differ=versions)
    chosen, versions = found_row.chosen, found_row.versions if found_row.found else versions
    selected = select_records(asked, [each.piece for each in chosen], hits, citer.text, ranking.wanted, pool)
    if found_row.found and selected and (found_row.short or not selected.sure):
        selected = None
    listed = selected.pieces if selected else ()
    if listed:
        claims = [claim for piece in listed for claim in piece_claims(piece, citer, asked, named=True)]
    else:
        claims = [claim for each in chosen for claim in piece_claims(each.piece, citer, asked, versions=versions)]
    missing, share = what_is_missing(question, chosen, [*hits, *pool])
    missing = missing or missing_side(question, [*hits, *pool]) or found_row.lacks
    missing = missing or ("" if listed or found_row.found else unmeasured(question, chosen))
    if not (missing or listed or found_row.found or sides_of(question)):
        missing = of_another_kind(kinds_among(question, hits).other_of(chosen[0].piece))
    if missing and told is not None:
        missing = told.lacking
    codes = [pin for pin in pins_of(question) if pin.kind != "name"]
    exact = bool(codes) and not missing_pins(codes, evidence_of(chosen[0].piece))
    exact = exact or holds_the_field(question, chosen[0].piece)
    short_form = asks_for(question)
    explained = bool(short_form) and explains(chosen[0].piece.text, short_form)
    found = signs(ranking, chosen, findings, missing=share, exact=float(exact))
    belief = confidence(found) if claims else 0.0
    if selected and not listed and not selected.soft:
        return Extract("", tuple(claims), belief, ranking, found, missing=selected.said)
    reason = selected.said if selected and selected.soft else ""
    foreign = in_another_language(question, [hit.text for hit in hits[:_LOOKED_AT]])
    missing, reason = foreign if missing and foreign else missing, reason or foreign
    if found_row.sure or explained or (selected and selected.sure):
        belief, missing = max(belief, SURE), ""
    differ = [] if versions or selected or found_row.found else contradictions(asked, chosen, ranking.wanted)
    short = selected.short if listed and selected else found_row.short
    if not short and not differ and not listed:
        short = heading_answer(asked, chosen[0].piece.headings, chosen[0].piece.text)
        short = short or (short_answer(asked, chosen, findings) if belief >= UNCERTAIN_BELOW else "")
    notice = "The documents differ on this; the newer one comes first." if versions else told_of(differ)
    notice = selected.said if selected and not reason else notice
    marked = "" if listed else marked_words(chosen[0])
    return Extract(written(claims), tuple(claims), belief, ranking, found, short, missing, notice, marked, reason)


def of_points(
    points: Sequence[Chosen],
    chosen: Sequence[Chosen],
    ranking: Ranking,
    findings: Findings | None,
    citer: Citer,
    asked: Question,
) -> Extract:
    """The points of the document of a day, or that none that was found is of it."""
    claims = tuple(claim for each in points or chosen for claim in piece_claims(each.piece, citer, asked))
    found = signs(ranking, chosen, findings, missing=0.0, exact=float(bool(points)))
    if not points:
        return Extract(
            "", claims, confidence(found), ranking, found, missing="No document that was found is of that day."
        )
    return Extract(written(claims), claims, max(confidence(found), SURE), ranking, found)


def of_versions(
    told: VersionsTold,
    chosen: Sequence[Chosen],
    ranking: Ranking,
    findings: Findings | None,
    citer: Citer,
    asked: Question,
) -> Extract:
    """What two versions of a document say, each piece under its document's name."""
    found = signs(ranking, chosen, findings, missing=0.0, exact=0.0)
    belief = max(confidence(found), SURE)
    if not told.pieces:
        near = tuple(claim for each in chosen for claim in piece_claims(each.piece, citer, asked))
        return Extract("", near, belief, ranking, found, missing=told.said)
    claims = [
        Claim(_named(claim.text, told.names[piece.hit.doc_id], listed=told.listed), claim.citations)
        for piece in told.pieces
        for claim in piece_claims(piece, citer, asked, named=told.listed)
    ]
    return Extract(written(claims), tuple(claims), belief, ranking, found, told.short, notice=told.said)


def _named(text: str, name: str, *, listed: bool) -> str:
    """The text of a version under the name of its document.

    Example:
        >>> _named("- Oak: 45 EUR", "List 2025", listed=True), _named("Delivery: 39 EUR.", "List 2026", listed=False)
        ('- List 2025: Oak: 45 EUR', 'List 2026: Delivery: 39 EUR.')
    """
    text = text.removeprefix(f"{name}:").lstrip()
    if listed:
        return f"- {name}: {text.removeprefix('- ')}"
    return f"{name}:\n{text}" if "\n" in text or text.startswith("- ") else f"{name}: {text}"


def piece_claims(
    piece: Piece,
    citer: Citer,
    question: Question,
    *,
    named: bool = False,
    versions: Mapping[str, str] | None = None,
) -> list[Claim]:
    """The piece as one claim with its spans; none when a span fails the check.

    Args:
        named: one of many records: shown as an item behind its name.
        versions: how documents that disagree date themselves, by id; the piece is shown behind it.
    """
    citations = [citer.cite(piece.hit, start, end) for start, end in piece.spans]
    kept = tuple(_under(citation, piece.headings) for citation in citations if citation is not None)
    text = shown(piece)
    if not text or len(kept) != len(citations):
        return []
    if named:
        name = piece.headings.rpartition(" > ")[2].rstrip(":： ") if piece.kind == "section" else ""
        flat = "; ".join(line.removeprefix("- ") for line in text.splitlines() if not line.endswith(":"))
        return [Claim(f"- {name}: {flat}" if name and name not in flat else f"- {flat}", kept)]
    text = under_heading(text, piece.headings, question)
    if versions and piece.hit.doc_id in versions:
        joint = "\n" if text.startswith("- ") else " "
        dated, title = versions[piece.hit.doc_id], piece.hit.title
        text = f"{title if dated in title else f'{title} ({dated})'}:{joint}{text}"
    return [Claim(text, kept)]


def under_heading(text: str, headings: str, question: Question) -> str:
    """The text behind its nearest heading, where the heading says what of the question the text leaves unsaid.

    Example:
        >>> under_heading("Owner: Olav.", "Projects > Project 047", read_question("Who owns project 047?"))
        'Project 047: Owner: Olav.'
        >>> under_heading("A desk.", "Laptops:", read_question("Which laptops?"))
        'Laptops: A desk.'
    """
    last = headings.rpartition(" > ")[2].rstrip(":： ")
    unsaid = set(terms(last)) & set(question.terms) - set(terms(text))
    asked_for = heading_answer(question, headings, text)
    if not last or not (unsaid or asked_for) or last.endswith("?"):
        return text
    return f"{last}:\n{text}" if "\n" in text else f"{last}: {text.removeprefix('- ')}"


def _under(citation: Citation, headings: str) -> Citation:
    return replace(citation, headings=headings) if headings else citation


def claims_of(span: Span, citer: Citer) -> list[Claim]:
    """The span's claim, its introduction cited with it; a list's introduction is a claim of its own."""
    citation = citer.cite(span.hit, span.start, span.end)
    if citation is None:
        return []
    text = _shown(span, citation)
    if span.intro is None:
        return [Claim(text, (citation,))] if text else []
    intro = citer.cite(span.hit, *span.intro)
    if intro is None:
        return [Claim(text, (citation,))]
    if intro.text.lstrip().startswith("|") and citation.text.lstrip().startswith("|"):
        return [Claim(row_with_names(intro.text, citation.text) or text, (intro, citation))]
    if span.listed:
        return [Claim(plain_text(intro.text), (intro,)), Claim(f"- {_bare(text)}", (citation,))]
    return [Claim(f"{plain_text(intro.text)} {text}", (intro, citation))]


def _shown(span: Span, citation: Citation) -> str:
    text = plain_text(citation.text)
    return f"- {_bare(text)}" if span.listed and text else text


def _bare(item: str) -> str:
    return item.removeprefix("- ")


def written(claims: Sequence[Claim]) -> str:
    """The claims as one text; `[n]` is the n-th of the answer's citations. Several lines stand in a paragraph of their
    own."""
    numbers: dict[Citation, int] = {}
    text = ""
    for claim in claims:
        marks = "".join(f"[{numbers.setdefault(citation, len(numbers) + 1)}]" for citation in claim.citations)
        wide = "\n" in claim.text or "\n" in text.rpartition("\n\n")[2]
        listed = claim.text.startswith("- ") and "\n" not in claim.text
        gap = "\n" if listed else "\n\n" if wide else " "
        text += (gap if text else "") + with_marks(claim.text, marks)
    return text


def with_marks(text: str, marks: str) -> str:
    """The marks behind the text, but never behind the end of a block of code, which has to stand alone.

    Example:
        >>> with_marks("Run:\\n```\\nls\\n```", "[1]").splitlines()
        ['Run: [1]', '```', 'ls', '```']
    """
    if not text.endswith("```"):
        return f"{text} {marks}"
    first, line, rest = text.partition("\n")
    return f"{first} {marks}{line}{rest}" if not first.startswith("```") else f"{marks}\n{text}"
