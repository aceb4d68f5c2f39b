"""What answers and preparation cost in money: tokens by their thousand, machines by the hour. 0 unless it is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from instill.errors import UsageError
from instill.settings import PriceSettings


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices in one currency.

    Args:
        tokens_in, tokens_out: of 1,000 tokens, 0 or more.
        machine_hour: of the machine that trains and indexes, 0 or more.
        currency: for people.
        own: of arms whose model has prices of its own, by their names.

    Raises:
        UsageError: a price is below 0 or no number.

    Example:
        >>> prices = Prices(tokens_in=0.5, tokens_out=1.5, machine_hour=3.6)
        >>> prices.of_tokens(2_000, 100), prices.of_seconds(10)
        (1.15, 0.01)
        >>> Prices().note
        'No prices are set, so all costs in money are 0. Set them in [prices] of instill.toml.'
    """

    tokens_in: float = 0.0
    tokens_out: float = 0.0
    machine_hour: float = 0.0
    currency: str = "EUR"
    own: Mapping[str, Prices] = field(default_factory=dict)

    def of_arm(self, name: str) -> Prices:
        """What an arm's tokens cost."""
        return self.own.get(name, self)

    def __post_init__(self) -> None:
        for name in ("tokens_in", "tokens_out", "machine_hour"):
            value = getattr(self, name)
            if not isfinite(value) or value < 0:
                raise UsageError(f"{value:g} is no price.", where=f"prices.{name}", remedy="Give a number from 0 on.")

    def of_tokens(self, tokens_in: int, tokens_out: int) -> float:
        """Of one answer."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1000

    def of_seconds(self, seconds: float) -> float:
        """Of the machine."""
        return seconds / 3600 * self.machine_hour

    @classmethod
    def of_settings(cls, settings: PriceSettings) -> Prices:
        """As set in `[prices]`."""
        return cls(settings.tokens_in, settings.tokens_out, settings.machine_hour, settings.currency)

    @property
    def note(self) -> str:
        """What a reader of the costs has to know; "" when everything is set."""
        if not (self.tokens_in or self.tokens_out or self.machine_hour):
            return "No prices are set, so all costs in money are 0. Set them in [prices] of instill.toml."
        missing = [name for name in ("tokens_in", "tokens_out", "machine_hour") if not getattr(self, name)]
        return f"Not priced, and so free: {', '.join(missing)}." if missing else ""


FREE = Prices()
