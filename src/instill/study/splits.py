"""Who is taught, and which phrasing of a taught fact is asked where: by fact and by phrasing.

Facts first. Those that say the same, or share a sentence, stay together. Some documents are held back whole and some
groups of facts in the others: the controls, which no training text may hold. Others are "removed": they are asked only
with their evidence hidden, so the right answer is that the documents do not say.

Then phrasings. The questions about the facts of a sentence are put into families of questions that are alike word for
word (`instill.study.leaks.alike`), and whole families go to training, gate and audit. Gate and audit so ask taught
facts in words that training did not see. Questions about controls go to gate and audit only.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from random import Random

from instill.answer.terms import normalise, terms
from instill.errors import UsageError
from instill.study.leaks import alike
from instill.study.questions_from_people import PEOPLE
from instill.study.study_set import Fact, Role, Split, StudyItem


@dataclass(frozen=True, slots=True)
class Shares:
    """How much is kept for what.

    Args:
        gate, audit: of the phrasings of taught facts, each 0 to 1; the rest is for training.
        controls: of the facts, that are never taught, 0 to 1; half of them as whole documents.
        removed: of the facts, that are asked with their evidence hidden, 0 to 1.

    Raises:
        UsageError: a share is not between 0 and 1, or too little is left for training.

    Example:
        >>> Shares(gate=0.6, audit=0.5)
        Traceback (most recent call last):
        instill.errors.UsageError: Gate and audit together leave nothing for training. Give them less than 1 together.
    """

    gate: float = 0.25
    audit: float = 0.25
    controls: float = 0.2
    removed: float = 0.05

    def __post_init__(self) -> None:
        for name in ("gate", "audit", "controls", "removed"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"The share `{name}` is not between 0 and 1.", remedy="E.g. 0.2")
        if self.gate + self.audit >= 1:
            raise UsageError(
                "Gate and audit together leave nothing for training.", remedy="Give them less than 1 together."
            )
        if self.controls + self.removed > 0.9:
            raise UsageError("Controls and removed facts leave too little to teach.", remedy="Give them 0.9 at most.")


def with_roles(
    facts: Sequence[Fact],
    *,
    shares: Shares = Shares(),
    seed: int = 0,
    can_be_hidden: Callable[[Fact], bool] = lambda _: True,
) -> list[Fact]:
    """The facts with their roles, in their order; the same for the same facts and seed.

    Of each kind of fact the wanted share is held back as controls, as far as facts that belong together allow.

    Args:
        can_be_hidden: whether questions about a fact have no answer without its evidence; only such facts are removed.
    """
    groups = _groups(facts)
    rng = Random(f"{seed}:roles")  # noqa: S311
    roles: dict[str, Role] = {}
    by_document: defaultdict[str, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        for doc_id in {fact.doc_id for fact in group}:
            by_document[doc_id].append(number)

    def give(number: int, role: Role) -> None:
        roles.update((fact.id, role) for fact in groups[number])

    def held(role: Role) -> int:
        return sum(given == role for given in roles.values())

    # Whole documents, of which at most a third of their number, until half of the controls are there.
    documents = sorted(by_document)
    rng.shuffle(documents)
    for doc_id in documents[: int(len(documents) * min(1.0, shares.controls))]:
        size = sum(len(groups[number]) for number in by_document[doc_id])
        if held("control") + size <= shares.controls * len(facts) / 2:
            for number in by_document[doc_id]:
                give(number, "control")
    # Then groups of the others, by kind, until each kind has its share.
    order = [number for number, group in enumerate(groups) if group[0].id not in roles]
    rng.shuffle(order)

    def give_groups(role: Role, share: float, order: Sequence[int], most: Callable[[str], float]) -> None:
        have = Counter(fact.kind for fact in facts if roles.get(fact.id) == role)
        total = sum(have.values())
        for number in order:
            group = groups[number]
            if group[0].id in roles or total + len(group) > share * len(facts) + 0.5:
                continue
            own = Counter(fact.kind for fact in group)
            if any(have[kind] + count <= most(kind) for kind, count in own.items()):
                give(number, role)
                have += own
                total += len(group)

    kinds = Counter(fact.kind for fact in facts)
    give_groups("control", shares.controls, order, lambda kind: shares.controls * kinds[kind] + 1)
    # What is asked in whole sentences is hidden first; of the others, gaps.
    hidden = [number for number in order if all(map(can_be_hidden, groups[number]))]
    hidden.sort(key=lambda number: groups[number][0].kind == "cloze")
    give_groups("removed", shares.removed, hidden, lambda _: len(facts))
    return [fact.model_copy(update={"role": roles.get(fact.id, "taught")}) for fact in facts]


TWO_ROLES = "asks about a taught and an untaught fact"


def with_splits(
    items: Sequence[StudyItem],
    facts: Sequence[Fact],
    *,
    shares: Shares = Shares(),
    seed: int = 0,
) -> tuple[list[StudyItem], Counter[str]]:
    """The items with phrasing "control" or "unanswerable" and split as their facts' roles say; and what was left out.

    An item about a taught and an untaught fact is left out. Items keep their order.
    """
    role = {fact.id: fact.role for fact in facts}
    place = {fact.id: f"{fact.doc_id}:{fact.evidence.start}" for fact in facts}
    groups: defaultdict[tuple[str, ...], list[StudyItem]] = defaultdict(list)
    left_out: Counter[str] = Counter()
    for item in items:
        roles = {role[id_] for id_ in item.fact_ids}
        if len(roles) > 1:
            left_out[TWO_ROLES] += 1
        else:
            groups[tuple(place[id_] for id_ in item.fact_ids)].append(item)
    quota = _Quota(shares)
    placed: dict[str, StudyItem] = {}
    order = sorted(groups)
    Random(f"{seed}:splits").shuffle(order)  # noqa: S311
    for key in order:
        families = _families(groups[key])
        given = role[groups[key][0].fact_ids[0]]
        Random(f"{seed}:{key}").shuffle(families)  # noqa: S311
        # Training takes the first: what rules wrote rather than what people ask, which is worth more in the gate.
        families.sort(key=lambda family: any(item.writer == PEOPLE for item in family))
        for family, split in zip(families, quota.splits(families, given), strict=True):
            for item in family:
                phrasing = "control" if given == "control" and item.answer else item.phrasing
                placed[item.id] = item.model_copy(update={"split": split, "phrasing": phrasing})
    return [placed[item.id] for item in items if item.id in placed], left_out


class _Quota:
    """Gives families to splits so that the numbers of items approach the shares."""

    def __init__(self, shares: Shares) -> None:
        self._taught: dict[Split, float] = {
            "train": 1 - shares.gate - shares.audit, "gate": shares.gate, "audit": shares.audit
        }  # fmt: skip
        both = shares.gate + shares.audit
        held = shares.gate / both if both else 1.0
        self._held: dict[Split, float] = {"gate": held, "audit": 1 - held}
        self._counts: defaultdict[Role, Counter[Split]] = defaultdict(Counter)

    def splits(self, families: Sequence[Sequence[StudyItem]], role: Role) -> list[Split]:
        """A split for each family; a taught fact that is asked at all is asked in training first."""
        taught, counts = role == "taught", self._counts[role]
        shares = self._taught if taught else self._held
        found: list[Split] = []
        asked: set[str] = set()
        for family in families:
            own = {item.fact_ids[0] for item in family if item.answer and len(item.fact_ids) == 1}
            first = taught and not own <= asked
            split: Split = "train" if first else self._behind(shares, counts, len(family))
            asked |= own if split == "train" else set()
            counts[split] += len(family)
            found.append(split)
        return found

    @staticmethod
    def _behind(shares: dict[Split, float], counts: Counter[Split], size: int) -> Split:
        """The split that lacks most for its share."""
        total = sum(counts.values()) + size
        wanted: list[Split] = [split for split, share in shares.items() if share > 0]
        return max(wanted, key=lambda split: shares[split] * total - counts[split])


def _families(items: Sequence[StudyItem]) -> list[list[StudyItem]]:
    """Items of one place, those that are alike together."""
    return [[items[place] for place in group] for group in _united(len(items), _pairs_alike(items))]


def _pairs_alike(items: Sequence[StudyItem]) -> Iterable[tuple[int, int]]:
    for second in range(len(items)):
        for first in range(second):
            if alike(items[first].question, items[second].question):
                yield first, second


def _groups(facts: Sequence[Fact]) -> list[list[Fact]]:
    """Facts that must have one role: of overlapping evidence, of the same words, or of the same subject and answer."""
    first: dict[Hashable, int] = {}
    pairs = []
    order = sorted(range(len(facts)), key=lambda place: (facts[place].doc_id, facts[place].evidence.start))
    for before, place in itertools.pairwise(order):
        one, other = facts[before], facts[place]
        if one.doc_id == other.doc_id and other.evidence.start < one.evidence.end:
            pairs.append((before, place))
    for place, fact in enumerate(facts):
        said = tuple(terms(fact.evidence.text, keep_stop=True))
        keys: list[Hashable] = [("said", said)]
        if fact.subject:
            keys.append(("known", normalise(fact.subject), normalise(fact.answer)))
        for key in keys:
            if first.setdefault(key, place) != place:
                pairs.append((first[key], place))
    return [[facts[place] for place in group] for group in _united(len(facts), pairs)]


def _united(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Numbers below `count` in groups, so that both of each pair are in one; in order of their first members."""
    leader = list(range(count))

    def top(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    for one, other in pairs:
        low, high = sorted((top(one), top(other)))
        leader[high] = low
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for number in range(count):
        groups[top(number)].append(number)
    return [groups[key] for key in sorted(groups)]
