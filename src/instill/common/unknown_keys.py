"""Keys of settings, recipes, gates and arms that are unknown or have a wrong value: the error, with the nearest key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from pydantic import ValidationError

from instill.common.value_mistakes import mistake
from instill.errors import UsageError


def explained(error: ValidationError, place: object, known: Iterable[str], otherwise: str, *above: str) -> UsageError:
    """The first mistake that the types found, as an error that names the key and, where it is unknown, the nearest.

    Args:
        place: the file, or where else the values come from.
        known: all keys, with their sections: "search.pool".
        otherwise: the remedy when no key is near.
        above: sections that the checked model stands in.
    """
    first = error.errors()[0]
    key = ".".join((*above, *(str(part) for part in first["loc"])))
    where = f"{place}: {key}" if key else str(place)
    if first["type"] == "extra_forbidden":
        return UsageError("This is not a setting.", where=where, remedy=did_you_mean(key, known, otherwise))
    return UsageError(f"This setting {mistake(first)}.", where=where)


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """A question that names the nearest of the known keys.

    Example:
        >>> did_you_mean("serach.pool", ["search.pool", "answer.reader"], "See the docs.")
        'Did you mean search.pool?'
        >>> did_you_mean("colour", ["search.pool"], "See the docs.")
        'See the docs.'
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean {near[0]}?" if near else otherwise
