"""The cheapest way to put neighbouring fragments together to passages, found by dynamic programming.

What is cheap is written down in `_Costs`, and in the costs of cuts (`cut_points`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tokenizers import Tokenizer

from instill.documents.document import Parsed
from instill.documents.splitting.cut_points import Counter, Fragment, take_apart

_WINDOW = 64  # A passage is made of at most so many fragments, which keeps the search linear.


@dataclass(frozen=True, slots=True)
class _Costs:
    """What a passage costs besides the cuts around it. Cuts have their costs in `cut_points` (0 to 6)."""

    passage: float = 0.5  # few passages rather than many
    uneven: float = 0.5  # times (1 - fill)^2: two halves rather than a full one and a remainder
    tiny: float = 3.0  # times how far it is below `tiny_share` of the limit
    tiny_share: float = 0.2


@lru_cache(maxsize=4)
def counting_copy(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer without truncation and padding; itself where it has neither."""
    if tokenizer.truncation is None and tokenizer.padding is None:
        return tokenizer
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def fitting_spans(parsed: Parsed, kind: str, counter: Counter, limit: int) -> list[tuple[int, int]]:
    """Spans within the limit by the counter's exact count.

    Tokens of fragments are added up, which is exact for tokenizers that never join across white space. For others, and
    where a word had to be cut, the spans are counted again and the budget is lowered until all of them fit.
    """
    budget = limit
    while True:
        fragments = take_apart(parsed, kind=kind, counter=counter, limit=budget)
        spans = [(fragments[first].start, fragments[last - 1].end) for first, last in _group(fragments, budget)]
        if counter.additive and not any(fragment.cuts_word for fragment in fragments):
            return spans
        worst = max(counter.count([parsed.text[start:end] for start, end in spans]), default=0)
        if worst <= limit or budget <= 8:
            return spans
        budget = max(8, min(budget - 1, budget * limit // worst))


def _group(fragments: Sequence[Fragment], limit: int) -> list[tuple[int, int]]:
    """The cheapest grouping of neighbours within the limit, as `(first, last + 1)` fragment numbers."""
    costs = _Costs()
    tiny = limit * costs.tiny_share
    tokens, crossed = [0], [0.0]  # prefix sums
    for fragment in fragments:
        tokens.append(tokens[-1] + fragment.tokens)
        crossed.append(crossed[-1] + fragment.crossing)
    cuts = [0.0, *(fragment.cut for fragment in fragments[1:])]
    best = [0.0] + [float("inf")] * len(fragments)
    came_from = [0] * (len(fragments) + 1)
    for end in range(1, len(fragments) + 1):
        cheapest, chosen = float("inf"), end - 1
        all_tokens, all_crossed = tokens[end], crossed[end]
        for first in range(end - 1, max(-1, end - 1 - _WINDOW), -1):
            size = all_tokens - tokens[first]
            if size > limit and first < end - 1:
                break
            cost = best[first] + cuts[first] + costs.passage + all_crossed - crossed[first + 1]
            if cost >= cheapest:
                continue
            cost += costs.uneven * (1 - size / limit) ** 2
            if size < tiny:
                cost += costs.tiny * (1 - size / tiny)
            if cost < cheapest:
                cheapest, chosen = cost, first
        best[end], came_from[end] = cheapest, chosen
    groups: list[tuple[int, int]] = []
    end = len(fragments)
    while end > 0:
        groups.append((came_from[end], end))
        end = came_from[end]
    return groups[::-1]
