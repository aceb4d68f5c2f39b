"""The words about a model that judges beside the scorer, for page and terminal: heading, sentences, heads of tables."""

from __future__ import annotations

from instill.compare.report.types import ModelJudge
from instill.measure.agreement import Disagreement
from instill.measure.page.plain import shortened
from instill.measure.page.units import score

JUDGE = "A judge beside the scorer"
"""The heading."""

ARMS_HEAD = ("Arm", "Replies", "Right by the scorer", "Right by the judge", "Judge less scorer", "Kappa")
"""Of the page's table of arms."""

ARMS_HEAD_NARROW = ("By arm", "scorer [95%]", "judge [95%]", "kappa")
"""Of the terminal's."""

_SHOWN = 160
"""Characters of a question, a reply and an expected answer in a sentence."""


def judge_notes(judge: ModelJudge) -> list[str]:
    """How far it and the scorer agree."""
    found = judge.agreement
    read = found.replies + found.undecided
    replies = "reply" if read == 1 else "replies"
    said = [f"{judge.name}, the judge, read {read:,} {replies}. Scores and verdict are those of the scorer."]
    if found.same is not None:
        kappa = "is not defined, since all replies are judged alike" if found.kappa is None else score(found.kappa)
        said.append(f"Both agree on {score(found.same)} of the replies; Cohen's kappa {kappa}.")
        stricter = sum(each.outcome.right >= 1 for each in found.disagreements)
        said.append(
            f"Disagreements: {len(found.disagreements):,}; {len(found.disagreements) - stricter:,} right by the judge "
            f"alone, {stricter:,} by the scorer alone."
        )
    if found.undecided:
        said.append(f"Without a verdict: {found.undecided:,}.")
    if judge.own:
        said.append("It is the arms' own generator, which may favour itself.")
    return said


def scorer_and_judge(each: Disagreement) -> tuple[str, str]:
    """What each of the two says of the reply: "right" and "wrong", or "wrong" and "right"."""
    return ("right", "wrong") if each.outcome.right >= 1 else ("wrong", "right")


def disagreement_sentence(each: Disagreement) -> str:
    """One reply that the two judge differently, with long texts cut."""
    row = each.outcome
    texts = (row.question, row.reply, " / ".join(row.expected))
    asked, reply, expected = (shortened(text, _SHOWN) for text in texts)
    judged = scorer_and_judge(each)[1]
    return f'{row.arm}: "{asked}" Reply: "{reply}" Expected: "{expected}" The judge says {judged}.'
