"""The language of a question and of what was found, told from function words: for what a refusal says, no more."""

from __future__ import annotations

import re
from collections.abc import Iterable

from instill.answer.terms import word_set

FUNCTION_WORDS = {
    "English": word_set(
        "the a an of is are to what how who when where which why many much do does did for with in on at and or not"
        " can may must i we you it my our your from by be this that"
    ),
    "German": word_set(
        "der die das den dem des ist sind wie viel viele was wer wo wann warum wieso welche welcher welches welchen und"
        " oder nicht für mit ein eine einen einem einer ich wir ihr wird werden kann darf muss von bei auf im zum zur"
    ),
    "French": word_set(
        "le la les des du un une est sont quel quelle quels quelles combien comment pourquoi où quand qui que pour avec"
        " dans je nous vous peut puis au aux sur et ou pas"
    ),
    "Spanish": word_set(
        "el los las una es son cuál cuáles cuánto cuánta cuántos cuántas cómo qué quién dónde cuándo para con por puedo"
        " del al y no la de"
    ),
    "Italian": word_set(
        "il lo gli una è sono quanto quanta quanti quante come che chi dove quando per con posso può del della dei"
        " di la"
    ),
    "Dutch": word_set(
        "de het een is zijn hoe wat wie waar wanneer waarom welke hoeveel voor met niet van ik wij kan mag bij op en of"
    ),
    "Portuguese": word_set(
        "o os as uma é são quanto quanta quantos quantas como que quem onde quando para com posso do da dos das não de"
    ),
}
_LEAST = 2
_WORD = re.compile(r"[^\W\d_]+")


def language_of(text: str) -> str:
    """The language whose function words it has clearly more of than of any other; "" where that cannot be told.

    Example:
        >>> language_of("Wie hoch ist das Budget für die Reise?"), language_of("How much is a return?")
        ('German', 'English')
        >>> language_of("Combien de semaines sont payées ?"), language_of("return policy")
        ('French', '')
    """
    words = set(_WORD.findall(text.lower()))
    counts = sorted(((len(words & own), name) for name, own in FUNCTION_WORDS.items()), reverse=True)
    (most, name), (next_most, _) = counts[0], counts[1]
    return name if most >= _LEAST and most > next_most else ""


def in_another_language(question: str, found: Iterable[str]) -> str:
    """What a refusal says where the question is in another language than the passages that were found; "" otherwise.

    Example:
        >>> in_another_language("Wie hoch ist das Budget für die Reise?", ["The budget is 40 euros for the trip."])
        'The question is in German, and what was found is in English. Ask it in English.'
    """
    asked = language_of(question)
    theirs = language_of(" ".join(found)) if asked else ""
    if not asked or not theirs or theirs == asked:
        return ""
    return f"The question is in {asked}, and what was found is in {theirs}. Ask it in {theirs}."


def is_function_word(word: str) -> bool:
    """Whether a language has it as a function word, so that it is no misspelling of another word."""
    return any(word.lower() in own for own in FUNCTION_WORDS.values())
