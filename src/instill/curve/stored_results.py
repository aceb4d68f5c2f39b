"""The results of a curve on disk, a line each: a run that was stopped is taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from instill.curve.results import Result
from instill.measure.jsonl_journal import Journal, open_journal


class StoredResults:
    """Results in a JSONL file, each on the disk before `add` returns; see `instill.measure.jsonl_journal`.

    Open with `open_results`.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[tuple[int, int], Result] = {}
        for place, line in journal.lines:
            found = _result(line, journal, place)
            self._known[found.size, found.seed] = found

    def get(self, size: int, seed: int) -> Result | None:
        """What was kept for this size and seed, if anything."""
        return self._known.get((size, seed))

    def add(self, result: Result) -> None:
        """Keep a result; it is on the disk afterwards."""
        self._journal.add(
            {"size": result.size, "seed": result.seed, "scores": list(result.scores), "seconds": result.seconds}
        )
        self._known[result.size, result.seed] = result


@contextmanager
def open_results(file: Path, identity: str) -> Iterator[StoredResults]:
    """The results in `file`, which is made if it is not there; no other process can open it meanwhile.

    Raises:
        WorkspaceError: the file is damaged, belongs to something else, or another process has it open.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "results.jsonl"
        >>> with open_results(file, "a") as results:
        ...     results.add(Result(10, 0, (1.0, 0.0)))
        >>> with open_results(file, "a") as results:
        ...     print(results.get(10, 0).mean)
        0.5
    """
    with open_journal(file, identity, noun="a result of a curve", work="measuring this curve") as journal:
        yield StoredResults(journal)


def _result(line: dict[str, Any], journal: Journal, place: str) -> Result:
    try:
        scores = tuple(float(score) for score in line["scores"])
        return Result(int(line["size"]), int(line["seed"]), scores, float(line["seconds"]))
    except (KeyError, TypeError, ValueError) as error:
        raise journal.damaged(place) from error
