"""The generators, encoders, metrics and arms that come with Instill pass what those of other packages have to pass, and
wrong ones do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import pytest
from pydantic import SecretStr

from instill.compare.arms.built_in_arms import PipelineArm
from instill.compare.arms.passages import Passages
from instill.compare.arms.protocol import Arm
from instill.compare.arms.specification import ArmPart, Said
from instill.models.encoders import open_encoder
from instill.models.encoders.plugged import Plugged
from instill.models.encoders.protocol import Encoder
from instill.models.generators.endpoint_generator import EndpointGenerator
from instill.models.generators.gguf.generator import GgufGenerator
from instill.models.generators.protocol import Generator
from instill.settings import EncoderSettings
from instill.testing import ArmTests, EncoderTests, GeneratorTests, MetricTests
from instill.train.gate.metrics import BUILT_IN, Metric
from instill.train.gate.scoring import score
from instill.workspace import Workspace
from tests.models.generators.endpoint_process import running_endpoint
from tests.models.generators.tiny_gguf import write_tiny


class TestEndpoint(GeneratorTests):
    secret = "sk-of-nobody"
    url: ClassVar[str]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _endpoint(cls) -> Iterator[None]:
        with running_endpoint() as found:
            cls.url = found.url
            yield

    def generator(self) -> Generator:
        return EndpointGenerator(self.url, "honest", api_key=SecretStr(self.secret))

    def failing(self) -> Generator:
        return EndpointGenerator("http://127.0.0.1:9/v1", "honest", api_key=SecretStr(self.secret), timeout_s=5)


class TestGguf(GeneratorTests):
    made: ClassVar[GgufGenerator]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _model(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        file = write_tiny(tmp_path_factory.mktemp("gguf") / "tiny.gguf")
        cls.made = GgufGenerator(file, threads=1)
        yield
        cls.made.close()

    def generator(self) -> Generator:
        return self.made


class TestShippedEncoder(EncoderTests):
    made: ClassVar[Encoder | None] = None

    def encoder(self) -> Encoder:
        own = type(self)
        own.made = own.made or open_encoder(EncoderSettings(threads=1))
        return own.made


class TestPluggedEncoder(TestShippedEncoder):
    """What Instill puts around an encoder of a package changes nothing that it promises."""

    def encoder(self) -> Encoder:
        return Plugged("shipped", super().encoder())


class TestBuiltInMetrics(MetricTests):
    question: ClassVar[str] = "When was the oven built?"
    accepted: ClassVar[Sequence[str]] = ("1987", "in 1987")
    right: ClassVar[Sequence[str]] = ("1987",)
    wrong: ClassVar[Sequence[str]] = ("1878", "I do not know.", "")
    way: ClassVar[str]

    @pytest.fixture(params=BUILT_IN, autouse=True)
    def _way(self, request: pytest.FixtureRequest) -> None:
        own = type(self)
        own.way = request.param
        own.accepted = ("1987", '"in 1987"') if self.way == "json" else ("1987", "in 1987")

    def metric(self) -> Metric:
        def scored(reply: str, accepted: Sequence[str], *, question: str) -> float:
            return score(reply, accepted, self.way, question=question)

        return scored


class TestQuotedRetrieval(ArmTests):
    def arm(self, workspace: Workspace) -> Arm:
        return PipelineArm("retrieval, quoted", workspace, Passages(workspace, []))


class FirstPassage:
    """A method in a few lines: the first sentence of the best passage, cited."""

    def answer(self, question: str, passages: Sequence[Any]) -> Said:
        if not passages or not question.strip("?"):
            return Said("I do not know.", abstained=True)
        hit = passages[0]
        return Said(hit.text, citations=((hit.doc_id, hit.start, hit.end),))


class TestAMethodOfAPackage(ArmTests):
    part = ArmPart("the first passage", "found", "show the first passage", lambda _workspace: FirstPassage())


class TestAMethodThatIsGivenNothing(ArmTests):
    part = ArmPart("nothing", "nothing", "say nothing", lambda _workspace: FirstPassage())


class Says:
    """A generator that says what it is told to say."""

    name = "says"

    def __init__(self, pieces: Sequence[Any] = ("Paris.",), *, changes: bool = False, fails: bool = False) -> None:
        self.pieces, self.changes, self.fails = pieces, changes, fails

    def stream(self, messages: Any, *, max_tokens: int, temperature: float = 0.0) -> Iterator[Any]:
        if self.changes:
            messages.clear()
        if self.fails:
            raise OSError("no route")
        yield from self.pieces


@pytest.mark.parametrize(
    ("wrong", "test", "said"),
    [
        (Says([b"Paris."]), "a_reply_comes_in_pieces_of_text", "every piece is a text"),
        (Says([]), "a_reply_comes_in_pieces_of_text", "empty"),
        (Says(changes=True), "what_it_is_asked_stays_as_it_is", "were changed"),
        (Says(["one two three " * 50]), "the_length_of_a_reply_is_bounded", "characters"),
        (Says(fails=True), "odd_questions_are_answered_or_refused", "no route"),
        (Says(), "a_failure_is_a_generator_error", "must raise a GeneratorError"),
    ],
)
def test_a_generator_that_is_wrong_does_not_pass(wrong: Says, test: str, said: str) -> None:
    class Wrong(GeneratorTests):
        def generator(self) -> Generator:
            return wrong

        def failing(self) -> Generator:
            return wrong

    with pytest.raises((AssertionError, OSError), match=said):
        getattr(Wrong(), f"test_{test}")()


class Bent:
    """The shipped encoder with one fault."""

    def __init__(self, fault: Callable[[Any], Any], *, batch: bool = False) -> None:
        self._encoder, self._fault, self._batch = open_encoder(EncoderSettings(threads=1)), fault, batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode_passages(self, texts: Sequence[str], *, progress: Any = None) -> Any:
        found = self._encoder.encode_passages(texts, progress=None)
        return found if self._batch and len(texts) < 2 else self._fault(found)

    def encode_queries(self, texts: Sequence[str]) -> Any:
        return self.encode_passages(texts)


@pytest.mark.parametrize(
    ("fault", "test", "said"),
    [
        (lambda found: found * 2, "vectors_are_unit_vectors_in_order", "length 1"),
        (lambda found: found.astype(np.float64), "vectors_are_unit_vectors_in_order", "float64"),
        (lambda found: found[:, :-1], "vectors_are_unit_vectors_in_order", "shape"),
        (lambda found: np.roll(found, 1, axis=0), "vectors_are_unit_vectors_in_order", "order"),
        (lambda found: found, "progress_counts_every_text", "not called"),
        (lambda found: -found, "a_question_is_near_its_answer", ""),
    ],
)
def test_an_encoder_that_is_wrong_does_not_pass(fault: Callable[[Any], Any], test: str, said: str) -> None:
    class Wrong(EncoderTests):
        def encoder(self) -> Encoder:
            found: Any = Bent(fault)
            return cast("Encoder", found)

    run = partial(getattr(Wrong(), f"test_{test}"))
    if said:
        with pytest.raises(AssertionError, match=said):
            run()
    else:
        run()  # turned around, questions and passages still fit each other


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (lambda reply, accepted, *, question: 2.0, "a_score_is_from_0_to_1"),
        (lambda reply, accepted, *, question: float("nan"), "a_score_is_from_0_to_1"),
        (lambda reply, accepted, *, question: 0.5, "right_replies_score_better_than_wrong_ones"),
        (lambda reply, accepted, *, question: 1 / len(accepted), "another_accepted_answer_never_costs"),
        (lambda reply, accepted, *, question: float(reply == accepted[0]), "the_order_of_the_answers_does_not_matter"),
    ],
)
def test_a_metric_that_is_wrong_does_not_pass(wrong: Metric, test: str) -> None:
    class Wrong(MetricTests):
        accepted: ClassVar[Sequence[str]] = ("1987", "87")
        right: ClassVar[Sequence[str]] = ("1987",)
        wrong: ClassVar[Sequence[str]] = ("1878",)

        def metric(self) -> Metric:
            return wrong

    with pytest.raises(AssertionError):
        getattr(Wrong(), f"test_{test}")()


class Remembers:
    """A method that keeps its first answer, and cites what is not there."""

    first: ClassVar[str] = ""

    def answer(self, question: str, passages: Sequence[Any]) -> Said:
        own = type(self)
        own.first = own.first or passages[0].text
        return Said(own.first)


def test_an_arm_that_is_wrong_does_not_pass(tmp_path: Path) -> None:
    class Wrong(ArmTests):
        part = ArmPart("remembers", "found", "remember", lambda _workspace: Remembers())

    with pytest.raises(AssertionError, match="before it was changed"):
        Wrong().test_a_changed_document_is_read_again()
