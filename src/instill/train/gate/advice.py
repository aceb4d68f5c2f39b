"""What to change after a gate has not passed: a sentence for each condition that is not met. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

BRACKETS = "in brackets the interval in which the true value lies with 95% certainty"
"""Of the numbers in what conditions say."""

WORDS = {"passed": "ok", "failed": "failed", "undecided": "not proven yet"}
"""How an outcome is said to people."""

_FAILED = {
    "gain": "Train longer or at a higher rate (recipe: steps or epochs, learning_rate), or add rows like the gate's.",
    "forgetting": "Mix in rows of what it must keep (recipe: [replay]), or train for fewer steps or at a lower rate.",
    "reading": "Add rows that answer from passages, or train for fewer steps or at a lower rate.",
    "abstention": "Add rows of the kind that it gets wrong: questions without an answer, or ones with it.",
    "format": "Add rows that show the format, or train longer. Look at replies: instill models try ID TEXT.",
    "text": "Train for fewer steps or at a lower rate. Look at replies: instill models try ID TEXT.",
    "role": "Add rows with turns like those at which it leaves the role, in longer conversations too.",
    "controls": "Look for rows that give the controls' answers away, or train for fewer steps.",
}

_MORE = {
    "gain": (
        "For a study set they are questions of its gate: instill study make --most N (more facts) or --gate 0.5 (more "
        "wordings of each). Else write more questions with their replies into the file that [gain] names."
    ),
    "controls": (
        "They are questions about facts that no row teaches: instill study make --controls 0.4, or add documents that "
        "are not trained on."
    ),
    "forgetting": (
        "They are conversations that the base answers rightly and that are not trained on, one a line, in the file "
        "that [forgetting] names: take some from the rows of [replay]."
    ),
    "reading": "They are questions with a passage that answers, one a line, in the file that [reading] names.",
    "abstention": (
        "They are questions with a passage, some that it answers and some that it does not, in the file that "
        "[abstention] names."
    ),
    "format": "They are requests as users make them, one a line, in the file that [format] names.",
    "text": "They are requests as users make them, one a line, in the file that [text] names.",
    "role": "They are conversations of the script that [role] names.",
}
"""Where more rows of a section come from."""


def advice(conditions: Iterable[tuple[str, str, int]]) -> list[str]:
    """Sentences, each once.

    Args:
        conditions: name ("forgetting.kl"), outcome ("passed", "failed" or "undecided") and the rows that would decide
            (0: not known).

    Example:
        >>> advice([("role", "undecided", 60), ("text", "passed", 0)])[0][:82]
        'Give [role] of the gate about 60 rows; what it has proves nothing either way. They'
    """
    said: dict[str, None] = {}
    for name, outcome, needed in conditions:
        section = name.partition(".")[0]
        if outcome == "failed":
            said.setdefault(_FAILED.get(section, f"Look at what [{section}] of the gate measures."))
        elif outcome == "undecided":
            rows, more = f"about {needed} rows" if needed else "more rows", _MORE.get(section, "")
            if section == "gain":
                said.setdefault(
                    f"A larger gain is proven by fewer rows. {_FAILED[section]} Or give [gain] of the gate {rows}, "
                    f"which prove a gain as small as this one. {more} Then train again: only the gate is measured anew."
                )
                continue
            said.setdefault(
                f"Give [{section}] of the gate {rows}; what it has proves nothing either way. {more} Then train again: "
                "only the gate is measured anew."
            )
    return list(said)


_NAMES = {
    "gain": "score on what it was trained for",
    "forgetting.accuracy": "score on what the base can do",
    "forgetting.perplexity": "perplexity of what the base can do",
    "forgetting.kl": "divergence from the base, nats per token",
    "reading": "score in reading",
    "abstention.kept": "rightly refused, share",
    "abstention.over_refusal": "wrongly refused, share",
    "format": "replies that break the format, share",
    "text": "replies that are damaged text, share",
    "controls": "score on what was never taught",
    "role": "replies that leave the role, share",
    "training.reward": "mean reward in the last step of the training",
    "training.loss": "loss at the end of the training",
    "training.steps": "steps",
    "training.seconds": "seconds",
}


def measured_name(name: str) -> str:
    """What a number of a candidate's card measures, in words.

    Example:
        >>> measured_name("format"), measured_name("something else")
        ('replies that break the format, share', 'something else')
    """
    return _NAMES.get(name, name)


def scale_text(scale: float) -> str:
    """How much of a change of the weights was tried, in words.

    Example:
        >>> scale_text(1.0), scale_text(0.5), scale_text(0.3)
        ('the whole change', 'half of the change', '0.3 of the change')
    """
    words = {1.0: "the whole change", 0.75: "three quarters of the change", 0.5: "half of the change"}
    return words.get(scale, "a quarter of the change" if scale == 0.25 else f"{scale:g} of the change")
