"""A noun with "a" or "an"."""

from __future__ import annotations


def with_article(noun: str) -> str:
    """The noun after "a" or "an"; for names of types and the like, by their first letter.

    Example:
        >>> with_article("object"), with_article("int"), with_article("NoneType"), with_article("ufunc")
        ('an object', 'an int', 'a NoneType', 'a ufunc')
    """
    return f"{'an' if noun[:1].lower() in tuple('aeio') else 'a'} {noun}"


def type_of(value: object) -> str:
    """The name of a value's type, with its article.

    Example:
        >>> type_of(1), type_of(None), type_of(object())
        ('an int', 'a NoneType', 'an object')
    """
    return with_article(type(value).__name__)
