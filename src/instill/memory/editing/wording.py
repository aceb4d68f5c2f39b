"""From a subject and a relation to questions, and to the sentence that a document says."""

from __future__ import annotations

import re

from instill.errors import UsageError

PLACE = "{}"
_ASKS = re.compile(
    r"(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did)\b(?=\s)", re.IGNORECASE
)
_PLAIN = (
    "What is the {relation} of {subject}?",
    "Name the {relation} of {subject}.",
    "{subject}: what is the {relation}?",
)


def questions_of(subject: str, relation: str) -> tuple[str, ...]:
    """The question that is edited, and others that ask for the same. A relation with `{}` is a question with the
    subject in that place; a plain one is a noun.

    Raises:
        UsageError: one of both is empty, or the relation is no noun and no question with one place for the subject.

    Example:
        >>> questions_of("Mara Holm", "employer")[0]
        'What is the employer of Mara Holm?'
        >>> questions_of("Mara Holm", "Who does {} work for?")
        ('Who does Mara Holm work for?',)
    """
    subject, relation = subject.strip(), relation.strip()
    for name, text in (("subject", subject), ("relation", relation)):
        if not text:
            raise UsageError(
                f"The {name} is empty.",
                where=name,
                remedy='Example: instill edit "Mara Holm" "employer" "Nordlicht" --base micro',
            )
    if "{" in relation or "}" in relation:
        return (placed(relation, subject, "relation"),)
    if relation.endswith("?") or _ASKS.match(relation):
        raise UsageError(
            "A relation that is a question needs {} in the place of the subject.",
            where=relation,
            remedy='Example: "Where was {} born?"; or name a noun: "birthplace"',
        )
    return tuple(each.format(subject=subject, relation=relation) for each in _PLAIN)


def placed(text: str, subject: str, name: str) -> str:
    """A question with the subject in the place of its `{}`.

    Args:
        name: of the argument, for the error.

    Raises:
        UsageError: it has several places, other braces, or no words beside the place.

    Example:
        >>> placed("Who does {} work for?", "Mara Holm", "relation")
        'Who does Mara Holm work for?'
    """
    beside = text.replace(PLACE, " ", 1)
    if PLACE not in text or "{" in beside or "}" in beside:
        raise UsageError(
            f"The {name} has braces that are not one {PLACE}: it stands once, for the subject.",
            where=text,
            remedy='Example: "Where was {} born?"',
        )
    if not re.search(r"\w", beside):
        raise UsageError(
            f"The {name} says nothing beside the subject.", where=text, remedy='Example: "Where was {} born?"'
        )
    return text.replace(PLACE, subject)


def sentence_of(prompt: str, value: str) -> str:
    """One sentence that holds the subject and the value, for a document that says so where none does.

    Example:
        >>> sentence_of("Who does Mara Holm work for?", "Nordlicht")
        'The answer to “Who does Mara Holm work for?” is: Nordlicht.'
    """
    return f"The answer to “{prompt}” is: {value.strip().rstrip('.')}."
