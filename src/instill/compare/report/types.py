"""What a report is made of, beside the verdict: all that is not given is said to be not measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from instill.curve.advising import Advice
from instill.curve.laws.fitting import Fit
from instill.curve.overfitting import Overfitting
from instill.curve.results import Result
from instill.measure.agreement import Agreement
from instill.measure.outcomes import Outcome, Preparation
from instill.measure.statistics.interval_type import Interval
from instill.measure.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Kept:
    """What an arm kept of a skill that it was not trained for.

    Args:
        skill: "reading", "refusals", "perplexity": a column of the matrix.
        before, after: of the base and of the arm, in the skill's own unit.
        loss: how much worse it became, with its interval; above 0 is worse, whatever the unit.
        allowed: the tolerance for the loss, above 0.
    """

    arm: str
    skill: str
    before: float
    after: float
    loss: Interval
    allowed: float

    @property
    def state(self) -> str:
        """In a word: "lost" is proven and above the tolerance; "kept": a loss above it is ruled out; else "open"."""
        if self.loss.low > 0 and self.loss.mean > self.allowed:
            return "lost"
        return "kept" if self.loss.high <= self.allowed else "open"


@dataclass(frozen=True, slots=True)
class Refresh:
    """How an arm came to answer with a changed document's new fact.

    Args:
        seconds, money: from the change to the first right answer; None: it did not come within the run.
        said: how: "document indexed", "trained again".
    """

    arm: str
    seconds: float | None
    money: float | None
    said: str = ""


@dataclass(frozen=True, slots=True)
class ConflictWins:
    """Which won where documents contradict what an arm's model believes.

    Args:
        questions: how many it believed, and so was asked.
        counts: of them, by "document", "belief", "neither", "abstained"; the same names for all arms.
        document: share of the document with its 95% interval, 0 to 1; None where nothing was asked.
    """

    arm: str
    questions: int
    counts: Mapping[str, int]
    document: Interval | None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DataCurve:
    """A data curve: how the score of `name` grows with the rows."""

    name: str
    fit: Fit
    advice: Advice
    results: Sequence[Result] = ()
    overfitting: Overfitting | None = None


@dataclass(frozen=True, slots=True)
class ExampleMeans:
    """An arm on the examples of a format or a tone.

    Args:
        need: "format" or "tone".
        questions: how many it was asked.
        means: from 0 to 1, by what they are of: the columns of a table, the same for all arms of a need.
    """

    need: str
    arm: str
    questions: int
    means: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class ModelJudge:
    """A model that read the replies beside the scorer.

    Args:
        own: whether it answers in the arms too.
    """

    name: str
    own: bool
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Writers:
    """Who wrote the answers of an arm that answers as `instill ask` does, with a generator.

    Args:
        answers: all of them; the other numbers add up to it.
        written: by the model, and proved from the documents.
        unproved: quoted from the documents, because no sentence of the model could be proved.
        unasked: quoted, and the model was not asked.
        refused: neither: the answer is that the documents do not say it.
        failed: the model gave no answer; these count as wrong.
    """

    arm: str
    answers: int
    written: int
    unproved: int
    unasked: int
    refused: int
    failed: int


@dataclass(frozen=True, slots=True)
class Overhead:
    """What the comparison itself cost, and no arm.

    Args:
        what: "judging".
        seconds, money: in all, over all runs.
    """

    what: str
    seconds: float
    money: float


@dataclass(frozen=True, slots=True)
class Report:
    """All that is shown.

    Args:
        outcomes, preparations: what `verdict` was reached from.
        evidence: title of the document with the evidence, by the id of the item.
        prompts: the text of a logged prompt, by its id; of each arm one is shown.
        causes: why an answer was not right, by (task, item, arm), where that was found out; see `failures`.
        kept: forgetting.
        refreshes: freshness.
        conflicts: who won where documents and model disagree, of the arms that were asked.
        curves: how much data is needed.
        examples: formats and tones beside their scores.
        writers: of the arms that answer as `instill ask` does, with a generator.
        judge: None where nobody read the replies but the scorer.
        overheads: costs of the comparison itself.
        missing: what was not measured, and why; what the verdict says is missing is added.
        commands: that make this report again, a line each.
        about: settings, versions, date, hashes: by name, in this order.
        currency: of all money.
    """

    title: str
    verdict: Verdict
    outcomes: Sequence[Outcome]
    preparations: Sequence[Preparation] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)
    prompts: Mapping[str, str] = field(default_factory=dict)
    causes: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    kept: Sequence[Kept] = ()
    refreshes: Sequence[Refresh] = ()
    conflicts: Sequence[ConflictWins] = ()
    curves: Sequence[DataCurve] = ()
    examples: Sequence[ExampleMeans] = ()
    writers: Sequence[Writers] = ()
    judge: ModelJudge | None = None
    overheads: Sequence[Overhead] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[str] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    currency: str = "USD"

    @property
    def arms(self) -> list[str]:
        """In the order of the outcomes, then of the preparations."""
        return list(dict.fromkeys([row.arm for row in self.outcomes] + [each.arm for each in self.preparations]))
