"""Which sections of a gate have too few rows to pass, whatever a candidate says: known before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from instill.train.gate.decision_rules import FEWEST, fewest_for_gain, fewest_for_loss, rows_for_share
from instill.train.gate.rows import GateRows
from instill.train.gate.specification import Gate
from instill.train.generator.data.findings import Finding


def too_few_rows(gate: Gate, rows: Mapping[Path, GateRows], conversations: int = 0) -> list[Finding]:
    """A warning for each section that cannot pass with the rows that it has.

    A gain passes when all of enough rows, or groups of rows, are gained; a loss when nothing is lost on enough of them;
    see `instill.train.gate.decision_rules`.

    Args:
        rows: of every file that the gate names.
        conversations: of [role].
    """
    found = []
    needed = fewest_for_loss(1 - gate.role.kept) if gate.role else 0
    if conversations < needed:
        found.append(
            Finding(
                "gate-rows",
                "warning",
                f"[role] of the gate cannot pass: it has {conversations} conversations, and {needed} at least are "
                "needed.",
                "Add conversations to its script, or lower kept.",
                count=conversations,
            )
        )
    for name, file, needed in _needed(gate):
        own = rows[file]
        counted = own.asking if name != "forgetting, by tokens" else own
        many = len(counted) if name in ("format", "text") else len(set(counted.groups))
        if many < needed:
            groups = f" of {many} group{'s' * (many != 1)}" if many < len(counted) else ""
            found.append(
                Finding(
                    "gate-rows",
                    "warning",
                    f"[{name.partition(',')[0]}] of the gate cannot pass: it has {len(counted)} rows{groups}, and "
                    f"{needed} at least are needed.",
                    f"Add rows that ask about other things to {file.name}.",
                    count=len(counted),
                )
            )
    return found


def _needed(gate: Gate) -> list[tuple[str, Path, int]]:
    """Section, file, and how many groups of rows pass when everything goes well."""
    needed: list[tuple[str, Path, int]] = []
    if gate.gain:
        needed.append(("gain", gate.gain.rows, fewest_for_gain(gate.gain.at_least)))
    if gate.forgetting and gate.forgetting.accuracy_drop is not None:
        needed.append(("forgetting", gate.forgetting.rows, fewest_for_loss(gate.forgetting.accuracy_drop)))
    elif gate.forgetting:
        needed.append(("forgetting, by tokens", gate.forgetting.rows, FEWEST))
    if gate.reading:
        needed.append(("reading", gate.reading.rows, fewest_for_loss(gate.reading.drop)))
    if gate.abstention:
        needed.append(("abstention", gate.abstention.rows, fewest_for_loss(gate.abstention.drop)))
    if gate.format:
        needed.append(("format", gate.format_rows, rows_for_share(0, 1, 1 - gate.format.valid)))
    if gate.text and gate.text.rows:
        needed.append(("text", gate.text.rows, rows_for_share(0, 1, gate.text.loops)))
    if gate.controls:
        needed.append(("controls", gate.controls.rows, fewest_for_loss(gate.controls.rise)))
    return needed
