"""What a refusal shows of the documents: the piece that was looked at first, and what else comes near, each of another
place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from instill.answer.asked.kind_of_answer import read_question
from instill.answer.citations import Citer
from instill.answer.found.pieces import open_window, pieces_at
from instill.answer.found.ranking import Ranking
from instill.answer.said.quoted_answer import piece_claims
from instill.answer.types import Claim

MOST_NEAREST = 4
"""Pieces that a refusal shows, to look at."""


def nearest_claims(
    question: str, chosen: Sequence[Claim], ranking: Ranking | None, citer: Citer, *, most: int = MOST_NEAREST
) -> tuple[Claim, ...]:
    """The pieces that were chosen, and then those with the best sentences of other sections and documents.

    Args:
        chosen: what would have been shown, had it been trusted.
        ranking: the sentences of all passages that were read; None where there was none.
        most: pieces in all.
    """
    shown = list(chosen[:most])
    places = {(each.doc_id, each.headings) for claim in shown for each in claim.citations}
    if ranking is None:
        return tuple(shown)
    asked = read_question(question)
    for row in np.argsort(-ranking.scores, kind="stable").tolist():
        if len(shown) >= most:
            break
        unit = ranking.units[row]
        hit = ranking.hits[unit.rank]
        if unit.link or unit.sentence.kind == "heading":
            continue
        window = open_window(hit, citer.text(hit.doc_id), unit.rank)
        pieces = () if window is None else pieces_at(window, hit.start + unit.sentence.start, sections=False)
        claims = [claim for piece in pieces[:1] for claim in piece_claims(piece, citer, asked)]
        spots = {(each.doc_id, each.headings) for claim in claims for each in claim.citations}
        if claims and not spots & places and claims[0].text not in {each.text for each in shown}:
            shown += claims
            places |= spots
    return tuple(shown[:most])
