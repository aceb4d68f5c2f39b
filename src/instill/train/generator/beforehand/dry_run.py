"""What is known about a run before it begins: the rows of its recipe, checked and counted, and what it will cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from instill.train.generator.beforehand.estimate import Estimate, estimate
from instill.train.generator.beforehand.reward_trial import try_rewards
from instill.train.generator.data.examples import Example
from instill.train.generator.data.findings import Finding
from instill.train.generator.data.mix import mixed, replay_count
from instill.train.generator.data.row_and_token_checks import COMPARING, check_rows, examples_or_findings
from instill.train.generator.data.row_preview import ShownRow, TokenCounts, shown_row, token_counts
from instill.train.generator.data.rows import Row
from instill.train.generator.data.task_checks import lint, schema_findings
from instill.train.generator.data.turns import TurnCounts, count_last, count_turns, one_row_a_turn
from instill.train.generator.loop.loop import Lower, Objective, next_token
from instill.train.generator.recipes.recipe import Recipe
from instill.train.generator.rewarding.rewards import reward_findings

_ORDER = {"error": 0, "warning": 1, "notice": 2}


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a dry run found.

    Args:
        rows: how many are to be learnt.
        replay: how many there are to draw from; and in an epoch, `replay_each`.
        held_out: how many are only measured on.
        findings: errors first.
        turns: of the rows to be learnt: replies and calls that are taught, and that are not.
        tokens: of the rows to be learnt; None when no row has any.
        shown: the first row that has something supervised.
        estimate: None where there were errors, and for preference tuning.
    """

    rows: int
    replay: int
    replay_each: int
    held_out: int
    findings: tuple[Finding, ...]
    turns: TurnCounts
    tokens: TokenCounts | None
    shown: ShownRow | None
    estimate: Estimate | None

    @property
    def passed(self) -> bool:
        """Whether the run may begin."""
        return all(each.severity != "error" for each in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "passed": self.passed,
            "rows": self.rows,
            "replay": self.replay,
            "replay_each": self.replay_each,
            "held_out": self.held_out,
            "findings": [each.as_dict() for each in self.findings],
            "turns": asdict(self.turns),
            "tokens": None if self.tokens is None else asdict(self.tokens),
            "row": None if self.shown is None else self.shown.plain(),
            "estimate": None if self.estimate is None else self.estimate.as_dict(),
        }


def dry_run(
    recipe: Recipe,
    model: Any,
    tokenizer: Any,
    *,
    objective: Objective = next_token,
    lower: Lower | None = None,
    measure: bool = True,
    rows: Sequence[Row] | None = None,
    measured_on: Sequence[Row] = (),
) -> DryRun:
    """Check a recipe's rows and estimate its cost; nothing is trained or written.

    Args:
        model: prepared for the recipe's method.
        objective: the run's own.
        lower: the run's own.
        measure: false: without the estimate, which takes as long as three steps.
        rows: what is learnt, instead of the recipe's rows.
        measured_on: rows besides the recipe's held-out ones that may not be trained on, such as the gate's.

    Raises:
        UsageError: a file of the recipe cannot be read.
    """
    rows = recipe.study_rows() if rows is None else rows
    replay, held_out = recipe.replay_rows(), recipe.held_out_rows()
    unseen = [*held_out, *measured_on]
    parts, replayed_parts = one_row_a_turn(rows, tokenizer), one_row_a_turn(replay, tokenizer)
    examples, refused = examples_or_findings(parts, tokenizer)
    replayed, refused_replay = examples_or_findings(replayed_parts, tokenizer)
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    stops = _stops(model)
    schema = recipe.schema_of_replies()
    findings = [
        *refused,
        *refused_replay,
        *check_rows(parts, examples, tokenizer, unseen, context, given=rows, stops=stops, objective=recipe.objective),
        *check_rows(replayed_parts, replayed, tokenizer, unseen, context, given=replay, stops=stops),
        *reward_findings(recipe, rows),
        *lint(rows, schema=schema, instructions=recipe.data.instructions),
        *(schema_findings(held_out, schema) if schema is not None else []),
    ]
    found = tuple(dict.fromkeys(sorted(findings, key=lambda each: _ORDER[each.severity])))
    learnt, drawn = _there(examples), _there(replayed)
    seen = next((each for each in learnt if each.targets), None)
    cost = None
    if measure and recipe.objective == "reward" and all(each.severity != "error" for each in found):
        tried = try_rewards(recipe, model, tokenizer, rows, learnt)
        cost, found = tried.estimate, tuple(sorted((*found, *tried.findings), key=lambda each: _ORDER[each.severity]))
    elif measure and recipe.objective != "preference" and all(each.severity != "error" for each in found):

        def epochs(epoch: int) -> list[Example]:
            return mixed(learnt, drawn, recipe.data.replay_share, recipe.training.seed, epoch)

        cost = estimate(
            model, epochs, recipe.training, objective=objective, lower=lower, last_layers=recipe.last_layers
        )
    return DryRun(
        len(rows),
        len(replay),
        replay_count(len(parts), recipe.data.replay_share) if replay else 0,
        len(held_out),
        found,
        _turns(recipe.objective, rows, parts, examples),
        token_counts(learnt) if learnt else None,
        None if seen is None else shown_row(seen, tokenizer),
        cost,
    )


def _turns(objective: str, rows: Sequence[Row], parts: Sequence[Row], examples: Sequence[Example | None]) -> TurnCounts:
    if objective in COMPARING:  # Of a conversation the last reply alone is weighed against others.
        return count_last(rows)
    return count_turns(rows, parts, examples)


def _there(examples: Sequence[Example | None]) -> list[Example]:
    return [each for each in examples if each is not None]


def _stops(model: Any) -> list[int]:
    """Tokens at which the model stops, by its generation settings."""
    settings = getattr(model, "generation_config", None)
    found = getattr(settings, "eos_token_id", None)
    if found is None:
        return []
    return list(found) if isinstance(found, (list, tuple)) else [found]
