"""The things that a question compares: what decides it has to be shown of each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from instill.answer.terms import terms
from instill.index.types import Hit

MOST_SIDES = 4
"""Most things that are looked for one by one."""

_END = r"(?=[?.;:]|\s[-–—]\s|$)"
_FORMS = (
    rf"\b(?:differences?(?: in [\w ]+?)? between|compar(?:e|ing|ison (?:of|between)))\s+(?P<list>.+?){_END}",
    rf"\bhow (?:do|does|did|are|is) (?P<list>.+?) (?:differ|different|compare)"
    rf"(?: (?:from|to|with) (?P<last>.+?))?{_END}",
    rf"\bhow much (?:\w+er|(?:more|less)(?: \w+)?) (?:is|are|was|were|does|do|did|has|have)\s+(?P<first>.+?)"
    rf"(?P<instead>)\s+than\s+(?P<last>.+?){_END}",
    rf"(?P<first>[^?.,:]+?)\s+(?:vs\.?|versus)\s+(?P<last>[^?.,]+?)(?:{_END}|(?=,))",
    # "Is a water meter cheaper than a gas meter?": the word right before "than" compares, not another one in "er".
    rf"^(?:so |and |but )?(?:is|are|was|were|does|do|did|has|have|can|will)\s+(?P<first>.+?)\s+"
    rf"(?:\w+er|(?:more|less)(?: [\w-]+)?|better|worse)\s+than\s+(?P<last>.+?){_END}",
    rf"^(?:so |and |but )?(?:is|are|was|were|does|do|did|has|have|can|will)\s+(?P<first>.+?)\s+"
    rf"(?:\w+er|more|less|better|worse)\b(?P<instead>[^?]*?)\sthan\s+(?P<last>.+?){_END}",
    rf"\b(?:which|who|what)\b[^?,:]*\b(?:\w+er|more|less|better|worse|best)\b[^?,:]*[,:]"
    rf"\s*(?P<list>[^?]+? or [^?]+?){_END}",
    rf"\bshould (?:i|we|one) (?:rather )?(?:use|choose|take|pick|prefer)\s+(?P<list>[^?]+? or [^?]+?){_END}",
)
_COMPARED = tuple(re.compile(form, re.IGNORECASE) for form in _FORMS)
_SPLIT = re.compile(r"\s*,\s*(?:and|or)\s+|\s*,\s*|\s+(?:and|or|with|to|versus|vs\.?)\s+", re.IGNORECASE)
_PLACED = re.compile(r"(?:in|on|with|for|at|under|by)\s", re.IGNORECASE)
_PRONOUN = re.compile(r"(?:it|they|this|that|these|those|there|he|she|you|we|i|one|without|before|usual)\b", re.I)
_THAT_OF = re.compile(r"(?:that|those|the ones?) (?P<joint>of|in|for|at|with|from) ", re.IGNORECASE)
_ASKED = re.compile(r"^(?:how (?:often|many|much|long|fast|far|well)|when|where|why|what)\s+", re.IGNORECASE)
_DONE = re.compile(r"\s+(?:is|are|was|were|gets?|has|have|do|does|did|can)\b.*$", re.IGNORECASE)
"""Of "how often A and B are deployed" the sides are A and B."""

_ARTICLE = re.compile(r"^(?:(?:in|on|with|for|at|under|by|the|a|an|our|your|their|its)\s+)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the things compared. `terms` are those that the other sides do not share."""

    text: str
    terms: frozenset[str]

    def is_in(self, found: Iterable[str]) -> bool:
        """Whether all of its terms are among `found`."""
        return self.terms <= set(found)


def sides_of(question: str) -> list[Side]:
    """What a question compares, in its order; empty where it compares nothing.

    Example:
        >>> [side.text for side in sides_of("What is the difference between journal mode and image mode?")]
        ['journal mode', 'image mode']
        >>> [side.text for side in sides_of("What is the difference between how often A7 and B9 are deployed?")]
        ['A7', 'B9']
        >>> [side.text for side in sides_of("Is the Vela faster than the Corvo?")]
        ['Vela', 'Corvo']
        >>> [side.text for side in sides_of("Is writing faster in image mode than in journal mode?")]
        ['image mode', 'journal mode']
        >>> [side.text for side in sides_of("Is the water meter cheaper than the gas meter?")]
        ['water meter', 'gas meter']
        >>> [side.text for side in sides_of("Compare the desk of the sales team with that of the support team.")]
        ['desk of the sales team', 'desk of the support team']
    """
    found = next((match for form in _COMPARED if (match := form.search(question.strip()))), None)
    if found is None:
        return []
    part = {name: text.strip() for name, text in found.groupdict().items() if text}
    # "Is writing faster in image mode than in journal mode?": the places are compared.
    if _PLACED.match(part.get("instead", "")):
        part["first"] = part["instead"]
    if _ASKED.match(part.get("list", "")):
        part["list"] = _DONE.sub("", _ASKED.sub("", part["list"]))
    texts = [*_SPLIT.split(part.get("list", "")), part.get("first", ""), part.get("last", "")]
    texts = [_ARTICLE.sub("", _that_of(text.strip(" \"'"), texts[0])) for text in texts]
    held = [frozenset(terms(text)) for text in texts]
    shared = frozenset.intersection(*(own for own in held if own)) if any(held) else frozenset()
    if any(_PRONOUN.match(text) for text in texts):
        return []
    sides = [Side(text, own - shared) for text, own in zip(texts, held, strict=True) if own - shared]
    return sides if 2 <= len(sides) <= MOST_SIDES else []


def spoken_of(hit: Hit) -> frozenset[str]:
    """The terms of a passage with its title and headings."""
    return frozenset(terms(f"{hit.title} {hit.headings} {hit.text}"))


def with_each_side(hits: Sequence[Hit], sides: Sequence[Side], most: int) -> list[Hit]:
    """The first `most` hits; for a side that none of them speaks of, the first of the others that does in the last
    places."""
    kept, rest = list(hits[:most]), hits[most:]
    held = [spoken_of(hit) for hit in kept]
    place = len(kept)
    for side in sides:
        if any(side.is_in(found) for found in held) or place < 2:
            continue
        other = next((hit for hit in rest if side.is_in(spoken_of(hit))), None)
        if other is not None:
            place -= 1
            kept[place] = other
    return kept


def _that_of(side: str, first: str) -> str:
    """The side with what "that" stands for: "that of the support team", behind "the desk of the sales team"."""
    found = _THAT_OF.match(side)
    thing = first.strip(" \"'").partition(f" {found['joint']} ")[0] if found else ""
    return f"{thing} {found['joint']} {side[found.end() :]}" if found and thing else side
