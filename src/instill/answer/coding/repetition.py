"""Where a reply begins to repeat itself: small models write the same lines until their tokens are spent."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LONGEST = 40
"""Lines of a block that is looked for."""

_SAME, _ALIKE = 4, 30
"""So many times a block of the same lines stands; or of lines that differ in numbers only, which lists of data have."""

_FEWEST = 6
"""Lines that are repeated at least, together."""

_RUN, _TIMES, _PERIOD = 160, 8, 80
"""Characters of a line in which one piece of at most `_PERIOD` stands at least `_TIMES` times."""

_NUMBER = re.compile(r"\d+")


def repeated_from(text: str) -> int | None:
    """Where the text begins to say again what stands just before, for too many times; None where it does not. All of it
    up to its end is a repetition, but for a last line that is not finished.

    Args:
        text: a reply, or what there is of it so far.

    Example:
        >>> text = "import kiln\\n" + "kiln.fire()\\nkiln.wait()\\n" * 9
        >>> text[: repeated_from(text)]
        'import kiln\\nkiln.fire()\\nkiln.wait()\\n'
        >>> repeated_from("x = 1\\n" * 3), repeated_from("".join(f"row({n})\\n" for n in range(9)))
        (None, None)
        >>> text = "print(" + "f(" * 99
        >>> text[: repeated_from(text)]
        'print(f'
    """
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        within = _within(lines[-1])
        if within is not None:
            return len(text) - len(lines[-1]) + within
        lines = lines[:-1]
    for plain, times in ((False, _SAME), (True, _ALIKE)):
        kept = [_NUMBER.sub("0", line.strip()) if plain else line.strip() for line in lines]
        for size in range(1, min(_LONGEST, len(kept) // times) + 1):
            block = kept[-size:]
            if not any(block):
                continue
            count = 1
            while kept[-size * (count + 1) : -size * count] == block:
                count += 1
            if count >= times and size * count >= _FEWEST and _says_something(block):
                return sum(len(line) for line in lines[: len(lines) - size * (count - 1)])
    return None


def until_it_repeats(pieces: Iterator[str]) -> tuple[str, bool]:
    """A reply up to where it repeats itself, and whether it was cut there; what comes after is not asked for.

    Args:
        pieces: of the reply, as they come.
    """
    text = ""
    looked = 0
    for piece in pieces:
        for part in piece.splitlines(keepends=True):
            text += part
            if not part.endswith("\n") and len(text) - looked < _RUN // 4:
                continue
            looked = len(text)
            cut = repeated_from(text)
            if cut is not None:
                close = getattr(pieces, "close", None)
                if close is not None:
                    close()
                return text[:cut], True
    cut = repeated_from(f"{text}\n")
    return (text, False) if cut is None else (text[:cut], True)


def _says_something(block: list[str]) -> bool:
    """Brackets and blank lines stand often one below the other."""
    return sum(len(re.findall(r"\w", line)) for line in block) >= 4


def _within(line: str) -> int | None:
    """As `repeated_from`, of one line without an end."""
    if len(line) < _RUN:
        return None
    for period in range(1, _PERIOD + 1):
        run = period
        while run < len(line) and line[-run - 1] == line[-run - 1 + period]:
            run += 1
        if run >= max(_RUN, _TIMES * period):
            return len(line) - run + period
    return None
