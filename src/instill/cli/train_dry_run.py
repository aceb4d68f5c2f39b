"""What `instill train --dry-run` prints: the effective recipe, a row as the model reads it, findings, and the cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from instill.cli.output import clean, columns, print_json, readable
from instill.cli.terminal import out, say, say_block
from instill.common.toml_files import toml_value

if TYPE_CHECKING:
    from instill.train.gate.time_beforehand import GateTime
    from instill.train.generator.beforehand.dry_run import DryRun
    from instill.train.generator.beforehand.estimate import Estimate
    from instill.train.generator.data.row_preview import TokenCounts
    from instill.train.generator.data.turns import TurnCounts
    from instill.train.generator.recipes.recipe import Recipe

_MOST = 4000  # characters of a row that are shown


def show_dry_run(recipe: Recipe, report: DryRun, as_json: bool, gate: GateTime | None = None) -> None:
    """Print what a run would do, without doing it.

    Args:
        as_json: as one JSON object: `recipe`, `hash`, what the report holds, and `gate_time`.
        gate: what the recipe's gate takes; None without one, and where nothing was measured.
    """
    if as_json:
        took = None if gate is None else gate.as_dict()
        print_json({"recipe": recipe.effective(), "hash": recipe.hash, **report.as_dict(), "gate_time": took})
        return
    say(*effective_lines(recipe.effective()))
    say("", f"recipe {recipe.hash}: {_rows(report)}")
    if report.shown is not None:
        say("", "A row as the model reads it; what it is trained to say is green, or marked:")
        text = report.shown.terminal()
        text.truncate(_MOST, overflow="ellipsis")
        if out.is_terminal and not out.no_color:
            out.print(text, soft_wrap=True)
        else:
            say_block(readable(report.shown.plain(), _MOST))
    say("", turns_line(report.turns))
    if report.tokens is not None:
        say_block("\n" + _tokens(report.tokens))
    say("")
    for each in report.findings:
        say(clean(f"{each.severity}: {each}"))
    if not report.findings:
        say("Nothing is wrong with the rows.")
    if report.estimate is not None:
        say("", *_cost(report.estimate, gate))
    elif report.passed:
        say("", "Time and memory are not estimated.")


def effective_lines(values: Mapping[str, Any], section: str = "") -> list[str]:
    """Values as the lines of a recipe, plain keys first.

    Example:
        >>> effective_lines({"name": "a", "lora": {"rank": 8}, "gate": ""})
        ['name = "a"', 'gate = ""', '', '[lora]', 'rank = 8']
    """
    lines = ["", f"[{section}]"] if section else []
    lines += [f"{key} = {toml_value(value)}" for key, value in values.items() if not isinstance(value, Mapping)]
    for key, value in values.items():
        if isinstance(value, Mapping):
            lines += effective_lines(value, f"{section}.{key}" if section else key)
    return lines


def in_words(seconds: float) -> str:
    """A length of time.

    Example:
        >>> in_words(0.25), in_words(42), in_words(754), in_words(9000)
        ('0.25 s', '42 s', '12 min 34 s', '2 h 30 min')
    """
    if seconds < 10:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def bytes_in_words(count: int) -> str:
    """An amount of memory.

    Example:
        >>> bytes_in_words(512_000), bytes_in_words(5_300_000_000)
        ('0.5 MB', '5.3 GB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _rows(report: DryRun) -> str:
    parts = [f"{report.rows} rows"]
    if report.replay:
        parts.append(f"{report.replay_each} of {report.replay} rows of replay an epoch")
    if report.held_out:
        parts.append(f"{report.held_out} rows held out")
    return ", ".join(parts)


def turns_line(counts: TurnCounts) -> str:
    """How many of the assistant's turns are taught.

    Example:
        >>> from instill.train.generator.data.turns import TurnCounts
        >>> turns_line(TurnCounts(replies=12, replies_untaught=1, calls=3))
        'taught: 12 replies and 3 tool calls; not taught: 1 reply and 0 tool calls'
    """

    def counted(replies: int, calls: int) -> str:
        return (
            f"{replies} {'reply' if replies == 1 else 'replies'} and {calls} tool {'call' if calls == 1 else 'calls'}"
        )

    taught = counted(counts.replies, counts.calls)
    return f"taught: {taught}; not taught: {counted(counts.replies_untaught, counts.calls_untaught)}"


def _tokens(counts: TokenCounts) -> str:
    rows = [["tokens a row", "least", "median", "most", "in all"]]
    for name, spread in (("supervised", counts.supervised), ("all", counts.all)):
        rows.append([name, str(spread.least), f"{spread.median:g}", str(spread.most), str(spread.total)])
    return columns(rows)


def _cost(found: Estimate, gate: GateTime | None) -> list[str]:
    memory = found.memory
    lines = [f"On {found.device} in {found.precision}, {found.steps} steps:"]
    if found.step_seconds is not None and found.seconds is not None:
        lines.append(f"time    {in_words(found.seconds)} in all, {in_words(found.step_seconds)} a step")
    if gate is not None and gate.seconds is not None:
        lines.append(f"gate    at most {in_words(gate.seconds)} after it, for {gate.replies} replies")
    lines.append(
        f"memory  {bytes_in_words(memory.peak)} at most: parameters {bytes_in_words(memory.parameters)}, gradients "
        f"{bytes_in_words(memory.gradients)}, moments {bytes_in_words(memory.moments)}, activations "
        + (bytes_in_words(memory.activations) if found.step_seconds is not None else "not measured")
    )
    if found.fits:
        return [*lines, f"It fits: {bytes_in_words(found.free)} are free."]
    lines.append(
        f"It does not fit: {bytes_in_words(memory.needed)} are needed beside the model, "
        f"{bytes_in_words(found.free)} are free."
    )
    for saving in found.savings:
        fits = "fits" if saving.fits else "does not fit alone"
        lines.append(f"- {saving.change}: {bytes_in_words(saving.needed)} are needed, {fits}")
    return lines
