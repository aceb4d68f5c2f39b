"""What probes of weights found, as a receipt keeps it: numbers, no text."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["before", "after", "after Q4", "after relearning"]

Range = tuple[float, float, float]
"""Mean and 95% interval."""


class Probed(BaseModel):
    """What one state of the weights shows.

    Args:
        recall: share of the questions about what is forgotten that are answered rightly, without any document.
        never: the same for facts that were never taught; after relearning the same questions, to the base that was
            taught the same part, for a part may tell of the rest.
        attack: AUC of a membership attack, rows against rows that were never taught; 0.5 is chance.
        truth_ratio: TOFU's, mean over the facts: how likely false sentences are beside the true one; 1 and more: not
            known.
        forget_quality: p-value that the truth ratios are those of the base, which never saw it.
        extraction: mean extraction strength of the evidence; `extraction_never` of what was never taught.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: State
    recall: Range
    never: Range
    attack: Range
    truth_ratio: float
    forget_quality: float
    extraction: float
    extraction_never: float
