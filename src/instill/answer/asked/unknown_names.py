"""Names of tools and things that no document holds: "How do I open port 443 with ufw?".

Such names are written small, so that they look like words. But they stand in no dictionary, and they are what something
is done with, in or for. Of a name in two parts, "git-crypt", the parts may be well known; where the passages have other
names that begin alike, "git-rebase" and "git-am", it is one more of them, and not theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache

from instill.answer.terms import STOPWORDS
from instill.index.vocabulary import Vocabulary

_NAME = r"([a-z]+(?:-[a-z]+)*)(?![\w'’/@.-]*[\w/@]|[-/])"
"""Not what has a digit, "eth0": that is a code, and `must_be_spoken_of` asks for it."""

_NAMED = (
    re.compile(rf"\b(?:with|using|via|in|on|for|from|through|to|of|under|into|use|install|run)\s+(?:the\s+)?{_NAME}"),
    re.compile(rf"\b(?:with|using|via|use|install|run)\s+(?:the\s+)?[a-z][\w-]*\s+{_NAME}"),  # "use cargo nextest"
)
_SHORTEST = 3
_FAMILY = 3
"""Names in two parts that begin alike."""


def unknown_names(
    text: str, found: Sequence[str], vocabulary: Callable[[], Vocabulary], is_word: Callable[[str], bool]
) -> list[str]:
    """The names of `text` that are unknown to the documents, each once.

    Args:
        found: texts that a search for it brought up.
        vocabulary: the words of all that the caller sees; asked for only when a name is suspect.
        is_word: whether a word, in small letters, is one of a language.

    Example:
        >>> words = Vocabulary.of(["Open a port with iptables."])
        >>> question = "How do I open a port with ufw in the morning?"
        >>> unknown_names(question, [], lambda: words, ["morning"].__contains__)
        ['ufw']
    """
    seen = Vocabulary.of(list(found))
    together = "\n".join(found).lower()

    def is_known(word: str) -> bool:
        if re.search(rf"(?<![^\W\d_]){re.escape(word)}", together):  # also as a part of another name
            return True
        return word in STOPWORDS or bool(seen.get(word)) or is_word(word) or bool(vocabulary().get(word))

    def is_another(name: str) -> bool:
        first, rest = name.split("-", 1)
        if re.search(rf"(?<!\w){re.escape(first)}[-\s_]?{re.escape(rest)}", together):
            return False
        family = set(re.findall(rf"(?<![\w-]){re.escape(first)}-[a-z][a-z0-9]*(?![\w-])", together))
        return len(family) >= _FAMILY or not all(is_known(part) for part in name.split("-"))

    named = (match[1] for pattern in _NAMED for match in pattern.finditer(text))
    names = dict.fromkeys(name for name in named if len(name) >= _SHORTEST)
    return [
        name
        for name in names
        if (is_another(name) if "-" in name else not is_known(name)) and not _small_words().near(name, 1)
    ]


@cache
def _small_words() -> Vocabulary:
    """Of which a name may be a misspelling: "teh"."""
    return Vocabulary.of([" ".join(STOPWORDS)])
