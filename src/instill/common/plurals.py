"""A number and what it counts."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """The number with the noun in the singular or the plural.

    Example:
        >>> counted(1, "passage"), counted(1200, "passage"), counted(0, "fact")
        ('1 passage', '1,200 passages', '0 facts')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def are(number: int) -> str:
    """The verb that agrees with a number: "is" for one, "are" for any other.

    Example:
        >>> are(1), are(0)
        ('is', 'are')
    """
    return "is" if number == 1 else "are"
