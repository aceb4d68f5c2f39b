"""Is it a word of a language? A word that is in a dictionary is not misspelt, only absent from the documents."""

from __future__ import annotations

import re
from functools import cache

from instill.answer.terms import word_set

_TELLING = {
    "de": word_set("der die das ist sind wie wird und nicht ich was wann warum für mit von ein eine auf kann"),
    "fr": word_set("le les des est une dans pour comment quel quelle que qui où je sur avec du"),
    "es": word_set("el los las una cómo como qué para por del es con cuál cuándo dónde se"),
    "it": word_set("il che di come una per quale cosa quando dove gli della sono si"),
    "pt": word_set("o os uma não como para que do da quando onde qual são"),
    "nl": word_set("het een van hoe wat waar wanneer de is niet voor met"),
}
"""Small words that tell a language; a question with two of them is looked up in its dictionary too."""

_CYRILLIC = re.compile("[\u0400-\u04ff]")
_ARABIC = re.compile("[\u0600-\u06ff]")


def in_dictionary(word: str, text: str = "") -> bool:
    """Whether `word`, in small letters, stands in the English dictionary or in that of the language of `text`.

    Example:
        >>> in_dictionary("kestrel"), in_dictionary("persistance"), in_dictionary("brot", "wo ist das Brot?")
        (True, False, True)
    """
    return any(word in _words_of(language) for language in languages_of(word, text))


def languages_of(word: str, text: str) -> list[str]:
    """The languages in whose dictionaries `word` is looked up: by its letters, and by the small words of `text`.

    Example:
        >>> languages_of("stored", "How is it stored?"), languages_of("gespeichert", "Wie wird das gespeichert?")
        (['en'], ['en', 'de'])
    """
    if _CYRILLIC.search(word):
        return ["ru"]
    if _ARABIC.search(word):
        return ["ar"]
    words = set(re.findall(r"\w+", text.casefold()))
    return ["en", *(language for language, small in _TELLING.items() if len(words & small) > 1)]


@cache
def _words_of(language: str) -> frozenset[str]:
    from spellchecker import SpellChecker  # imported when a word is suspect, which is seldom

    return frozenset(SpellChecker(language=language).word_frequency.dictionary)
