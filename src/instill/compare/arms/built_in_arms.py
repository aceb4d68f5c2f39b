"""The arms: closed book, retrieval as `instill ask` does it, right passages, whole documents.

A fine-tuned arm is one of these with another generator: `generator_with`. All ask at temperature 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from instill.answer.citations import Citer
from instill.answer.for_caller import answerer_for
from instill.answer.said.grounded import CHARACTERS_PER_TOKEN, ground
from instill.answer.said.reply import read_reply
from instill.answer.types import Candidate, Citation
from instill.compare.arms.passages import Passages, as_found, place_of
from instill.compare.arms.prompts import RULES, Wording
from instill.compare.arms.protocol import ArmReply, CountTokens, Overheard, Place
from instill.errors import GeneratorError, UsageError
from instill.index.types import Hit
from instill.models.encoders.encoded_once import EncodedOnce
from instill.models.generators.protocol import Generator, Message
from instill.models.generators.thoughts import without_thoughts
from instill.study.closed_book import ClosedBook
from instill.study.study_set import StudyItem

if TYPE_CHECKING:
    from instill.answer.said.prompt import Prompt
    from instill.workspace import Workspace

SHORT_REPLY = 64
"""Most tokens of a closed-book reply."""

WHOLE_DOCUMENT = 3_000
"""Tokens of documents that the arm with whole documents is given."""

GivenTo = Callable[[StudyItem], tuple[Sequence[Hit], str]]
"""The passages for an item, and a notice or ""."""


class ClosedBookArm:
    """A generator asked without any document, checked.

    Args:
        name: of the arm.
        generator: the base, or one with an adapter.
        closed: the evidence that may not be in the prompt; give it all of the study set's.
        count: counts tokens where the generator does not tell them.
        wording: how it is asked.
        max_tokens: of the reply.
    """

    def __init__(
        self,
        name: str,
        generator: Generator,
        closed: ClosedBook,
        count: CountTokens,
        *,
        wording: Wording = RULES,
        max_tokens: int = SHORT_REPLY,
    ) -> None:
        self.name = name
        self._generator, self._closed, self._count = generator, closed, count
        self._wording, self._max_tokens = wording, max_tokens

    def answer(self, item: StudyItem) -> ArmReply:
        """See `Arm.answer`.

        Raises:
            EvidenceInPrompt: the prompt holds evidence; nothing was sent.
        """
        messages = self._wording.closed(item.question)
        self._closed.check(messages, item.question)
        overheard = Overheard(self._generator)
        started = perf_counter()
        text, error = _said(overheard, messages, self._max_tokens)
        seconds = perf_counter() - started
        return ArmReply(text, None, messages, None, (), seconds, *overheard.tokens(self._count), error=error)


class PipelineArm:
    """The real pipeline: what `instill ask` would answer, with the workspace's encoder, reader, settings and threshold.

    But at temperature 0, whatever the settings say: another run gives the same answers, as far as the generator does.

    The reply is the exact answer where the pipeline names one, else its text: an arm has one try. What is quoted is
    judged as a quotation: a person finds the answer in it, however long it is. How many words that are is reported.

    Args:
        name: of the arm.
        workspace: it is searched.
        generator: writes the answer; None: the documents are quoted.
        given: other passages than those that are found, e.g. `oracle_passages`; they are all read.
        passages: the workspace's passages; the same object may serve all arms.
    """

    def __init__(
        self,
        name: str,
        workspace: Workspace,
        passages: Passages,
        *,
        generator: Generator | None = None,
        given: GivenTo | None = None,
    ) -> None:
        self.name = name
        self._workspace, self._passages = workspace, passages
        self._generator, self._given = generator, given
        self._encoder = EncodedOnce(workspace.encoder)
        self._threshold = workspace.threshold.value
        writing = workspace.settings.generator.model_copy(update={"temperature": 0.0})
        self._settings = workspace.settings.model_copy(update={"generator": writing})

    def answer(self, item: StudyItem) -> ArmReply:
        """See `Arm.answer`. Where the generator fails, `instill ask` quotes instead; here that is an error of the arm,
        which would else be scored on what it did not do."""
        overheard = None if self._generator is None else Overheard(self._generator)
        started = perf_counter()
        hits, notice = self._given(item) if self._given else ((), "")
        settings = self._settings
        if self._given:
            read = settings.answer.model_copy(update={"passages": max(1, len(hits))})
            settings = settings.model_copy(update={"answer": read})

        def search(query: str, *, k: int) -> Sequence[Hit]:
            return as_found(hits)[:k] if self._given else self._passages.found(item, query, k)

        answerer = answerer_for(
            self._workspace.index,
            search=search,
            labels=None,
            encoder=self._encoder,
            generator=overheard,
            reader=self._workspace.reader,
            settings=settings,
            threshold=self._threshold,
        )
        found = answerer.ask(item.question, mode="extractive" if overheard is None else "auto")
        seconds = perf_counter() - started
        tokens = overheard.tokens(self._workspace_tokens) if overheard else (0, 0, False)
        asked: tuple[Message, ...] = ({"role": "user", "content": item.question},)
        failure = found.trace.failure
        return ArmReply(
            "" if failure else found.short or found.text,
            None if failure else found.abstained,
            overheard.exchanges[-1].messages if overheard and overheard.exchanges else asked,
            tuple(_place(each) for each in found.trace.context),
            () if failure else tuple(_place(each) for each in found.citations),
            seconds,
            *tokens,
            notices=_notices(() if failure else found.notices, notice),
            error=failure,
            quoted=not failure and found.trace.method != "generator",
        )

    def _workspace_tokens(self, text: str) -> int:
        return len(self._encoder.tokenizer.encode(text, add_special_tokens=False).ids)


class ReadingArm:
    """A generator that is given passages and asked, without the pipeline's proofs: what it writes is its answer.

    For whole documents, and for models that were trained on another form of prompt than that of `instill ask`.

    Args:
        name: of the arm.
        workspace: for checking citations.
        given: the passages for an item.
        count: counts tokens where the generator does not tell them.
        wording: how it is asked.
        max_tokens: of the reply; None: as set in the workspace.
    """

    def __init__(
        self,
        name: str,
        workspace: Workspace,
        generator: Generator,
        given: GivenTo,
        count: CountTokens,
        *,
        wording: Wording = RULES,
        max_tokens: int | None = None,
    ) -> None:
        self.name = name
        self._workspace, self._generator, self._given, self._count = workspace, generator, given, count
        self._wording = wording
        self._max_tokens = max_tokens or workspace.settings.generator.max_tokens
        self._encoder = EncodedOnce(workspace.encoder)

    def answer(self, item: StudyItem) -> ArmReply:
        """See `Arm.answer`."""
        overheard = Overheard(self._generator)
        started = perf_counter()
        hits, notice = self._given(item)
        prompt = self._wording.reading(item.question, hits)
        said, error = _said(overheard, prompt.messages, self._max_tokens)
        text, abstained = said, None
        citations: tuple[Place, ...] = ()
        if said and self._wording.cites:
            text, abstained, citations = self._read(said, prompt, item)
        seconds = perf_counter() - started
        return ArmReply(
            text,
            abstained,
            prompt.messages,
            tuple(place_of(hit) for hit in prompt.hits),
            citations,
            seconds,
            *overheard.tokens(self._count),
            notices=(notice,) if notice else (),
            error=error,
        )

    def _read(self, said: str, prompt: Prompt, item: StudyItem) -> tuple[str, bool | None, tuple[Place, ...]]:
        reply = read_reply(said)
        if reply.unknown:
            return said, True, ()

        def text_of(doc_id: str) -> str | None:
            found = self._workspace.index.document_text(doc_id)
            return None if found is None else found.text

        proved = ground(reply, prompt, item.question, self._encoder, Citer(text_of))
        citations = dict.fromkeys(citation for claim in proved.claims for citation in claim.citations)
        written = " ".join(statement.text for statement in reply.statements)
        return written or said, None, tuple(_place(each) for each in citations)


def oracle_passages(passages: Passages) -> GivenTo:
    """The passages with the evidence."""
    return lambda item: (passages.oracle(item), "")


def found_passages(passages: Passages, k: int) -> GivenTo:
    """The `k` best passages that the index finds."""
    return lambda item: (passages.found(item, item.question, k), "")


def whole_documents(passages: Passages, budget: int = WHOLE_DOCUMENT) -> GivenTo:
    """The documents with the evidence, up to `budget` tokens."""

    def given(item: StudyItem) -> tuple[Sequence[Hit], str]:
        cut = passages.whole(item, budget)
        return cut.hits, cut.notice

    return given


def with_others(given: GivenTo, others: GivenTo) -> GivenTo:
    """Passages with others mixed in, each second one, those of `others` first: noise, or contradictions."""

    def mixed(item: StudyItem) -> tuple[Sequence[Hit], str]:
        (right, notice), (wrong, more) = given(item), others(item)
        known = {(hit.doc_id, hit.start) for hit in right}
        added = [hit for hit in wrong if (hit.doc_id, hit.start) not in known]
        hits: list[Hit] = []
        for place in range(max(len(right), len(added))):
            hits += [*added[place : place + 1], *right[place : place + 1]]
        return hits, " ".join(part for part in (notice, more) if part)

    return mixed


def generator_with(workspace: Workspace, adapter: str) -> Generator:
    """The workspace's local generator with a candidate of its registry.

    Args:
        adapter: "champion", "none" for the base, or a candidate's id.

    Raises:
        UsageError: there is no such candidate, or the workspace has no local generator.
    """
    from instill.models.generators import open_generator
    from instill.models.registry.adapter_in_use import adapter_for

    settings = workspace.settings.generator
    if not settings.folder and not settings.gguf:
        raise UsageError(
            "A fine-tuned arm needs a local generator.",
            where="generator.folder",
            remedy="Set generator.folder or generator.gguf to the model that the candidate was trained on.",
        )
    generator = open_generator(settings, adapter=adapter_for(workspace.home, adapter))
    assert generator is not None, "a local model is set"
    return generator


def _said(generator: Overheard, messages: Sequence[Message], max_tokens: int) -> tuple[str, str]:
    """The whole reply, or "" and why there is none."""
    pieces: list[str] = []
    left = CHARACTERS_PER_TOKEN * max_tokens
    try:
        for piece in generator.stream(messages, max_tokens=max_tokens, temperature=0.0):
            pieces.append(piece[:left])
            left -= len(piece)
            if left <= 0:
                break
    except GeneratorError as error:
        return "", str(error)
    return without_thoughts("".join(pieces)).strip(), ""


def _place(span: Candidate | Citation) -> Place:
    return Place(span.doc_id, span.start, span.end, span.text)


def _notices(told: Sequence[str], *more: str) -> tuple[str, ...]:
    return (*told, *(notice for notice in more if notice))
