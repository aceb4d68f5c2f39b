"""The gate that `instill train init` writes: every section, those in use whose rows are there, with tolerances that so
many rows can prove."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from instill.train.gate.decision_rules import (
    FEWEST,
    TOLERANCES,
    fewest_for_gain,
    fewest_for_loss,
    provable_loss,
    rows_for_share,
)


@dataclass(frozen=True, slots=True)
class Measuring:
    """A file of rows that a section measures on.

    Args:
        groups: rows that can be replied to, those that belong together counted once.
    """

    file: str
    groups: int


@dataclass(frozen=True, slots=True)
class Files:
    """What a gate can be written for; None for what is not there.

    Args:
        unseen: what is trained for, in other wordings. retention: what the base can do already.
        schema: JSON schema of the replies.
        as_json: whether the replies to the unseen rows are JSON.
    """

    unseen: Measuring | None = None
    retention: Measuring | None = None
    schema: str = ""
    as_json: bool = False


def gate_toml(files: Files = Files()) -> str:
    """A gate to start from: sections in use whose rows are there, and [gain]; the others switched off by "# ".

    Each tolerance is the usual one, or the smallest that the rows can prove, where they are fewer than it needs.

    Example:
        >>> text = gate_toml(Files(Measuring("unseen.jsonl", 20), schema="reply.schema.json"))
        >>> print(text[text.index("[format]"):].split("# [text]")[0].strip())
        [format]                # replies that follow a JSON Schema
        schema = "reply.schema.json"
        # rows = "unseen.jsonl" # by default those of [gain]
        valid = 0.94            # share of the replies; 20 rows cannot prove more
    """
    unseen, retention = files.unseen or Measuring("unseen.jsonl", 0), files.retention
    rows, kept = unseen.groups, retention.groups if retention else 0
    drop = provable_loss(kept) if kept else TOLERANCES[0]
    loops = _least_share(rows, 0.01)
    valid = round(1 - _least_share(rows, 0.02), 2)
    fewest = fewest_for_gain(0.0)
    return _TEMPLATE.format(
        scoring=_key('scoring = "json"' if files.as_json else 'scoring = "exact"'),
        unseen=f'"{unseen.file}"',
        enough=f"{fewest} rows at least" + (f"; there are {rows}" if files.unseen else ""),
        keep="" if retention and kept >= FEWEST else "# ",
        kept=f'"{retention.file if retention else "retention.jsonl"}"',
        many=f"{fewest_for_loss(0.02)} rows or more" if not kept else f"there are {kept} rows",
        drop=_key(f"accuracy_drop = {drop:g}"),
        form="" if files.schema else "# ",
        schema=f'"{files.schema or "reply.schema.json"}"',
        valid=_key(f"valid = {valid:g}", "" if files.schema else "# "),
        proven=f"; {rows} rows cannot prove more" if valid < 0.98 else "",
        loops=_key(f"loops = {loops:g}", "# "),
    )


def _least_share(rows: int, usual: float) -> float:
    """The usual share of bad replies, or the smallest, in hundredths, that so many rows can keep to."""
    if not rows or rows_for_share(0, 1, usual) <= rows:
        return usual
    return next(
        (part / 100 for part in range(ceil(100 * usual), 100) if rows_for_share(0, 1, part / 100) <= rows), 0.99
    )


def _key(text: str, off: str = "") -> str:
    """A key with its value, as wide as the column before the remarks."""
    return f"{off}{text}".ljust(24)


_TEMPLATE = """\
# What a candidate must meet before it may be used. A section that is left out asks for nothing. Files of rows are
# JSON Lines, as for training, seen from this file's folder; none of their rows may be among those trained on.
# Many rows prove small losses, few rows only large ones: `instill train RECIPE --dry-run` says which are too few.

{scoring}# "exact": right or not; or "verbatim" (the same text), "f1" (shared words), "json" (equal, or shared
                        # fields), "contains"; also within a section
max_tokens = 64         # longer replies are cut

[gain]                  # what it was trained for, asked in wordings that were not trained on
rows = {unseen}
at_least = 0.0          # the gain must be proven to exceed this, with room to be found again (docs/train.md); {enough}

{keep}[forgetting]            # what the base can do already ({many}); leave out what is not to be measured
{keep}rows = {kept}
{keep}{drop}# of the score
{keep}perplexity_rise = 0.10  # of the answers, and of whole texts where a row is {{"text": ...}}
{keep}kl = 0.05               # nats per token, from the base to the candidate

# [reading]             # answering from a passage in the prompt
# rows = "reading.jsonl"
# drop = 0.03

# [abstention]          # questions that cannot be answered
# rows = "unknown.jsonl"
# drop = 0.03           # of the share rightly refused
# over_refusal = 0.03   # rise of the share refused among the rows of [gain] and [reading]
# phrases = ["unknown", "NOT IN THE DOCUMENTS", "I don't know"]

{form}[format]                # replies that follow a JSON Schema
{form}schema = {schema}
# rows = {unseen} # by default those of [gain]
{valid}# share of the replies{proven}

# [text]                # replies that run in circles or are no text
{loops}# at most this share

# [controls]            # facts that were never taught
# rows = "never-taught.jsonl"
# rise = 0.02

# [role]                # a character that is kept through whole conversations: instill train init --kind character
# script = "role.jsonl" # the user's turns: {{"turns": ["Hello!", {{"say": "Who are you?", "name": true}}]}}
# kept = 0.9            # share of the replies
# name = ""             # what a reply to a turn with "name" must say
# forbidden = []        # words that no reply may hold
# pattern = ""          # a regular expression that is found in every reply
# most_words = 0        # 0: as many as it likes
# tone = "rows.jsonl"   # rows whose replies have the tone, to tell it by
"""
