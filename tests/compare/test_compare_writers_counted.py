"""Who wrote the answers: the model, or nobody."""

from __future__ import annotations

from dataclasses import replace

from instill.compare.report.types import Writers
from instill.compare.stored_outcomes import Recorded
from instill.compare.writers_counted import count_writers
from instill.measure.outcomes import Outcome

WRITTEN = Outcome(
    "q1", "retrieval", "f1", "facts", "?", ("a",), "a", "correct", 1.0, 1.0, 1.0, 1.0, 1.0, 0.1, 90, 9, 0.0, "p"
)
UNPROVED = replace(WRITTEN, quoted=True)
UNASKED = replace(UNPROVED, tokens_in=0, tokens_out=0)
REFUSED = replace(UNASKED, kind="abstained", right=0.0)


def test_every_answer_counts_once() -> None:
    rows = [WRITTEN, UNPROVED, UNPROVED, UNASKED, UNASKED, UNASKED, REFUSED]
    failed = Recorded(replace(WRITTEN, reply="", kind="wrong", right=0.0), error="It could not be reached.")
    other = Recorded(replace(UNASKED, arm="retrieval, quoted"))
    found = count_writers([*map(Recorded, rows), failed, other], ["retrieval", "not asked"])
    assert found == [Writers("retrieval", 8, written=1, unproved=2, unasked=3, refused=1, failed=1)]
