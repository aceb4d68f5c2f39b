"""What an arm is: one specification from which all parts of a comparison follow.

Who answers, what it is given, what it needs, what a person does who chooses it, and what it costs. The built-in arms
are `BUILT_IN`; a user's own come from a file (`instill.compare.arms.users_arms`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from instill.compare.prices import Prices
from instill.measure.verdict import Way

if TYPE_CHECKING:
    from instill.index.types import Hit
    from instill.models.generators.protocol import Message
    from instill.workspace import Workspace

Model = Literal["none", "base", "base or none", "facts", "reading", "own"]
"""Who writes: nobody (the documents are quoted); the workspace's generator; the same where there is one; it, trained on
the facts, or to read among distractors; a model of the arm's own."""

Given = Literal["nothing", "found", "right", "whole"]
"""Passages: none, what the search finds, those with the evidence, or the whole document with it."""

Renewal = Literal["nothing", "training", "indexing", "reading"]
"""How an arm takes up a changed document: not at all, by training again, by indexing it, or by reading it anew."""


@dataclass(frozen=True, slots=True)
class OwnModel:
    """The model of a user's arm: one of an endpoint, a folder, a GGUF file, or a recipe.

    Args:
        base_url, model: of an endpoint.
        key_variable: the environment variable that holds the endpoint's key; "": none.
        folder, gguf: a local model.
        recipe: what is trained, from the workspace's generator.
        prices: of its tokens; None: as set in the workspace.
    """

    base_url: str = ""
    model: str = ""
    key_variable: str = ""
    folder: str = ""
    gguf: str = ""
    recipe: Path | None = None
    prices: Prices | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a method answered.

    Args:
        text: the answer.
        abstained: whether it says that it does not know; None: the words of `text` tell.
        citations: the spans of documents that it cites, as (doc_id, start, end); each must be there.
        messages: its last prompt, where it has one; shown with the answer, and checked where it may hold no evidence.
        tokens_in, tokens_out: of all its requests; 0 where it makes none.
    """

    text: str
    abstained: bool | None = None
    citations: tuple[tuple[str, int, int], ...] = ()
    messages: tuple[Message, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0


class Method(Protocol):
    """A way to answer that a package brings."""

    def answer(self, question: str, passages: Sequence[Hit]) -> Said:
        """Answer one question.

        Args:
            passages: what the arm is given: none, those that the workspace's search finds, or whole documents.

        Raises:
            GeneratorError: what it asks did not answer; the question counts as not answered.
        """
        ...


@dataclass(frozen=True, slots=True)
class ArmPart:
    """What a package declares in the group "instill.arms".

    Args:
        about: a line for people: `instill compare --list`.
        given: what it is given: "nothing", "found" or "whole".
        do: what a person does who follows its recommendation: "use the reranker".
        open: makes the method for a workspace; called again for a copy of it, in which documents were changed.
    """

    about: str
    given: Literal["nothing", "found", "whole"]
    do: str
    open: Callable[[Workspace], Method]


@dataclass(frozen=True, slots=True)
class Brought:
    """An arm's part with the package that it is from ("acme 1.2"), which is part of what its answers depend on."""

    part: ArmPart
    package: str


@dataclass(frozen=True, slots=True)
class ArmSpecification:
    """One way to answer.

    Args:
        name: as it stands in tables.
        about: a line for people.
        model, given: see above.
        way: what a person does who follows its recommendation.
        own: the model, where it is the arm's own.
        brought: the part of another package that answers, where there is one.
        always_asks: whether it always answers as `instill ask` does, with its prompt and its proofs; other arms with
            passages do so where the plan says so (`ComparePlan.pipeline`).
    """

    name: str
    about: str
    model: Model
    given: Given
    way: Way
    own: OwnModel | None = None
    brought: Brought | None = None
    always_asks: bool = False

    def asks(self, pipeline: bool) -> bool:
        """Whether it answers as `instill ask` does.

        Args:
            pipeline: see `ComparePlan.pipeline`.
        """
        if self.given in ("nothing", "whole"):
            return False
        return pipeline or self.always_asks or self.model == "none"

    @property
    def needs_generator(self) -> bool:
        """Whether the workspace must have one."""
        trained = self.own is not None and self.own.recipe is not None
        return self.model in ("base", "facts", "reading") or trained

    @property
    def needs_tuning(self) -> bool:
        """Whether the comparison trains a model for it on the study set."""
        return self.model in ("facts", "reading")

    @property
    def finds(self) -> bool:
        """Whether it searches for passages, and so needs the index."""
        return self.given == "found"

    @property
    def trained_as(self) -> str | None:
        """The arm under whose name its candidate is kept; None for an arm that nothing is trained for."""
        if self.own is not None and self.own.recipe is not None:
            return self.name
        return {"facts": TUNED, "reading": AWARE}.get(self.model)

    @property
    def renewal(self) -> Renewal | None:
        """How it takes up a change; None for an arm that shows what is possible."""
        if self.given == "right":
            return None
        if self.given == "nothing":
            return "training" if self.model == "facts" else "nothing"
        return "indexing" if self.given == "found" else "reading"

    @property
    def believes(self) -> str | None:
        """The arm that says what its model believes without passages; None where a document cannot contradict it."""
        if not self.finds or self.model not in ("base", "facts", "reading"):
            return None
        # What a model that was taught to read believes is taken to be what its base does.
        return TUNED if self.model == "facts" else CLOSED


CLOSED = "closed-book"
QUOTED = "retrieval, quoted"
RETRIEVAL = "retrieval"
ORACLE = "right passage, given"
NAMED_BEFORE: Mapping[str, str] = {"oracle passage": ORACLE}
"""Names that arms had in an older Instill; they are still understood."""
WHOLE = "whole documents"
TUNED = "fine-tuned"
BOTH = "fine-tuned + retrieval"
AWARE = "retrieval-aware tuning"

BUILT_IN: Mapping[str, ArmSpecification] = {
    each.name: each
    for each in (
        ArmSpecification(
            CLOSED,
            "the model as it is, without any document",
            "base",
            "nothing",
            Way("ask the model alone", base=True),
        ),
        ArmSpecification(
            QUOTED,
            "what `instill ask` finds and quotes, without a generator",
            "none",
            "found",
            Way("retrieve"),
        ),
        ArmSpecification(
            RETRIEVAL,
            "what `instill ask` answers with the generator",
            "base",
            "found",
            Way("retrieve"),
            always_asks=True,
        ),
        ArmSpecification(
            ORACLE,
            "the passage with the evidence given: what reading could reach at best",
            "base or none",
            "right",
            Way("give the right passage", offered=False),
        ),
        ArmSpecification(
            WHOLE,
            "the whole document with the evidence in the prompt, as if one knew which it is",
            "base",
            "whole",
            Way("give whole documents", offered=False),
        ),
        ArmSpecification(
            TUNED,
            "the model fine-tuned on the documents' facts, without any document",
            "facts",
            "nothing",
            Way("fine-tune"),
        ),
        ArmSpecification(
            BOTH, "the fine-tuned model with what retrieval finds", "facts", "found", Way("fine-tune and retrieve")
        ),
        ArmSpecification(
            AWARE,
            "the model fine-tuned to read among distractors, with what retrieval finds",
            "reading",
            "found",
            Way('tune the model to read ("retrieval-aware tuning")'),
        ),
    )
}


def specifications(names: Iterable[str], own: Iterable[ArmSpecification] = ()) -> list[ArmSpecification]:
    """Those of these names.

    Example:
        >>> [each.renewal for each in specifications(["retrieval", "fine-tuned", "closed-book"])]
        ['indexing', 'training', 'nothing']
    """
    known = {**BUILT_IN, **{each.name: each for each in own}}
    return [known[name] for name in names]
