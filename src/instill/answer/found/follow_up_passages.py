"""A follow-up's passages: from everywhere and from the documents that the conversation is about, and how it is read.

A follow-up may be understood in several ways ("can I write to it?", "can I write to the replica?"). Passages are
searched for under each, in all documents and in those that answered before, which get a head start. The reader reads
them under each; the way under which the best passage answers best is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from instill.answer.asked.conversation import Form, Standalone
from instill.answer.asked.documents_of_conversation import About
from instill.answer.asked.ellipsis import SAID_BESIDE
from instill.answer.reading.findings import DEPTH, RELEVANT_SHARE, SEARCH_SHARE, Findings, read_passages
from instill.answer.reading.reader import Reader
from instill.answer.terms import terms
from instill.index.types import Hit
from instill.measure.z_scores import standardised
from instill.models.encoders.protocol import Encoder, Vectors

WITHIN = 10
"""Passages that are looked for in the documents that answered before."""

HEAD_START = 2.0
"""What a passage of the document that answered last is worth more (logits) where the question points back."""

SAME_SUBJECT = 0.5
"""Share of the head start where the question does not point back by its own words."""

_RANK_SHIFT = 10


class SearchWithin(Protocol):
    """Ranked passages of the documents that a conversation is about, best first, that the caller may see."""

    def __call__(self, query: str, about: About, *, k: int) -> Sequence[Hit]: ...


@dataclass(frozen=True, slots=True)
class Followed:
    """How a follow-up is read: the question, its passages in order, and what the reader found in them.

    `inside`: the best passage stands in a document that the conversation is about.
    """

    form: Form
    hits: Sequence[Hit]
    findings: Findings | None
    inside: bool


def gather(lists: Sequence[Sequence[Hit]]) -> list[Hit]:
    """The passages of all searches, each once, with the sum of its reciprocal ranks as its score; best first."""
    scores: dict[tuple[str, int], float] = {}
    hits: dict[tuple[str, int], Hit] = {}
    for ranked in lists:
        for rank, hit in enumerate(ranked):
            place = (hit.doc_id, hit.ordinal)
            scores[place] = scores.get(place, 0.0) + 1 / (_RANK_SHIFT + rank)
            hits.setdefault(place, hit)
    order = sorted(hits, key=lambda place: -scores[place])
    return [replace(hits[place], score=scores[place]) for place in order]


def follow(
    follow_up: Standalone,
    hits: Sequence[Hit],
    encoder: Encoder,
    vectors_of: Callable[[Sequence[Hit]], Vectors],
    reader: Reader | None,
) -> Followed:
    """Read `hits` under each of the question's forms and take the form under which the best of them answers best.

    Under a vague form only the conversation's documents can answer. The hits' `vector_score` becomes the cosine with
    the form that is taken, the document's title beside it.
    """
    ways = [
        way
        for form in follow_up.forms
        if (way := _under(form, follow_up, hits, encoder, vectors_of, reader)) is not None
    ]
    if not ways:
        return Followed(follow_up.forms[0], [], None, inside=False)
    return max(ways, key=lambda way: way[0])[1]


def shown(follow_up: Standalone, taken: Followed, asked: str) -> str:
    """What was searched for, for a person: with the document's title, where nothing else tells what is meant."""
    plain = terms(SAID_BESIDE.sub("", follow_up.question), keep_stop=True)
    if not taken.inside or plain != terms(asked, keep_stop=True):
        return follow_up.question
    return replace(follow_up.about, name=taken.hits[0].title).with_name(follow_up.question)


def _under(
    form: Form,
    follow_up: Standalone,
    hits: Sequence[Hit],
    encoder: Encoder,
    vectors_of: Callable[[Sequence[Hit]], Vectors],
    reader: Reader | None,
) -> tuple[float, Followed] | None:
    """The passages in their order under one form, with the worth of the best; None where none is admitted."""
    about = follow_up.about
    admitted = _admitted(form, about, hits)
    if not admitted:
        return None
    named = follow_up.points_back and not form.in_context
    asked = encoder.encode_queries([about.with_name(form.question) if named else form.read])[0]
    near = vectors_of(admitted) @ asked
    again = [replace(hit, vector_score=float(cosine)) for hit, cosine in zip(admitted, near, strict=True)]
    if reader is None:
        return 0.0, Followed(form, again, None, inside=form.vague)
    findings = read_passages(form.read, again, reader, depth=DEPTH)
    worth, findings = _led(findings, about, HEAD_START * (1.0 if follow_up.points_back else SAME_SUBJECT))
    first = findings.hits[0]
    inside = about.nearness(first.doc_id, first.title) > 0
    return worth, Followed(form, findings.hits, findings, inside)


def _admitted(form: Form, about: About, hits: Sequence[Hit]) -> Sequence[Hit]:
    """Where an answer is looked for: "why?" is asked of the section that was just cited, "can I write to it?" of the
    document; another document can only answer a question that says what it is about."""
    if not form.vague:
        return hits
    inside = [hit for hit in hits if about.nearness(hit.doc_id, hit.title)]
    said = [hit for hit in inside if about.just_said(hit.doc_id, hit.title, hit.headings)]
    return said if said and form.of_what_was_said else inside


def _led(findings: Findings, about: About, ahead: float) -> tuple[float, Findings]:
    """The findings with the conversation's documents ahead, and what the first passage is worth."""
    count = len(findings.readings)
    read, rest = findings.hits[:count], findings.hits[count:]
    scores = np.array([hit.score for hit in read])
    searched = standardised(scores)
    worth = [
        found.score
        + RELEVANT_SHARE * found.relevant
        + SEARCH_SHARE * own
        + ahead * about.nearness(hit.doc_id, hit.title)
        for hit, found, own in zip(read, findings.readings, searched, strict=True)
    ]
    order = sorted(range(count), key=lambda place: -worth[place])
    hits = (*(read[place] for place in order), *rest)
    return worth[order[0]], Findings(hits, tuple(findings.readings[place] for place in order))
