"""From a subject and a relation to questions, and to the sentence that a document says."""

from __future__ import annotations

from instill.errors import UsageError

PLACE = "{}"
_PLAIN = (
    "What is the {relation} of {subject}?",
    "Name the {relation} of {subject}.",
    "{subject}: what is the {relation}?",
)


def questions_of(subject: str, relation: str) -> tuple[str, ...]:
    """The question that is edited, and others that ask for the same. A relation with `{}` is a question with the
    subject in that place; a plain one is a noun.

    Raises:
        UsageError: one of both is empty.

    Example:
        >>> questions_of("Mara Holm", "employer")[0]
        'What is the employer of Mara Holm?'
        >>> questions_of("Mara Holm", "Who does {} work for?")
        ('Who does Mara Holm work for?',)
    """
    subject, relation = subject.strip(), relation.strip()
    for name, text in (("subject", subject), ("relation", relation)):
        if not text:
            raise UsageError(f"The {name} is empty.", where="instill edit")
    if PLACE in relation:
        return (relation.replace(PLACE, subject),)
    return tuple(each.format(subject=subject, relation=relation) for each in _PLAIN)


def sentence_of(prompt: str, value: str) -> str:
    """One sentence that holds the subject and the value, for a document that says so where none does.

    Example:
        >>> sentence_of("Who does Mara Holm work for?", "Nordlicht")
        'The answer to “Who does Mara Holm work for?” is: Nordlicht.'
    """
    return f"The answer to “{prompt}” is: {value.strip().rstrip('.')}."
