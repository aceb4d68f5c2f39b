"""docs/claims.md from the finished runs of `bench/claims.py`."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from math import exp, log10
from typing import Any

from claims_figures import Runs, check, costs, level, shown, values_of, verdict
from claims_material import ATTRIBUTES, TAUGHT
from claims_said import CLAIMS, NAMES, Said

from instill.lab.effects import Seen
from instill.measure.statistics.interval_type import Interval

_WIDTH = 120
_COST = "Ten million times cheaper"

_TOP = """\
# What people claim about fine-tuning and retrieval

Much is said about what fine-tuning can teach, what it destroys, and what retrieval does better. This page takes {count}
such claims and measures each on a real language model: SmolLM2-135M-Instruct, a small one of 135 million weights. A
larger model may behave otherwise, so measure what matters to you on your own model
([fine-tune or retrieve?](compare.md)). Where [the laboratory](lab.md) has a figure on the same claim, it stands beside.

{table}

- **Held:** every part of the claim was seen; the 95% interval of each is on the side that was claimed.
- **Held in part:** some parts were seen.
- **Did not hold:** no part was seen, and of one the interval is on the other side.
- **Not shown:** the intervals are too wide to tell.

## How it was measured

{runs}

All people, words, messages and changed facts are made up from the seed, so that the model cannot know them; the
facts of four people are never taught (controls). Square brackets hold 95% intervals. Each end is the wider one of an
interval over people (or words, messages, texts) and one over seeds; three seeds are few, so the intervals are wide.

All trainings are LoRA of rank 16 with batches of {batch} rows and a learning rate of {rates}, on all layers if
nothing else is said. The rate and the numbers of rows were found on seed 100, which is not reported. If nothing else is
said, all questions have wordings that were not trained on, and the system prompt "Answer briefly."; a reply is right if
Instill's scorer says so. "Learned" means .8 of the questions or more, and "no worse" a loss of less than .1.
"""

_MADE = (
    "Made on {dates}, on one of two cores of a server CPU with bfloat16; other programs used both cores too, so only "
    "seconds of processor time are told. {count} trainings of {tokens} tokens took {minutes} minutes of processor "
    "time. Each finished run is a line of `bench/claims_runs.jsonl`, with the numerators and denominators for each "
    "person; the same command makes those that are missing. `python bench/claims.py page` writes this page from "
    "the file."
)

_COSTED = (
    "The processor seconds of training with statements and questions, and of adding the same people's pages to an "
    "index, divided by the facts that are answered afterwards in other words. A page holds six facts of which two "
    "are asked for, so the index is charged with too much. The ratio depends on the model, the rows and what is "
    "learned in the end: in [the comparison](compare.md#what-was-measured) it is 2,246 [813, 10,646] with the "
    "same model on the documentation of Redis, and 243 [110, 566] in the laboratory."
)

_FOLLOWS = """\
## What follows

On this small model:

- **Facts.** A fact can be asked for after training only as it was trained: as a question, in its direction. The
  question turned round got no right answer, and no gain was seen with yes or no.
- **Patterns.** A form, a tone and the meaning of a new word take 50 to 100 examples. The right values in a form were
  not learned from so few.
- **Several sets.** Train them together; the second one alone wipes out the first.
- **Side effects.** Training on few facts makes every reply short and other texts less predictable. With replay, replies
  keep most of their length; whether other texts stay more predictable was not shown. Training only the last layers
  spoils less, and teaches less. Training on changed facts spoils their neighbours.
- **Documents.** One more fact is some hundred times cheaper by an index, and the index also answers in reverse. This
  model does not follow a passage that contradicts what it was trained on, so show people the passage itself.
"""

_END = """\
## The runs

`{command}`

{made}

| training | rows | shown | steps | learning rate | tokens | processor seconds (mean) | loss at the end |
|---|---|---|---|---|---|---|---|
{trainings}

**Not measured:** larger models; other methods than LoRA; 1,000 examples of a tone, and tones that only people can tell;
more than one rate for each kind of lesson; more than {facts} facts at once; documents of more than a few sentences.
"""


def page(lines: Sequence[Mapping[str, Any]], command: str) -> str:
    """The page as Markdown.

    Args:
        lines: the finished runs.
        command: that makes them.
    """
    runs = values_of(lines)
    found = {said.name: [check(part, runs) for part in said.parts] for said in CLAIMS}
    table = ["| claim | verdict |", "|---|---|"]
    table += [f"| [{said.name}](#{_anchor(said.name)}): {said.says} | {verdict(found[said.name])} |" for said in CLAIMS]
    trained = [line for line in lines if "tokens" in line]
    rates = " and ".join(sorted({f"{line['settings']['rate']:g}" for line in trained}))
    batch = " or ".join(sorted({str(line["settings"]["batch"]) for line in trained}))
    parts = [
        _TOP.format(count=len(CLAIMS), table="\n".join(table), runs=_wrapped(_seeds(lines)), rates=rates, batch=batch),
        _FOLLOWS,
        *(_section(said, found[said.name], runs, lines) for said in CLAIMS),
        _END.format(
            command=command,
            made=_wrapped(
                _MADE.format(
                    dates=" and ".join(sorted({line["date"] for line in lines})),
                    count=len(trained),
                    tokens=" to ".join(f"{end(line['tokens'] for line in trained):,}" for end in (min, max)),
                    minutes=round(sum(line["processor seconds"] for line in trained) / 60),
                )
            ),
            trainings=_trainings(trained),
            facts=TAUGHT * len(ATTRIBUTES),
        ),
    ]
    return "\n".join(parts)


def shown_as(found: Interval | None, quantity: str, *, signed: bool = False) -> str:
    """A figure of a table: shares without a leading zero; nats a token as perplexity, which is exp of them.

    Example:
        >>> shown_as(Interval(0.5, 0.25, 1.0), "asked"), shown_as(Interval(0.0, 0.0, 0.0), "nats")
        ('.50 [.25, 1.00]', '1.0 [1.0, 1.0]')
        >>> shown_as(Interval(-0.5, -0.75, 0.25), "asked", signed=True), shown_as(None, "asked")
        ('-.50 [-.75, +.25]', '')
    """
    if found is None:
        return ""
    ends = (found.mean, found.low, found.high)
    if quantity == "nats" and not signed:
        mean, low, high = (f"{exp(each):.1f}" for each in ends)
    elif quantity == "words" and not signed:
        mean, low, high = (f"{each:.1f}" for each in ends)
    else:
        mean, low, high = (_number(each, signed) for each in ends)
    return f"{mean} [{low}, {high}]"


def _number(value: float, signed: bool) -> str:
    said = f"{value:+.2f}" if signed else f"{value:.2f}"
    if said in ("-0.00", "+0.00"):
        said = "0.00"
    return said.replace("0.", ".", 1) if abs(value) < 0.995 else said


def _section(said: Said, seen: Sequence[Seen | None], runs: Runs, lines: Sequence[Mapping[str, Any]]) -> str:
    text = [f"## {said.name}", "", f"*Claim* ({said.who}): {said.says}", ""]
    if said.name == _COST:
        text += [_costs(lines), ""]
    else:
        text += [_table(said, runs), ""]
    if said.notes:
        text += [said.notes, ""]
    kind = verdict(seen)
    text += [f"**{kind[0].upper()}{kind[1:]}.**", ""]
    for part, each in zip(said.parts, seen, strict=True):
        if each is None:
            text.append(f"- Not measured: {part.said}.")
            continue
        unit = _unit(part.higher[1], part.lower[1], part.higher[0] == part.lower[0] == "cost")
        figure = shown_as(each.difference, part.higher[1] if part.higher[0] != "line" else part.lower[1], signed=True)
        beyond = f"; a loss of up to {part.no_worse_by:g} is allowed" if part.no_worse_by else ""
        text.append(
            f"- {each.verdict[0].upper()}{each.verdict[1:]}: {part.said} ({_against(part)}{figure}{unit}{beyond})."
        )
    return "\n".join(_wrapped(each) for each in text) + "\n"


def _against(part: Any) -> str:
    """Says that a figure is the distance to a line."""
    if "line" in (part.higher[0], part.lower[0]) and "cost" not in (part.higher[0], part.lower[0]):
        return "distance to this share: "
    return "powers of ten beyond: " if "cost" in (part.higher[0], part.lower[0]) else ""


def _unit(first: str, second: str, cost: bool) -> str:
    return " nats a token" if "nats" in (first, second) else " words" if "words" in (first, second) and not cost else ""


def _table(said: Said, runs: Runs) -> str:
    beside = said.beside or {}
    heads = ["", *said.quantities.values(), *([said.beside_name] if beside else [])]
    rows = [heads, ["---"] * len(heads)]
    for arm in said.arms:
        cells = [shown_as(level(runs, arm, quantity), quantity) for quantity in said.quantities]
        rows.append([NAMES[arm], *cells, *([beside.get(arm, "")] if beside else [])])
    return "\n".join("".join(f"| {cell} " if cell else "| " for cell in row) + "|" for row in rows)


def _costs(lines: Sequence[Mapping[str, Any]]) -> str:
    found = costs(lines)
    rows = [
        "| seed | by weights: processor seconds for one more answered fact | by index | times |",
        "|---|---|---|---|",
    ]
    rows += [
        f"| {seed} | {each['weights']:.1f} | {each['index']:.3f} | {each['times']:,.0f} |"
        for seed, each in found.items()
    ]
    text = "\n".join(rows)
    if found:
        powers = shown({seed: {"all": log10(each["times"])} for seed, each in found.items()}, None)
        text += (
            f"\n| all (geometric mean) | | | {10**powers.mean:,.0f} [{10**powers.low:,.0f}, {10**powers.high:,.0f}] |"
        )
    return f"{text}\n\n{_COSTED}"


def _seeds(lines: Sequence[Mapping[str, Any]]) -> str:
    arms = {(line["task"], line["arm"]) for line in lines}
    seeds = sorted({line["seed"] for line in lines})
    whole = [seed for seed in seeds if sum(line["seed"] == seed for line in lines) == len(arms)]
    said = f"Every claim was measured with {_counted(len(whole), 'seed')}."
    if len(whole) < len(seeds):
        begun = ", ".join(str(seed) for seed in seeds if seed not in whole)
        said += f" Of seed {begun} only some trainings were finished; they count where they are there."
    return said if len(whole) >= 3 else f"{said} Three were wanted, and time did not last for them."


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _trainings(trained: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for arm in dict.fromkeys(line["arm"] for line in trained):
        own = [line for line in trained if line["arm"] == arm]
        chosen, count = own[0]["settings"], len(own)
        seconds, loss = (sum(line[name] for line in own) / count for name in ("processor seconds", "loss"))
        rows.append(
            f"| {NAMES[arm]} | {chosen['rows']} | {chosen['shown']} | {chosen['steps']} | {chosen['rate']:g} | "
            f"{own[0]['tokens']:,} | {seconds:.0f} | {loss:.2f} |"
        )
    return "\n".join(rows)


def _anchor(name: str) -> str:
    return "".join(each for each in name.casefold().replace(" ", "-") if each.isalnum() or each == "-")


def _wrapped(text: str) -> str:
    """Prose in lines; tables as they are."""
    if text.startswith(("|", "#")):
        head, _, tail = text.partition("\n\n")
        return f"{head}\n\n{_wrapped(tail)}" if tail else text
    inset = "  " if text.startswith("- ") else ""
    return "\n".join(
        textwrap.wrap(text, _WIDTH, subsequent_indent=inset, break_long_words=False, break_on_hyphens=False)
    )
