"""What a training will cost, before it begins: measured by `instill train --dry-run` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from instill.common.plurals import are, counted
from instill.errors import InstillError
from instill.measure.page.units import duration
from instill.server.errors import Refused
from instill.server.jobs.command_work import parsed
from instill.server.jobs.job_kinds import Train, command_line
from instill.server.service import Owning, Seen

router = APIRouter(prefix="/api", tags=["models"])

_NO_GATE = "The recipe has no gate: what is trained will not be measured, nor promoted by itself."
_one_at_a_time = threading.Lock()
"""Each opens the model and measures steps of its training: two at once would measure each other."""


class TrainingEstimate(BaseModel):
    """What a training would be.

    Args:
        passed: whether it would begin; otherwise `errors` says what has to be changed first.
        steps: of the whole training; None where it is not known.
        seconds: of the whole training and its gate, without reading the model; None: not measured.
        gate_seconds: of its gate at most; it is in `seconds`. None: not measured, or there is no gate.
        memory: bytes at the fullest moment, with the model; None: not measured.
        fits: whether so much memory is free; None: not measured.
        said: all of it for people.
    """

    passed: bool
    rows: int
    steps: int | None
    seconds: float | None
    gate_seconds: float | None
    memory: int | None
    fits: bool | None
    errors: Sequence[str]
    said: str


@router.post("/recipes/estimate")
def estimate(seen: Owning, training: Train) -> TrainingEstimate:
    """How long a training takes and how much memory; takes the arguments of the job `train`, and trains nothing. It
    takes as long as reading the model and a few steps; who closes the connection ends it."""
    words = command_line("train", training.model_dump(), seen.labels, seen.service.folder)
    if not _one_at_a_time.acquire(blocking=False):
        raise Refused(503, "Another training is being estimated.", remedy="Try again in a minute.")
    try:
        return of_dry_run(_dry_run(seen, words))
    finally:
        _one_at_a_time.release()


def _dry_run(seen: Seen, words: Sequence[str]) -> Mapping[str, Any]:
    """What the command prints.

    Raises:
        InstillError: what the command says is wrong.
    """
    process = subprocess.Popen(  # noqa: S603 - our own program, its words are checked
        [sys.executable, "-m", "instill", *words, "--dry-run"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=seen.service.folder,
        env={**os.environ, "NO_COLOR": "1"},
    )
    seen.visit.when_gone(process.kill)
    told, said = process.communicate()
    found = parsed(told)
    if found is not None:
        return found
    problem = next((each["error"] for line in said.splitlines() if (each := parsed(line)) and "error" in each), None)
    if not isinstance(problem, dict):
        raise InstillError("What this training costs could not be measured.", remedy="Look at its recipe.")
    what, where, remedy = (str(problem.get(name, "")) for name in ("what", "where", "remedy"))
    raise Refused(422, what, where=where, remedy=remedy)


def of_dry_run(found: Mapping[str, Any]) -> TrainingEstimate:
    """The estimate in what `instill train --dry-run --json` prints.

    Example:
        >>> cost = {"steps": 120, "seconds": 200.0, "memory": {"peak": 2_500_000_000}, "fits": True, "free": 8e9}
        >>> gate = {"recipe": {"gate": "gate.toml"}, "gate_time": {"replies": 80, "seconds": 100.0}}
        >>> found = {"passed": True, "rows": 60, "findings": [], "estimate": cost} | gate
        >>> of_dry_run(found).said
        'About 5 min: 3 min 20 s for 120 steps over 60 rows, and at most 1 min 40 s for its gate (80 rows asked). It takes up to 2.5 GB of memory; 8 GB are free.'
        >>> of_dry_run(found).seconds
        300.0
        >>> of_dry_run(found | {"recipe": {"gate": ""}, "gate_time": None}).said.partition(" rows. ")[2].partition(" It takes")[0]
        'The recipe has no gate: what is trained will not be measured, nor promoted by itself.'
    """  # noqa: E501 - the sentence as it is shown
    cost = found.get("estimate") or {}
    errors = [str(each.get("what", "")) for each in found.get("findings", ()) if each.get("severity") == "error"]
    memory = cost.get("memory", {}).get("peak")
    training, gate = cost.get("seconds"), (found.get("gate_time") or {}).get("seconds")
    return TrainingEstimate(
        passed=bool(found["passed"]), rows=found["rows"], memory=memory, errors=errors, said=_said(found, cost, errors),
        steps=cost.get("steps"), fits=cost.get("fits"), gate_seconds=gate,
        seconds=None if training is None else training + (gate or 0.0),
    )  # fmt: skip


def _said(found: Mapping[str, Any], cost: Mapping[str, Any], errors: Sequence[str]) -> str:
    rows = counted(found["rows"], "row")
    if errors or not found["passed"]:
        return f"This recipe cannot be trained as it is: {' '.join(errors)}".rstrip(": ")
    is_gated = bool(found.get("recipe", {}).get("gate"))
    if not cost:
        words = f"{rows[0].upper()}{rows[1:]} {are(found['rows'])} trained."
        return f"{words} How long that takes cannot be measured before it begins.{'' if is_gated else f' {_NO_GATE}'}"
    taken, gate = cost.get("seconds"), found.get("gate_time") or {}
    work = f"{counted(cost['steps'], 'step')} over {rows}"
    if taken is None:
        words = f"How long it takes is not known: {work}"
    elif is_gated and gate.get("seconds") is not None:
        in_all, its_own = duration(taken + gate["seconds"]), duration(gate["seconds"])
        asked = f"{counted(gate['replies'], 'row')} asked"
        words = f"About {in_all}: {duration(taken)} for {work}, and at most {its_own} for its gate ({asked})."
    else:
        words = f"About {duration(taken)} for {work}"
    words = words if words.endswith(".") else f"{words}{', then its gate.' if is_gated else f'. {_NO_GATE}'}"
    memory, free = (f"{each / 1e9:.2g} GB" for each in (cost["memory"]["peak"], cost["free"]))
    if cost["fits"]:
        return f"{words} It takes up to {memory} of memory; {free} are free."
    return f"{words} It takes {memory} of memory, and only {free} are free beside the model: it may fail."
