"""Units that stand behind a number in a question: what they count is an amount, not the name of something."""

from __future__ import annotations

UNIT = (
    r"\s?(?:%|€|\$|£|(?:percent|eur|euros?|usd|dollars?|gbp|pounds?|chf|francs?|seconds?|minutes?|hours?|days?|weeks?"
    r"|months?|years?|km|m|cm|mm|kg|g|[kmgt]i?b|miles?|people|persons?|employees|items|pieces|times)\b)"
)
"""The pattern of a unit with the space in front of it, for a pattern that ignores case."""
