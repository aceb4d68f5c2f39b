"""What to change after a gate has not passed: a sentence for each condition that is not met. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

BRACKETS = "in brackets the interval in which the true value lies with 95% certainty"
"""Of the numbers in what conditions say."""

WORDS = {"passed": "ok", "failed": "failed", "undecided": "not proven yet", "not checked": "not checked"}
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


_RIGHT = 1 - 1e-9


@dataclass(frozen=True, slots=True)
class Gained:
    """What [gain] measured.

    Args:
        before, after: mean scores of base and candidate, 0 to 1.
        rows: it was measured on; 0: not known.
        at_least: what the gain must exceed.
    """

    before: float
    after: float
    rows: int
    at_least: float = 0.0

    @property
    def has_room(self) -> bool:
        """Whether a candidate that is right on every row would pass; it would gain what the base lacks.

        Example:
            >>> Gained(0.0, 0.1, 20).has_room, Gained(1.0, 1.0, 20).has_room, Gained(0.95, 0.95, 20).has_room
            (True, False, False)
        """
        if not self.rows:
            return self.before + self.at_least < _RIGHT
        from instill.train.gate.decision_rules import gain_outcome, paired

        wrong = round((1 - self.before) * self.rows)
        best = paired([1.0] * wrong + [0.0] * (self.rows - wrong))
        return gain_outcome(best, self.at_least) == "passed"


def _of_gain(outcome: str, rows: str, gained: Gained | None) -> str:
    """Training longer is of use only where something is left to gain."""
    more = _MORE["gain"]
    again = "Then train again: only the gate is measured anew."
    if gained is not None and gained.after >= _RIGHT and gained.before < gained.after:
        return (
            f"The candidate is right on every row of [gain]; training longer gains nothing. Give [gain] of the gate "
            f"{rows}. {more} {again}"
        )
    if gained is not None and gained.before + gained.at_least >= _RIGHT:
        return (
            f"The base scores {gained.before:.3g} on the rows of [gain] already, so there is nothing to gain, however "
            "long it trains. Use the base as it is; or give [gain] rows that the base gets wrong."
        )
    if gained is not None and not gained.has_room:
        return (
            f"The base scores {gained.before:.3g} on the rows of [gain] already: even a candidate that is right on "
            f"every one of them would not be proven better. Training longer does not help; give [gain] rows that the "
            f"base gets wrong, or more of them. {more} {again}"
        )
    if outcome == "failed":
        return _FAILED["gain"]
    return (
        f"A larger gain is proven by fewer rows. {_FAILED['gain']} Or give [gain] of the gate {rows}, "
        f"which prove a gain as small as this one. {more} {again}"
    )


def advice(conditions: Iterable[tuple[str, str, int]], gained: Gained | None = None) -> list[str]:
    """Sentences, each once.

    Args:
        conditions: name ("forgetting.kl"), outcome ("passed", "failed", "undecided" or "not checked") and the rows that
            would decide (0: not known).
        gained: what [gain] measured, if that is known.

    Example:
        >>> advice([("role", "undecided", 60), ("text", "passed", 0)])[0][:82]
        'Give [role] of the gate about 60 rows; what it has proves nothing either way. They'
    """
    said: dict[str, None] = {}
    for name, outcome, needed in conditions:
        section = name.partition(".")[0]
        if section == "gain" and outcome in ("failed", "undecided"):
            said.setdefault(_of_gain(outcome, f"about {needed} rows" if needed else "more rows", gained))
        elif outcome == "failed":
            said.setdefault(_FAILED.get(section, f"Look at what [{section}] of the gate measures."))
        elif outcome == "undecided":
            rows, more = f"about {needed} rows" if needed else "more rows", _MORE.get(section, "")
            said.setdefault(
                f"Give [{section}] of the gate {rows}; what it has proves nothing either way. {more} Then train again: "
                "only the gate is measured anew."
            )
    return list(said)


def gained_of(before: object, after: object, rows: object, limit: object) -> Gained | None:
    """What a card or a verdict says of [gain]; None where a number is missing.

    Example:
        >>> gained_of(0.5, 1.0, 20, 0.0), gained_of(None, 1.0, 20, 0.0)
        (Gained(before=0.5, after=1.0, rows=20, at_least=0.0), None)
    """
    if not isinstance(before, int | float) or not isinstance(after, int | float):
        return None
    least = float(limit) if isinstance(limit, int | float) else 0.0
    return Gained(float(before), float(after), rows if isinstance(rows, int) else 0, least)


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
