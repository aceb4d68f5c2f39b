"""A closed-book prompt holds no evidence: checked for every prompt before it is sent, by n-grams of content words.

Words are compared as the index's terms are: lower case, stemmed, without function words and punctuation, so that line
breaks, markup and case hide nothing. Retold evidence is not found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from instill.answer.terms import terms
from instill.errors import InstillError
from instill.models.generators.protocol import Message

GRAM = 4
"""Content words in a row that are evidence; evidence of fewer counts as a whole.

So few because nothing else stands in such a prompt: what the question and the instructions say themselves is left out.
"""


class EvidenceInPrompt(InstillError):
    """Evidence stands in a prompt that must be closed-book; what was measured with it would be no memory."""


class ClosedBook:
    """The evidence that may stand in no closed-book prompt, ready to check many.

    Args:
        evidence: the texts, of all facts of a study set at best.
        known: texts that every prompt holds and that were there before any document: instructions.

    Example:
        >>> closed = ClosedBook(["The old oven was built in 1987 by Marta Lindqvist."])
        >>> question = "When was the old oven built?"
        >>> closed.check([{"role": "user", "content": question}], question)
        >>> closed.check([{"role": "user", "content": f"Think of an oven. {question}"}], question)
        >>> leak = "The *old oven* was built\\n in 1987, by Marta Lindqvist!"
        >>> closed.check([{"role": "user", "content": f"{leak} {question}"}], question)
        Traceback (most recent call last):
        instill.study.closed_book.EvidenceInPrompt: A closed-book prompt holds evidence. (old oven built 1987) This is an error of the arm: nothing that it said counts as memory.
    """  # noqa: E501 - the error as it is printed

    def __init__(self, evidence: Iterable[str], known: Sequence[str] = ()) -> None:
        self._known = tuple(known)
        self._grams: defaultdict[int, set[tuple[str, ...]]] = defaultdict(set)
        for text in evidence:
            found = terms(text) or terms(text, keep_stop=True)
            length = min(GRAM, len(found))
            self._grams[length].update(_grams(found, length))
        self._grams.pop(0, None)

    def check(self, messages: Sequence[Message], question: str) -> None:
        """See that no evidence stands in the messages but what the question says itself.

        Raises:
            EvidenceInPrompt: some does.
        """
        asked = _texts([question, *self._known])
        for said in _texts(message["content"] for message in messages):
            for length, forbidden in self._grams.items():
                own = {gram for words in asked for gram in _grams(words, length)}
                for gram in _grams(said, length):
                    if gram in forbidden and gram not in own:
                        raise EvidenceInPrompt(
                            "A closed-book prompt holds evidence.",
                            where=" ".join(gram),
                            remedy="This is an error of the arm: nothing that it said counts as memory.",
                        )


def _texts(texts: Iterable[str]) -> list[list[str]]:
    """Each with and without function words: evidence may consist of such words only."""
    return [words for text in texts for words in (terms(text), terms(text, keep_stop=True)) if words]


def _grams(words: Sequence[str], length: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + length]) for start in range(len(words) - length + 1)] if length else []
