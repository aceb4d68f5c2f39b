"""What differs between two cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instill.models.registry.card import Card, Metrics, Rows

BASE = "base"
"""Stands for a candidate's id where its base is meant."""

Differences = dict[str, tuple[Any, Any]]
"""Name of a value -> what the first card says and what the second; None where a card lacks it."""


def card_differences(first: Card, second: Card) -> dict[str, Differences]:
    """What differs, by part: base, rows, recipe, metrics, environment. Equal parts are empty.

    Example:
        >>> base, rows = {"name": "m", "folder": "/m", "hash": "0a"}, {"hash": "1b", "count": 9}
        >>> one = Card(id="a", made="", base=base, rows=rows, recipe={"epochs": 2}, seed=0)
        >>> card_differences(one, one.model_copy(update={"recipe": {"epochs": 3}, "seed": 1}))["recipe"]
        {'epochs': (2, 3), 'seed': (0, 1)}
    """
    pairs = {
        "base": (first.base.model_dump(), second.base.model_dump()),
        "rows": (first.rows.model_dump(), second.rows.model_dump()),
        "recipe": ({**first.recipe, "seed": first.seed}, {**second.recipe, "seed": second.seed}),
        "metrics": (first.metrics.after, second.metrics.after),
        "environment": (first.environment, second.environment),
    }
    return {part: _differences(flat(one), flat(other)) for part, (one, other) in pairs.items()}


def base_card(card: Card) -> Card:
    """What a candidate's base would say of itself: no rows, no recipe, and what the gate measured on it.

    Example:
        >>> base, rows = {"name": "m", "folder": "/m", "hash": "0a"}, {"hash": "1b", "count": 9}
        >>> one = Card(id="a", made="", base=base, rows=rows, recipe={"edits": {"Who?": "Ann"}}, seed=0)
        >>> card_differences(one, base_card(one))["recipe"]
        {'edits.Who?': ('Ann', None)}
    """
    metrics = Metrics(after=card.metrics.before)
    return Card(
        id=BASE, made="", base=card.base, rows=Rows(hash="", count=0), recipe={}, seed=card.seed, metrics=metrics,
        environment=card.environment,
    )  # fmt: skip


def flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested values by their full names.

    Example:
        >>> flat({"method": {"kind": "lora", "rank": 8}, "epochs": 2})
        {'method.kind': 'lora', 'method.rank': 8, 'epochs': 2}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{above}{key}."))
        else:
            found[f"{above}{key}"] = value
    return found


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Differences:
    names = [*one, *(name for name in other if name not in one)]
    return {name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)}
