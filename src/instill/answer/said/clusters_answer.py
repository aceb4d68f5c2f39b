"""An answer pieced together from many documents: keywords, the clusters of what they hit, the best of each cluster.

For questions whose answer no single passage holds ("what do our customers complain about?"). The pool is wide, the
clusters keep one loud topic from filling the answer, and every piece is cited.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from instill.answer.asked.kind_of_answer import read_question
from instill.answer.citations import Citer
from instill.answer.found.choose_pieces import pieces_of
from instill.answer.found.choose_sentences import MARGIN, arrange, choose
from instill.answer.found.confidence import confidence, signs
from instill.answer.found.ranking import Ranking, rank_sentences
from instill.answer.said.quoted_answer import Extract, claims_of, written
from instill.answer.terms import content_words
from instill.index.clusters import cluster, cluster_terms
from instill.index.types import Hit
from instill.models.encoders.protocol import Encoder, Vectors

POOL = 60
"""Passages that are clustered."""

TOGETHER = 0.5
"""Least average cosine inside a cluster."""

READ = 2
"""Passages read of each cluster."""

PassageVectors = Callable[[Sequence[Hit]], Vectors]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Hits that say similar things, best first, and the words that set them apart from the other clusters."""

    hits: tuple[Hit, ...]
    terms: tuple[str, ...]

    def __str__(self) -> str:
        documents = len({hit.doc_id for hit in self.hits})
        passages = f"{len(self.hits)} passage{'s' * (len(self.hits) != 1)}"
        return f"{', '.join(self.terms)}: {passages} of {documents} document{'s' * (documents != 1)}"


def keywords(question: str) -> str:
    """The query's content words as they are matched, in order.

    Example:
        >>> keywords("What do our customers complain about?")
        'customers complain'
    """
    return " ".join(content_words(question)) or question


def clusters_of(hits: Sequence[Hit], vectors: Vectors) -> list[Cluster]:
    """The clusters of `hits` (best first), ordered by their best hit."""
    groups = cluster(vectors, threshold=TOGETHER)
    texts = [[f"{hits[i].title} {hits[i].headings} {hits[i].text}" for i in group] for group in groups]
    found = []
    for number, group in enumerate(groups):
        others = [text for other, lines in enumerate(texts) if other != number for text in lines]
        found.append(Cluster(tuple(hits[i] for i in group), tuple(cluster_terms(texts[number], others=others))))
    return found


def piece_together(
    question: str, clusters: Sequence[Cluster], encoder: Encoder, citer: Citer, *, most: int, pool: Sequence[Hit] = ()
) -> Extract:
    """The best statement of each of the first `most` clusters that has a good one, in the order of the clusters."""
    read = [hit for group in clusters[:most] for hit in group.hits[:READ]]
    if not read:
        return Extract("", (), 0.0, None)
    asked = read_question(question)
    ranking = rank_sentences(asked, read, encoder, pool=[*read, *pool], document_text=citer.text)
    belonging = [number for number, group in enumerate(clusters[:most]) for _ in group.hits[:READ]]
    rows = _best_of_each(ranking, belonging, most)
    if not rows:
        return Extract("", (), 0.0, ranking)
    belief = confidence(signs(ranking, pieces_of(ranking, rows)))
    claims = [claim for row in rows for span in arrange(ranking, [row]) for claim in claims_of(span, citer)]
    claims = list(dict.fromkeys(claims))
    return Extract(written(claims), tuple(claims), belief if claims else 0.0, ranking)


def _best_of_each(ranking: Ranking, belonging: Sequence[int], most: int) -> list[int]:
    """One row a cluster: its best, when it is within the margin of the best of all and says something new."""
    rows: dict[int, int] = {}
    for row in choose(ranking, len(ranking.units), margin=2 * MARGIN):
        rows.setdefault(belonging[ranking.units[row].rank], row)
    return [rows[number] for number in sorted(rows)][:most]
