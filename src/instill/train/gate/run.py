"""The gate run on a candidate, and, where it only forgot too much, how much of it may stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instill.common.progress_watch import Counted, Told, nobody
from instill.errors import UsageError
from instill.train.gate.base_measurements import Kept
from instill.train.gate.conditions.abstention import kept_abstention, over_refusal
from instill.train.gate.conditions.controls import controls
from instill.train.gate.conditions.forgetting import forgetting
from instill.train.gate.conditions.format import ReplySchema, valid_format
from instill.train.gate.conditions.gain import gain
from instill.train.gate.conditions.reading import reading
from instill.train.gate.conditions.role import RoleRows
from instill.train.gate.conditions.text import sound_text
from instill.train.gate.decision_rules import LEVEL, level_of_tries
from instill.train.gate.probes import Probe
from instill.train.gate.reply_samples import Reply, some_of
from instill.train.gate.rows import GateRows, read_gate_rows
from instill.train.gate.rows_needed import too_few_rows
from instill.train.gate.scores_of_rows import question_of
from instill.train.gate.scoring import score
from instill.train.gate.specification import Gate
from instill.train.gate.verdict import Condition, GateVerdict, not_checked
from instill.train.generator.data.findings import Finding
from instill.train.generator.data.rows import Row

SCALES = (0.75, 0.5, 0.25)
"""How much of a candidate is tried, in this order, when all of it forgets too much."""

_KEEPING = ("forgetting", "reading", "abstention")


@dataclass(frozen=True, slots=True)
class Tried:
    """What the gate said of a share of the candidate, from 0 (the base) to 1 (all of it).

    Args:
        replies: a few of what it said, from the worst to the best; none where no row was replied to.
    """

    scale: float
    verdict: GateVerdict
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True, slots=True)
class Interpolated:
    """All that was tried, from the whole candidate down; what passed, if anything, is the last."""

    tried: tuple[Tried, ...]

    @property
    def passed(self) -> bool:
        return self.tried[-1].verdict.passed

    @property
    def chosen(self) -> Tried:
        """What passed; where nothing did, the whole candidate."""
        return self.tried[-1] if self.passed else self.tried[0]


def judge(
    gate: Gate, base_model: Any, candidate_model: Any, tokenizer: Any, *, kept: Kept | None = None
) -> GateVerdict:
    """Hold a candidate against the gate.

    Args:
        base_model: the model that the candidate was made from, as transformers gives it; neither is changed.
        kept: where the base's results are kept for its next candidate.

    Raises:
        UsageError: a file that the gate names cannot be read or does not fit its section; found before any model is
            asked.
    """
    files = _Files(gate, tokenizer)
    base = Probe(base_model, tokenizer, max_tokens=gate.max_tokens, kept=kept)
    return _judged(gate, files, base, Probe(candidate_model, tokenizer, max_tokens=gate.max_tokens))


def with_interpolation(
    gate: Gate,
    open_at: Callable[[float], Any],
    base_model: Any,
    tokenizer: Any,
    *,
    kept: Kept | None = None,
    scales: Sequence[float] = SCALES,
    instructions: str = "",
    told: Told = nobody,
) -> Interpolated:
    """Hold a candidate against the gate, and where it fails only by what it lost, also parts of it.

    Weights between the base's and the candidate's often keep most of what was learned and lose less (Wortsman et al.,
    "Robust fine-tuning of zero-shot models", CVPR 2022). They are tried when every condition that did not pass is
    one of [forgetting], [reading] and [abstention], and one of them failed (more rows would not help); the first
    scale that passes is taken. Several tries on the same rows find one that passes by luck more easily than one try
    does, so the intervals of the parts are wider (`level_of_tries`).

    Args:
        open_at: scale -> the candidate's model at this scale. It is called once a scale, and the model is let go.
        scales: what is tried below 1, largest first.
        instructions: system prompt of the task's own rows, those of [gain], [format] and [controls], that have none.
            What was known before is asked as it was.
        told: how many replies of a file are written, of how many, and whose.

    Raises:
        UsageError: see `judge`.
    """
    files = _Files(gate, tokenizer, instructions)
    base = Probe(base_model, tokenizer, max_tokens=gate.max_tokens, kept=kept, told=_whose(told, "base"))
    tried: list[Tried] = []
    for scale in (1.0, *scales):
        # No name is kept of the model: the next one is opened when it is gone.
        level = LEVEL if scale == 1 else level_of_tries(len(scales))
        whose = "candidate" if scale == 1 else f"candidate at {scale:g}"
        candidate = Probe(open_at(scale), tokenizer, max_tokens=gate.max_tokens, told=_whose(told, whose))
        tried.append(Tried(scale, _judged(gate, files, base, candidate, level), _shown(gate, files, candidate)))
        del candidate
        if tried[-1].verdict.passed or not lost_only(tried[0].verdict):
            break
    return Interpolated(tuple(tried))


def _whose(told: Told, name: str) -> Counted:
    return lambda done, total: told(done, total, f"replies of the {name}")


def rows_of(gate: Gate, tokenizer: Any, instructions: str = "") -> list[Row]:
    """All rows that the gate measures on. What it names is checked, so that no hours of training end in a typo.

    Raises:
        UsageError: see `judge`.
    """
    files = _Files(gate, tokenizer, instructions)
    spoken = [row for script in files.role.scripts for row in script.rows()] if files.role else []
    return [*(row for rows in files.all() for row in rows.rows), *spoken]


def too_few(gate: Gate, tokenizer: Any, instructions: str = "") -> list[Finding]:
    """A warning for each section that has too few rows to pass; see `instill.train.gate.rows_needed`.

    Raises:
        UsageError: see `judge`.
    """
    files = _Files(gate, tokenizer, instructions)
    conversations = len(files.role.scripts) if files.role else 0
    return too_few_rows(gate, {file: files[file] for file in gate.files()}, conversations)


def lost_only(verdict: GateVerdict) -> bool:
    """Whether what was lost is all that keeps it from passing, and at least one loss is proven."""
    missed = [condition for condition in verdict.conditions if condition.missed]
    return all(condition.name.split(".")[0] in _KEEPING for condition in missed) and any(
        condition.outcome == "failed" for condition in missed
    )


class _Files:
    """What the gate names, read and checked before a model is asked."""

    def __init__(self, gate: Gate, tokenizer: Any, instructions: str = "") -> None:
        own = set(gate.own_files())
        self._rows = {
            file: read_gate_rows(file, tokenizer, instructions if file in own else "")
            for file in dict.fromkeys(gate.files())
        }
        self.schema = ReplySchema(gate.format.schema_file) if gate.format else None
        self.role = _role(gate, tokenizer, instructions)
        if gate.gain:
            self[gate.gain.rows].check_scored(gate.scoring_of("gain"), "gain")
        if gate.forgetting and gate.forgetting.accuracy_drop is not None:
            self[gate.forgetting.rows].check_scored(gate.scoring_of("forgetting"), "forgetting")
        if gate.reading:
            self[gate.reading.rows].check_scored(gate.scoring_of("reading"), "reading")
        if gate.controls:
            self[gate.controls.rows].check_scored(gate.scoring_of("controls"), "controls")
        for name in ("abstention", "text"):
            rows = getattr(getattr(gate, name), "rows", None)
            if rows is not None:
                self[rows].check_asking(name)
        if gate.format:
            self[gate.format_rows].check_asking("format")
        if gate.text and not any(len(rows.asking) for rows in self.all()):
            raise UsageError(
                "[text] finds no rows with messages.", where=str(self.all()[0].file), remedy='Give it rows = "..."'
            )

    def __getitem__(self, file: Path) -> GateRows:
        return self._rows[file]

    def all(self) -> list[GateRows]:
        """The rows of every file, once."""
        return list(self._rows.values())


def _role(gate: Gate, tokenizer: Any, instructions: str) -> RoleRows | None:
    if gate.role is None:
        return None
    tone = None if gate.role.tone is None else read_gate_rows(gate.role.tone, tokenizer, instructions)
    if tone is not None:
        tone.check_asking("role")
    return RoleRows(gate.role, instructions, tone)


def _judged(gate: Gate, files: _Files, base: Probe, candidate: Probe, level: float = LEVEL) -> GateVerdict:
    return GateVerdict(tuple(_conditions(gate, files, base, candidate, level)))


def _shown(gate: Gate, files: _Files, candidate: Probe) -> tuple[Reply, ...]:
    """Replies to rows of the first section that asks for what was trained; they were given before."""
    if gate.gain:
        rows, scoring = files[gate.gain.rows].asking, gate.scoring_of("gain")
    elif gate.format:
        rows, scoring = files[gate.format_rows].asking, gate.scoring
    else:
        return ()
    said = candidate.replies(rows)
    found = []
    for reply, accepted, row in zip(said, rows.accepted, rows.rows, strict=True):
        points = score(reply, accepted, scoring, question=question_of(row)) if gate.gain else 0.0
        asked = str(row.prompt[-1].get("content") or "")
        found.append(Reply(asked, accepted[0] if accepted else "", reply, points))
    return some_of(found)


def _conditions(gate: Gate, files: _Files, base: Probe, candidate: Probe, level: float) -> Iterator[Condition]:
    both = base, candidate
    if gate.gain:
        yield gain(*both, files[gate.gain.rows], gate.gain.at_least, gate.scoring_of("gain"), level=level)
    if gate.forgetting:
        rows, scoring = files[gate.forgetting.rows], gate.scoring_of("forgetting")
        yield from forgetting(*both, rows, gate.forgetting, scoring, level=level)
    if gate.reading:
        yield reading(*both, files[gate.reading.rows], gate.reading.drop, gate.scoring_of("reading"), level=level)
    if gate.abstention:
        wanted, phrases = gate.abstention, gate.abstention.phrases
        yield kept_abstention(*both, files[wanted.rows], phrases, wanted.drop, level=level)
        answerable = [files[section.rows] for section in (gate.gain, gate.reading) if section]
        if wanted.over_refusal is not None and answerable:
            yield over_refusal(*both, answerable, phrases, wanted.over_refusal, level=level)
    if gate.format and files.schema:
        yield valid_format(candidate, files[gate.format_rows], files.schema, gate.format.valid, level=level)
    if gate.text:
        asked = [files[gate.text.rows]] if gate.text.rows else files.all()
        yield sound_text(*both, asked, gate.text.loops, level=level)
    if gate.controls:
        yield controls(*both, files[gate.controls.rows], gate.controls.rise, gate.scoring_of("controls"), level=level)
    if files.role:
        yield files.role.condition(*both, max_tokens=gate.max_tokens, level=level)
    for name, why in gate.not_checked.items():
        yield not_checked(name, why)
