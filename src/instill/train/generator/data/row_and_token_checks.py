"""Pre-flight: mistakes in rows and their tokens that would waste a run, found before it begins."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from instill.errors import UsageError
from instill.models.generators.thoughts import without_thoughts
from instill.train.generator.data.duplicates import duplicate_findings
from instill.train.generator.data.examples import Example, make_example, prompt_ids
from instill.train.generator.data.findings import MANY, Finding, finding
from instill.train.generator.data.roles import disorder, role_findings
from instill.train.generator.data.row_forms import NAMES
from instill.train.generator.data.row_text import place_of
from instill.train.generator.data.rows import Row
from instill.train.generator.data.turns import is_taught, untaught

COMPARING = ("preference", "reward")
"""Objectives that compare replies to one prompt: of a conversation, the last reply alone counts."""

_UNLIMITED = 10**9  # Tokenizers without a limit give a number larger than this.


def examples_or_findings(rows: Sequence[Row], tokenizer: Any) -> tuple[list[Example | None], list[Finding]]:
    """The example of each row, in full length, and the rows that have none because the chat template refuses them.

    Rows whose turns are out of order have none either; `check_rows` tells of them.
    """
    found: list[Example | None] = []
    refused: list[str] = []
    reason = ""
    for number, row in enumerate(rows):
        if disorder(row):
            found.append(None)
            continue
        try:
            found.append(make_example(row, tokenizer, number=number))
        except UsageError as error:
            found.append(None)
            refused.append(place_of(row, number))
            reason = reason or f"{error.what} {error.command}"
    return found, finding("template", "error", "The chat template cannot show some rows.", reason, refused)


def check_rows(
    rows: Sequence[Row],
    examples: Sequence[Example | None],
    tokenizer: Any,
    held_out_rows: Sequence[Row] = (),
    longest: int | None = None,
    *,
    stops: Collection[int] = (),
    objective: str = "next_token",
    given: Sequence[Row] | None = None,
) -> list[Finding]:
    """Everything that is wrong with rows and their tokens; empty when nothing is.

    Args:
        rows: as they are taught (`one_row_a_turn`).
        examples: of the same rows; None for one that has no tokens.
        held_out_rows: what is measured on later.
        longest: most tokens of a row, such as the model's context; the tokenizer's own limit holds too.
        stops: tokens besides the tokenizer's end-of-sequence at which the model stops, from its generation settings.
        objective: next_token, distil, preference or reward, which ask for different parts of a row.
        given: as they are in the file; None: as `rows`.
    """
    given = rows if given is None else given
    limit = _limit(tokenizer, longest)
    pairs = [
        (place_of(row, number), row, example)
        for number, (row, example) in enumerate(zip(rows, examples, strict=True))
        if example is not None
    ]
    cut = _truncated(pairs, tokenizer, limit)
    uncut = [(place, row, example) for place, row, example in pairs if place not in cut and example.targets]
    return [
        *_forms(given),
        *role_findings(given),
        *_needed(given, objective),
        *_empty(given),
        *finding(
            "same-replies",
            "error",
            "Rows have the same reply as the better and as the worse one, so nothing is learnt from them.",
            "Remove them, or correct one of the two.",
            [place_of(row, number) for number, row in enumerate(given) if row.rejected and row.rejected == row.answer],
        ),
        *_one_at_a_time(given, rows),
        *(_untaught(rows, examples) if objective not in COMPARING else []),
        *finding(
            "nothing-supervised",
            "error",
            "Rows have no token that is supervised, so nothing is learnt from them.",
            "Give each an assistant's turn, or remove them.",
            [place for place, _, example in pairs if not example.targets],
        ),
        *finding(
            "truncated",
            "error",
            f"Rows are longer than {limit} tokens; their ends would be cut off, and with them the answers.",
            "Shorten or split them, or use a model with a longer context.",
            list(cut.values()),
        ),
        *_ends(uncut, tokenizer, stops),
        *_boundaries(pairs, tokenizer),
        *duplicate_findings(given, held_out_rows),
    ]


def _forms(rows: Sequence[Row]) -> list[Finding]:
    places: dict[str, list[str]] = {}
    for number, row in enumerate(rows):
        for form in row.forms:
            places.setdefault(form, []).append(place_of(row, number))
    return [
        each
        for form, found in sorted(places.items())
        for each in finding(
            f"converted-{form}",
            "notice",
            f"Rows were read in another form ({form}): {NAMES[form]}.",
            "See in the row that is shown whether it is what you mean.",
            found,
        )
    ]


def _empty(rows: Sequence[Row]) -> list[Finding]:
    found = []
    for number, row in enumerate(rows):
        replies = [each for each in row.messages if is_taught(each) and not each.get("tool_calls")]
        if any(not _shows(without_thoughts(str(each.get("content") or ""))) for each in replies):
            found.append(place_of(row, number))
    return finding(
        "empty-reply",
        "error",
        "Rows have an empty reply, so the model would learn to say nothing.",
        "Write what it is to say, remove the row, or give the reply weight 0.",
        found,
    )


def _shows(text: str) -> bool:
    """Whether anything of it is seen: neither white space nor marks without a width."""
    return any(not sign.isspace() and unicodedata.category(sign) not in ("Cf", "Cc") for sign in text)


def _one_at_a_time(given: Sequence[Row], rows: Sequence[Row]) -> list[Finding]:
    places = list(dict.fromkeys(place_of(row, number) for number, row in enumerate(rows) if row.last_only))
    return finding(
        "one-reply-at-a-time",
        "notice",
        "The chat template shows a reply otherwise once others follow, so that these rows are taught one reply at a"
        f" time: {len(given)} rows become {len(rows)}.",
        "They take as many steps more.",
        places,
    )


def _untaught(rows: Sequence[Row], examples: Sequence[Example | None]) -> list[Finding]:
    return finding(
        "untaught",
        "error",
        "Rows have replies of which nothing is supervised, since the chat template shows them otherwise once others"
        " follow.",
        "Teach one reply a row, or give the others weight 0.",
        [place_of(rows[place], place) for place in untaught(rows, examples)],
    )


_Pairs = Sequence[tuple[str, Row, Example]]


def _limit(tokenizer: Any, longest: int | None) -> int | None:
    own = getattr(tokenizer, "model_max_length", None) or _UNLIMITED
    limit = min(own, longest or own)
    return None if limit >= _UNLIMITED else int(limit)


def _truncated(pairs: _Pairs, tokenizer: Any, limit: int | None) -> dict[str, str]:
    """Place of a row that is too long -> the same with its length. Examples may have been cut already."""
    found = {}
    for place, row, example in pairs:
        if limit is None or example.length < limit:
            continue
        length = make_example(row, tokenizer).length
        if length > limit:
            found[place] = f"{place} ({length} tokens)"
    return found


def _needed(rows: Sequence[Row], objective: str) -> list[Finding]:
    lacking: dict[str, list[str]] = {"distil": [], "preference": [], "reward": []}
    for number, row in enumerate(rows):
        if not row.teacher:
            lacking["distil"].append(place_of(row, number))
        if not row.rejected:
            lacking["preference"].append(place_of(row, number))
        if not row.prompt or not row.said or row.text:
            lacking["reward"].append(place_of(row, number))
    part = {
        "distil": "`teacher` messages",
        "preference": "a rejected reply",
        "reward": "a question, or a reply to it in words (or `answers`),",
    }.get(objective, "")
    return finding(
        "part-missing",
        "error",
        f"Rows lack {part}, which the objective {objective} learns from.",
        "Add them, or choose another objective.",
        lacking.get(objective, []),
    )


def _ends(pairs: _Pairs, tokenizer: Any, stops: Collection[int]) -> list[Finding]:
    end, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    right = {*stops, *(() if end is None else (end,))}
    special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    unended, otherwise = [], []
    for place, row, example in pairs:
        # After the last turn a template may still write a line's end, which is not supervised.
        last = int(example.ids[np.flatnonzero(example.supervised)[-1]])
        if not row.text and not is_taught(row.messages[-1]):
            continue  # Nothing follows from it about where a reply ends.
        if last in right:
            continue
        if last in special:
            otherwise.append(f"{place} ({tokenizer.convert_ids_to_tokens(last)})")
        else:
            unended.append(place)
    name = tokenizer.eos_token or "none"
    return [
        *finding(
            "end-not-supervised",
            "error",
            f"The end of the reply ({name}) is not supervised, so the model would never learn to stop.",
            "Use a chat template that ends an assistant's turn with the end-of-sequence token.",
            unended,
        ),
        *finding(
            "other-end",
            "warning",
            f"Replies end with another special token than the model's end-of-sequence ({name}).",
            "Add that token to eos_token_id in generation_config.json, or replies go on after it.",
            otherwise,
        ),
        # Padding is told by its place here, so where every end is supervised nothing is lost, and nothing is said.
        *([_pad_is_end(name)] if unended and pad is not None and pad == end else []),
    ]


def _pad_is_end(name: str) -> Finding:
    return Finding(
        "pad-is-end",
        "error",
        f"The tokenizer pads with its end-of-sequence token ({name}), and some ends are not supervised.",
        "A trainer that masks every padding token would mask the ends too: give it a token of its own to pad with.",
    )


def _boundaries(pairs: _Pairs, tokenizer: Any) -> list[Finding]:
    found = []
    for place, row, example in pairs:
        if not row.answer or disorder(row):
            continue
        before = prompt_ids(row.prompt, tokenizer, tools=row.tools)[: example.length]
        if not np.array_equal(before, example.ids[: len(before)]):
            found.append(place)
    return finding(
        "boundary",
        "error" if len(found) > MANY * len(pairs) else "warning",
        "The prompt's last tokens change when the reply follows: what is trained is not what is read in use.",
        "Let replies begin without white space, or end the template's prompt with a special token.",
        found,
    )
